"""The shipped session: one person's rest and mental arithmetic, replayed through LSL."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bci_app.recording import Annotation, Recording, read_recording
from bci_app.replay import Replay, ReplaySource, ReplayThread

_SAMPLE = Path(__file__).parent / "sample"
# The minutes that the data set's sample uses of the other subjects. Half of the rest is the baseline;
# the other half shows what the model says of rest. Both files end with 2 s of padding.
_MINUTES = (("Subject01_1.edf", 120.0, "rest"), ("Subject01_2.edf", 0.0, "mental arithmetic"))


def recordings() -> list[Recording]:
    """Read a minute of rest and one of arithmetic of EEGMAT's Subject 01."""
    return [_minute(read_recording(_SAMPLE / name), start, what) for name, start, what in _MINUTES]


def _minute(recording: Recording, start: float, what: str) -> Recording:
    rate = recording.info.rate
    rows = slice(round(start * rate), round((start + 60.0) * rate))
    return replace(
        recording,
        info=replace(recording.info, n_samples=rows.stop - rows.start),
        data=recording.data[rows],
        times=recording.times[rows] - recording.times[rows.start],
        annotations=(Annotation(0.0, 60.0, what),),
    )


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay that runs.

    Attributes
    ----------
    text : str
        Names its stream, as ``--source`` takes it.
    thread : ReplayThread
        What plays it.
    """

    text: str
    thread: ReplayThread

    def source(self) -> ReplaySource:
        """Give what receives it."""
        return ReplaySource(self.thread.replay)


@contextmanager
def replayed() -> Iterator[Replayed]:
    """Replay the session as an LSL stream of this machine for the time of a with statement."""
    replay = Replay(recordings(), name="bci-app demo", source_id=f"bci-app-demo-{uuid.uuid4().hex[:12]}")
    thread = ReplayThread(replay)
    thread.start()
    try:
        yield Replayed(f"lsl:source_id={replay.source_id}", thread)
    finally:
        thread.stop()
