"""The training loop of one network: one random subnet a step, resumable to the last bit.

This is the reference. `offline.training.fused` trains several jobs with the same steps at once.
"""

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
from offline.device import CPU, Device
from offline.supernet.model import Network
from offline.supernet.space import ArchConfig, SearchSpace, sample
from offline.training import losses
from offline.training.augment import augment
from offline.training.checkpoint import load_checkpoint, optimizer_tensors, restore_optimizer, save_checkpoint
from offline.training.dropout import ByteDropout
from offline.training.recipe import Recipe
from offline.training.step import backward, make_optimizer, set_learning_rate, update_average


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
    """Figures of one epoch; those of validation are means over `probe_subnets`, None without validation."""

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


OnEpoch = Callable[[Epoch], None]


def predict(
    model: Network, tokens: NDArray[np.float32], arch: ArchConfig, *, batch_size: int = 512, device: Device = CPU
) -> Tensor:
    """Compute the logits (n_windows, targets, classes) of a subnet; they lie in main memory."""
    parts = [model.position.new_empty((0, len(model.class_counts), max(model.class_counts)), device="cpu")]
    with torch.inference_mode(), device.autocast():
        for i in range(0, len(tokens), batch_size):
            batch = as_tensor(tokens[i : i + batch_size]).to(model.position)
            parts.append(model(batch, arch).logits.to(model.position.dtype).cpu())
    return torch.cat(parts)


def probe_subnets(space: SearchSpace, seed: int) -> list[ArchConfig]:
    """List the subnets that represent a space in validation: the smallest, the largest and a random one."""
    if space.count() == 1:
        return [space.largest]
    return [space.smallest, space.largest, sample(space, np.random.default_rng([seed, 0]))]


class Draws(NamedTuple):
    """All random choices of one epoch, from generators that depend on the seeds and the epoch's number only."""

    batches: Sequence[Tensor]
    subnets: np.random.Generator
    augmentation: torch.Generator
    dropout_seed: int


class Job:
    """The training of a supernet, or of one of its subnets, in place, and its state between epochs.

    Parameters
    ----------
    model : Network
        Training starts from its weights.
    recipe : Recipe
        All settings of training.
    examples, validation : Examples
        Training windows; windows for early stopping and the history.
    space : SearchSpace
        The space of which a random subnet is trained in each step.
    seed : int
        The only source of randomness besides `subnet_seed`.
    arch : ArchConfig, optional
        Train this subnet in every step.
    subnet_seed : int, optional
        Seed of the random subnets. Jobs that share it can be trained together. `seed` by default.
    checkpoint : Path, optional
        Written after every epoch. If it is there, training continues from it.
    on_epoch : callable, optional
        Called after every epoch, and on a resume for the epochs that were done before.
    device : Device
        Where to train. The model ends in main memory.

    Raises
    ------
    ValueError
        If patience is set without validation data.
    """

    def __init__(
        self,
        model: Network,
        recipe: Recipe,
        examples: Examples,
        *,
        space: SearchSpace,
        seed: int,
        arch: ArchConfig | None = None,
        subnet_seed: int | None = None,
        validation: Examples | None = None,
        checkpoint: Path | None = None,
        on_epoch: OnEpoch | None = None,
        device: Device = CPU,
    ) -> None:
        if recipe.patience and validation is None:
            raise ValueError("early stopping needs validation data")
        self.model, self.recipe, self.device = model, recipe, device
        self.space, self.arch = space, arch
        self.seed, self.subnet_seed = seed, seed if subnet_seed is None else subnet_seed
        self.checkpoint, self.on_epoch = checkpoint, on_epoch
        self.validation = validation
        self.identity = self._identity(examples)
        self.tokens = as_tensor(examples.tokens).to(model.position.dtype).to(device.place)
        labels = as_tensor(examples.labels)
        weights = losses.inverse_frequencies(labels, model.class_counts) if recipe.class_weights else None
        targets = losses.smooth(losses.one_hot(labels, model.class_counts), recipe.label_smoothing)
        self.labels = [target.to(self.tokens) for target in targets]
        self.weights = None if weights is None else [weight.to(self.tokens) for weight in weights]
        self.probes = [arch] if arch else probe_subnets(space, self.subnet_seed)
        model.to(device.place)
        self.optimizer = make_optimizer(model.parameters(), recipe)
        self.average = snapshot(model) if recipe.average else {}
        self.kept: dict[str, Tensor] = {}
        self.epochs: list[Epoch] = []
        self.best = 0

    def _identity(self, examples: Examples) -> str:
        """Return a digest of everything that determines the result, so that a checkpoint fits one run only.

        The seed of the subnets is left out: a run derives it from its seed.
        """
        digest = hashlib.sha256()
        settings = (self.recipe.model_dump_json(), self.seed, self.arch and self.arch.to_json(), self.space)
        digest.update(repr(settings).encode())
        for data in (examples, self.validation):
            for array in data or ():
                digest.update(repr(array.shape).encode())
                digest.update(np.ascontiguousarray(array).tobytes())
        for name, value in self.model.state_dict().items():
            digest.update(name.encode())
            digest.update(value.cpu().numpy().tobytes())
        return digest.hexdigest()

    @property
    def finished(self) -> bool:
        """True if all epochs are done, or training has stopped early."""
        done = len(self.epochs)
        stopped = self.recipe.patience and done - self.best > self.recipe.patience
        return done >= self.recipe.epochs or bool(stopped)

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return len(_batch_sizes(len(self.tokens), self.recipe.batch_size))

    @property
    def fusion_key(self) -> tuple[object, ...]:
        """What jobs have in common that can be trained together."""
        shape = (tuple(self.tokens.shape[1:]), self.model.class_counts, self.model.arch)
        return (self.space, self.arch, self.recipe, self.subnet_seed, self.steps, self.validation is None, shape)

    def draws(self) -> Draws:
        """Return the random choices of the next epoch."""
        number = len(self.epochs) + 1
        rng = np.random.default_rng([self.seed, number])
        dropout_seed, augmentation_seed = (int(rng.integers(2**62)) for _ in range(2))
        order = torch.from_numpy(rng.permutation(len(self.tokens))).to(self.device.place)
        batches = order.split(_batch_sizes(len(order), self.recipe.batch_size))
        subnets = np.random.default_rng([self.subnet_seed, number])
        return Draws(batches, subnets, self.device.generator(augmentation_seed), dropout_seed)

    def sampled(self, rng: np.random.Generator) -> list[ArchConfig]:
        """Draw the subnets of one step: one that learns the labels, then those that learn from it."""
        if self.arch:
            return [self.arch]
        if not self.recipe.sandwich:
            return [sample(self.space, rng)]
        others = (sample(self.space, rng) for _ in range(self.recipe.sandwich))
        return [self.space.largest, self.space.smallest, *others]

    def batch(self, rows: Tensor, generator: torch.Generator) -> tuple[Tensor, list[Tensor]]:
        """Return the augmented tokens and labels of some windows."""
        return augment(self.tokens[rows], [target[rows] for target in self.labels], self.recipe, generator)

    def train(self) -> History:
        """Train to the end, from the checkpoint if there is one.

        Raises
        ------
        FileError
            If the checkpoint belongs to another run.
        BciError
            If losses or weights are no longer finite.
        """
        self.restore()
        while not self.finished:
            self.train_epoch()
        return self.end()

    def train_epoch(self) -> None:
        """Train one epoch; it depends on the state, the seeds and its number only."""
        draws, done = self.draws(), len(self.epochs)
        dropout = ByteDropout(self.recipe.dropout, [draws.dropout_seed], device=self.device)
        total = torch.zeros((), device=self.device.place)
        for step, rows in enumerate(draws.batches):
            set_learning_rate(self.optimizer, self.recipe, done + (step + 1) / len(draws.batches))
            tokens, labels = self.batch(rows, draws.augmentation)

            def logits(arch: ArchConfig, tokens: Tensor = tokens) -> Tensor:
                with self.device.autocast():
                    return self.model(tokens, arch, dropout=dropout).logits.to(tokens.dtype)

            self.optimizer.zero_grad(set_to_none=True)
            total += len(rows) * backward(
                logits, labels, self.weights, self.sampled(draws.subnets), self.model.class_counts
            )
            self.optimizer.step()
            update_average(self.average, self.model.state_dict(), self.recipe, done * len(draws.batches) + step)
        self.close_epoch(float(total) / len(self.tokens), None if self.validation is None else self._probe())

    def _probe(self) -> list[Tensor]:
        """Compute the logits of the validation windows, with the weights that training would end with."""
        assert self.validation is not None
        trained = snapshot(self.model)
        self._use(self.average)
        found = [predict(self.model, self.validation.tokens, probe, device=self.device) for probe in self.probes]
        self._use(trained)
        return found

    def close_epoch(self, train_loss: float, probed: Sequence[Tensor] | None) -> None:
        """Take note of an epoch: its figures, the weights to keep, the checkpoint.

        Parameters
        ----------
        train_loss : float
            Mean over the windows.
        probed : sequence of Tensor, each of shape (n_validation, targets, classes), or None
            Logits of the validation windows for each of the probes.
        """
        number = len(self.epochs) + 1
        rate = float(self.recipe.learning_rate_at(number))
        loss = accuracy = None
        better = True
        if probed is not None:
            loss, accuracy = self._validate(probed)
            better = all(e.validation_loss is None or e.validation_loss > loss for e in self.epochs)
        self._require_finite(number, train_loss, loss)
        if self.recipe.patience and better:
            self.kept = dict(self.average) if self.average else snapshot(self.model)
            self.kept = {name: value.clone() for name, value in self.kept.items()}
        self.epochs.append(Epoch(number, rate, train_loss, loss, accuracy))
        if better or not self.recipe.patience:
            self.best = number
        if self.checkpoint is not None:
            self._save(self.checkpoint)
        if self.on_epoch:
            self.on_epoch(self.epochs[-1])

    def _require_finite(self, number: int, *found: float | None) -> None:
        """Check the losses of an epoch and the weights that it ended with, before they are kept."""
        losses_finite = all(math.isfinite(loss) for loss in found if loss is not None)
        size = torch.nn.utils.get_total_norm(self.model.state_dict().values())
        if not (losses_finite and math.isfinite(size)):
            raise BciError(
                "Training has diverged",
                found=f"{'weights' if losses_finite else 'losses'} that are no numbers in epoch {number}, "
                f"at a learning rate of {self.recipe.learning_rate:g}",
                expected="finite losses and weights",
                fix="Start again in another folder with a smaller --recipe learning_rate=….",
            )

    def _validate(self, probed: Sequence[Tensor]) -> tuple[float, float]:
        assert self.validation is not None
        labels = as_tensor(self.validation.labels)
        probabilities = [p.to(probed[0].dtype) for p in losses.one_hot(labels, self.model.class_counts)]
        weights = None if self.weights is None else [weight.cpu() for weight in self.weights]
        loss = np.mean([float(losses.cross_entropy(logits, probabilities, weights)) for logits in probed])
        accuracy = np.mean([float((logits.argmax(-1) == labels).float().mean()) for logits in probed])
        return float(loss), float(accuracy)

    def _use(self, weights: dict[str, Tensor]) -> None:
        if weights:
            self.model.load_state_dict(weights)

    def end(self) -> History:
        """Leave the model in main memory with the weights that training ends with."""
        self._use(self.kept if self.recipe.patience else self.average)
        self.model.cpu().eval()
        return History(tuple(self.epochs), self.best)

    def _save(self, path: Path) -> None:
        groups = {
            "model": self.model.state_dict(),
            "average": self.average,
            "kept": self.kept,
            "optimizer": optimizer_tensors(self.optimizer),
        }
        epochs = [asdict(epoch) for epoch in self.epochs]
        save_checkpoint(path, groups, {"identity": self.identity, "epochs": epochs, "best": self.best})

    def restore(self) -> None:
        """Continue from the checkpoint if there is one."""
        path = self.checkpoint
        if path is None or not path.exists():
            return
        groups, state = load_checkpoint(path)
        if state.get("identity") != self.identity:
            raise FileError(
                f"The checkpoint {path.name} belongs to another training run",
                found=f"identity {str(state.get('identity'))[:12]}",
                expected=f"{self.identity[:12]} for these data, settings and seed",
                fix="Train into another folder, or delete the checkpoint.",
            )
        device = self.device.place
        self.model.load_state_dict(groups["model"])
        self.average = {name: value.to(device) for name, value in groups.get("average", {}).items()}
        self.kept = {name: value.to(device) for name, value in groups.get("kept", {}).items()}
        restore_optimizer(self.optimizer, groups.get("optimizer", {}))
        self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]
        self.best = state["best"]
        if self.on_epoch:
            for epoch in self.epochs:
                self.on_epoch(epoch)


def as_tensor(array: NDArray[np.generic]) -> Tensor:
    """Copy an array, which may be memory-mapped and read-only."""
    return torch.tensor(np.ascontiguousarray(array))


def snapshot(model: Network) -> dict[str, Tensor]:
    """Copy the weights of a model."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _batch_sizes(windows: int, size: int) -> list[int]:
    """Divide windows into batches; a short last one joins its neighbour so that no step is noise."""
    sizes = [min(size, windows - start) for start in range(0, windows, size)]
    if len(sizes) > 1 and sizes[-1] < size // 2:
        sizes[-2:] = [sum(sizes[-2:])]
    return sizes
