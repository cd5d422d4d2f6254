"""Recordings as a source: in real time, faster, or as fast as they are read."""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import SourceError
from bci_app.recording.model import Recording
from bci_app.recording.readers import read_recording
from bci_app.sources.liblsl import local_clock
from bci_app.stream import Chunk, Marker, Samples, StreamInfo

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


@dataclass(frozen=True, slots=True)
class _Segment:
    """Samples without a break, and when they are due.

    Attributes
    ----------
    data : ndarray, shape (n_samples, n_channels)
    due : ndarray, shape (n_samples,)
        Seconds from the start of the playlist; never falling.
    lost : int
        Samples missing before it.
    reset : bool
        Whether filters start anew with it.
    events : tuple of (row, seconds from the start of the playlist, text)
        In order of their rows.
    """

    data: Samples
    due: NDArray[np.float64]
    lost: int
    reset: bool
    events: tuple[tuple[int, float, str], ...]

    def events_of(self, start: int, stop: int) -> tuple[tuple[int, float, str], ...]:
        """Give the events of some rows."""
        first, last = (bisect_left(self.events, row, key=lambda event: event[0]) for row in (start, stop))
        return self.events[first:last]


class FileSource:
    """One recording, or several one after the other, delivered like a live stream.

    Stamps are on the LSL clock: at speed 1 each sample bears the moment at which it is due. At other
    speeds stamps advance as in the recording, so that intervals are right and ages mean nothing. What
    is due is computed from the start (or the last seek, pause or change of speed), so nothing drifts.

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
        clock: Callable[[], float] = local_clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._paths = [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
        self._speed = _checked(speed, found=speed)
        self._pause = pause
        self._options = {"stream": stream, "board": board}
        self._clock = clock
        self._sleep = sleep
        # The window seeks and pauses while the engine's thread reads.
        self._lock = threading.RLock()
        self._segments: list[_Segment] = []
        self._starts: list[float] = []
        self._rate = math.nan
        self._forget()

    def start(self) -> StreamInfo:
        """Read the recordings; the first sample is due now.

        Raises
        ------
        FileError
            If one cannot be read.
        SourceError
            If those of a playlist do not fit together.
        """
        recordings = [read_recording(path, **self._options) for path in self._paths]
        info = _common_info(recordings)
        with self._lock:
            self._segments = _timeline(recordings, self._pause)
            self._starts = [float(segment.due[0]) for segment in self._segments]
            self._rate = info.rate
            self._forget()
            self._anchor(self._clock())
        return info

    def read(self, timeout: float = 0.0) -> Chunk | None:
        """Give what is due, up to a quarter of a second and never across a gap; see `Source.read`."""
        with self._lock:
            chunk, wait = self._take()
        if chunk is not None or timeout <= 0 or self.finished:
            return chunk
        self._sleep(min(timeout, wait))
        if wait > timeout:
            return None
        with self._lock:
            return self._take()[0]

    @property
    def finished(self) -> bool:
        """True once the last sample was given, until a seek."""
        with self._lock:
            return self._segment >= len(self._segments)

    def stop(self) -> None:
        """Let go of the recordings."""
        with self._lock:
            self._segments, self._starts = [], []
            self._forget()

    # Replay --------------------------------------------------------------------------------

    @property
    def duration(self) -> float:
        """Length of the playlist in seconds, gaps and pauses included."""
        with self._lock:
            return float(self._segments[-1].due[-1]) + 1.0 / self._rate if self._segments else 0.0

    @property
    def position(self) -> float:
        """Seconds from the start of the playlist to the next sample."""
        with self._lock:
            return self.duration if self.finished else self._next_due()

    @property
    def speed(self) -> float | None:
        """The factor; None for as fast as possible. May be changed while playing."""
        return self._speed

    @speed.setter
    def speed(self, speed: float | None) -> None:
        with self._lock:
            self._speed = _checked(speed, found=speed)
            self._anchor(self._clock())

    @property
    def paused(self) -> bool:
        """Whether `read` gives nothing because of `pause`."""
        return self._paused

    def pause(self) -> None:
        """Give no more samples until `resume`."""
        with self._lock:
            self._paused = True

    def resume(self) -> None:
        """Go on with the sample that follows the last one; nothing is lost by a pause."""
        with self._lock:
            if self._paused:
                self._paused = False
                self._anchor(self._clock())

    def seek(self, seconds: float) -> None:
        """Go on from another place; the next chunk asks for a reset.

        Indices and stamps go on rising: an index names the same moment for as long as nobody seeks.

        Parameters
        ----------
        seconds : float
            From the start of the playlist; limited to its length. A place in a gap means its end.
        """
        with self._lock:
            if not self._segments:
                return
            segment = max(bisect_right(self._starts, seconds) - 1, 0)
            row = int(np.searchsorted(self._segments[segment].due, seconds))
            if row == len(self._segments[segment].due):
                segment, row = segment + 1, 0
            self._segment, self._row, self._jumped = segment, row, True
            self._anchor(self._clock())

    # The state: where the next sample lies, and when it is due -----------------------------

    def _forget(self) -> None:
        self._segment = 0
        self._row = 0
        self._index = 0
        self._jumped = False
        self._paused = False
        self._last_stamp = -math.inf
        self._anchor_clock = 0.0
        self._anchor_due = 0.0
        self._stamp_offset = 0.0

    def _next_due(self) -> float:
        return float(self._segments[self._segment].due[self._row])

    def _anchor(self, now: float) -> None:
        """Make the next sample due now, and stamp it so if the speed is that of the clock."""
        if self.finished:
            return
        self._anchor_clock, self._anchor_due = now, self._next_due()
        following = self._last_stamp + 1.0 / self._rate
        if self._last_stamp == -math.inf:
            self._stamp_offset = now - self._anchor_due
        elif self._speed == 1.0:
            self._stamp_offset = max(now, following) - self._anchor_due
        elif self._jumped:
            self._stamp_offset = following - self._anchor_due

    def _take(self) -> tuple[Chunk | None, float]:
        """Give the samples that are due, or how long until some are."""
        if self._paused or self.finished:
            return None, math.inf
        segment = self._segments[self._segment]
        limit = min(len(segment.due), self._row + max(1, round(_MAX_CHUNK_S * self._rate)))
        if self._speed is None:
            return self._give(segment, limit), 0.0
        due = self._anchor_due + (self._clock() - self._anchor_clock) * self._speed
        block = max(1, round(_BLOCK_S * self._rate))
        ready = int(np.searchsorted(segment.due, due, side="right"))
        stop = ready if ready == len(segment.due) else ready - ready % block
        if stop > self._row:
            return self._give(segment, min(stop, limit)), 0.0
        complete = min(self._row - self._row % block + block, len(segment.due))
        # A hair more, so that rounding does not wake the reader just before the block is due.
        return None, (float(segment.due[complete - 1]) - due) / self._speed + 1e-6

    def _give(self, segment: _Segment, stop: int) -> Chunk:
        start = self._row
        follows = start > 0 or self._segment == 0
        lost = 0 if follows or self._jumped else segment.lost
        offset = self._stamp_offset
        chunk = Chunk(
            data=segment.data[start:stop],
            times=segment.due[start:stop] + offset,
            first=self._index + lost,
            lost=lost,
            reset=self._jumped or (not follows and segment.reset),
            markers=tuple(Marker(due + offset, text) for _, due, text in segment.events_of(start, stop)),
        )
        self._jumped = False
        self._index = chunk.first + len(chunk)
        self._last_stamp = float(chunk.times[-1])
        self._segment, self._row = (self._segment + 1, 0) if stop == len(segment.due) else (self._segment, stop)
        return chunk


def _common_info(recordings: Sequence[Recording]) -> StreamInfo:
    first = recordings[0].info
    for other in (recording.info for recording in recordings[1:]):
        for what in ("channels", "units", "rate"):
            if getattr(other, what) != getattr(first, what):
                raise SourceError(
                    f"{other.name} cannot be played after {first.name}",
                    found=f"{what} {getattr(other, what)}",
                    expected=f"{what} {getattr(first, what)}",
                    fix="Play recordings of one device and set-up together.",
                )
    names = ", ".join(recording.info.name for recording in recordings)
    return replace(first, name=names, n_samples=sum(len(recording) for recording in recordings))


def _timeline(recordings: Sequence[Recording], pause: float) -> list[_Segment]:
    """Lay the recordings one after the other, each cut at its breaks."""
    segments: list[_Segment] = []
    end = 0.0  # when the next sample would follow
    for number, recording in enumerate(recordings):
        period = 1.0 / recording.info.rate
        offset = end + (pause if number else 0.0)
        rows = _annotation_rows(recording)
        lost = {b.row: b.lost for b in recording.breaks}
        for part in recording.segments:
            times = recording.times[part]
            # A clock that was set back must not send the schedule back.
            if segments and times[0] + offset < end:
                offset = end - float(times[0])
            due = np.maximum.accumulate(times + offset)
            segments.append(
                _Segment(
                    data=recording.data[part],
                    due=due,
                    lost=lost.get(part.start, 0),
                    reset=lost.get(part.start, 0) == 0,
                    events=tuple(
                        (rows[i] - part.start, recording.annotations[i].onset + offset, recording.annotations[i].text)
                        for i in range(bisect_left(rows, part.start), bisect_left(rows, part.stop))
                    ),
                )
            )
            end = float(due[-1]) + period
    return segments


def _annotation_rows(recording: Recording) -> list[int]:
    """For each annotation the sample with which it is delivered: the first one at or after its onset."""
    rising = np.maximum.accumulate(recording.times)
    # Onsets and times are rounded differently; a tenth of a sample is no delay.
    onsets = np.array([annotation.onset for annotation in recording.annotations]) - 0.1 / recording.info.rate
    return [min(int(row), len(recording) - 1) for row in np.searchsorted(rising, onsets)]
