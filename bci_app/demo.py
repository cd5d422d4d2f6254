"""The shipped session: one person's rest and mental arithmetic, replayed through LSL."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bci_app.recording import Recording, read_recording
from bci_app.replay import Replay, ReplayThread

BUNDLE = "mental-load"
# The minute of rest that the data set's sample uses of the other subjects. Half of it is the rest
# baseline; the other half shows what the model says of rest.
_REST_START, _REST_STOP = 120.0, 180.0
_SAMPLE = Path(__file__).parent / "sample"


def recordings() -> tuple[Recording, Recording]:
    """Read the last minute of rest and the arithmetic of EEGMAT's Subject 01."""
    rest = read_recording(_SAMPLE / "Subject01_1.edf")
    arithmetic = read_recording(_SAMPLE / "Subject01_2.edf")
    rows = slice(round(_REST_START * rest.info.rate), round(_REST_STOP * rest.info.rate))
    shortened = replace(
        rest,
        info=replace(rest.info, n_samples=rows.stop - rows.start),
        data=rest.data[rows],
        times=rest.times[rows] - rest.times[rows.start],
        annotations=(),
    )
    return shortened, arithmetic


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay that runs.

    Attributes
    ----------
    source : str
        Names its stream, as ``--source`` takes it.
    thread : ReplayThread
        What plays it.
    """

    source: str
    thread: ReplayThread


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
