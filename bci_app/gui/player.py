"""Recordings that play: what the strip below the signals shows and moves. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bci_app.replay import Replay, ReplayPhase, ReplayThread
from bci_app.sources.file import FileSource

SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0)
_BINS = 800


@dataclass(frozen=True, slots=True)
class Playback:
    """Where a recording stands.

    Attributes
    ----------
    position, duration : float
        Seconds.
    speed : float or None
        Factor; None for as fast as possible.
    paused, ended : bool
        Whether it waits for the user, or has been played to its end.
    """

    position: float
    duration: float
    speed: float | None
    paused: bool
    ended: bool


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


class Player(Protocol):
    """What can be played, paused and sought in."""

    @property
    def overview(self) -> Overview | None:
        """The recording at a glance, where it is known."""
        ...

    def playback(self) -> Playback:
        """Describe where it stands now."""
        ...

    def pause(self) -> None:
        """Wait."""
        ...

    def resume(self) -> None:
        """Go on, or play again from the start after the end."""
        ...

    def seek(self, seconds: float) -> None:
        """Go on from another place."""
        ...

    def set_speed(self, speed: float) -> None:
        """Play slower or faster."""
        ...

    def close(self) -> None:
        """Let go of it. May be called twice."""
        ...


class FilePlayer:
    """A file that is read directly, without LSL."""

    overview = None

    def __init__(self, source: FileSource) -> None:
        self._source = source

    def playback(self) -> Playback:
        """Describe where it stands now."""
        source = self._source
        return Playback(source.position, source.duration, source.speed, source.paused, source.finished)

    def pause(self) -> None:
        """Wait."""
        self._source.pause()

    def resume(self) -> None:
        """Go on."""
        self._source.resume()

    def seek(self, seconds: float) -> None:
        """Go on from another place."""
        self._source.seek(seconds)

    def set_speed(self, speed: float) -> None:
        """Play slower or faster."""
        self._source.speed = speed

    def close(self) -> None:
        """Do nothing: the engine closes its source."""


class LslPlayer:
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
    def of_files(cls, paths: Sequence[str | Path]) -> LslPlayer:
        """Read recordings and announce their stream; they begin when somebody listens.

        Raises
        ------
        FileError, SourceError, DependencyError
            If a file cannot be read, they do not fit together, or liblsl is missing.
        """
        thread = ReplayThread(Replay.of_files(paths))
        thread.start()
        return cls(thread)

    @property
    def source_id(self) -> str:
        """Identity of the stream."""
        return self._thread.replay.source_id

    def playback(self) -> Playback:
        """Describe where it stands now."""
        status = self._thread.replay.status()
        return Playback(
            position=status.position,
            duration=status.duration,
            speed=status.speed,
            paused=status.phase is ReplayPhase.PAUSED,
            ended=status.phase is ReplayPhase.FINISHED,
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
