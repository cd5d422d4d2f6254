"""Recordings that play: what the strip below the signals shows and moves. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bci_app.recording import read_recording
from bci_app.replay import MAX_SPEED, Replay, ReplayPhase, ReplaySource, ReplayThread
from bci_app.sources.file_kind import FileText

SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0)
_BINS = 800


@dataclass(frozen=True, slots=True)
class Playback:
    """Where a recording stands.

    Attributes
    ----------
    position, duration : float
        Seconds.
    speed : float
        Factor.
    paused, ended : bool
        Whether it waits for the user, or has been played to its end.
    file : str
        Name of the file that is played.
    """

    position: float
    duration: float
    speed: float
    paused: bool
    ended: bool
    file: str

    @property
    def waits(self) -> bool:
        """Whether no sample is due."""
        return self.paused or self.ended


@dataclass(frozen=True, slots=True, eq=False)
class Overview:
    """A recording at a glance.

    Attributes
    ----------
    amplitude : ndarray of float64, shape (n_bins,)
        Median over channels of the standard deviation in equal stretches of time, in µV; nan in gaps.
    events : tuple of (float, str)
        Annotations: seconds and text.
    """

    amplitude: NDArray[np.float64]
    events: tuple[tuple[float, str], ...]


class Player:
    """A replay through LSL, received like any device.

    Parameters
    ----------
    thread : ReplayThread
        Started already.
    owned : bool
        Whether `close` ends it.
    """

    def __init__(self, thread: ReplayThread, *, owned: bool = True) -> None:
        self._thread = thread
        self._owned = owned
        self.overview = glance(thread.replay)

    @classmethod
    def of_files(cls, said: FileText, *, channels: Sequence[str] | None = None) -> Player:
        """Read recordings and announce their stream; they begin when somebody listens.

        `channels` are names in place of those in the recordings.

        Raises
        ------
        FileError, SourceError, DependencyError
            If a file cannot be read, they do not fit together, or liblsl is missing.
        """
        recordings = [read_recording(path, stream=said.stream, board=said.board) for path in said.paths]
        if channels is not None:
            recordings = [recording.renamed(channels) for recording in recordings]
        # A stream cannot come as fast as possible: somebody must be able to follow.
        thread = ReplayThread(Replay(recordings, speed=min(said.speed or MAX_SPEED, MAX_SPEED)))
        thread.start()
        return cls(thread)

    def source(self) -> ReplaySource:
        """Return what receives the stream."""
        return ReplaySource(self._thread.replay)

    @property
    def markers(self) -> tuple[str, ...]:
        """The LSL stream of the recording's own events, as `Engine` takes it, if it has any."""
        replay = self._thread.replay
        return (f"source_id={replay.markers_source_id}",) if replay.timeline.events else ()

    def sends(self, source_id: str) -> bool:
        """Return whether an LSL stream, by its source_id, is the recording's or that of its events."""
        replay = self._thread.replay
        return source_id in (replay.source_id, replay.markers_source_id)

    def playback(self) -> Playback:
        """Describe where it stands now."""
        status = self._thread.replay.status()
        return Playback(
            position=status.position,
            duration=status.duration,
            speed=status.speed,
            paused=status.phase is ReplayPhase.PAUSED,
            ended=status.phase is ReplayPhase.FINISHED,
            file=status.file,
        )

    def pause(self) -> None:
        """Wait."""
        self._thread.replay.pause()

    def resume(self) -> None:
        """Go on, or play again from the start after the end."""
        if self.playback().ended:
            self._thread.replay.seek(0.0)
        self._thread.replay.resume()

    def seek(self, seconds: float) -> None:
        """Go on from another place."""
        self._thread.replay.seek(seconds)

    def set_speed(self, speed: float) -> None:
        """Play slower or faster."""
        self._thread.replay.speed = speed

    def close(self) -> None:
        """Withdraw the stream."""
        if self._owned:
            self._thread.stop()


def glance(replay: Replay) -> Overview:
    """See a replay's recordings at a glance."""
    timeline = replay.timeline
    edges = np.linspace(0.0, timeline.duration, _BINS + 1)
    rows = np.searchsorted(timeline.due, edges)
    amplitude = np.full(_BINS, np.nan)
    for index, (start, stop) in enumerate(pairwise(rows.tolist())):
        if stop - start > 1:
            amplitude[index] = np.median(timeline.data[start:stop].std(axis=0))
    return Overview(amplitude, timeline.events)
