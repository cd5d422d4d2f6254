"""What happened in a recording and when: from an events table, or from the markers of a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bci_app.errors import DatasetError
from bci_app.recording import Recording
from bci_app.study.trials import RecordedStudy, RecordedTrial, read_study, self_reported
from offline.datasets.tables import is_missing, is_number, parse_number, read_table, target_name

RATINGS = ("valence", "arousal", "dominance", "liking")

_REST = ("rest", "baseline")
_NOT_LABELS = {
    "onset", "duration", "trial", "trial_type", "sample", "response_time", "value", "hed", "stim_file", "identifier",
}  # fmt: skip


@dataclass(frozen=True)
class EventRow:
    """A stretch of a recording.

    Attributes
    ----------
    line : int
        Number in its table.
    onset, duration : float
        Seconds from the first sample.
    trial : str
        Name of the trial, unique in its file.
    rest : bool
        Whether it is a rest baseline.
    words : mapping of str to str
        Its labels by target, as written; none for events of another kind.
    """

    line: int
    onset: float
    duration: float
    trial: str
    rest: bool
    words: Mapping[str, str]


def read_events(path: Path, fix: str) -> tuple[EventRow, ...]:
    """Read an events table.

    Parameters
    ----------
    path : Path
        Tab-separated, with the columns of BIDS.
    fix : str
        What to do about a table that cannot be used, for the message.

    Raises
    ------
    DatasetError
        If it cannot be read, or lacks a column.
    """
    columns, lines = read_table(path)
    if not {"onset", "duration"} <= set(columns):
        raise DatasetError(
            f"{path.name} is no events table",
            found=", ".join(columns),
            expected="columns onset and duration",
            fix=fix,
        )
    label_columns = [name for name in columns if _is_label(name, [line[name] for line in lines])]
    rows = []
    for line, cells in enumerate(lines, start=1):
        where = f"row {line} of {path.name}"
        words = {target_name(name): cells[name] for name in label_columns if not is_missing(cells[name])}
        rows.append(
            EventRow(
                line=line,
                onset=parse_number(cells["onset"], "onset", where),
                duration=parse_number(cells["duration"], "duration", where) if words or _is_rest(cells) else 0.0,
                trial=str(line) if is_missing(cells.get("trial", "")) else cells["trial"],
                rest=_is_rest(cells),
                words=words,
            )
        )
    return tuple(sorted(rows, key=lambda row: row.onset))


def _is_rest(cells: Mapping[str, str]) -> bool:
    return cells.get("trial_type", "").lower() in _REST


def _is_label(name: str, values: list[str]) -> bool:
    there = [value for value in values if not is_missing(value)]
    if name in RATINGS:
        return bool(there)
    return name not in _NOT_LABELS and bool(there) and not all(is_number(value) for value in there)


def rows_of_session(recording: Recording) -> tuple[EventRow, ...]:
    """Return the trials and rests that the markers of a session of bci-app say; none for other recordings.

    Labels of a study are its ratings of emotion, its answers in words, and what the protocol intended: as a target of
    that name, or as ``intended_valence`` where the same name is rated. Without a study each self-report labels the
    30 s before it.

    Parameters
    ----------
    recording : Recording
        With its markers as annotations.
    """
    markers = [(note.onset, note.text) for note in recording.annotations]
    study = read_study(markers)
    if study is not None:
        return _study_rows(study)
    reports = self_reported(markers)
    return tuple(
        EventRow(n, report.span.onset, report.span.seconds, f"report-{n}", False, report.ratings)
        for n, report in enumerate(reports, start=1)
    )


def _study_rows(study: RecordedStudy) -> tuple[EventRow, ...]:
    rests = [
        EventRow(0, span.onset, span.seconds, f"rest-{n}", True, {}) for n, span in enumerate(study.rests, start=1)
    ]
    labels = [_labels(trial) for trial in study.trials]
    complete = {name for words in labels for name in words}
    trials = [
        # A trial that lacks one of the labels, as an answer that was not given, is not learnt from.
        EventRow(
            trial.number,
            trial.span.onset,
            trial.span.seconds,
            f"{trial.number}-{trial.condition}",
            False,
            words if set(words) == complete else {},
        )
        for trial, words in zip(study.trials, labels, strict=True)
    ]
    return tuple(sorted([*rests, *trials], key=lambda row: row.onset))


def _labels(trial: RecordedTrial) -> dict[str, str]:
    words = {name: value for name, value in trial.ratings.items() if name in RATINGS or not is_number(value)}
    for name, value in trial.intended.items():
        if not is_number(value):
            words[f"intended_{name}" if name in RATINGS else name] = value
    return words
