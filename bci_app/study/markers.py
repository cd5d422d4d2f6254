"""The markers of a study: one line of text each, written into the recording and sent to other programs.

``study KIND key=value key=value``, such as ``study trial-onset trial=3 condition=joy``. Values are percent-encoded, so
that no value holds a space. Times are those of the markers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import quote, unquote

_PREFIX = "study"
INTENDED = "intended."
"""Before the name of a target whose class or rating a trial is meant to have."""


class Kind(Enum):
    """What a marker says."""

    BEGIN = "begin"
    END = "end"
    REST_ONSET = "rest-onset"
    REST_OFFSET = "rest-offset"
    TRIAL_ONSET = "trial-onset"
    TRIAL_OFFSET = "trial-offset"
    RATING = "rating"
    PAUSE = "pause"
    RESUME = "resume"


class Outcome(Enum):
    """How a trial or a study ended."""

    COMPLETE = "complete"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class StudyMarker:
    """A marker of a study.

    Attributes
    ----------
    kind : Kind
        What it says.
    values : mapping of str to str
        Details.
    """

    kind: Kind
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The marker as one line."""
        return " ".join(
            [_PREFIX, self.kind.value, *(f"{key}={quote(value, safe='')}" for key, value in self.values.items())]
        )

    @classmethod
    def parse(cls, text: str) -> StudyMarker | None:
        """Return the marker that a text is, or None if it is not one of a study."""
        prefix, _, rest = text.partition(" ")
        kind, _, pairs = rest.partition(" ")
        if prefix != _PREFIX or kind not in {known.value for known in Kind}:
            return None
        parts = [pair.partition("=") for pair in pairs.split()]
        if any(not (key and equals) for key, equals, _ in parts):
            return None
        return cls(Kind(kind), {key: unquote(value) for key, _, value in parts})
