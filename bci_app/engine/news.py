"""What has happened in a session since it was last reported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bci_app.events import Gap, Prediction, StepResult
from bci_app.stream import Marker


@dataclass(slots=True)
class News:
    """What has happened since the last step that reported it."""

    predictions: list[Prediction] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)

    def add(self, predictions: Iterable[Prediction], gaps: Iterable[Gap], markers: Iterable[Marker]) -> None:
        """Note more of it."""
        self.predictions += predictions
        self.gaps += gaps
        self.markers += markers

    def result(self, samples: int) -> StepResult:
        """Return it, once, as the result of a step that has read so many samples."""
        if not (self.predictions or self.gaps or self.markers):
            return StepResult(samples)
        result = StepResult(samples, tuple(self.predictions), tuple(self.gaps), tuple(self.markers))
        self.predictions, self.gaps, self.markers = [], [], []
        return result
