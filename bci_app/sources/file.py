"""Recordings as a source: in real time, faster, or as fast as they are read."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bci_app.errors import SourceError
from bci_app.recording.readers import read_recording
from bci_app.recording.timeline import Part, Timeline, lay_out
from bci_app.sources.lsl.library import local_clock
from bci_app.stream import Chunk, Marker, StreamInfo

# What a device would send at a time, on a grid that does not depend on when `read` is called.
_BLOCK_S = 0.02
# The most that one `read` gives: one block at full speed, or what a slow reader has to catch up with.
_MAX_CHUNK_S = 0.25
_MAX_SPEED = 1000.0


def parse_speed(text: str) -> float | None:
    """Turn the ``speed`` of a source text into a factor.

    Parameters
    ----------
    text : str
        ``max``, or a factor such as ``1`` or ``2.5``.

    Returns
    -------
    float or None
        The factor; None for as fast as possible.

    Raises
    ------
    SourceError
        If it is neither.
    """
    if text.strip().lower() == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    return _checked(speed, found=text)


def _checked(speed: float | None, *, found: object) -> float | None:
    if speed is None or 0 < speed <= _MAX_SPEED:
        return speed
    raise SourceError(
        "The speed of a file cannot be set so",
        found=str(found),
        expected=f"max, or a factor above 0 and up to {_MAX_SPEED:g}",
        fix="Write for example file:recording.edf?speed=2.5.",
    )


class FileSource:
    """One recording, or several one after the other, delivered like a live stream.

    Stamps are on the LSL clock: at speed 1 each sample bears the moment at which it is due. At other
    speeds stamps advance as in the recording, so that intervals are right and ages mean nothing. What
    is due is computed from the start, so nothing drifts. To pause and seek, see `bci_app.replay`.

    Parameters
    ----------
    paths : str, Path, or sequence of them
        The recordings; several must have the same channels, units and rate.
    speed : float or None, optional
        Factor; None delivers a quarter of a second with each `read`.
    pause : float, optional
        Seconds between two recordings of a playlist.
    stream, board : str, optional
        As in `read_recording`.
    channels : sequence of str, optional
        Names of the channels in place of those in the recordings.
    clock : callable, optional
        The LSL clock, in seconds.
    sleep : callable, optional
        Waits for some seconds.

    Raises
    ------
    SourceError
        If the speed is not positive.
    """

    def __init__(
        self,
        paths: str | Path | Sequence[str | Path],
        *,
        speed: float | None = 1.0,
        pause: float = 1.0,
        stream: str | None = None,
        board: str | None = None,
        channels: Sequence[str] | None = None,
        clock: Callable[[], float] = local_clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._paths = [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
        self._speed = _checked(speed, found=speed)
        self._pause = pause
        self._options = {"stream": stream, "board": board}
        self._channels = channels
        self._clock = clock
        self._sleep = sleep
        self._timeline: Timeline | None = None
        self._parts: deque[Part] = deque()
        self._begin = 0.0
        self._row = 0
        self._index = 0

    @property
    def speed(self) -> float | None:
        """The factor; None for as fast as possible."""
        return self._speed

    @property
    def can_wait(self) -> bool:
        """Whether samples are given as fast as they are read."""
        return self._speed is None

    def start(self) -> StreamInfo:
        """Read the recordings; the first sample is due now.

        Raises
        ------
        FileError
            If one cannot be read, or has not as many channels as are named.
        SourceError
            If those of a playlist do not fit together.
        """
        recordings = [read_recording(path, **self._options) for path in self._paths]
        if self._channels is not None:
            recordings = [recording.renamed(self._channels) for recording in recordings]
        self._timeline = lay_out(recordings, self._pause)
        self._parts = deque(self._timeline.parts)
        self._row = self._index = 0
        self._begin = self._clock()
        return self._timeline.info

    def read(self, timeout: float = 0.0) -> Chunk | None:
        """Return what is due, up to a quarter of a second and never across a gap; see `Source.read`."""
        if self._timeline is None or self.finished:
            return None
        chunk, wait = self._take(self._timeline)
        if chunk is not None or timeout <= 0:
            return chunk
        self._sleep(min(timeout, wait))
        return self._take(self._timeline)[0] if wait <= timeout else None

    @property
    def finished(self) -> bool:
        """True once the last sample was given."""
        return not self._parts

    def stop(self) -> None:
        """Let go of the recordings."""
        self._timeline = None
        self._parts.clear()

    def _take(self, timeline: Timeline) -> tuple[Chunk | None, float]:
        """Return the samples that are due, or how long until some are."""
        part, rate = self._parts[0], timeline.info.rate
        limit = min(part.stop, self._row + max(1, round(_MAX_CHUNK_S * rate)))
        if self._speed is None:
            return self._give(timeline, limit), 0.0
        due = (self._clock() - self._begin) * self._speed
        block = max(1, round(_BLOCK_S * rate))
        ready = part.start + int(np.searchsorted(timeline.due[part.start : part.stop], due, side="right"))
        stop = ready if ready == part.stop else ready - (ready - part.start) % block
        if stop > self._row:
            return self._give(timeline, min(stop, limit)), 0.0
        complete = min(self._row - (self._row - part.start) % block + block, part.stop)
        # A hair more, so that rounding does not wake the reader just before the block is due.
        return None, (float(timeline.due[complete - 1]) - due) / self._speed + 1e-6

    def _give(self, timeline: Timeline, stop: int) -> Chunk:
        part, start = self._parts[0], self._row
        begins = start == part.start > 0
        lost = part.lost if begins else 0
        chunk = Chunk(
            data=timeline.data[start:stop],
            times=timeline.due[start:stop] + self._begin,
            first=self._index + lost,
            lost=lost,
            reset=begins and part.reset,
            markers=tuple(Marker(due + self._begin, text) for due, text in timeline.events_of(start, stop)),
        )
        self._index, self._row = chunk.first + len(chunk), stop
        if stop == part.stop:
            self._parts.popleft()
        return chunk
