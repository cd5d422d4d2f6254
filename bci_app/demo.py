"""The demo: a synthetic signal, replayed through LSL into the shipped model."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bci_app.recording import Annotation, Recording
from bci_app.replay import Replay, ReplaySource, ReplayThread
from bci_app.simulation import Settings, SimulatedParticipant
from bci_app.stream import StreamInfo

_RATE = 500.0
_SECONDS = 120
_SEED = 1


def recordings() -> list[Recording]:
    """Make two minutes of synthetic EEG. No person was recorded."""
    n = round(_SECONDS * _RATE)
    settings = Settings(rate=_RATE)
    eeg = SimulatedParticipant(_SEED, settings)
    units = ("µV",) * len(settings.channels)
    info = StreamInfo("synthetic signal", settings.channels, _RATE, units, kind="file", n_samples=n)
    note = Annotation(0.0, 0.0, "synthetic signal: no person was recorded")
    times = np.arange(n) / _RATE
    return [Recording(Path("synthetic signal"), "synthetic", info, eeg.samples(0, n), times, annotations=(note,))]


@dataclass(frozen=True, slots=True)
class Replayed:
    """A running replay.

    Attributes
    ----------
    text : str
        Names its stream, as ``--source`` takes it.
    thread : ReplayThread
        The thread that plays it.
    """

    text: str
    thread: ReplayThread

    def source(self) -> ReplaySource:
        """Return the source that receives it."""
        return ReplaySource(self.thread.replay)


@contextmanager
def replayed() -> Iterator[Replayed]:
    """Replay the session as an LSL stream on this machine for the time of a with statement."""
    replay = Replay(recordings(), name="bci-app demo", source_id=f"bci-app-demo-{uuid.uuid4().hex[:12]}")
    thread = ReplayThread(replay)
    thread.start()
    try:
        yield Replayed(f"lsl:source_id={replay.source_id}", thread)
    finally:
        thread.stop()
