"""Training of several jobs at once: the same steps as `offline.training.loop`, on stacked weights.

Jobs can be fused if they train the same subnets in the same number of steps. Each keeps its own weights, batches,
augmentation, dropout, labels, class weights and early stopping. A finished job leaves the stack. Between epochs each
job has its state for itself, so checkpoints are those of single training.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from offline.device import CPU, Device, OutOfMemory
from offline.supernet.model import Network, stack
from offline.supernet.space import ArchConfig
from offline.training.dropout import ByteDropout
from offline.training.loop import Draws, History, Job, as_tensor, predict, snapshot
from offline.training.step import backward, make_optimizer, set_learning_rate, update_average

_log = logging.getLogger(__name__)

_VALIDATION_WINDOWS = 512
_ACTIVATIONS = 40
"""Values kept for the gradient for each token, block and unit of width; results of the MLP are four times as wide."""


def automatic_fuse(parameters: int, *, batch_size: int, tokens: int, width: int, depth: int, device: Device) -> int:
    """Return how many jobs to train at once on a device.

    On a processor that is 1: a run trains one network on each core, which uses the cores better than stacks do, and
    a resumed run is identical to the last bit. An accelerator takes as many as its memory holds.

    Parameters
    ----------
    parameters : int
        Of the largest subnet.
    batch_size, tokens, width, depth : int
        Of a step: windows, tokens of a window, and the largest subnet's width and number of blocks.
    device : Device
        Where to train.
    """
    free = device.free_bytes()
    if free is None:
        return 1
    # Weights, gradients, two moments, average and kept weights, each again in the stack; then the activations.
    needed = 2 * 6 * 4 * parameters + 4 * _ACTIVATIONS * batch_size * tokens * width * depth
    return max(1, int(0.8 * free / needed))


def train_fused(jobs: Sequence[Job], *, fuse: int) -> list[History]:
    """Train jobs in stacks of up to `fuse`; each ends as it would alone.

    Where memory is too small for a stack it is halved, with a warning, and the epoch starts again.

    Parameters
    ----------
    jobs : sequence of Job
        Any jobs; those that cannot be fused with others train alone.
    fuse : int
        Most jobs in a stack.

    Returns
    -------
    list of History
        One for each job. The models end in main memory with the weights that training ends with.
    """
    for job in jobs:
        job.restore()
    while waiting := [job for job in jobs if not job.finished]:
        for group in _groups(waiting, fuse):
            if (together := train_epoch(group)) < len(group):
                fuse = together
    return [job.end() for job in jobs]


def _groups(jobs: Sequence[Job], fuse: int) -> Iterator[list[Job]]:
    """Cut jobs into stacks of the same steps; those with fewer epochs done come first and catch up."""
    alike: dict[tuple[object, ...], list[Job]] = {}
    for job in jobs:
        alike.setdefault((job.fusion_key, len(job.epochs)), []).append(job)
    least = {key[0]: min(done for other, done in alike if other == key[0]) for key in alike}  # type: ignore[type-var]
    for (key, done), group in alike.items():
        if done == least[key]:
            for start in range(0, len(group), fuse):
                yield group[start : start + fuse]


def train_epoch(jobs: Sequence[Job]) -> int:
    """Train one epoch of jobs that can be fused, in one stack if memory allows; return the jobs of the largest."""
    if len(jobs) == 1:
        jobs[0].train_epoch()
        return 1
    try:
        _Stack(jobs).train_epoch()
        return len(jobs)
    except OutOfMemory:
        pass  # and out of this block, which keeps the stack's memory
    half = len(jobs) // 2
    _log.warning("Memory is too small for %d networks together: going on with %d.", len(jobs), len(jobs) - half)
    return max(train_epoch(jobs[:half]), train_epoch(jobs[half:]))


class _Stack:
    """Jobs with stacked weights and optimizer state, for one epoch."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        first = jobs[0]
        self.jobs, self.recipe, self.device = jobs, first.recipe, first.device
        self.model = stack([job.model for job in jobs])
        self.optimizer = make_optimizer(self.model.parameters(), self.recipe)
        for number, parameter in enumerate(self.model.parameters()):
            states = [job.optimizer.state.get(list(job.model.parameters())[number]) for job in jobs]
            if states[0]:
                self.optimizer.state[parameter] = {
                    name: value.clone() if name == "step" else torch.stack([state[name] for state in states if state])
                    for name, value in states[0].items()
                }
        self.average = {name: torch.stack([job.average[name] for job in jobs]) for name in first.average}
        self.weights = (
            None
            if first.weights is None
            # (jobs, 1, classes), to go with labels (jobs, batch, classes)
            else [torch.stack(each).unsqueeze(1) for each in zip(*(job.weights or [] for job in jobs), strict=True)]
        )

    def train_epoch(self) -> None:
        """Train one epoch and hand the results back to the jobs."""
        jobs, recipe, done = self.jobs, self.recipe, len(self.jobs[0].epochs)
        draws = [job.draws() for job in jobs]
        steps = len(draws[0].batches)
        dropout = ByteDropout(
            recipe.dropout, [each.dropout_seed for each in draws], sizes=[0] * len(jobs), device=self.device
        )
        total = torch.zeros(len(jobs), device=self.device.place)
        for step in range(steps):
            set_learning_rate(self.optimizer, recipe, done + (step + 1) / steps)
            sizes = [len(each.batches[step]) for each in draws]
            dropout.sizes = sizes
            tokens, labels, counted = self._batch(draws, step)

            def logits(arch: ArchConfig, tokens: Tensor = tokens) -> Tensor:
                with self.device.autocast():
                    return self.model(tokens, arch, dropout=dropout).logits.to(tokens.dtype)

            self.optimizer.zero_grad(set_to_none=True)
            loss = backward(
                logits, labels, self.weights, jobs[0].sampled(draws[0].subnets), self.model.class_counts, counted
            )
            total += loss * torch.tensor(sizes, device=self.device.place)
            self.optimizer.step()
            update_average(self.average, self.model.state_dict(), recipe, done * steps + step)
        probed = self._probe()
        self._hand_back()
        for number, (job, loss) in enumerate(zip(jobs, total.tolist(), strict=True)):
            job.close_epoch(loss / len(job.tokens), probed[number])

    def _batch(self, draws: Sequence[Draws], step: int) -> tuple[Tensor, list[Tensor], Tensor | None]:
        """Stack the batches of a step; short ones are padded with windows whose labels are zeros."""
        batches = [job.batch(each.batches[step], each.augmentation) for job, each in zip(self.jobs, draws, strict=True)]
        sizes = [len(tokens) for tokens, _ in batches]
        most = max(sizes)
        tokens = torch.stack([_padded(tokens, most) for tokens, _ in batches])
        labels = [
            torch.stack([_padded(target, most) for target in targets])
            for targets in zip(*(each for _, each in batches), strict=True)
        ]
        if min(sizes) == most:
            return tokens, labels, None
        counted = torch.arange(most)[None, :, None] < torch.tensor(sizes)[:, None, None]
        return tokens, labels, counted.to(tokens)

    def _probe(self) -> list[list[Tensor] | None]:
        """Compute each job's logits of its validation windows, with the weights that its training would end with."""
        validation = [job.validation for job in self.jobs]
        if validation[0] is None:
            return [None] * len(self.jobs)
        trained = snapshot(self.model)
        if self.average:
            self.model.load_state_dict(self.average)
        tokens = [as_tensor(data.tokens) for data in validation if data is not None]
        most = max(len(each) for each in tokens)
        padded = torch.stack([_padded(each, most) for each in tokens])
        found = [predict_stacked(self.model, padded, arch, device=self.device) for arch in self.jobs[0].probes]
        self.model.load_state_dict(trained)
        return [[each[number, : len(own)] for each in found] for number, own in enumerate(tokens)]

    def _hand_back(self) -> None:
        """Load every job's weights, optimizer state and average."""
        parameters = list(self.model.parameters())
        for number, job in enumerate(self.jobs):
            for own, stacked in zip(job.model.parameters(), parameters, strict=True):
                own.data.copy_(stacked.data[number])
                if state := self.optimizer.state.get(stacked):
                    job.optimizer.state[own] = {
                        name: value.clone() if name == "step" else value[number].clone()
                        for name, value in state.items()
                    }
            job.average = {name: value[number].clone() for name, value in self.average.items()}


def predict_fused(
    models: Sequence[Network], windows: Sequence[NDArray[np.float32]], *, fuse: int, device: Device = CPU
) -> list[Tensor]:
    """Compute the logits of networks, each for its own windows; those of one architecture in stacks of up to `fuse`.

    Where memory is too small for a stack, its networks are computed one by one.

    Parameters
    ----------
    models : sequence of Network
        On the device.
    windows : sequence of ndarray of float32, each of shape (n_windows, n_channels, n_features)
        One array for each network.
    fuse : int
        Most networks in a stack.
    device : Device
        Where the networks are.

    Returns
    -------
    list of Tensor, each of shape (n_windows, targets, classes)
        In main memory.
    """
    alike: dict[ArchConfig, list[int]] = {}
    for number, model in enumerate(models):
        alike.setdefault(model.arch, []).append(number)
    found: dict[int, Tensor] = {}
    for numbers in (each[i : i + fuse] for each in alike.values() for i in range(0, len(each), fuse)):
        try:
            if len(numbers) > 1:
                tokens = [as_tensor(windows[number]) for number in numbers]
                padded = torch.stack([_padded(each, max(map(len, tokens))) for each in tokens])
                stacked = stack([models[number] for number in numbers])
                logits = predict_stacked(stacked, padded, stacked.arch, device=device)
                found |= {number: logits[i, : len(tokens[i])] for i, number in enumerate(numbers)}
                continue
        except OutOfMemory:
            pass
        found |= {n: predict(models[n], windows[n], models[n].arch, device=device) for n in numbers}
    return [found[number] for number in range(len(models))]


def predict_stacked(model: Network, tokens: Tensor, arch: ArchConfig, *, device: Device = CPU) -> Tensor:
    """Compute the logits (jobs, n_windows, targets, classes) of stacked networks for tokens (jobs, n_windows, …)."""
    size = max(1, _VALIDATION_WINDOWS // len(tokens))
    with torch.inference_mode(), device.autocast():
        parts = [model(batch.to(model.position), arch).logits for batch in tokens.split(size, dim=1)]
    return torch.cat([part.to(model.position.dtype).cpu() for part in parts], dim=1)


def _padded(x: Tensor, rows: int) -> Tensor:
    """Append rows of zeros to (n, …)."""
    return functional.pad(x, (0, 0) * (x.ndim - 1) + (0, rows - len(x)))
