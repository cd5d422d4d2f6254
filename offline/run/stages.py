"""The stages of networks: train a supernet, search it, calibrate, fine-tune, and look at test windows in the end.

Networks that are given together go through each stage together, so that those of equal shape are trained and scored on
stacked weights. A single network is a group of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bci_app.atomic import write_atomically
from bci_app.preprocessing.spec import LogBandPowerToken, PreprocessingSpec
from offline.datasets.base import WindowSet
from offline.device import CPU, Device
from offline.export import subnet_latency
from offline.export.weights import read_networks, warm_start
from offline.metrics import balanced_accuracy, fit_temperature
from offline.presets import POWER_BANDS, Preset
from offline.run.fold import (
    CHECKPOINT_FILE,
    FOUND,
    FRONT_FILE,
    HYPERVOLUME_FILE,
    RANDOM_SEARCH_FILE,
    RIVALS,
    SEARCH_FILE,
    SUBNET,
    TRAINING_FILE,
    FoldResult,
    FoldSummary,
    SampledSubnet,
    SearchControls,
    Task,
    class_counts,
    examples,
    read_result,
    with_targets,
    write_result,
)
from offline.run.line import Line, chosen_lines, put_beside
from offline.run.scalars import Scalars
from offline.run.settings import Until
from offline.run.watch import DONE, Progress, Report
from offline.search.controls import median_subnet, random_search, sampled_subnets
from offline.search.evaluation import ValidationEvaluator
from offline.search.evolution import evolve
from offline.search.nsga2 import pareto_search
from offline.search.pareto import fronts, write_fronts, write_hypervolume
from offline.search.store import Evaluation, EvaluationStore, Metrics
from offline.supernet.model import Network, extract
from offline.supernet.space import ArchConfig
from offline.training import Epoch, Examples, History, Recipe, predict
from offline.training.fused import predict_fused, train_fused
from offline.training.loop import Job

_TUNING = {"calibration": "calibration", "fine-tuning": "finetune"}
"""The two trainings of a subnet and the beginnings of their checkpoints' names. The first is without the validation
windows, which then show how sure to be: the shipped weights are trained on them too."""

_UNTUNED = ("supernet", "inherited")
"""Kinds of predictions by inherited weights."""


def run_networks(
    windows: WindowSet,
    tasks: Sequence[Task],
    preset: Preset,
    preprocessing: PreprocessingSpec,
    *,
    report: Report,
    until: Until = "end",
    device: Device = CPU,
    fuse: int = 1,
) -> list[FoldResult | None]:
    """Run networks stage by stage, or continue where they were killed.

    Training sees ``split.train``, early stopping and search ``split.validation``; calibration sees the
    validation windows through weights fitted to ``split.train`` alone; fine-tuning sees both.
    ``split.test`` is read once everything else is settled.

    Parameters
    ----------
    windows : WindowSet
        All windows, with all targets.
    tasks : sequence of Task
        The networks.
    preset : Preset
        What to do.
    preprocessing : PreprocessingSpec
        What made the windows; latency is measured for its shapes.
    report : callable
        Receives the progress.
    until : {"training", "search", "end"}
        Where to stop.
    device : Device
        Where to compute.
    fuse : int
        Most networks that are trained on stacked weights.

    Returns
    -------
    list of FoldResult or None
        One for each task; None if it was stopped before the end.
    """
    results = [read_result(task.folder) for task in tasks]
    with ExitStack() as files:
        networks = [
            _Network(
                with_targets(windows, task.targets), task, preset, preprocessing, report,
                files.enter_context(Scalars(task.folder)), device,
            )
            for task, result in zip(tasks, results, strict=True)
            if result is None
        ]  # fmt: skip
        _train(networks, fuse)
        if until != "training":
            for network in networks:
                network.search()
        if until == "end":
            _score(networks, fuse)
    for task in tasks:
        report(Progress(task.name, DONE, 1, 1))
    return [read_result(task.folder) for task in tasks] if until == "end" else results


def _train(networks: Sequence[_Network], fuse: int) -> None:
    jobs = [
        network.job(
            network.model, network.preset.recipe, network.training,
            validation=network.validation, stage="training", file=CHECKPOINT_FILE,
        )
        for network in networks
    ]  # fmt: skip
    for network, history in zip(networks, train_fused(jobs, fuse=fuse), strict=True):
        network.history = history
        _write_history(network.task.folder / TRAINING_FILE, history)


def _score(networks: Sequence[_Network], fuse: int) -> None:
    """Calibrate, fine-tune and test the subnets of all networks, kind by kind, and write the results."""
    for kind in dict.fromkeys(kind for network in networks for kind in network.subnets):
        group = [network for network in networks if kind in network.subnets]
        preset, device = group[0].preset, group[0].device
        subnets = [extract(network.model, network.subnets[kind]) for network in group]
        calibrated = shipped = subnets
        if preset.finetune and kind not in _UNTUNED:
            if kind not in group[0].sampled:
                calibrated = _tuned(group, kind, "calibration", fuse)
            shipped = _tuned(group, kind, "fine-tuning", fuse)
        if kind not in group[0].sampled:
            held = predict_fused(calibrated, [n.validation.tokens for n in group], fuse=fuse, device=device)
            for network, logits in zip(group, held, strict=True):
                network.held[kind] = logits.double().numpy()
                network.temperatures[kind] = network.fitted_temperatures(network.held[kind])
        tested = predict_fused(shipped, [n.test_tokens for n in group], fuse=fuse, device=device)
        for network, subnet, logits in zip(group, shipped, tested, strict=True):
            network.logits[kind] = logits.numpy()
            if kind == SUBNET:
                network.shipped = subnet
    for network in networks:
        network.finish()


def _tuned(networks: Sequence[_Network], kind: str, stage: str, fuse: int) -> list[Network]:
    """Train the subnets of one kind on, from their inherited weights."""
    jobs = []
    for network in networks:
        split = network.task.split
        data = network.training
        if stage == "fine-tuning":
            data = examples(network.windows, np.sort(np.concatenate([split.train, split.validation])))
        job = network.job(
            extract(network.model, network.subnets[kind]).cpu(), network.preset.finetune_recipe, data,
            arch=network.subnets[kind], stage=stage, kind=kind, file=f"{_TUNING[stage]}-{kind}.safetensors",
        )  # fmt: skip
        jobs.append(job)
    train_fused(jobs, fuse=fuse)
    return [job.model.to(job.device.place) for job in jobs]


class _Network:
    """One network between its stages."""

    def __init__(
        self,
        windows: WindowSet,
        task: Task,
        preset: Preset,
        preprocessing: PreprocessingSpec,
        report: Report,
        scalars: Scalars,
        device: Device,
    ) -> None:
        self.windows, self.task, self.preset, self.preprocessing = windows, task, preset, preprocessing
        self.report, self.scalars, self.device = report, scalars, device
        self.training, self.validation = examples(windows, task.split.train), examples(windows, task.split.validation)
        self.model = _supernet(windows, preset, task.seed)
        self.history = History((), 0)
        self.subnets: dict[str, ArchConfig] = {}
        self.sampled: dict[str, Metrics] = {}
        self.temperatures: dict[str, tuple[float, ...]] = {}
        self.held: dict[str, NDArray[np.float64]] = {}
        self.logits: dict[str, NDArray[np.float32]] = {}
        self.shipped = self.model

    @property
    def test_tokens(self) -> NDArray[np.float32]:
        """The windows that are tested."""
        return np.asarray(self.windows.tokens[self.task.split.test])

    def job(
        self,
        model: Network,
        recipe: Recipe,
        data: Examples,
        *,
        stage: str,
        file: str,
        kind: str = SUBNET,
        validation: Examples | None = None,
        arch: ArchConfig | None = None,
    ) -> Job:
        """Return the training of the supernet, or of one of its subnets."""
        recipe = recipe.for_windows(len(data.labels))
        label = stage if kind == SUBNET else f"{stage} of a control: {kind}"

        def note(epoch: Epoch) -> None:
            if kind == SUBNET:
                self.scalars.epoch(stage, epoch)
            self.report(Progress(self.task.name, label, epoch.epoch, recipe.epochs))

        return Job(
            model, recipe, data,
            space=self.preset.trained_space, seed=self.task.seed + (arch is not None),
            subnet_seed=self.task.subnet_seed, validation=validation, arch=arch,
            checkpoint=self.task.folder / file, on_epoch=note, device=self.device,
        )  # fmt: skip

    def search(self) -> None:
        """Search the trained supernet on validation windows, and choose what the search is compared with."""
        self.model.to(self.device.place)
        preset, space = self.preset, self.preset.trained_space

        def latency(arch: ArchConfig) -> float:
            return subnet_latency(extract(self.model, arch).cpu(), self.windows.targets, self.preprocessing)

        timed = latency if preset.latency else None
        evaluator = ValidationEvaluator(self.model, space, self.validation, latency=timed, device=self.device)
        self.best, self.evaluations = self._searched(evaluator)
        self.subnets = {SUBNET: self.best.arch, "inherited": self.best.arch}
        if preset.searched:
            self.subnets["supernet"] = space.largest
        if preset.searched and preset.search_controls and len(self.task.split.test):
            self._choose_controls(ValidationEvaluator(self.model, space, self.validation, device=self.device))

    def _searched(self, evaluator: ValidationEvaluator) -> tuple[Evaluation, int]:
        """Return the best subnet and how many were evaluated."""
        preset, folder, seed = self.preset, self.task.folder, self.task.seed
        total = preset.search.generations
        generations: list[list[Evaluation]] = []

        def note(generation: int, found: Sequence[Evaluation]) -> None:
            generations.append(list(found))
            best = max(found, key=lambda evaluation: evaluation.metrics.balanced_accuracy).metrics
            self.scalars.generation(generation, best.balanced_accuracy, best.parameters)
            self.report(Progress(self.task.name, "search", generation + 1, total))

        with EvaluationStore(folder / SEARCH_FILE, identity=evaluator.identity, evaluate=evaluator) as store:
            if preset.strategy == "nsga2":
                front = pareto_search(preset.trained_space, preset.pareto, store, seed=seed, on_generation=note)
                best = max(front, key=lambda evaluation: preset.search.objective.of(evaluation.metrics))
            else:
                best = evolve(preset.trained_space, preset.search, store, seed=seed, on_generation=note)
            evaluations = len(store.all())
        self.report(Progress(self.task.name, "search", total, total))
        largest, third = self.model.parameters_of(preset.trained_space.largest), preset.latency_searched
        write_fronts(fronts(generations, latency=third), folder / FRONT_FILE)
        write_hypervolume(generations, largest, folder / HYPERVOLUME_FILE, latency=third)
        return best, evaluations

    def _choose_controls(self, evaluator: ValidationEvaluator) -> None:
        """Search at random, and choose the subnets that are fine-tuned beside the found one."""
        preset, space = self.preset, self.preset.trained_space
        file = self.task.folder / RANDOM_SEARCH_FILE
        with EvaluationStore(file, identity=evaluator.identity, evaluate=evaluator) as store:
            best = random_search(
                space, preset.search.objective, store,
                number=self.evaluations, at_once=preset.search.population, seed=self.task.seed,
            )  # fmt: skip
            self.random_evaluations = len(store.all())
        shared = self.task.subnet_seed  # the same subnets in all networks of a run, so that they are trained together
        sample = sampled_subnets(space, preset.search_controls, seed=shared)
        self.subnets |= {
            "random": best.arch,
            "largest": space.largest,
            "median": median_subnet(space, self.model.parameters_of, seed=shared),
        }
        for number, (arch, metrics) in enumerate(zip(sample, evaluator(sample), strict=True)):
            self.subnets[f"sample-{number}"] = arch
            self.sampled[f"sample-{number}"] = metrics

    def fitted_temperatures(self, held: NDArray[np.float64]) -> tuple[float, ...]:
        """Fit a temperature for each target to logits of the validation windows."""
        trials = self.windows.trial[self.task.split.validation]
        counts = enumerate(class_counts(self.windows))
        return tuple(fit_temperature(held[:, t, :n], self.validation.labels[:, t], trials) for t, n in counts)

    def _controls(self) -> SearchControls | None:
        """Score the sample of subnets, and leave out its logits: no kind of prediction is made of them."""
        if not self.sampled:
            return None
        labels = self.windows.labels[self.task.split.test]
        sample = []
        for kind, metrics in self.sampled.items():
            predicted = self.logits.pop(kind).argmax(axis=-1)
            alone = np.mean([balanced_accuracy(*pair) for pair in zip(predicted.T, labels.T, strict=True)])
            inherited = self.preset.search.objective.accuracy_of(metrics)
            sample.append(SampledSubnet(metrics.parameters, inherited, float(alone)))
        parameters = {kind: self.model.parameters_of(self.subnets[kind]) for kind in RIVALS}
        return SearchControls(self.random_evaluations, parameters, tuple(sample))

    def _lines(self) -> tuple[Line | None, ...]:
        """Choose the targets that a line answers for; of raw samples it would learn which trial it is."""
        if not isinstance(self.preprocessing.token, LogBandPowerToken):
            return (None,) * len(self.task.targets)
        return chosen_lines(
            self.windows, self.task.split, self.held[SUBNET], self.temperatures[SUBNET],
            reference=self.preprocessing.token.bands == POWER_BANDS,
        )  # fmt: skip

    def _answer(self) -> tuple[str, ...]:
        """Let lines answer in place of the found subnet where validation prefers them; return their targets."""
        self.shipped.cpu()
        lines, own = self._lines(), self.temperatures[SUBNET]
        self.temperatures[FOUND], self.logits[FOUND] = own, self.logits[SUBNET]
        if any(lines):
            put_beside(self.shipped, lines)
            self.temperatures[FOUND] = tuple(
                each if line is None else 1.0 for each, line in zip(own, lines, strict=True)
            )
            self.logits[FOUND] = predict(self.shipped, self.test_tokens, self.best.arch).numpy()
        return tuple(name for name, line in zip(self.task.targets, lines, strict=True) if line)

    def finish(self) -> None:
        """Write the result, and remove what is of use to a resume only."""
        folder, metrics, lines = self.task.folder, self.best.metrics, self._answer()
        summary = FoldSummary(
            name=self.task.split.name,
            targets=self.task.targets,
            arch=self.best.arch,
            parameters=metrics.parameters,
            validation_accuracy=metrics.accuracy,
            validation_balanced_accuracy=metrics.balanced_accuracy,
            temperatures=self.temperatures,
            evaluations=self.evaluations,
            epochs=len(self.history.epochs),
            best_epoch=self.history.best,
            lines=lines,
            search_controls=self._controls(),
        )
        write_result(folder, FoldResult(summary, self.logits), self.shipped)
        for beginning in ("supernet", *_TUNING.values()):
            for path in folder.glob(f"{beginning}*.safetensors"):
                path.unlink()


def _supernet(windows: WindowSet, preset: Preset, seed: int) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Network(
            preset.trained_space.largest,
            n_channels=windows.tokens.shape[1],
            n_features=windows.tokens.shape[2],
            class_counts=class_counts(windows),
        )
    if preset.start is not None:
        warm_start(network, read_networks(preset.start.load()), [target.name for target in windows.targets])
    return network


def _write_history(path: Path, history: History) -> None:
    columns = list(asdict(history.epochs[0]))
    rows = [
        ",".join("" if value is None else f"{value:.8g}" for value in asdict(epoch).values())
        for epoch in history.epochs
    ]
    write_atomically(path, "\n".join([",".join(columns), *rows]) + "\n")
