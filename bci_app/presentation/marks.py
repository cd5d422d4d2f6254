"""What the text of a marker means: self-reports. Recordings hold them as markers. No Qt."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bci_app.presentation.state import SelfReport, SessionLog
from bci_app.stream import Marker

_REPORT = "self-report"
_RATING = re.compile(r"([a-z_]+)=([1-9])\b")


def report_text(ratings: Mapping[str, int]) -> str:
    """Return the marker of a self-report: ``self-report valence=7 arousal=3``."""
    return " ".join([_REPORT, *(f"{scale}={rating}" for scale, rating in ratings.items())])


def read_report(text: str) -> dict[str, int]:
    """Return the ratings of a self-report's marker by scale; empty for any other text."""
    if not text.startswith(f"{_REPORT} "):
        return {}
    return {scale: int(rating) for scale, rating in _RATING.findall(text)}


def note_marker(log: SessionLog, marker: Marker) -> None:
    """Add what a marker means to a session's log."""
    ratings = read_report(marker.text)
    if ratings:
        log.reports.append(SelfReport(marker.time, ratings))
