"""One network of one fold: train a supernet, search it, calibrate, and look at test windows at the very end."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from torch import Tensor

from bci_app.atomic import write_arrays_atomically, write_atomically
from bci_app.preprocessing.spec import LogBandPowerToken, PreprocessingSpec
from offline.datasets.base import Split, WindowSet
from offline.device import CPU, Device
from offline.export import subnet_latency
from offline.metrics import fit_temperature
from offline.presets import Preset
from offline.run.line import Line, chosen_lines, put_beside
from offline.run.scalars import Scalars
from offline.run.settings import Until
from offline.run.watch import DONE, Progress, Report
from offline.search.evaluation import ValidationEvaluator
from offline.search.evolution import evolve
from offline.search.nsga2 import pareto_search
from offline.search.pareto import fronts, write_fronts, write_hypervolume
from offline.search.store import Evaluation, EvaluationStore
from offline.supernet.model import Network, extract, line_layer
from offline.supernet.space import ArchConfig
from offline.training import Epoch, Examples, History, Recipe, predict, train
from offline.training.fused import train_fused
from offline.training.loop import Job

RESULT_FILE = "result.json"
LOGITS_FILE = "logits.npz"
SUBNET_FILE = "subnet.safetensors"
CHECKPOINT_FILE = "supernet.safetensors"
CALIBRATION_FILE = "calibration.safetensors"
FINETUNE_FILE = "finetune.safetensors"
SEARCH_FILE = "search.sqlite"
TRAINING_FILE = "training.csv"
FRONT_FILE = "front.csv"
HYPERVOLUME_FILE = "hypervolume.csv"
KINDS = ("found", "inherited", "supernet")
"""What is scored: what is shipped, the found subnet before fine-tuning, and the largest subnet."""

SUBNET = "subnet"
"""Kind of prediction: the found subnet after fine-tuning, for all targets, where lines answer for some of them."""


@dataclass(frozen=True)
class FoldSummary:
    """What a fold found, without the arrays.

    Attributes
    ----------
    name : str
        Name of the split.
    targets : tuple of str
        What the network predicts.
    arch : ArchConfig
        The found subnet.
    parameters : int
        Its size.
    validation_accuracy, validation_balanced_accuracy : float
        Of its inherited weights.
    temperatures : dict of str to tuple of float
        For each of `KINDS` and `SUBNET`, one a target, fitted on validation windows that its weights were not.
    evaluations : int
        Subnets that the search looked at.
    epochs, best_epoch : int
        Epochs trained, and the one whose weights were kept.
    lines : tuple of str
        The targets that a line answers for: see `offline.run.line`.
    """

    name: str
    targets: tuple[str, ...]
    arch: ArchConfig
    parameters: int
    validation_accuracy: float
    validation_balanced_accuracy: float
    temperatures: dict[str, tuple[float, ...]]
    evaluations: int
    epochs: int
    best_epoch: int
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class FoldResult:
    """A finished fold.

    Attributes
    ----------
    summary : FoldSummary
        What was found.
    logits : dict of str to ndarray of float32, shape (n_test, n_targets, n_classes)
        Of the test windows, for each of `KINDS` and `SUBNET`.
    """

    summary: FoldSummary
    logits: dict[str, NDArray[np.float32]]


def examples(windows: WindowSet, index: NDArray[np.int64]) -> Examples:
    """Take the windows of some indices."""
    return Examples(np.ascontiguousarray(windows.tokens[index]), windows.labels[index])


def class_counts(windows: WindowSet) -> tuple[int, ...]:
    """Return the number of classes of each target."""
    return tuple(len(target.classes) for target in windows.targets)


def with_targets(windows: WindowSet, targets: Sequence[str]) -> WindowSet:
    """Take some targets of a window set."""
    names = [target.name for target in windows.targets]
    columns = [names.index(target) for target in targets]
    return replace(
        windows, labels=windows.labels[:, columns], targets=tuple(windows.targets[column] for column in columns)
    )


@dataclass(frozen=True)
class Task:
    """One network of one fold.

    Attributes
    ----------
    name : str
        For people.
    split : Split
        Its test part may be empty.
    targets : tuple of str
        What the network predicts.
    seed : int
        Seed of everything random but the subnets of the steps.
    subnet_seed : int
        Seed of the subnets of the steps. Networks that share it can be trained together.
    folder : Path
        Where checkpoints and results go.
    """

    name: str
    split: Split
    targets: tuple[str, ...]
    seed: int
    subnet_seed: int
    folder: Path


def run_task(
    windows: WindowSet,
    task: Task,
    preset: Preset,
    preprocessing: PreprocessingSpec,
    *,
    report: Report,
    until: Until = "end",
    device: Device = CPU,
) -> FoldResult | None:
    """Run one network of one fold, or go on with it where it was killed.

    Training sees ``split.train``, early stopping and search ``split.validation``; calibration sees the
    validation windows through weights fitted to ``split.train`` alone; fine-tuning sees both.
    ``split.test`` is read once everything else is settled.

    Parameters
    ----------
    windows : WindowSet
        All windows, with all targets.
    task : Task
        The network.
    preset : Preset
        What to do.
    preprocessing : PreprocessingSpec
        What made the windows; latency is measured for its shapes.
    report : callable
        Learns how far it is.
    until : {"training", "search", "end"}
        Where to stop.
    device : Device
        Where to compute.

    Returns
    -------
    FoldResult or None
        None if it was stopped before the end.
    """
    finished = _read(task.folder)
    if finished is None:
        with Scalars(task.folder) as scalars:
            finished = _NetworkStages(
                with_targets(windows, task.targets), task, preset, preprocessing, report, scalars, device
            ).run(until)
    report(Progress(task.name, DONE, 1, 1))
    return finished


def train_supernets(
    windows: WindowSet, tasks: Sequence[Task], preset: Preset, *, fuse: int, device: Device, report: Report
) -> None:
    """Train the supernets of networks together, in stacks of up to `fuse`, as far as they are not trained.

    They are left as checkpoints, from which `run_task` continues.
    """
    jobs = []
    for task in tasks:
        if (task.folder / RESULT_FILE).exists():
            continue
        own = with_targets(windows, task.targets)
        data = examples(own, task.split.train)
        recipe = preset.recipe.for_windows(len(data.labels))

        def note(epoch: Epoch, name: str = task.name, epochs: int = recipe.epochs) -> None:
            report(Progress(name, "training", epoch.epoch, epochs))

        job = Job(
            _supernet(own, preset, task.seed), recipe, data, space=preset.space, seed=task.seed,
            subnet_seed=task.subnet_seed, validation=examples(own, task.split.validation),
            checkpoint=task.folder / CHECKPOINT_FILE, on_epoch=note, device=device,
        )  # fmt: skip
        jobs.append(job)
    train_fused(jobs, fuse=fuse)


@dataclass(frozen=True)
class _NetworkStages:
    """What the stages of a network have in common."""

    windows: WindowSet
    task: Task
    preset: Preset
    preprocessing: PreprocessingSpec
    report: Report
    scalars: Scalars
    device: Device = CPU

    def run(self, until: Until) -> FoldResult | None:
        split, folder, space = self.task.split, self.task.folder, self.preset.space
        training, validation = examples(self.windows, split.train), examples(self.windows, split.validation)
        model = _supernet(self.windows, self.preset, self.task.seed)
        history = self._train(model, self.preset.recipe, training, validation=validation, file=CHECKPOINT_FILE)
        _write_history(folder / TRAINING_FILE, history)
        if until == "training":
            return None
        model.to(self.device.place)
        found, evaluations = self._search(model, validation)
        if until == "search":
            return None
        held = self._logits(model, validation.tokens, found.arch)
        temperatures = {
            "supernet": self._temperatures(self._logits(model, validation.tokens, space.largest)),
            "inherited": self._temperatures(held),
        }
        test_tokens = self.windows.tokens[split.test]
        logits = {
            "supernet": self._logits(model, test_tokens, space.largest),
            "inherited": self._logits(model, test_tokens, found.arch),
        }
        if self.preset.finetune:
            held = self._held_out(model, training, validation, found.arch)
            both = examples(self.windows, np.sort(np.concatenate([split.train, split.validation])))
            self._train(model.cpu(), self.preset.finetune_recipe, both, arch=found.arch, file=FINETUNE_FILE)
            model.to(self.device.place)
        temperatures[SUBNET] = self._temperatures(held)
        logits[SUBNET] = self._logits(model, test_tokens, found.arch)
        subnet = extract(model, found.arch)
        lines = self._lines(held, temperatures[SUBNET])
        temperatures["found"] = temperatures[SUBNET]
        if any(lines):
            put_beside(subnet, lines)
            beside = zip(temperatures[SUBNET], lines, strict=True)
            temperatures["found"] = tuple(own if line is None else 1.0 for own, line in beside)
        logits["found"] = logits[SUBNET]
        if any(lines):
            logits["found"] = self._logits(subnet.to(self.device.place), test_tokens, found.arch)
        summary = FoldSummary(
            name=split.name,
            targets=self.task.targets,
            arch=found.arch,
            parameters=found.metrics.parameters,
            validation_accuracy=found.metrics.accuracy,
            validation_balanced_accuracy=found.metrics.balanced_accuracy,
            temperatures=temperatures,
            evaluations=evaluations,
            epochs=len(history.epochs),
            best_epoch=history.best,
            lines=tuple(name for name, line in zip(self.task.targets, lines, strict=True) if line),
        )
        result = FoldResult(summary, logits)
        _write(folder, result, subnet.cpu())
        for file in (CHECKPOINT_FILE, CALIBRATION_FILE, FINETUNE_FILE):  # of use to a resume only
            (folder / file).unlink(missing_ok=True)
        return result

    def _train(
        self,
        model: Network,
        recipe: Recipe,
        data: Examples,
        *,
        file: str,
        validation: Examples | None = None,
        arch: ArchConfig | None = None,
    ) -> History:
        """Train the supernet, or on its weights one of its subnets."""
        recipe = recipe.for_windows(len(data.labels))
        stage = {CHECKPOINT_FILE: "training", CALIBRATION_FILE: "calibration", FINETUNE_FILE: "fine-tuning"}[file]

        def note(epoch: Epoch) -> None:
            self.scalars.epoch(stage, epoch)
            self.report(Progress(self.task.name, stage, epoch.epoch, recipe.epochs))

        return train(
            model,
            recipe,
            data,
            space=self.preset.space,
            seed=self.task.seed + (arch is not None),
            subnet_seed=self.task.subnet_seed,
            validation=validation,
            arch=arch,
            checkpoint=self.task.folder / file,
            on_epoch=note,
            device=self.device,
        )

    def _search(self, model: Network, validation: Examples) -> tuple[Evaluation, int]:
        """Search a trained supernet on validation windows; gives the subnet and how many were looked at."""
        preset, folder, seed = self.preset, self.task.folder, self.task.seed
        total = preset.search.generations
        generations: list[list[Evaluation]] = []

        def latency(arch: ArchConfig) -> float:
            return subnet_latency(extract(model, arch).cpu(), self.windows.targets, self.preprocessing)

        def note(generation: int, found: Sequence[Evaluation]) -> None:
            generations.append(list(found))
            best = max(found, key=lambda evaluation: evaluation.metrics.balanced_accuracy).metrics
            self.scalars.generation(generation, best.balanced_accuracy, best.parameters)
            self.report(Progress(self.task.name, "search", generation + 1, total))

        timed = latency if preset.latency else None
        evaluator = ValidationEvaluator(model, preset.space, validation, latency=timed, device=self.device)
        with EvaluationStore(folder / SEARCH_FILE, identity=evaluator.identity, evaluate=evaluator) as store:
            if preset.strategy == "nsga2":
                front = pareto_search(preset.space, preset.pareto, store, seed=seed, on_generation=note)
                best = max(front, key=lambda evaluation: preset.search.score.of(evaluation.metrics))
            else:
                best = evolve(preset.space, preset.search, store, seed=seed, on_generation=note)
            evaluations = len(store.all())
        self.report(Progress(self.task.name, "search", total, total))
        largest, third = model.parameters_of(preset.space.largest), preset.latency_searched
        write_fronts(fronts(generations, latency=third), folder / FRONT_FILE)
        write_hypervolume(generations, largest, folder / HYPERVOLUME_FILE, latency=third)
        return best, evaluations

    def _temperatures(self, held: NDArray[np.float32]) -> tuple[float, ...]:
        """Fit a temperature a target to logits of the validation windows."""
        labels, trials = (of[self.task.split.validation] for of in (self.windows.labels, self.windows.trial))
        logits, counts = held.astype(np.float64), enumerate(class_counts(self.windows))
        return tuple(fit_temperature(logits[:, t, :n], labels[:, t], trials) for t, n in counts)

    def _lines(self, held: NDArray[np.float32], temperatures: Sequence[float]) -> tuple[Line | None, ...]:
        """Choose the targets that a line answers for; a line of raw samples would know nothing."""
        if not isinstance(self.preprocessing.token, LogBandPowerToken):
            return (None,) * len(self.task.targets)
        return chosen_lines(self.windows, self.task.split, held.astype(np.float64), temperatures)

    def _logits(self, model: Network, tokens: NDArray[np.float32], arch: ArchConfig) -> NDArray[np.float32]:
        if not len(tokens):
            return np.empty((0, len(model.class_counts), max(model.class_counts)), dtype=np.float32)
        return np.asarray(predict(model, tokens, arch, device=self.device).numpy())

    def _held_out(
        self, model: Network, training: Examples, validation: Examples, arch: ArchConfig
    ) -> NDArray[np.float32]:
        """Return the logits of the validation windows by a copy that is fine-tuned without them.

        The shipped weights are fine-tuned on these too and would look surer on them than they are.
        """
        copied = copy.deepcopy(model).cpu()
        self._train(copied, self.preset.finetune_recipe, training, arch=arch, file=CALIBRATION_FILE)
        copied.to(self.device.place)
        return self._logits(copied, validation.tokens, arch)


def _supernet(windows: WindowSet, preset: Preset, seed: int) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Network(
            preset.space.largest,
            n_channels=windows.tokens.shape[1],
            n_features=windows.tokens.shape[2],
            class_counts=class_counts(windows),
        )


def _write_history(path: Path, history: History) -> None:
    columns = list(asdict(history.epochs[0]))
    rows = [
        ",".join("" if value is None else f"{value:.8g}" for value in asdict(epoch).values())
        for epoch in history.epochs
    ]
    write_atomically(path, "\n".join([",".join(columns), *rows]) + "\n")


def _write(folder: Path, result: FoldResult, network: Network) -> None:
    """Write arrays and weights first: a result file that is there means that all is there."""
    summary = asdict(result.summary) | {"arch": json.loads(result.summary.arch.to_json())}
    # One entry only: safetensors writes several in no certain order, and equal runs give equal files.
    weights = save(_contiguous(network.state_dict()), {"arch": result.summary.arch.to_json()})
    write_atomically(folder / SUBNET_FILE, weights)
    write_arrays_atomically(folder / LOGITS_FILE, result.logits)
    write_atomically(folder / RESULT_FILE, json.dumps(summary, indent=2) + "\n")


def _read(folder: Path) -> FoldResult | None:
    if not (folder / RESULT_FILE).exists():
        return None
    values = json.loads((folder / RESULT_FILE).read_text())
    values["arch"] = ArchConfig.from_json(json.dumps(values["arch"]))
    values |= {name: tuple(values[name]) for name in ("targets", "lines")}
    values["temperatures"] = {kind: tuple(numbers) for kind, numbers in values["temperatures"].items()}
    with np.load(folder / LOGITS_FILE, allow_pickle=False) as archive:
        return FoldResult(FoldSummary(**values), {name: archive[name] for name in archive.files})


def read_subnet(folder: Path, windows: WindowSet, result: FoldResult) -> Network:
    """Load the found subnet of a finished task."""
    subnet = Network(
        result.summary.arch,
        n_channels=windows.tokens.shape[1],
        n_features=windows.tokens.shape[2],
        class_counts=class_counts(with_targets(windows, result.summary.targets)),
    )
    if result.summary.lines:
        subnet.line = line_layer(subnet)
    subnet.load_state_dict(load((folder / SUBNET_FILE).read_bytes()))
    return subnet.eval()


def _contiguous(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.contiguous() for name, value in state.items()}
