"""What a finished run shows, computed from its files alone."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bci_app.bundle.spec import Attribution, TargetScore
from bci_app.errors import FileError
from offline.datasets import DATASETS, plain_name
from offline.metrics import ConfidenceBin, balanced_accuracy, confidence_bins, confusion
from offline.protocols import LEAK_WARNING
from offline.report.literature import OTHERS, PAPER, PAPER_PROTOCOL
from offline.report.methods import Frozen, MethodFigures, method_figures
from offline.run.comparison import SearchComparison
from offline.run.fold import HYPERVOLUME_FILE, SEARCH_FILE, TRAINING_FILE
from offline.run.record import (
    PREDICTIONS_FILE,
    REFERENCE,
    LeakRecord,
    NetworkRecord,
    ProtocolRecord,
    RunRecord,
    ScoredWindows,
)
from offline.run.scores import predictions_of, protocol_scores, score
from offline.search.pareto import fronts
from offline.search.store import read_evaluations

_MOST_CURVES = 60


class SubjectFigures(Frozen):
    """Scores of the found subnets for one subject, and the reference's balanced accuracy.

    Attributes
    ----------
    classes : int
        How many the subject's tested windows have; of one class there is no balanced figure.
    """

    subject: str
    classes: int
    found: TargetScore
    reference: float


class TargetReport(Frozen):
    """One target under one protocol.

    Attributes
    ----------
    kinds : dict of str to TargetScore
        ``found``, ``inherited``, ``supernet``, ``reference`` and the baselines.
    methods : tuple of MethodFigures
        The found subnets, the reference and the baselines, tested over people.
    confusion : tuple of tuple of int
        Windows of the found subnets: true class by row, predicted class by column.
    """

    target: str
    classes: tuple[str, ...]
    kinds: dict[str, TargetScore]
    subjects: tuple[SubjectFigures, ...]
    methods: tuple[MethodFigures, ...]
    confusion: tuple[tuple[int, ...], ...]
    reliability: tuple[ConfidenceBin, ...]

    @property
    def chance(self) -> float:
        """Balanced accuracy without knowledge: one by the classes that were tested."""
        return 1 / sum(any(row) for row in self.confusion)

    @property
    def n_subjects(self) -> int:
        """How many subjects were tested."""
        return len(self.subjects)


class Curve(Frozen):
    """Losses by epoch of one supernet; validation is the mean of probe subnets."""

    name: str
    train: tuple[float, ...]
    validation: tuple[float, ...]
    best_epoch: int


class ProtocolReport(Frozen):
    """One protocol. `warning` stands wherever its figures do."""

    name: str
    description: str
    leaks: bool
    warning: str | None
    within_subject: bool
    splits: int
    targets: tuple[TargetReport, ...]
    parameters: tuple[int, ...]
    curves: tuple[Curve, ...]
    leak: tuple[LeakRecord, ...]
    attributions: tuple[Attribution, ...]
    search: tuple[SearchComparison, ...]

    @property
    def has_subject_intervals(self) -> bool:
        """True if a single subject's balanced accuracy has an interval."""
        return any(subject.found.interval for target in self.targets for subject in target.subjects)


class Candidate(Frozen):
    """A subnet that the search looked at."""

    parameters: int
    validation_error: float
    latency_ms: float | None
    generation: int
    on_front: bool


class FrontPoint(Frozen):
    """A subnet on a front."""

    parameters: int
    validation_error: float


class SearchReport(Frozen):
    """The network that ships: what was looked at, and what was chosen.

    Attributes
    ----------
    fronts : tuple of tuple of FrontPoint
        After every generation, of all subnets evaluated by then, smallest first; of the objectives that were searched.
    """

    network: NetworkRecord
    candidates: tuple[Candidate, ...]
    fronts: tuple[tuple[FrontPoint, ...], ...]
    hypervolume: tuple[float, ...]
    curve: Curve


class PublishedFigure(Frozen):
    """The paper's accuracy of a target, and ours under each protocol of the run."""

    target: str
    published: float
    ours: dict[str, float]


class Literature(Frozen):
    """The paper's figures beside ours."""

    source: str
    protocol: str
    figures: tuple[PublishedFigure, ...]
    others: str


class Report(Frozen):
    """All that the report shows; what the run recorded is part of it."""

    record: RunRecord
    protocols: tuple[ProtocolReport, ...]
    searches: tuple[SearchReport, ...]
    literature: Literature | None


def analyse(run: Path) -> Report:
    """Compute the report of a finished run.

    Raises
    ------
    FileError
        If the run is not finished, or one of its files is damaged.
    """
    record = RunRecord.read(run)
    protocols = tuple(_protocol(run, record, protocol) for protocol in record.protocols)
    return Report(
        record=record,
        protocols=protocols,
        searches=tuple(
            _search(run, network, latency=record.settings.preset.latency_searched) for network in record.final
        ),
        literature=_literature(record, protocols),
    )


def _protocol(run: Path, record: RunRecord, protocol: ProtocolRecord) -> ProtocolReport:
    tested, within = ScoredWindows.read(run / protocol.folder / PREDICTIONS_FILE), protocol.within_subject
    names = [target.name for target in record.targets]
    scores = protocol_scores(tested, names, record.preprocessing, within_subject=within)
    scores["found"] = tuple(
        _with_controls(*pair) for pair in zip(scores["found"], protocol.scores["found"], strict=True)
    )
    chosen = np.unique(np.linspace(0, len(protocol.networks) - 1, _MOST_CURVES).astype(int))
    return ProtocolReport(
        name=protocol.name,
        description=protocol.description,
        leaks=protocol.leaks,
        warning=f"{protocol.name} {LEAK_WARNING}" if protocol.leaks else None,
        within_subject=protocol.within_subject,
        splits=protocol.splits,
        targets=tuple(_target(record, protocol, tested, scores, t) for t in range(len(record.targets))),
        parameters=tuple(network.parameters for network in protocol.networks),
        curves=tuple(_curve(run, protocol.networks[i]) for i in chosen),
        leak=protocol.leak,
        attributions=protocol.attributions,
        search=protocol.search,
    )


def _with_controls(score: TargetScore, recorded: TargetScore) -> TargetScore:
    """Take over what was measured beside a score when networks and recordings were at hand."""
    beside = {"controls": recorded.controls, "explained_by_controls": recorded.explained_by_controls}
    return score.model_copy(update=beside)


def _target(
    record: RunRecord,
    protocol: ProtocolRecord,
    tested: ScoredWindows,
    scores: Mapping[str, tuple[TargetScore, ...]],
    t: int,
) -> TargetReport:
    target, within_subject = record.targets[t], protocol.within_subject
    found, reference = (predictions_of(tested, kind, t, within_subject=within_subject) for kind in ("found", REFERENCE))
    subjects = []
    for code in np.unique(tested.subject):
        own, beside = found.of_subject(code), reference.of_subject(code)
        subjects.append(
            SubjectFigures(
                subject=record.subjects[code],
                classes=len(np.unique(own.labels)),
                found=score(own, target.name, record.preprocessing),
                reference=balanced_accuracy(beside.probabilities.argmax(axis=1), beside.labels),
            )
        )
    counts = confusion(found.probabilities.argmax(axis=1), found.labels, len(target.classes))
    return TargetReport(
        target=target.name,
        classes=target.classes,
        kinds={kind: scores[kind][t] for kind in tested.probabilities},
        subjects=tuple(subjects),
        methods=method_figures(record, protocol.name, tested, scores, t, within_subject=within_subject),
        confusion=tuple(tuple(int(n) for n in row) for row in counts),
        reliability=tuple(confidence_bins(found.probabilities, found.labels)),
    )


def _curve(run: Path, network: NetworkRecord) -> Curve:
    rows = _csv(run / network.folder / TRAINING_FILE, ("train_loss", "validation_loss"))
    return Curve(
        name=network.folder,
        train=tuple(float(row["train_loss"]) for row in rows),
        validation=tuple(float(row["validation_loss"]) for row in rows if row["validation_loss"]),
        best_epoch=network.best_epoch,
    )


def _search(run: Path, network: NetworkRecord, *, latency: bool) -> SearchReport:
    folder = run / network.folder
    everything = read_evaluations(folder / SEARCH_FILE)
    volumes = tuple(float(row["hypervolume"]) for row in _csv(folder / HYPERVOLUME_FILE, ("hypervolume",)))
    by_generation = [[e for e in everything if e.generation == number] for number in range(len(volumes))]
    found = fronts(by_generation, latency=latency)
    on_front = {e.arch for e in found[-1]}
    candidates = tuple(
        Candidate(
            parameters=e.metrics.parameters,
            validation_error=1 - e.metrics.balanced_accuracy,
            latency_ms=e.metrics.latency_ms,
            generation=e.generation,
            on_front=e.arch in on_front,
        )
        for e in everything
    )
    return SearchReport(
        network=network,
        candidates=candidates,
        fronts=tuple(
            tuple(
                FrontPoint(parameters=e.metrics.parameters, validation_error=1 - e.metrics.balanced_accuracy)
                for e in front
            )
            for front in found
        ),
        hypervolume=volumes,
        curve=_curve(run, network),
    )


def _csv(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise FileError(f"Cannot read {path}", found=str(error), fix="Run the same command again.") from error
    if not rows or not set(columns) <= set(rows[0]):
        raise FileError(f"{path} is damaged", found=f"{len(rows)} rows", expected=f"columns {', '.join(columns)}")
    return rows


def _literature(record: RunRecord, protocols: Sequence[ProtocolReport]) -> Literature | None:
    entry = DATASETS.get(plain_name(record.dataset.name))
    names = [target.name for target in record.targets]
    beside = [
        PublishedFigure(
            target=target,
            published=accuracy,
            ours={p.name: p.targets[names.index(target)].kinds["found"].accuracy for p in protocols},
        )
        for target, accuracy in (entry.published if entry is not None else {}).items()
        if target in names
    ]
    if not beside:
        return None
    return Literature(source=PAPER, protocol=PAPER_PROTOCOL, figures=tuple(beside), others=OTHERS)
