"""The one loop that trains every network among the baselines: the same steps, the same early stopping."""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from offline.baselines.base import Floats, Fold
from offline.metrics import fit_temperature, softmax

EPOCHS, PATIENCE = 100, 15
"""Of a run whose recipe counts steps for a small network; else the recipe's own."""

_BATCH, _RATE, _DECAY, _WARM_UP = 64, 1e-3, 0.01, 0.1


def trained_probabilities(network: nn.Module, fold: Fold) -> Floats:
    """Train a network on the training windows, and return the probabilities of the tested ones.

    AdamW with a cosine schedule; classes count the same. Windows that overlap say nearly the same, so an epoch is a
    random share of them that covers the recordings once: a quarter where a window is four hops long. The weights of the
    epoch with the least loss on as many validation windows, evenly spaced, are kept, and training ends when no epoch
    was better for so many. A temperature is fitted on all validation windows, as for the searched networks.

    Parameters
    ----------
    network : nn.Module
        From inputs (batch, n_channels, n_features), standardised by channel, to logits (batch, n_classes).
    fold : Fold
        The windows.
    """
    recipe = fold.preset.recipe
    epochs, patience = (EPOCHS, PATIENCE) if recipe.steps else (recipe.epochs, recipe.patience or PATIENCE)
    train, held, test = _standardised(fold)
    y_train, y_held = (torch.from_numpy(fold.labels[part]) for part in (fold.split.train, fold.split.validation))
    weights = _class_weights(y_train, fold.n_classes)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    rng = np.random.default_rng([fold.seed, 1])
    kept, least, best = copy.deepcopy(network.state_dict()), math.inf, 0
    overlap = max(1, fold.preprocessing.window // fold.preprocessing.hop)
    for epoch in range(epochs):
        network.train()
        share = rng.permutation(len(train))[: math.ceil(len(train) / overlap)]
        batches = np.array_split(share, max(1, round(len(share) / _BATCH)))
        for number, index in enumerate(batches):
            for group in optimizer.param_groups:
                group["lr"] = _rate_at((epoch + (number + 1) / len(batches)) / epochs)
            loss = functional.cross_entropy(network(train[index]), y_train[index], weights)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        validation = float(functional.cross_entropy(_logits(network, held[::overlap]), y_held[::overlap], weights))
        if validation < least:
            kept, least, best = copy.deepcopy(network.state_dict()), validation, epoch
        elif epoch - best >= patience:
            break
    network.load_state_dict(kept)
    counted, logits = fold.split.validation, _logits(network, held).double().numpy()
    temperature = fit_temperature(logits, fold.labels[counted], fold.trial[counted])
    return softmax(_logits(network, test).double().numpy() / temperature)


def _standardised(fold: Fold) -> tuple[Tensor, Tensor, Tensor]:
    """Return the windows of the three parts, each channel by the mean and deviation of training."""
    train = np.asarray(fold.tokens[fold.split.train], dtype=np.float32)
    mean = train.mean(axis=(0, 2), keepdims=True)
    deviation = np.maximum(train.std(axis=(0, 2), keepdims=True), 1e-6)

    def scaled(part: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(((np.asarray(fold.tokens[part], dtype=np.float32)) - mean) / deviation)

    return scaled(fold.split.train), scaled(fold.split.validation), scaled(fold.split.test)


def _class_weights(labels: Tensor, n_classes: int) -> Tensor:
    counts = torch.bincount(labels, minlength=n_classes).float()
    return torch.where(counts > 0, len(labels) / (counts.clamp(min=1) * (counts > 0).sum()), 1.0)


def _rate_at(progress: float) -> float:
    """Return the learning rate after a share of all steps: a linear rise, then half a cosine."""
    if progress < _WARM_UP:
        return _RATE * progress / _WARM_UP
    return _RATE * 0.5 * (1 + math.cos(math.pi * (progress - _WARM_UP) / (1 - _WARM_UP)))


def _logits(network: nn.Module, windows: Tensor) -> Tensor:
    network.eval()
    with torch.inference_mode():
        parts = [network(windows[start : start + 256]) for start in range(0, len(windows), 256)]
    return torch.cat(parts).clone()
