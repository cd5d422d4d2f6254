"""The trials of a recorded session, read from the markers in its recording."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bci_app.study.markers import INTENDED, Kind, Outcome, StudyMarker

_SELF_REPORT = re.compile(r"^self-report((?: [a-z_]+=[0-9]+)+)$")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a recording, in seconds from its first sample."""

    onset: float
    offset: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.offset - self.onset


@dataclass(frozen=True, slots=True)
class RecordedTrial:
    """A trial that was shown to its end.

    Attributes
    ----------
    number : int
        Its number in the session.
    condition : str
        Which kind of trial it was.
    span : Span
        When.
    ratings : mapping of str to str
        Answers by scale.
    intended : mapping of str to str
        Class or rating that it was meant to have, by target.
    delay_ms : float
        From the call for the stimulus to its being seen.
    """

    number: int
    condition: str
    span: Span
    ratings: Mapping[str, str] = field(default_factory=dict)
    intended: Mapping[str, str] = field(default_factory=dict)
    delay_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class RecordedStudy:
    """What the markers of a recording say.

    Attributes
    ----------
    details : mapping of str to str
        Protocol, participant, session and run.
    rests : tuple of Span
        Rests that were completed.
    trials : tuple of RecordedTrial
        Trials that were completed, by number.
    interrupted : tuple of Span
        Trials that were begun and not completed.
    complete : bool
        Whether the study reached its end in this recording.
    """

    details: Mapping[str, str]
    rests: tuple[Span, ...]
    trials: tuple[RecordedTrial, ...]
    interrupted: tuple[Span, ...] = ()
    complete: bool = False


SELF_REPORT_SECONDS = 30.0
"""A self-report that was given freely labels what came before it, for this long at most."""


def read_self_report(text: str) -> dict[str, str]:
    """Return the ratings of a self-report's marker by scale; empty for any other text."""
    found = _SELF_REPORT.match(text)
    return {} if found is None else dict(pair.split("=") for pair in found.group(1).split())


def self_reported(markers: Iterable[tuple[float, str]]) -> tuple[RecordedTrial, ...]:
    """Return the stretches that self-reports given freely label, as trials: what came before each, up to 30 s.

    Parameters
    ----------
    markers : iterable of (float, str)
        Seconds from the first sample, and text (``self-report valence=7 arousal=3``). Other markers are passed over.
    """
    found: list[RecordedTrial] = []
    begin = 0.0
    for time, text in sorted(markers):
        ratings = read_self_report(text)
        if not ratings:
            continue
        span = Span(max(begin, time - SELF_REPORT_SECONDS), time)
        if span.seconds > 0:
            found.append(RecordedTrial(len(found) + 1, "self-report", span, ratings))
        begin = max(begin, time)  # a report of the time before the recording labels none of it
    return tuple(found)


def read_study(markers: Iterable[tuple[float, str]]) -> RecordedStudy | None:
    """Return what the markers of a recording say of a study, or None if they say nothing of one.

    Parameters
    ----------
    markers : iterable of (float, str)
        Seconds from the first sample, and text, in the order of time. Other markers are passed over.
    """
    reader = _Reader()
    for time, text in sorted(markers, key=lambda marker: marker[0]):
        marker = StudyMarker.parse(text)
        if marker is not None:
            reader.take(time, marker)
    return reader.result()


class _Reader:
    def __init__(self) -> None:
        self._details: Mapping[str, str] | None = None
        self._rests: list[Span] = []
        self._trials: dict[int, RecordedTrial] = {}
        self._interrupted: list[Span] = []
        self._ratings: dict[int, dict[str, str]] = {}
        self._onset: tuple[float, StudyMarker] | None = None
        self._complete = False

    def take(self, time: float, marker: StudyMarker) -> None:
        if marker.kind is Kind.BEGIN:
            self._details = dict(marker.values)
        elif marker.kind in (Kind.REST_ONSET, Kind.TRIAL_ONSET):
            self._onset = (time, marker)
        elif marker.kind in (Kind.REST_OFFSET, Kind.TRIAL_OFFSET):
            self._close(time, marker)
        elif marker.kind is Kind.RATING and (number := _number(marker)) is not None:
            self._ratings.setdefault(number, {}).update(
                {name: value for name, value in marker.values.items() if name != "trial"}
            )
        elif marker.kind is Kind.END:
            self._complete = marker.values.get("outcome") == Outcome.COMPLETE.value

    def _close(self, time: float, marker: StudyMarker) -> None:
        if self._onset is None:
            return
        (began, onset), self._onset = self._onset, None
        span = Span(began, time)
        whole = marker.values.get("outcome") == Outcome.COMPLETE.value
        if marker.kind is Kind.REST_OFFSET:
            if whole:
                self._rests.append(span)
        elif whole and (number := _number(onset)) is not None and number == _number(marker):
            self._trials[number] = RecordedTrial(
                number=number,
                condition=onset.values.get("condition", ""),
                span=span,
                intended={
                    name.removeprefix(INTENDED): value
                    for name, value in onset.values.items()
                    if name.startswith(INTENDED)
                },
                delay_ms=_float(onset.values.get("delay_ms", "0")),
            )
        else:
            self._interrupted.append(span)

    def result(self) -> RecordedStudy | None:
        if self._details is None and not (self._trials or self._rests):
            return None
        trials = tuple(
            RecordedTrial(t.number, t.condition, t.span, self._ratings.get(n, {}), t.intended, t.delay_ms)
            for n, t in sorted(self._trials.items())
        )
        return RecordedStudy(self._details or {}, tuple(self._rests), trials, tuple(self._interrupted), self._complete)


def _number(marker: StudyMarker) -> int | None:
    text = marker.values.get("trial", "")
    return int(text) if text.isdecimal() else None


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
