"""What a finished run shows, computed from its files alone."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from bci_app.errors import FileError
from offline.metrics import (
    accuracy,
    balanced_accuracy,
    confusion,
    expected_calibration_error,
    grouped_interval,
    macro_f1,
    majority_baseline,
    rolling_mean,
)
from offline.protocols import LEAK_WARNING
from offline.report.literature import OTHERS, PAPER, PAPER_ACCURACY, PAPER_PROTOCOL
from offline.run.fold import FRONT_FILE, HYPERVOLUME_FILE, SEARCH_FILE, TRAINING_FILE
from offline.run.record import PREDICTIONS_FILE, NetworkRecord, ProtocolRecord, RunRecord, ScoredWindows
from offline.run.scores import predictions_of, rolling_windows

_BINS = 10
_MOST_CURVES = 60


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figures(_Frozen):
    """Figures of one kind of prediction for one target.

    Attributes
    ----------
    interval : tuple of float or None
        95 % interval of the balanced accuracy over whole subjects, or whole trials where subjects are few.
    """

    windows: int
    accuracy: float
    balanced_accuracy: float
    rolling_balanced_accuracy: float
    macro_f1: float
    majority_baseline: float
    calibration_error: float
    interval: tuple[float, float] | None


class SubjectFigures(_Frozen):
    """Figures of the found subnets for one subject, and the reference's balanced accuracy."""

    subject: str
    found: Figures
    reference: float


class Reliability(_Frozen):
    """One bin of confidence: its mean, how often the predicted class was right, and its share of the windows."""

    confidence: float
    accuracy: float
    share: float


class TargetReport(_Frozen):
    """One target under one protocol.

    Attributes
    ----------
    kinds : dict of str to Figures
        ``found``, ``inherited``, ``supernet`` and ``reference``.
    confusion : tuple of tuple of int
        Windows of the found subnets: true class by row, predicted class by column.
    """

    target: str
    classes: tuple[str, ...]
    kinds: dict[str, Figures]
    subjects: tuple[SubjectFigures, ...]
    confusion: tuple[tuple[int, ...], ...]
    reliability: tuple[Reliability, ...]


class Curve(_Frozen):
    """Losses by epoch of one supernet; validation is the mean of probe subnets."""

    name: str
    train: tuple[float, ...]
    validation: tuple[float, ...]
    best_epoch: int


class ProtocolReport(_Frozen):
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


class Candidate(_Frozen):
    """A subnet that the search looked at."""

    parameters: int
    validation_error: float
    latency_ms: float | None
    generation: int
    on_front: bool


class SearchReport(_Frozen):
    """The network that ships: what was looked at, and what was chosen."""

    network: NetworkRecord
    candidates: tuple[Candidate, ...]
    hypervolume: tuple[float, ...]
    curve: Curve


class PublishedFigure(_Frozen):
    """The paper's accuracy of a target, and ours under each protocol of the run."""

    target: str
    published: float
    ours: dict[str, float]


class Literature(_Frozen):
    """The paper's figures beside ours."""

    source: str
    protocol: str
    figures: tuple[PublishedFigure, ...]
    others: str


class Report(_Frozen):
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
        searches=tuple(_search(run, network) for network in record.final),
        literature=_literature(record, protocols),
    )


def figures(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int64],
    subject: NDArray[np.int64],
    trial: NDArray[np.int64],
    windows: int,
) -> Figures:
    """Compute the figures of predictions; `windows` of them are averaged for the rolling one."""
    predicted = probabilities.argmax(axis=1)
    return Figures(
        windows=len(labels),
        accuracy=accuracy(predicted, labels),
        balanced_accuracy=balanced_accuracy(predicted, labels),
        rolling_balanced_accuracy=balanced_accuracy(rolling_mean(probabilities, trial, windows).argmax(axis=1), labels),
        macro_f1=macro_f1(predicted, labels),
        majority_baseline=majority_baseline(labels),
        calibration_error=expected_calibration_error(probabilities, labels),
        interval=grouped_interval(predicted, labels, subject, trial),
    )


def _protocol(run: Path, record: RunRecord, protocol: ProtocolRecord) -> ProtocolReport:
    tested = ScoredWindows.read(run / protocol.folder / PREDICTIONS_FILE)
    chosen = np.unique(np.linspace(0, len(protocol.networks) - 1, _MOST_CURVES).astype(int))
    return ProtocolReport(
        name=protocol.name,
        description=protocol.description,
        leaks=protocol.leaks,
        warning=f"{protocol.name} {LEAK_WARNING}" if protocol.leaks else None,
        within_subject=protocol.within_subject,
        splits=protocol.splits,
        targets=tuple(_target(record, tested, t) for t in range(len(record.targets))),
        parameters=tuple(network.parameters for network in protocol.networks),
        curves=tuple(_curve(run, protocol.networks[i]) for i in chosen),
    )


def _target(record: RunRecord, tested: ScoredWindows, t: int) -> TargetReport:
    target, windows = record.targets[t], rolling_windows(record.preprocessing)
    kinds = {kind: figures(*predictions_of(tested, kind, t), windows) for kind in tested.probabilities}
    probabilities, labels, subject, trial = predictions_of(tested, "found", t)
    reference = tested.probabilities["reference"][t].argmax(axis=1)
    subjects = []
    for code in np.unique(subject):
        one = subject == code
        found = figures(probabilities[one], labels[one], subject[one], trial[one], windows)
        subjects.append(
            SubjectFigures(
                subject=record.subjects[code], found=found, reference=balanced_accuracy(reference[one], labels[one])
            )
        )
    counts = confusion(probabilities.argmax(axis=1), labels, len(target.classes))
    return TargetReport(
        target=target.name,
        classes=target.classes,
        kinds=kinds,
        subjects=tuple(subjects),
        confusion=tuple(tuple(int(n) for n in row) for row in counts),
        reliability=_reliability(probabilities, labels),
    )


def _reliability(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[Reliability, ...]:
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * _BINS).astype(int) - 1, 0, _BINS - 1)
    return tuple(
        Reliability(
            confidence=float(confidence[place == b].mean()),
            accuracy=float(right[place == b].mean()),
            share=float((place == b).mean()),
        )
        for b in np.unique(place)
    )


def _curve(run: Path, network: NetworkRecord) -> Curve:
    rows = _csv(run / network.folder / TRAINING_FILE, ("train_loss", "validation_loss"))
    return Curve(
        name=network.folder,
        train=tuple(float(row["train_loss"]) for row in rows),
        validation=tuple(float(row["validation_loss"]) for row in rows if row["validation_loss"]),
        best_epoch=network.best_epoch,
    )


def _search(run: Path, network: NetworkRecord) -> SearchReport:
    folder = run / network.folder
    front = {row["arch"] for row in _csv(folder / FRONT_FILE, ("arch",))}
    path = folder / SEARCH_FILE
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute(
                "SELECT arch, parameters, validation_balanced_accuracy, latency_ms, generation FROM evaluations"
            ).fetchall()
    except sqlite3.Error as error:
        raise FileError(f"Cannot read the search {path}", found=str(error)) from error
    candidates = tuple(
        Candidate(
            parameters=parameters,
            validation_error=1 - accuracy,
            latency_ms=latency,
            generation=generation,
            on_front=arch in front,
        )
        for arch, parameters, accuracy, latency, generation in rows
    )
    volumes = tuple(float(row["hypervolume"]) for row in _csv(folder / HYPERVOLUME_FILE, ("hypervolume",)))
    return SearchReport(network=network, candidates=candidates, hypervolume=volumes, curve=_curve(run, network))


def _csv(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise FileError(f"Cannot read {path}", found=str(error), fix="Give the command of the run again.") from error
    if not rows or not set(columns) <= set(rows[0]):
        raise FileError(f"{path} is damaged", found=f"{len(rows)} rows", expected=f"columns {', '.join(columns)}")
    return rows


def _literature(record: RunRecord, protocols: Sequence[ProtocolReport]) -> Literature | None:
    published = PAPER_ACCURACY.get(record.dataset.name.removesuffix("-original"), ())
    names = [target.name for target in record.targets]
    beside = [
        PublishedFigure(
            target=figure.target,
            published=figure.accuracy,
            ours={p.name: p.targets[names.index(figure.target)].kinds["found"].accuracy for p in protocols},
        )
        for figure in published
        if figure.target in names
    ]
    if not beside:
        return None
    return Literature(source=PAPER, protocol=PAPER_PROTOCOL, figures=tuple(beside), others=OTHERS)
