"""A replay: what is sent when."""

from __future__ import annotations

import math
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import SourceError
from bci_app.recording import Recording, read_recording
from bci_app.recording.timeline import lay_out
from bci_app.replay.outlets import data_outlet, marker_outlet
from bci_app.replay.seams import Seam, Seams
from bci_app.sources.lsl.library import local_clock

MIN_SPEED, MAX_SPEED = 0.1, 100.0

# Samples are sent this often at the most.
_BLOCK_SECONDS = 0.01
_IDLE_SECONDS = 0.02
LINGER_SECONDS = 1.0
_MAX_PUSH = 8192
# What receivers see missing after a seek or where a recording was interrupted for an unknown time:
# enough to be noticed as a gap, so that they reset.
_JUMP_SECONDS = 0.25


class ReplayPhase(Enum):
    """What a replay is doing."""

    WAITING = "waiting for a receiver"
    PLAYING = "playing"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class ReplayStatus:
    """A replay at a moment.

    Attributes
    ----------
    phase : ReplayPhase
        What it is doing.
    position, duration : float
        Seconds from the start of the first recording; gaps and pauses count.
    speed : float
        Factor.
    file : str
        Name of the file at the position.
    sent : int
        Samples pushed so far.
    receivers : bool
        Whether anybody listens.
    message : str
        Why it failed, else empty.
    """

    phase: ReplayPhase
    position: float
    duration: float
    speed: float
    file: str
    sent: int
    receivers: bool
    message: str


class Replay:
    """Play recordings through an LSL outlet.

    Each sample has a time at which it is due, computed from the start (or the last seek, pause or
    change of speed), never from the sample before it: nothing drifts. It is sent with that time as
    its stamp, so that receivers see the spacing of the recording, gaps of an XDF included. At a speed
    other than 1 stamps still advance as in the recording, so that a receiver's filters and gap
    detection hold; they then run ahead of the clock or behind it. A pause, a seek, the next recording
    and the next round of a loop show as a gap, which `seams_before` distinguishes from a loss.

    `step` does what is due now; `ReplayThread` and `run` are loops around it. All methods may be
    called from any thread.

    Parameters
    ----------
    recordings : sequence of Recording
        Played one after the other.
    name : str, optional
        Name of the stream; the stem of the first file by default.
    source_id : str, optional
        Identity of the stream; unique by default.
    speed : float
        0.1 to 100.
    loop : bool
        Begin again at the end.
    start, stop : float, optional
        The stretch to play, in seconds.
    wait : bool
        Begin when somebody listens, so that no sample is missed.
    pause : float
        Seconds between two recordings and between rounds of a loop.
    on_sent : callable, optional
        Called with the samples that were just sent: their seconds in the recording, and their stamps.
    clock : callable
        LSL's clock; injected by tests.

    Raises
    ------
    SourceError
        If the recordings differ in layout, or the speed or the stretch are impossible.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        *,
        name: str | None = None,
        source_id: str | None = None,
        speed: float = 1.0,
        loop: bool = False,
        start: float = 0.0,
        stop: float | None = None,
        wait: bool = True,
        pause: float = 1.0,
        on_sent: Callable[[NDArray[np.float64], NDArray[np.float64]], None] | None = None,
        clock: Callable[[], float] = local_clock,
    ) -> None:
        self.timeline = lay_out(recordings, pause, jump=_JUMP_SECONDS)
        self.name = name or recordings[0].path.stem
        self.source_id = source_id or f"bci-app-replay-{uuid.uuid4().hex}"
        self.markers_source_id = f"{self.source_id}-markers"
        self._speed = _checked_speed(speed)
        self._loop = loop
        self._wait = wait
        self._pause = pause
        self._on_sent = on_sent
        self._clock = clock
        self._lock = threading.RLock()
        self._begin = int(np.searchsorted(self.timeline.due, start))
        self._end = len(self.timeline.due) if stop is None else int(np.searchsorted(self.timeline.due, stop))
        if not 0 <= self._begin < self._end or (stop is not None and math.isnan(stop)):
            raise SourceError(
                "There is nothing to play",
                found=f"{start:g} s to {'the end' if stop is None else f'{stop:g} s'}",
                expected=f"a stretch of 0 to {self.timeline.duration:.1f} s",
            )
        self._outlet: Any = None
        self._markers: Any = None
        self._phase = ReplayPhase.WAITING
        self._message = ""
        self._row = self._begin
        self._event = 0
        self._sent = 0
        self._anchor_clock = self._anchor_due = self._stamp_offset = 0.0
        self._paused_at = 0.0
        self._broken = False  # whether the next sample follows a pause or a seek
        self._seams = Seams(self.timeline)

    @classmethod
    def of_files(cls, paths: Sequence[str | Path], **options: Any) -> Replay:
        """Read files and make their replay; options as for the class.

        Raises
        ------
        FileError
            If one cannot be read.
        SourceError
            As the class raises it.
        """
        return cls([read_recording(path) for path in paths], **options)

    def open(self) -> None:
        """Announce the stream, and one of markers if there are annotations.

        Raises
        ------
        DependencyError
            If liblsl is missing.
        """
        with self._lock:
            if self.timeline.events:
                self._markers = marker_outlet(f"{self.name} markers", self.markers_source_id)
            # The last: of the streams of this machine some programs see that one only (see docs/sources.md).
            self._outlet = data_outlet(self.timeline.info, self.name, self.source_id)

    def step(self) -> float:
        """Send what is due.

        Returns
        -------
        float
            Seconds until more is due (or until it is worth looking again).
        """
        with self._lock:
            if self._phase is ReplayPhase.WAITING and (not self._wait or self._has_receivers()):
                self._phase = ReplayPhase.PLAYING
                self._anchor(self._clock(), stamp=self._clock())
            if self._phase is not ReplayPhase.PLAYING:
                return _IDLE_SECONDS
            position = self._position()
            ready = min(int(np.searchsorted(self.timeline.due, position, side="right")), self._end)
            while self._row < ready:
                self._push(min(ready, self._row + _MAX_PUSH))
            self._push_events(position)
            if self._row < self._end:
                block = max(1, round(_BLOCK_SECONDS * self.timeline.info.rate * self._speed))
                following = min(self._row + block, self._end) - 1
                wait = (float(self.timeline.due[following]) - position) / self._speed
                # No longer, for a seek may come in a long gap.
                return min(max(0.0, wait), _IDLE_SECONDS)
            if self._event < len(self.timeline.events) and self._end == len(self.timeline.due):
                # Annotations after the last sample.
                self._push_events(np.inf)
            if not self._loop:
                self._phase = ReplayPhase.FINISHED
                return _IDLE_SECONDS
            self._jump(self._begin, self._pause)
            return _IDLE_SECONDS

    def pause(self) -> None:
        """Send no more until `resume`."""
        with self._lock:
            if self._phase is ReplayPhase.PLAYING:
                self._phase = ReplayPhase.PAUSED
                self._paused_at = self._clock()

    def resume(self) -> None:
        """Go on after a pause; receivers see the pause as a gap."""
        with self._lock:
            if self._phase is ReplayPhase.PAUSED:
                now = self._clock()
                self._phase = ReplayPhase.PLAYING
                self._anchor_clock += now - self._paused_at
                self._stamp_offset += now - self._paused_at
                self._broken = True

    def seek(self, seconds: float) -> None:
        """Go on from another place, also after the end; receivers see a gap.

        Parameters
        ----------
        seconds : float
            From the start of the first recording; limited to the stretch that is played.
        """
        with self._lock:
            row = int(np.clip(np.searchsorted(self.timeline.due, seconds), self._begin, self._end - 1))
            if self._phase in (ReplayPhase.WAITING, ReplayPhase.FAILED, ReplayPhase.CLOSED):
                self._row = row
                return
            if self._phase is ReplayPhase.FINISHED:
                self._phase = ReplayPhase.PLAYING
            self._jump(row, _JUMP_SECONDS)
            self._paused_at = self._clock()

    @property
    def speed(self) -> float:
        """The factor; may be changed while playing.

        Raises
        ------
        SourceError
            If set to less than 0.1 or more than 100.
        """
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        with self._lock:
            now = self._paused_at if self._phase is ReplayPhase.PAUSED else self._clock()
            # After a seek the next sample stays due when it was: slow motion would prolong the silence.
            if now > self._anchor_clock:
                self._anchor_due, self._anchor_clock = self._position(now), now
            self._speed = _checked_speed(speed)

    def status(self) -> ReplayStatus:
        """Describe the replay now."""
        with self._lock:
            due = self.timeline.due
            position = float(due[self._row]) if self._row < self._end else float(due[self._end - 1])
            return ReplayStatus(
                phase=self._phase,
                position=position,
                duration=self.timeline.duration,
                speed=self._speed,
                file=[name for begin, name in self.timeline.files if begin <= position][-1],
                sent=self._sent,
                receivers=self._has_receivers(),
                message=self._message,
            )

    def fail(self, error: Exception) -> None:
        """Note a failure for `status`."""
        with self._lock:
            self._phase, self._message = ReplayPhase.FAILED, str(error)

    def close(self) -> None:
        """Withdraw the streams. May be called twice."""
        with self._lock:
            self._outlet = self._markers = None
            if self._phase is not ReplayPhase.FAILED:
                self._phase = ReplayPhase.CLOSED

    def run(self, stopped: threading.Event) -> None:
        """Open, play to the end (or until `stopped` is set) and close, in this thread."""
        try:
            self.open()
            while not stopped.is_set() and self._phase is not ReplayPhase.FINISHED:
                stopped.wait(self.step())
            if self._phase is ReplayPhase.FINISHED:
                # An outlet that is withdrawn takes along what is still on its way.
                stopped.wait(LINGER_SECONDS)
        finally:
            self.close()

    # Time ----------------------------------------------------------------------------------

    def _position(self, now: float | None = None) -> float:
        now = self._clock() if now is None else now
        return self._anchor_due + (now - self._anchor_clock) * self._speed

    def _anchor(self, clock: float, *, stamp: float) -> None:
        """Make the next sample due at `clock`, stamped `stamp`."""
        due = float(self.timeline.due[self._row])
        self._anchor_clock, self._anchor_due = clock, due
        self._stamp_offset = stamp - due
        # Events before the first sample of all are sent with it.
        self._event = sum(time < due for time, _ in self.timeline.events) if self._row else 0

    def _jump(self, row: int, seconds: float) -> None:
        """Go on with `row` after so many seconds of the recording's time, in which nothing is sent."""
        now, period = self._clock(), 1.0 / self.timeline.info.rate
        following = self._seams.last_stamp + period if self._sent else now
        self._row = row
        self._broken = True
        # Slow motion does not prolong it: silence passes for the loss of a stream.
        moment = now + seconds / max(1.0, self._speed)
        # Stamps are the moments of sending, unless they have run ahead at another speed.
        live = self._speed == 1.0 and following <= now + period
        self._anchor(moment, stamp=max(moment, following) if live else following + seconds)

    # Sending -------------------------------------------------------------------------------

    def seams_before(self, stamps: NDArray[np.float64]) -> list[Seam]:
        """Return for each sample, by its stamp as it was sent, the last seam before it.

        At a pause, a seek and the next recording a receiver sees samples missing that never were. The
        seam before the first of all samples is an empty one.
        """
        with self._lock:
            return self._seams.before(stamps)

    def _push(self, stop: int) -> None:
        rows = slice(self._row, stop)
        stamps = self.timeline.due[rows] + self._stamp_offset
        self._seams.note(self._row, stamps, broken=self._broken)
        self._broken = False
        self._outlet.push_chunk(self.timeline.data[rows], stamps.tolist())
        if self._on_sent is not None:
            self._on_sent(self.timeline.due[rows], stamps)
        self._sent += stop - self._row
        self._row = stop

    def _push_events(self, position: float) -> None:
        events = self.timeline.events
        if self._end < len(self.timeline.due):
            position = min(position, float(self.timeline.due[self._end - 1]))
        while self._event < len(events) and events[self._event][0] <= position:
            time, text = events[self._event]
            self._markers.push_sample([text], time + self._stamp_offset)
            self._event += 1

    def _has_receivers(self) -> bool:
        return self._outlet is not None and bool(self._outlet.have_consumers())


def _checked_speed(speed: float) -> float:
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise SourceError(
            "The speed of a replay is out of range",
            found=f"{speed:g}",
            expected=f"{MIN_SPEED:g} to {MAX_SPEED:g}",
        )
    return float(speed)
