"""What markers say about a participant: self-reports, trials, ratings. And a simulated one's planted state. No Qt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol, runtime_checkable

from bci_app.presentation.state import SelfReport, SessionLog, Trial, Truth
from bci_app.simulation.emotion import Emotion
from bci_app.sources.base import Source
from bci_app.stream import Marker
from bci_app.study.markers import Kind, StudyMarker

_REPORT = "self-report"
_RATING = re.compile(r"([a-z_]+)=([1-9])\b")
_IS_RATING = re.compile("[1-9]")
_ONSETS = {Kind.TRIAL_ONSET: "trial", Kind.REST_ONSET: "rest"}
_OFFSETS = (Kind.TRIAL_OFFSET, Kind.REST_OFFSET)


def report_text(ratings: Mapping[str, int]) -> str:
    """Return the marker of a self-report: ``self-report valence=7 arousal=3``."""
    return " ".join([_REPORT, *(f"{scale}={rating}" for scale, rating in ratings.items())])


def read_report(text: str) -> dict[str, int]:
    """Return the ratings of a self-report's marker by scale; empty for any other text."""
    if not text.startswith(f"{_REPORT} "):
        return {}
    return {scale: int(rating) for scale, rating in _RATING.findall(text)}


def words_of(text: str) -> str:
    """Return the text of a marker as a person reads it."""
    found = StudyMarker.parse(text)
    if found is None:
        return text
    details = dict(found.values)
    number = details.pop("trial", details.pop("rest", ""))
    name = f"{found.kind.value.replace('-', ' ')} {number}".strip()
    if found.kind in _ONSETS:
        condition = details.get("condition", "")
        return f"{_ONSETS[found.kind]} {number}{f': {condition}' if condition else ''}"
    if found.kind in _OFFSETS:
        return f"{name.replace(' offset', '')} ends"
    return f"{name}: {', '.join(f'{key} {value}' for key, value in details.items())}" if details else name


def note_marker(log: SessionLog, marker: Marker) -> None:
    """Add what a marker means to a session's log: self-reports, and the trials and ratings of a study."""
    ratings = read_report(marker.text)
    found = StudyMarker.parse(marker.text)
    if found is not None and found.kind in _ONSETS:
        log.trials.append(Trial(marker.time, None, found.values.get("condition", _ONSETS[found.kind])))
    elif found is not None and found.kind in _OFFSETS and log.trials:
        log.trials[-1] = replace(log.trials[-1], stop=marker.time)
    elif found is not None and found.kind is Kind.RATING:
        ratings = {name: int(value) for name, value in found.values.items() if _IS_RATING.fullmatch(value)}
        ratings.pop("trial", None)
    if ratings:
        log.reports.append(SelfReport(marker.time, ratings))


@runtime_checkable
class _Planted(Protocol):
    """A source whose participant is simulated."""

    @property
    def truth(self) -> Emotion:
        """The state at the newest sample, from -1 to 1."""


def planted_truth(source: Source, time: float) -> Truth | None:
    """Return the state of a source's simulated participant, from 0 to 1, or None for a real person."""
    if not isinstance(source, _Planted):
        return None
    return Truth(time, {name: (value + 1) / 2 for name, value in source.truth._asdict().items()})
