"""Reference to one channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from bci_app.preprocessing.base import Samples, Step, StepState


class ChannelReference(Step):
    """Subtract one channel, which must be among the model's channels, from every sample."""

    mixes_channels: ClassVar[bool] = True
    kind: Literal["channel"] = "channel"
    channel: str

    def check(self, channels: Sequence[str], rate: float) -> None:
        """Check that the channel is there."""
        if self.channel not in channels:
            raise ValueError(f"reference {self.channel} is not among the channels")

    def start(self, channels: Sequence[str], rate: float) -> StepState:
        """Return a fresh state."""
        return _Channel(list(channels).index(self.channel))

    def describe(self) -> str:
        """Return the name of the reference."""
        return f"referred to {self.channel}"

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Refer to C3."""
        return (cls(channel="C3"),)


class _Channel(StepState):
    def __init__(self, index: int) -> None:
        self._index = index

    def reset(self) -> None:
        """Do nothing: no sample is remembered."""

    def process(self, x: Samples) -> Samples:
        """Subtract the reference from the next samples."""
        return x - x[:, [self._index]]
