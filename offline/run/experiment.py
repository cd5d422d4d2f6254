"""The whole of a run, from a data set to a bundle."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from bci_app.bundle import Bundle, LoadedBundle, load_bundle
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.spec import Score, Smoothing
from bci_app.errors import FileError
from bci_app.preprocessing.spec import NoBaseline, PreprocessingSpec
from offline.atomic import write_atomically
from offline.datasets import open_dataset
from offline.datasets.base import Dataset, Split, Trial, WindowSet
from offline.datasets.windows import Progress as WindowProgress
from offline.datasets.windows import make_windows
from offline.export import Excerpt, ExportedSubnet, export_bundle
from offline.presets import DEMO_SUBJECTS, Preset
from offline.protocols import Protocol, make_splits, protocol_named, write_splits
from offline.run.card import model_card
from offline.run.fold import FoldResult, Report, read_subnet
from offline.run.reference import reference_preprocessing, reference_probabilities
from offline.run.scores import pooled, rolling_windows, score, tested
from offline.run.workers import Job, run_jobs

VALIDATION_SHARE = 0.2
_GOLDEN_WINDOWS = 10
_NAMES = {"eegmat": ("mental-load", "Mental load (mental arithmetic)")}


class RunSettings(BaseModel):
    """What determines the result of a run; a run folder belongs to one of these.

    Attributes
    ----------
    dataset : str
        Name of the data set.
    preset : Preset
        What to do, changes from the command line included.
    protocol : str
        Protocol of the splits.
    folds : int or None
        Folds of the cross-validation, the protocol's own for None; 1 runs the first of them only.
    subjects : tuple of str or None
        Which ones; all but the demo's for None.
    targets : tuple of str or None
        Which ones; all for None.
    seed : int
        The only source of randomness.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    preset: Preset
    protocol: str
    folds: int | None = None
    subjects: tuple[str, ...] | None = None
    targets: tuple[str, ...] | None = None
    seed: int = 0

    def command(self) -> str:
        """Give the command line that leads to the same result; folders stand for themselves."""
        words = ["bci-offline", "run", "--dataset", self.dataset, "--preset", self.preset.name]
        words += ["--protocol", self.protocol, "--seed", str(self.seed)]
        if self.folds is not None:
            words += ["--folds", str(self.folds)]
        for option, values in (("--subjects", self.subjects), ("--targets", self.targets)):
            if values is not None:
                words += [option, ",".join(values)]
        return shlex.join([*words, "--out", "RUN"])


@dataclass(frozen=True)
class RunResult:
    """What a run ended with.

    Attributes
    ----------
    scores : tuple of Score
        Cross-validated, one a target.
    supernet, inherited : tuple of Score
        The same of the largest subnet, and of the found ones before fine-tuning.
    reference : tuple of Score
        The same of the reference method; empty where it does not apply.
    bundle : LoadedBundle
        As exported.
    latency_ms : float
        Median time of one window through the app's predictor.
    seconds : float
        Time since the run was started or resumed.
    """

    scores: tuple[Score, ...]
    supernet: tuple[Score, ...]
    inherited: tuple[Score, ...]
    reference: tuple[Score, ...]
    bundle: LoadedBundle
    latency_ms: float
    seconds: float


def run(
    settings: RunSettings,
    out: Path,
    *,
    root: Path | None = None,
    bundle: Path | None = None,
    name: str | None = None,
    processes: int = 1,
    report: Report,
    on_windows: WindowProgress | None = None,
    on_stage: Callable[[str], None] | None = None,
) -> RunResult:
    """Do a whole run, or go on with one that was killed.

    Parameters
    ----------
    settings : RunSettings
        What to do.
    out : Path
        The run's folder.
    root : Path, optional
        Folder of the data set.
    bundle : Path, optional
        Where the bundle goes; ``out/bundle/NAME`` by default.
    name : str, optional
        Name of the bundle.
    processes : int
        Folds at once.
    report, on_windows, on_stage : callable
        Told how far it is.

    Raises
    ------
    FileError
        If the folder belongs to another run.
    DatasetError, BundleError
        If the data cannot be used or the bundle not be written.
    """
    start = time.monotonic()
    stage = on_stage or (lambda _: None)
    protocol = protocol_named(settings.protocol)
    dataset = open_dataset(settings.dataset, root)
    spec = settings.preset.preprocessing(dataset.info)
    _claim(out, settings)
    stage("windows")
    windows = _windows(dataset, spec, settings, on_windows)
    splits = _splits(windows, protocol, settings, out)
    final = final_split(windows, splits, protocol)
    stage("folds")
    jobs = [Job(split, settings.seed * 1000 + i, out / "folds" / split.name) for i, split in enumerate(splits)]
    jobs.append(Job(final, settings.seed * 1000 + 999, out / "final"))
    results = run_jobs(windows, settings.preset, jobs, processes=processes, report=report)
    stage("scores")
    scores = {which: _scores(windows, splits, results[:-1], spec, which=which) for which in ("supernet", "inherited")}
    reference = _reference(dataset, windows, splits, spec, settings)
    found = _scores(windows, splits, results[:-1], spec, reference=reference)
    stage("export")
    card = model_card(
        dataset.info,
        windows,
        final,
        protocol=protocol,
        folds=len(splits),
        scores=found,
        finetuned=settings.preset.finetune > 0,
        command=settings.command(),
    )
    default, title = _NAMES.get(settings.dataset, (f"{settings.dataset}-{settings.preset.name}", dataset.info.title))
    name = name or default
    folder = bundle or out / "bundle" / name
    export_bundle(
        folder,
        [_exported(windows, out / "final", results[-1])],
        name=name,
        title=title,
        preprocessing=spec,
        provenance=card,
        excerpt=golden_excerpt(dataset, spec),
        smoothing=Smoothing(windows=rolling_windows(spec)),
    )
    loaded = load_bundle(folder)
    result = RunResult(
        scores=found,
        supernet=scores["supernet"],
        inherited=scores["inherited"],
        reference=_reference_scores(windows, reference, spec),
        bundle=loaded,
        latency_ms=measure_latency(loaded.spec, loaded.model),
        seconds=time.monotonic() - start,
    )
    _write_result(out, settings, result, results)
    return result


def _claim(out: Path, settings: RunSettings) -> None:
    """Make the folder this run's, or see that it is."""
    path = out / "run.json"
    mine = settings.model_dump_json(indent=2) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") != mine:
        raise FileError(
            f"The folder {out} belongs to another run",
            found=f"other settings in {path.name}",
            expected="the settings of this run, to go on with it",
            fix="Give another --out, or delete the folder.",
        )
    if not path.exists() and out.is_dir() and any(out.iterdir()):
        raise FileError(
            f"The folder {out} is not empty",
            found="files that are no run's",
            expected="a new folder, or that of the same run",
            fix="Give another --out.",
        )
    write_atomically(path, mine)


def _windows(
    dataset: Dataset, spec: PreprocessingSpec, settings: RunSettings, progress: WindowProgress | None
) -> WindowSet:
    subjects = settings.subjects
    if subjects is None:
        demo = DEMO_SUBJECTS.get(settings.dataset, ())
        subjects = tuple(subject for subject in dataset.subjects() if subject not in demo)
    return make_windows(dataset, spec, subjects=subjects, targets=settings.targets, progress=progress)


def _splits(windows: WindowSet, protocol: Protocol, settings: RunSettings, out: Path) -> list[Split]:
    first_only = settings.folds == 1 and protocol.unit != "session"
    folds = None if first_only or protocol.name == "loso" else settings.folds
    if folds is None and protocol.name == settings.preset.protocol:
        folds = settings.preset.folds
    splits = make_splits(windows, protocol.name, folds=folds, seed=settings.seed, validation=VALIDATION_SHARE)
    splits = splits[:1] if first_only else splits
    write_splits(
        out / "splits.json",
        windows,
        splits,
        protocol=protocol.name,
        seed=settings.seed,
        validation=VALIDATION_SHARE,
    )
    return splits


def final_split(windows: WindowSet, splits: list[Split], protocol: Protocol) -> Split:
    """Give the split of the model that ships: nothing is tested, and the first fold's test part validates.

    Where each subject has folds of its own, the first of each subject does.
    """
    firsts: dict[int, Split] = {}
    for split in splits:
        population = int(windows.subject[split.test[0]]) if protocol.within_subject else 0
        firsts.setdefault(population, split)
    validation = np.sort(np.concatenate([split.test for split in firsts.values()]))
    train = np.setdiff1d(np.arange(len(windows), dtype=np.int64), validation)
    return Split("final", train, validation, np.empty(0, dtype=np.int64))


def _scores(
    windows: WindowSet,
    splits: list[Split],
    results: list[FoldResult],
    spec: PreprocessingSpec,
    *,
    which: str = "found",
    reference: dict[int, np.ndarray] | None = None,
) -> tuple[Score, ...]:
    scores = []
    for t, target in enumerate(windows.targets):
        predictions = tested(windows, pooled(windows, splits, results, t, which=which), t)
        beside = tested(windows, reference[t], t) if reference else None
        scores.append(score(predictions, target.name, spec, reference=beside))
    return tuple(scores)


def _reference(
    dataset: Dataset, windows: WindowSet, splits: list[Split], spec: PreprocessingSpec, settings: RunSettings
) -> dict[int, np.ndarray]:
    """Score the reference on the same windows and splits; empty where it does not apply."""
    simple = reference_preprocessing(spec)
    if simple is None:
        return {}
    features = make_windows(dataset, simple, subjects=windows.subjects, targets=settings.targets)
    return {t: reference_probabilities(features, splits, t) for t in range(len(windows.targets))}


def _reference_scores(
    windows: WindowSet, reference: dict[int, np.ndarray], spec: PreprocessingSpec
) -> tuple[Score, ...]:
    return tuple(
        score(tested(windows, probabilities, t), windows.targets[t].name, spec)
        for t, probabilities in reference.items()
    )


def _exported(windows: WindowSet, folder: Path, result: FoldResult) -> ExportedSubnet:
    targets = tuple(
        target.model_copy(update={"temperature": temperature})
        for target, temperature in zip(windows.targets, result.summary.temperatures, strict=True)
    )
    return ExportedSubnet(read_subnet(folder, windows, result), targets)


def golden_excerpt(dataset: Dataset, spec: PreprocessingSpec) -> Excerpt:
    """Take the beginning of a recording: the rest baseline, if there is one, and ten windows.

    It is the demo subject's where the data set has one, so that no training data ship.
    """
    subject = (*DEMO_SUBJECTS.get(dataset.info.name, ()), dataset.subjects()[0])[0]
    trial: Trial = next(iter(dataset.trials(subject)))
    rest = 0 if isinstance(spec.baseline, NoBaseline) else spec.baseline.samples
    samples = max(rest, spec.warm_up) + spec.window + _GOLDEN_WINDOWS * spec.hop
    data = trial.data if trial.rest is None else trial.rest
    raw = data[: int(np.ceil(samples / spec.rate * trial.rate)) + 1].astype(np.float32)
    return Excerpt(raw, trial.channels, trial.rate)


def measure_latency(spec: Bundle, model: bytes, *, repeats: int = 200) -> float:
    """Give the median time in ms that the app's predictor takes for one window."""
    predictor = Predictor(spec, model)
    tokens = np.zeros((1, len(spec.preprocessing.channels), spec.preprocessing.n_features), dtype=np.float32)
    times = []
    for _ in range(repeats + 10):
        start = time.perf_counter()
        predictor.predict(tokens)
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times[10:]))


def _write_result(out: Path, settings: RunSettings, result: RunResult, folds: list[FoldResult]) -> None:
    def dump(scores: tuple[Score, ...]) -> list[object]:
        return [score.model_dump(mode="json") for score in scores]

    record = {
        "command": settings.command(),
        "scores": dump(result.scores),
        "inherited": dump(result.inherited),
        "supernet": dump(result.supernet),
        "reference": dump(result.reference),
        "folds": [
            {
                "name": fold.summary.name,
                "arch": json.loads(fold.summary.arch.to_json()),
                "parameters": fold.summary.parameters,
                "temperatures": fold.summary.temperatures,
                "validation_balanced_accuracy": fold.summary.validation_balanced_accuracy,
                "evaluations": fold.summary.evaluations,
                "epochs": fold.summary.epochs,
                "best_epoch": fold.summary.best_epoch,
            }
            for fold in folds
        ],
        "bundle": result.bundle.spec.name,
        "model_bytes": result.bundle.spec.model_bytes,
        "latency_ms": result.latency_ms,
        "seconds": result.seconds,
    }
    write_atomically(out / "result.json", json.dumps(record, indent=2) + "\n")
