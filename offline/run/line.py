"""The line beside a network: the reference's classifier on the same tokens, which answers where validation prefers it.

A few hundred windows teach a line more than a transformer. Which of the two answers for a target is decided on the
validation windows, which neither of them was fitted to. The search has seen them, so the network has a small advantage.
Windows that are tested have no part in it.

Tokens in the bands of the simple reference make the line the reference itself. A network takes its place only if it is
right more often by more than one standard error over what the protocol holds apart (Breiman et al. 1984), so that
chance alone rarely leaves the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from offline.baselines.linear import logistic
from offline.datasets.base import Split, WindowSet
from offline.metrics import fit_temperature, softmax
from offline.supernet.model import PADDING_LOGIT, TOKEN_LIMIT, Network, line_layer

PARTS = 5
"""Parts of the known windows, each predicted by a line fitted to the others, for the temperature."""

SURE_PENALTY = 3e-4
"""Inverse penalty of the line that says how sure to be, where the windows say little about it."""

TEMPERATURE_SPREAD = 3.0
"""How far the windows may move that, a standard deviation of the temperature's logarithm. Both were chosen by the
measurements in ``docs/mental-load.md``, *Within one person*."""

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Classifier = Callable[[], Any]


@dataclass(frozen=True)
class Line:
    """A fitted line, and how sure it may be.

    Attributes
    ----------
    weights : ndarray of float64, shape (n_classes, n_channels * n_features)
        Of tokens limited to `TOKEN_LIMIT`.
    bias : ndarray of float64, shape (n_classes,)
        Added to them.
    temperature : float
        By which its logits are divided.
    """

    weights: Floats
    bias: Floats
    temperature: float


def chosen_lines(
    windows: WindowSet, split: Split, logits: Floats, temperatures: Sequence[float], *, reference: bool = False
) -> tuple[Line | None, ...]:
    """Choose between the network and a line for each target, by their log loss on validation windows.

    Classes count the same. A network that would replace the reference must also be right clearly more often. Where
    validation lacks a class and so cannot say, the line answers: it is the simpler one.

    Parameters
    ----------
    windows : WindowSet
        All windows, with the targets of the network.
    split : Split
        Its test part is not read.
    logits : ndarray of float64, shape (n_validation, n_targets, n_classes)
        What the network, fitted to the training windows alone, says of the validation windows.
    temperatures : sequence of float
        Of these logits, one a target.
    reference : bool
        Whether the tokens are those of the simple reference, so that the line is the reference itself.

    Returns
    -------
    tuple of Line or None
        One a target, fitted to training and validation windows. None where the network answers: it is better, or
        training knows one class only.
    """
    units = units_apart(windows, split)
    found: list[Line | None] = []
    for t, target in enumerate(windows.targets):
        labels, n_classes = windows.labels[:, t], len(target.classes)
        if len(np.unique(labels[split.train])) < 2:
            found.append(None)
            continue
        line = _fitted(windows, split, labels, n_classes, units)
        network = softmax(logits[:, t, :n_classes] / temperatures[t])
        model = _fit(logistic, windows.tokens[split.train], labels[split.train])
        simple = softmax(_logits(model, windows.tokens[split.validation], n_classes) / line.temperature)
        held = labels[split.validation]
        undecided = len(np.unique(held)) < len(np.unique(labels[_known(split)]))
        stays = undecided or _log_loss(simple, held) <= _log_loss(network, held)
        if reference and not stays:
            stays = not _clearly_better(network, simple, held, units[split.validation])
        found.append(line if stays else None)
    return tuple(found)


def put_beside(network: Network, lines: Sequence[Line | None]) -> None:
    """Let lines answer for some targets of a network: they get rows of its line, and its head is silent there.

    The logits of these rows are calibrated: their temperature is 1.
    """
    network.line = line_layer(network)
    start = 0
    with torch.no_grad():
        for line, count in zip(lines, network.class_counts, strict=True):
            rows = slice(start, start + count)
            start += count
            if line is not None:
                network.head.weight[rows] = 0.0
                network.head.bias[rows] = 0.0
                network.line.weight[rows] = torch.from_numpy(line.weights / line.temperature).float()
                network.line.bias[rows] = torch.from_numpy(line.bias / line.temperature).float()


def units_apart(windows: WindowSet, split: Split) -> Indices:
    """Return the largest unit of which training and validation share none: person, stimulus, trial, or window."""
    for units in (windows.subject, windows.stimulus, windows.trial):
        if units is not None and not np.isin(units[split.validation], units[split.train]).any():
            return units
    return np.arange(len(windows), dtype=np.int64)


def _known(split: Split) -> Indices:
    return np.concatenate([split.train, split.validation])


def _fitted(windows: WindowSet, split: Split, labels: Indices, n_classes: int, units: Indices) -> Line:
    known = _known(split)
    weights, bias = _affine(_fit(logistic, windows.tokens[known], labels[known]), n_classes)
    _, of_row = np.unique(units[known], return_inverse=True)
    part = np.random.default_rng(0).permutation(of_row.max() + 1)[of_row] % PARTS
    # Windows resemble the others of their trial, and say less than so many; where they are the unit they are tested so.
    groups = (windows.trial if len(np.unique(of_row)) < len(known) else units)[known]

    def held_out(classifier: Classifier) -> Floats:
        """Return logits of the known windows, each by a line that did not see its unit; NaN where there is none."""
        logits = np.full((len(known), n_classes), np.nan)
        for number in range(PARTS):
            others, own = known[part != number], part == number
            if own.any() and len(np.unique(labels[others])) > 1:
                model = _fit(classifier, windows.tokens[others], labels[others])
                logits[own] = _logits(model, windows.tokens[known[own]], n_classes)
        return logits

    logits = held_out(logistic)
    scored = np.isfinite(logits[:, 0])
    if not scored.any():
        return Line(weights, bias, 1.0)
    # Few groups say little about a temperature; then the line is as sure as one with the strong penalty.
    centre = _spread(logits[scored]) / _spread(held_out(partial(logistic, SURE_PENALTY))[scored])
    temperature = fit_temperature(
        logits[scored], labels[known][scored], groups[scored], centre=centre, spread=TEMPERATURE_SPREAD
    )
    return Line(weights, bias, temperature)


def _spread(logits: Floats) -> float:
    """Return how far apart the logits of a window are; those of classes that were not there do not count."""
    there = np.where(logits <= PADDING_LOGIT / 2, np.nan, logits)
    return float(np.sqrt(np.nanmean(np.nanvar(there, axis=1)))) or 1.0


def _clearly_better(network: Floats, simple: Floats, labels: Indices, groups: Indices) -> bool:
    """Return whether the balanced accuracy of the network is higher by more than one standard error over groups."""
    weight = 1 / np.bincount(labels)[labels]
    gain = weight * ((network.argmax(axis=1) == labels).astype(float) - (simple.argmax(axis=1) == labels))
    gains = np.bincount(np.unique(groups, return_inverse=True)[1], gain)
    return len(gains) > 1 and bool(gains.sum() > np.sqrt(len(gains)) * gains.std(ddof=1))


def _limited(tokens: NDArray[np.float32]) -> Floats:
    return np.clip(tokens.reshape(len(tokens), -1), -TOKEN_LIMIT, TOKEN_LIMIT).astype(np.float64)


def _fit(classifier: Classifier, tokens: NDArray[np.float32], labels: Indices) -> Any:
    return make_pipeline(StandardScaler(), classifier()).fit(_limited(tokens), labels)


def _affine(model: Any, n_classes: int) -> tuple[Floats, Floats]:
    """Return weights and bias of each class on limited tokens; a class that was not there is never named."""
    scaler, regression = model[0], model[1]
    rows, intercepts = regression.coef_, regression.intercept_
    if len(rows) == 1:
        rows, intercepts = np.stack([-rows[0], rows[0]]) / 2, np.array([-intercepts[0], intercepts[0]]) / 2
    weights = np.zeros((n_classes, rows.shape[1]))
    bias = np.full(n_classes, PADDING_LOGIT)
    weights[regression.classes_] = rows / scaler.scale_
    bias[regression.classes_] = intercepts - (rows / scaler.scale_) @ scaler.mean_
    return weights, bias


def _logits(model: Any, tokens: NDArray[np.float32], n_classes: int) -> Floats:
    weights, bias = _affine(model, n_classes)
    return np.asarray(_limited(tokens) @ weights.T + bias)


def _log_loss(probabilities: Floats, labels: Indices) -> float:
    """Return the mean over classes of their windows' log loss."""
    losses = -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-12))
    return float(np.mean([losses[labels == code].mean() for code in np.unique(labels)]))
