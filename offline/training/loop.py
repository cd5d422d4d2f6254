"""The training loop: one random subnet a step, resumable to the last bit."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bci_app.errors import BciError, FileError
from offline.supernet.model import Supernet
from offline.supernet.space import ArchConfig, sample
from offline.training import losses
from offline.training.augment import augment
from offline.training.checkpoint import load_checkpoint, optimizer_tensors, restore_optimizer, save_checkpoint
from offline.training.recipe import Recipe


class Examples(NamedTuple):
    """Windows with their labels.

    Attributes
    ----------
    tokens : ndarray of float32, shape (n_windows, n_channels, n_features)
        Network input.
    labels : ndarray of int64, shape (n_windows, n_targets)
        Class indices.
    """

    tokens: NDArray[np.float32]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch gave; validation figures are means over `probe_subnets`, None without validation."""

    epoch: int
    learning_rate: float
    train_loss: float
    validation_loss: float | None
    validation_accuracy: float | None


@dataclass(frozen=True, slots=True)
class History:
    """All epochs, and the one whose weights were kept."""

    epochs: tuple[Epoch, ...]
    best: int


def predict(model: Supernet, tokens: NDArray[np.float32], arch: ArchConfig, *, batch_size: int = 512) -> Tensor:
    """Give the logits (n_windows, targets, classes) of a subnet in evaluation mode."""
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            parts = [model(_tensor(tokens[i : i + batch_size]), arch).logits for i in range(0, len(tokens), batch_size)]
    finally:
        model.train(was_training)
    return torch.cat(parts)


def probe_subnets(model: Supernet, seed: int) -> list[ArchConfig]:
    """Subnets that stand for the space in validation: smallest, largest and a random one."""
    space = model.space
    return [space.smallest, space.largest, sample(space, np.random.default_rng([seed, 0]))]


def train(
    model: Supernet,
    recipe: Recipe,
    examples: Examples,
    *,
    seed: int,
    validation: Examples | None = None,
    arch: ArchConfig | None = None,
    checkpoint: Path | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> History:
    """Train a supernet, or one of its subnets, in place.

    Parameters
    ----------
    model : Supernet
        Its weights are where training starts; the global torch generator is left as it was.
    recipe : Recipe
        How. Its dropout must be the model's.
    examples, validation : Examples
        What is learnt; what early stopping and the history look at.
    seed : int
        The only source of randomness.
    arch : ArchConfig, optional
        Train this subnet only, instead of a random one a step.
    checkpoint : Path, optional
        Written after every epoch. If it is there, training goes on from it.
    on_epoch : callable, optional
        Called after every epoch, those before a resume included.

    Raises
    ------
    FileError
        If the checkpoint belongs to another run.
    BciError
        If losses or weights are no longer finite.
    ValueError
        If patience is asked for without validation data.
    """
    if recipe.patience and validation is None:
        raise ValueError("early stopping needs validation data")
    run = _Run(model, recipe, examples, seed=seed, validation=validation, arch=arch)
    if checkpoint is not None and checkpoint.exists():
        run.restore(checkpoint)
        if on_epoch:
            for epoch in run.epochs:
                on_epoch(epoch)
    with torch.random.fork_rng(devices=[]):
        while not run.finished:
            run.step_epoch()
            if checkpoint is not None:
                run.save(checkpoint)
            if on_epoch:
                on_epoch(run.epochs[-1])
    run.keep_best()
    model.eval()
    return History(tuple(run.epochs), run.best)


class _Run:
    """The state of a training run between epochs."""

    def __init__(
        self,
        model: Supernet,
        recipe: Recipe,
        examples: Examples,
        *,
        seed: int,
        validation: Examples | None,
        arch: ArchConfig | None,
    ) -> None:
        self.model = model
        self.recipe = recipe
        self.seed = seed
        self.validation = validation
        self.arch = arch
        self.tokens = _tensor(examples.tokens)
        labels = _tensor(examples.labels)
        self.labels = losses.smooth(losses.one_hot(labels, model.class_counts), recipe.label_smoothing)
        self.weights = losses.inverse_frequencies(labels, model.class_counts) if recipe.class_weights else None
        self.probes = [arch] if arch else probe_subnets(model, seed)
        self.identity = self._identity(examples)
        kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
        self.optimizer = kind(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
        self.average = _snapshot(model) if recipe.average else {}
        self.kept: dict[str, Tensor] = {}
        self.epochs: list[Epoch] = []
        self.best = 0

    def _identity(self, examples: Examples) -> str:
        """Digest of all that determines the result, so that no checkpoint meets another run."""
        digest = hashlib.sha256()
        settings = (self.recipe.model_dump_json(), self.seed, self.arch and self.arch.to_json(), self.model.space)
        digest.update(repr(settings).encode())
        for data in (examples, self.validation):
            for array in data or ():
                digest.update(repr(array.shape).encode())
                digest.update(np.ascontiguousarray(array).tobytes())
        for name, value in self.model.state_dict().items():
            digest.update(name.encode())
            digest.update(value.numpy().tobytes())
        return digest.hexdigest()

    @property
    def finished(self) -> bool:
        done = len(self.epochs)
        stopped = self.recipe.patience and done - self.best > self.recipe.patience
        return done >= self.recipe.epochs or bool(stopped)

    def step_epoch(self) -> None:
        """Train one epoch; it depends on the state, the seed and its number only."""
        number = len(self.epochs) + 1
        rng = np.random.default_rng([self.seed, number])
        torch.manual_seed(int(rng.integers(2**62)))  # dropout
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        self.model.train()
        batches = _batches(rng.permutation(len(self.tokens)), self.recipe.batch_size)
        total, seen, rate = 0.0, 0, 0.0
        for step, index in enumerate(batches):
            rate = self.recipe.learning_rate_at(number - 1 + (step + 1) / len(batches))
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            total += self._step(torch.from_numpy(index), rng, generator) * len(index)
            seen += len(index)
            if self.average:
                weight = 1 - self._decay(number - 1, step, len(batches))
                current = self.model.state_dict()
                torch._foreach_lerp_(list(self.average.values()), [current[name] for name in self.average], weight)
        self._close_epoch(number, rate, total / seen)

    def _decay(self, epochs: int, step: int, steps: int) -> float:
        """Decay of the moving average; small at first, so that the first weights are forgotten."""
        done = epochs * steps + step
        return min(self.recipe.average, (1 + done) / (10 + done))

    def _step(self, index: Tensor, rng: np.random.Generator, generator: torch.Generator) -> float:
        """Update the weights on one batch and give the loss on its labels."""
        tokens, labels = augment(self.tokens[index], [p[index] for p in self.labels], self.recipe, generator)
        model, space = self.model, self.model.space
        self.optimizer.zero_grad(set_to_none=True)
        if self.recipe.sandwich and self.arch is None:
            logits = model(tokens, space.largest).logits
            loss = losses.cross_entropy(logits, labels, self.weights)
            loss.backward()
            teacher = logits.detach()
            for student in [space.smallest, *(sample(space, rng) for _ in range(self.recipe.sandwich))]:
                losses.distillation(model(tokens, student).logits, teacher, model.class_counts).backward()
        else:
            logits = model(tokens, self.arch or sample(space, rng)).logits
            loss = losses.cross_entropy(logits, labels, self.weights)
            loss.backward()
        self.optimizer.step()
        return float(loss.detach())

    def _close_epoch(self, number: int, rate: float, train_loss: float) -> None:
        loss = accuracy = None
        if self.validation is not None:
            trained = _snapshot(self.model)
            self._use(self.average)
            loss, accuracy = self._validate(self.validation)
            better = (
                min((e.validation_loss for e in self.epochs if e.validation_loss is not None), default=np.inf) > loss
            )
            if self.recipe.patience and better:
                self.kept = _snapshot(self.model)
            self._use(trained)
        else:
            better = True
        self._require_finite(number, train_loss, loss)
        self.epochs.append(Epoch(number, rate, train_loss, loss, accuracy))
        if better or not self.recipe.patience:
            self.best = number

    def _require_finite(self, number: int, *found: float | None) -> None:
        """Check the losses of an epoch and the weights that it ended with, before they are kept."""
        losses_finite = all(math.isfinite(loss) for loss in found if loss is not None)
        if not (losses_finite and all(bool(torch.isfinite(v).all()) for v in self.model.state_dict().values())):
            raise BciError(
                "Training has diverged",
                found=f"{'weights' if losses_finite else 'losses'} that are no numbers in epoch {number}, "
                f"at a learning rate of {self.recipe.learning_rate:g}",
                expected="finite losses and weights",
                fix="Start again in another folder with a smaller --recipe learning_rate=….",
            )

    def _validate(self, validation: Examples) -> tuple[float, float]:
        labels = _tensor(validation.labels)
        probabilities = losses.one_hot(labels, self.model.class_counts)
        found = [predict(self.model, validation.tokens, probe) for probe in self.probes]
        loss = np.mean([float(losses.cross_entropy(logits, probabilities, self.weights)) for logits in found])
        accuracy = np.mean([float((logits.argmax(-1) == labels).float().mean()) for logits in found])
        return float(loss), float(accuracy)

    def _use(self, weights: dict[str, Tensor]) -> None:
        if weights:
            self.model.load_state_dict(weights)

    def keep_best(self) -> None:
        """Leave the model with the weights that training ends with."""
        self._use(self.kept if self.recipe.patience else self.average)

    def save(self, path: Path) -> None:
        groups = {
            "model": self.model.state_dict(),
            "average": self.average,
            "kept": self.kept,
            "optimizer": optimizer_tensors(self.optimizer),
        }
        epochs = [asdict(epoch) for epoch in self.epochs]
        save_checkpoint(path, groups, {"identity": self.identity, "epochs": epochs, "best": self.best})

    def restore(self, path: Path) -> None:
        groups, state = load_checkpoint(path)
        if state.get("identity") != self.identity:
            raise FileError(
                f"The checkpoint {path.name} belongs to another training run",
                found=f"identity {str(state.get('identity'))[:12]}",
                expected=f"{self.identity[:12]} for these data, settings and seed",
                fix="Train into another folder, or delete the checkpoint.",
            )
        self.model.load_state_dict(groups["model"])
        self.average = groups.get("average", {})
        self.kept = groups.get("kept", {})
        restore_optimizer(self.optimizer, groups.get("optimizer", {}))
        self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]
        self.best = state["best"]


def _tensor(array: NDArray[np.generic]) -> Tensor:
    """Copy an array, which may be memory-mapped and read-only."""
    return torch.tensor(np.ascontiguousarray(array))


def _snapshot(model: Supernet) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _batches(order: NDArray[np.int64], size: int) -> Sequence[NDArray[np.int64]]:
    """Cut an order into batches; a short last one joins its neighbour so that no step is noise."""
    batches = [order[i : i + size] for i in range(0, len(order), size)]
    if len(batches) > 1 and len(batches[-1]) < size // 2:
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches
