"""The rows of ``events.tsv``: what the markers of a recording say, at rows of its samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from bci_app.recording import Recording
from bci_app.study.markers import StudyMarker
from bci_app.study.trials import Span, read_self_report, read_study, self_reported

REST, INTERRUPTED, MARKER, BOUNDARY = "rest", "interrupted", "marker", "boundary"
INTENDED = "intended_"

KINDS = {
    REST: "A rest with nothing to do: the rest baseline of the trials after it.",
    INTERRUPTED: "A trial or rest that was begun and not completed; it was shown again.",
    "self-report": "What came before a self-report that was given freely, for 30 s at most.",
    MARKER: "Any other marker, with its text in the column value.",
    BOUNDARY: "Samples are missing before this one, as many as the column value says; 0 if that is not known.",
}
"""Kinds of events, beside the conditions of trials."""

COLUMNS: dict[str, dict[str, object]] = {
    "onset": {"Description": "Beginning of the event, from the first sample of the recording.", "Units": "s"},
    "duration": {"Description": "Length of the event.", "Units": "s"},
    "sample": {"Description": "Row of the first sample of the event, counted from 0."},
    "trial_type": {"LongName": "Kind of event", "Description": "The condition of a trial, or another kind of event."},
    "trial": {"Description": "Number of the trial in its session."},
    "delay": {"Description": "From the call for the stimulus to the frame that showed it.", "Units": "ms"},
    "value": {"Description": "Text of a marker, or samples lost at a boundary."},
}
"""Columns that every table may have, with their descriptions."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event at a row of the data, for some rows, with its cells."""

    row: int
    rows: int
    kind: str
    cells: Mapping[str, str] = field(default_factory=dict)


def events_of(recording: Recording) -> tuple[Event, ...]:
    """List the events of a recording in the order of their rows."""
    markers = [(note.onset, note.text) for note in recording.annotations]
    study = read_study(markers)
    found = [Event(b.row, 0, BOUNDARY, {"value": str(b.lost)}) for b in recording.breaks]
    trials = self_reported(markers) if study is None else study.trials
    for trial in trials:
        cells = {"trial": str(trial.number), "delay": "" if study is None else f"{trial.delay_ms:g}"}
        cells |= {_column(name): value for name, value in trial.ratings.items()}
        cells |= {INTENDED + name: value for name, value in trial.intended.items()}
        found.append(_at(recording, trial.span, trial.condition, cells))
    if study is not None:
        found += [_at(recording, span, REST, {}) for span in study.rests]
        found += [_at(recording, span, INTERRUPTED, {}) for span in study.interrupted]
    found += [
        _at(recording, Span(time, time), MARKER, {"value": text})
        for time, text in markers
        if StudyMarker.parse(text) is None and not read_self_report(text)
    ]
    return tuple(sorted((event for event in found if event.row < len(recording)), key=lambda event: event.row))


def describe_columns(events: tuple[Event, ...]) -> dict[str, dict[str, object]]:
    """Describe the columns of a table: those of every table, ratings, and intended classes; all kinds of its events."""
    described = dict(COLUMNS)
    conditions = {event.kind: f"A trial of the condition {event.kind}." for event in events if event.kind not in KINDS}
    described["trial_type"] = {**COLUMNS["trial_type"], "Levels": KINDS | conditions}
    for name in dict.fromkeys(name for event in events for name in event.cells if name not in COLUMNS):
        if name.startswith(INTENDED):
            what = name.removeprefix(INTENDED)
            described[name] = {"Description": f"Class or rating of {what} that the protocol meant the trial to have."}
        else:
            described[name] = {"Description": f"The participant's answer to the question of {name} after the trial."}
    return described


def _column(scale: str) -> str:
    return f"rating_{scale}" if scale in COLUMNS or scale.startswith(INTENDED) else scale


def _at(recording: Recording, span: Span, kind: str, cells: Mapping[str, str]) -> Event:
    """Place a span on rows: from the first sample not before its onset by more than half a sample."""
    rate = recording.info.rate
    first = int(np.searchsorted(recording.times, span.onset - 0.5 / rate))
    rows = round(span.seconds * rate)
    if any(first < found.row < first + rows for found in recording.breaks):
        rows = int(np.searchsorted(recording.times, span.offset - 0.5 / rate)) - first  # without what was lost
    return Event(first, rows, kind, cells)
