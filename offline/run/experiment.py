"""The whole of a run, from a data set to a bundle."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bci_app.bundle import LoadedBundle
from bci_app.bundle.spec import BadChannelLoss
from bci_app.preprocessing.spec import PreprocessingSpec
from offline.baselines import Baseline, baselines_named
from offline.datasets import Threshold, open_dataset
from offline.datasets.base import WindowSet
from offline.datasets.windows import choose_subjects, choose_targets
from offline.device import CPU, Device
from offline.export import measure_latency
from offline.protocols import protocol_named
from offline.run.bad_channels import FoldNetwork, bad_channel_losses, require_positions
from offline.run.card import caution, model_card, software, today
from offline.run.data import RunData
from offline.run.fold import FoldResult, Task, class_counts, read_subnet, with_targets
from offline.run.folder import WINDOWS_FOLDER, claim
from offline.run.lock import locked
from offline.run.plan import final_plan, make_plan, make_tasks, uncounted
from offline.run.record import (
    BaselineRecord,
    DatasetRecord,
    Exclusion,
    ProtocolRecord,
    RunRecord,
)
from offline.run.reference import REFERENCE_NAME
from offline.run.scores import with_tested_temperatures
from offline.run.scoring import Results, Scoring, network_records, results_of
from offline.run.settings import RunSettings, Until
from offline.run.shipping import INT8, Shipping, golden_excerpt, ship
from offline.run.watch import Report, Unwatched, Watch
from offline.run.workers import NetworkFrame, run_tasks
from offline.supernet.model import count_parameters
from offline.training.fused import automatic_fuse

Spread = Callable[[NetworkFrame, Sequence[Task], Report], None]
"""Finishes networks elsewhere; see `offline.sweep`."""


@dataclass(frozen=True)
class RunResult:
    """What a run ended with: the record, which is in its folder too, and the bundle."""

    record: RunRecord
    bundle: LoadedBundle


def run(
    settings: RunSettings,
    out: Path,
    *,
    root: Path | None = None,
    shipping: Shipping | None = None,
    baselines: Sequence[str] = (),
    cache: Path | None = None,
    processes: int = 1,
    device: Device = CPU,
    fuse: int | None = None,
    spread: Spread | None = None,
    until: Until = "end",
    watch: Watch | None = None,
) -> RunResult | None:
    """Do a whole run, or continue one that was killed.

    Parameters
    ----------
    settings : RunSettings
        What to do.
    out : Path
        The run's folder.
    root : Path, optional
        Folder of the data set.
    shipping : Shipping, optional
        How the bundle is written, and what is measured for it.
    baselines : sequence of str
        Names of the methods to compare with, ``all`` for every one; the reference is always there.
    cache : Path, optional
        Where windows are kept; in the run's folder by default.
    processes : int
        Networks at once.
    device : Device
        Where to compute.
    fuse : int, optional
        Networks that are trained together on stacked weights; by device and memory if None.
    spread : callable, optional
        Finishes the networks on other machines and leaves their results in their folders.
    until : {"training", "search", "end"}
        Where to stop; the same call with a later stage goes on.
    watch : Watch, optional
        Learns how far it is.

    Returns
    -------
    RunResult or None
        None if it was stopped before the end.

    Raises
    ------
    FileError
        If the folder belongs to another run, or another process works in it.
    DatasetError, BundleError
        If the data cannot be used or the bundle not be written; a folder that holds anything but a bundle is refused
        before any training.
    """
    start = time.monotonic()
    watch, shipping = watch or Unwatched(), shipping or Shipping()
    compared = baselines_named(baselines)
    threshold = None if settings.threshold is None else Threshold.parse(settings.threshold)
    dataset = open_dataset(settings.dataset, root, threshold=threshold)
    # Unknown subjects and targets are refused before the folder is taken.
    subjects = choose_subjects(dataset, settings.choose_subjects(dataset))
    targets = [target.name for target in choose_targets(dataset, settings.choose_targets(dataset))]
    spec = settings.preset.preprocessing(dataset.info)
    if shipping.bad_channels:
        require_positions(spec)
    if until == "end":
        shipping.destination(settings, dataset.info, out)  # refused before any training
    with locked(out):
        claim(out, settings)
        data = RunData(dataset, subjects, targets, cache or out / WINDOWS_FOLDER, processes, watch)
        work = _RunStages(settings, out, data, spec, settings.networks(targets), shipping, compared)
        results = work.train(processes, until, watch, device=device, fuse=fuse, spread=spread)
        if until != "end":
            return None
        protocols = work.scoring.controlled(work.scoring.score(results, processes, watch), results, watch)
        results = work.calibrated(results)
        losses = work.bad_channels(results, watch)
        watch.stage("export")
        loaded = work.export(results, protocols, losses)
        record = work.record(results, protocols, loaded, seconds=time.monotonic() - start)
        record.write(out)
        if cache is None:
            shutil.rmtree(out / WINDOWS_FOLDER, ignore_errors=True)
        return RunResult(record, loaded)


class _RunStages:
    """The stages of a run on data that are there."""

    def __init__(
        self,
        settings: RunSettings,
        out: Path,
        data: RunData,
        spec: PreprocessingSpec,
        groups: Mapping[str, tuple[str, ...]],
        shipping: Shipping,
        compared: Sequence[Baseline],
    ) -> None:
        self.settings, self.out, self.data, self.spec, self.groups = settings, out, data, spec, groups
        self.shipping = shipping
        self.windows = data.windows(spec)
        data.report_damage(self.windows)
        self.plans = [make_plan(self.windows, protocol_named(name), settings, out) for name in settings.protocols]
        self.final = final_plan(self.windows, self.plans, settings, out)
        self.scoring = Scoring(settings, out, data, spec, self.windows, self.plans, compared, int8=shipping.int8)

    def train(
        self,
        processes: int,
        until: Until,
        watch: Watch,
        *,
        device: Device = CPU,
        fuse: int | None = None,
        spread: Spread | None = None,
    ) -> list[tuple[Task, FoldResult]]:
        """Train and search every network, as far as `until`."""
        seed, several, preset = self.settings.seed, len(self.plans) > 1, self.settings.preset
        tasks = [task for plan in self.plans for task in make_tasks(plan, self.groups, seed, several=several)]
        tasks += make_tasks(self.final, self.groups, seed, several=False)
        watch.networks(len(tasks))
        frame = NetworkFrame(self.windows, preset, self.spec, until, device)
        together = min(len(tasks), fuse or self._fuse(device))
        if spread is not None:
            spread(frame, tasks, watch.progress)
        stacks = [tasks[start : start + together] for start in range(0, len(tasks), together)]
        results = [
            result for stack in run_tasks(frame, stacks, processes=processes, report=watch.progress) for result in stack
        ]
        return [(task, result) for task, result in zip(tasks, results, strict=True) if result is not None]

    def _fuse(self, device: Device) -> int:
        preset, largest = self.settings.preset, self.settings.preset.trained_space.largest
        return automatic_fuse(
            _largest(self.windows, self.settings, next(iter(self.groups.values()))),
            batch_size=preset.recipe.batch_size, tokens=self.windows.tokens.shape[1] + 1,
            width=largest.embed_dim, depth=largest.depth, device=device,
        )  # fmt: skip

    def calibrated(self, results: Results) -> list[tuple[Task, FoldResult]]:
        """Calibrate the final networks on the test windows of all folds.

        Where each fold is of one subject and the final network is of all, its folds say nothing of it. It keeps the
        calibration on its validation windows then.
        """
        plan = next(plan for plan in self.plans if plan.protocol.name == self.settings.primary)
        if plan.protocol.calibrated_apart:
            return list(results)
        folds = [(task.split, result) for task, result in results_of(plan, results)]
        final = {id(task) for task, _ in results_of(self.final, results)}
        return [
            (task, with_tested_temperatures(self.windows, result, folds) if id(task) in final else result)
            for task, result in results
        ]

    def _command(self) -> str:
        compared = ("--baselines", ",".join(b.name for b in self.scoring.compared)) if self.scoring.compared else ()
        return self.settings.command(*self.shipping.options(), *compared)

    def bad_channels(self, results: Results, watch: Watch) -> tuple[BadChannelLoss, ...]:
        """Measure what replaced channels cost the networks of the primary protocol, if that is asked for."""
        if not self.shipping.bad_channels:
            return ()
        watch.stage("bad channels")
        plan = next(plan for plan in self.plans if plan.protocol.name == self.settings.primary)
        networks = [
            FoldNetwork(read_subnet(task.folder, self.windows, result), task.split, task.targets)
            for task, result in results_of(plan, results)
        ]
        return bad_channel_losses(
            self.data.dataset,
            self.spec,
            self.windows,
            networks,
            within_subject=plan.protocol.within_subject,
            seed=self.settings.seed,
        )

    def export(
        self, results: Results, protocols: Sequence[ProtocolRecord], losses: tuple[BadChannelLoss, ...]
    ) -> LoadedBundle:
        """Write the bundle, and load it as the app does."""
        dataset = self.data.dataset
        record = next(protocol for protocol in protocols if protocol.name == self.settings.primary)
        card = model_card(
            dataset.info,
            self.windows,
            self.final.splits[0],
            record=record,
            kind=INT8 if self.shipping.int8 else "found",
            finetuned=self.settings.preset.finetune > 0,
            command=self._command(),
        )
        return ship(
            self.shipping,
            results_of(self.final, results),
            out=self.out,
            settings=self.settings,
            dataset=dataset,
            windows=self.windows,
            spec=self.spec,
            card=card,
            record=record,
            excerpt=golden_excerpt(dataset, self.spec, self.windows.subjects),
            losses=losses,
        )

    def record(
        self, results: Results, protocols: Sequence[ProtocolRecord], loaded: LoadedBundle, *, seconds: float
    ) -> RunRecord:
        """Record what came out."""
        info, windows = self.data.dataset.info, self.windows
        return RunRecord(
            command=self._command(),
            settings=self.settings,
            dataset=DatasetRecord(
                name=info.name, title=info.title, source=info.source, licence=info.licence, synthetic=info.synthetic
            ),
            preprocessing=self.spec,
            targets=windows.targets,
            subjects=windows.subjects,
            damage=tuple(Exclusion(what=found.what, why=found.why) for found in windows.damage),
            excluded=self.data.exclusions(windows) + uncounted(windows, self.plans),
            windows=len(windows),
            trials=len(np.unique(windows.trial)),
            caution=caution(info),
            primary=self.settings.primary,
            largest=_largest(windows, self.settings, next(iter(self.groups.values()))),
            reference_method=REFERENCE_NAME,
            baselines=tuple(BaselineRecord(name=b.name, title=b.title, source=b.source) for b in self.scoring.compared),
            protocols=tuple(protocols),
            final=network_records(self.out, results_of(self.final, results)),
            bundle=loaded.spec.name,
            quantisation=loaded.spec.provenance.quantisation,
            bad_channel_losses=loaded.spec.provenance.bad_channels,
            max_bad_share=loaded.spec.max_bad_share,
            bad_channels=loaded.spec.bad_channels,
            model_bytes=loaded.spec.model_bytes,
            latency_ms=measure_latency(loaded.spec, loaded.model),
            seconds=seconds,
            created=today(),
            software=software(),
        )


def _largest(windows: WindowSet, settings: RunSettings, targets: Sequence[str]) -> int:
    return count_parameters(
        settings.preset.trained_space.largest,
        n_channels=windows.tokens.shape[1],
        n_features=windows.tokens.shape[2],
        class_counts=class_counts(with_targets(windows, targets)),
    )
