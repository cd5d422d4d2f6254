"""LSL streams as a source."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bci_app.errors import SourceError, StreamLostError
from bci_app.sources.clock.gaps import GapDetector
from bci_app.sources.lsl.finding import find_stream
from bci_app.sources.lsl.header import (
    LslSelector,
    LslStream,
    announced,
    carries_text,
    channel_headers,
    plays_recording,
    stream_info,
)
from bci_app.sources.lsl.library import load_pylsl, local_clock, use_loopback
from bci_app.sources.lsl.senders import (
    LslDiscovery,
    SenderClock,
    list_lsl_streams,
    newest_of_each_source,
)
from bci_app.stream import MAX_RATE, Chunk, StreamInfo

__all__ = ["LslDiscovery", "LslSource", "LslStream", "list_lsl_streams", "use_loopback"]

_POLL_SECONDS = 0.02
_HEADER_SECONDS = 5.0
# While a lost stream is awaited, reading must not stand still for long.
_RETURN_SECONDS = 1.0
# Who waits for samples waits so long after a read at least: to be woken costs more than what there is to do for a
# sample.
_PACE_SECONDS = 0.01
# An outlet that replaces another may be created this long before the other falls silent.
_HANDOVER_SECONDS = 0.5
# The most that one read gives, in seconds of samples; LSL keeps the rest.
_PULL_SECONDS = 1.0


class _NoAnswerError(SourceError):
    """A stream is announced, but its outlet does not respond."""


@dataclass(slots=True)
class _Session:
    """What a started source holds on to through reconnections."""

    info: StreamInfo
    stream: LslStream
    pinned: LslSelector
    detector: GapDetector


class LslSource:
    """Receive one LSL stream.

    Gaps are found by `GapDetector` in the stamps as they were sent; dejittering would hide loss. The offset of the
    sender's clock is added afterwards (see `SenderClock`).

    Parameters
    ----------
    selector : LslSelector
        Which stream.
    channels, rate, unit : optional
        Override channel names and rate, and state the unit of channels that state none.
    undescribed : bool
        Whether the stream may lack names and units.
    only_one : bool
        Whether no other stream can have the source_id, so that none is waited for.
    find_timeout : float
        Seconds to wait for the stream to appear in `start`.
    lost_after : float
        Seconds without a sample after which the stream counts as lost.
    buffer_seconds : int
        Samples that LSL keeps for a slow reader; older ones are dropped (and counted as lost).
    detector : callable
        Makes what finds gaps, of the rate.
    clock : callable
        Steady clock in seconds, for the watchdog.
    """

    def __init__(
        self,
        selector: LslSelector,
        *,
        channels: Sequence[str] | None = None,
        rate: float | None = None,
        unit: str | None = None,
        undescribed: bool = False,
        only_one: bool = False,
        find_timeout: float = 5.0,
        lost_after: float = 1.8,
        buffer_seconds: int = 20,
        detector: Callable[[float], GapDetector] = GapDetector,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._selector = selector
        self._overrides: dict[str, Any] = {"channels": channels, "rate": rate, "unit": unit, "undescribed": undescribed}
        self._only_one = only_one or selector.uid is not None
        self._find_timeout = find_timeout
        self._lost_after = lost_after
        self._buffer_seconds = buffer_seconds
        self._detector = detector
        self._clock = clock
        self._inlet: Any = None
        self._sender: SenderClock | None = None
        self._max_pull = 32
        self._session: _Session | None = None
        self._search: LslDiscovery | None = None
        self._refused: set[str] = set()
        self._retry_at: dict[str, float] = {}
        self._queue: deque[Chunk] = deque()
        self._unplaced: list[Chunk] = []  # of a sender whose clock is not known well enough
        self._failure: StreamLostError | None = None
        self._last_arrival = 0.0
        self._time = -np.inf
        self._offset = 0.0
        self._last_lsl_time = -np.inf

    @property
    def finished(self) -> bool:
        """False: an LSL stream may always come back."""
        return False

    @property
    def stream(self) -> LslStream | None:
        """The stream received, with the host that it comes from."""
        return self._session.stream if self._session is not None else None

    @property
    def clock_note(self) -> str:
        """How the sender's stamps were mapped, if it does not stamp by LSL's clock; else empty."""
        return self._sender.note if self._sender is not None else ""

    def start(self) -> StreamInfo:
        """Find the stream, read its header and begin to receive.

        Raises
        ------
        SourceError
            If no stream or more than one fits, or the header is incomplete.
        DependencyError
            If liblsl is missing.
        """
        early: dict[str, tuple[Any, SenderClock, StreamInfo]] = {}

        def open_early(found: Any) -> None:
            stream = announced(found)
            with suppress(_NoAnswerError):
                early[stream.uid] = self._connect(found, stream, timeout=_HEADER_SECONDS)

        found = find_stream(
            self._selector,
            timeout=self._find_timeout,
            only_one=self._only_one,
            clock=self._clock,
            meanwhile=open_early,
        )
        stream = announced(found)
        connected = early.get(stream.uid) or self._connect(found, stream, timeout=_HEADER_SECONDS)
        self._inlet, self._sender, info = connected
        self._open(self._inlet, stream, timeout=_HEADER_SECONDS)
        self._max_pull = max(32, round(_PULL_SECONDS * info.rate))
        self._session = _Session(info, stream, self._selector.pinned(stream), self._detector(info.rate))
        self._last_arrival = self._clock()
        return info

    def read(self, timeout: float = 0.0) -> Chunk | None:
        """Return the next samples. See `Source.read`.

        Raises
        ------
        StreamLostError
            Once, when the stream is lost; further calls look for its return.
        SourceError
            If it has returned with another layout. Further calls look for the former one.
        """
        if self._session is None:
            raise RuntimeError("the source is not started")
        if not self._queue and self._failure is None:
            if self._search is None:
                self._pull(self._session, timeout)
            else:
                self._wait_for_return(self._session, self._search, timeout)
        if self._queue:
            return self._queue.popleft()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return None

    def stop(self) -> None:
        """Close the inlet. May be called twice."""
        self._inlet = self._sender = None
        self._end_search()

    # Opening -------------------------------------------------------------------------------

    def _connect(self, found: Any, stream: LslStream, *, timeout: float) -> tuple[Any, SenderClock, StreamInfo]:
        """Read a stream's header and measure its sender's clock."""
        pylsl = load_pylsl()
        if carries_text(found):
            raise SourceError(f"LSL stream {stream.name!r} carries text", found="format string", expected="numbers")
        if stream.rate > MAX_RATE:
            # liblsl's buffer would go by it, whatever rate the user states.
            raise SourceError(
                f"LSL stream {stream.name!r} states an impossible sampling rate",
                found=f"{stream.rate:g} Hz",
                expected=f"at most {MAX_RATE:g} Hz",
                fix="Correct the rate where the stream is sent.",
            )
        with _answering(stream, timeout):
            # Neither dejittering nor silent recovery: loss is to be seen.
            inlet = pylsl.StreamInlet(found, max_buflen=self._buffer(stream), recover=False, processing_flags=0)
            header = inlet.info(timeout)
            info = stream_info(
                stream, channel_headers(header), real_time=not plays_recording(header), **self._overrides
            )
            sender = SenderClock(inlet, stream, timeout=timeout, clock=self._clock)
            # No sample can be placed before its sender's clock is known. A sender that waits for us waits as long:
            # one that plays a recording at many times its speed would overrun the buffer meanwhile.
            while not sender.ready():
                time.sleep(_PACE_SECONDS)
        return inlet, sender, info

    def _open(self, inlet: Any, stream: LslStream, *, timeout: float) -> None:
        """Begin to receive. Nothing is flushed: an outlet that waited for us begins with its first sample now."""
        with _answering(stream, timeout):
            inlet.open_stream(timeout)

    def _buffer(self, stream: LslStream) -> int:
        """Return the buffer's size: in seconds at the rate that a stream states, else in hundreds of samples."""
        rate = self._overrides["rate"] or stream.rate
        return max(1, math.ceil(self._buffer_seconds * rate / (stream.rate or 100.0)))

    # Receiving -----------------------------------------------------------------------------

    def _pull(self, session: _Session, timeout: float) -> None:
        now = self._clock()
        if self._sender is not None and not self._sender.ready():
            # LSL keeps the samples until their stamps can be read.
            self._last_arrival = now
            time.sleep(min(timeout, _PACE_SECONDS))
            return
        pause = max(0.0, min(timeout, self._last_arrival + _PACE_SECONDS - now))
        if pause > 0:
            time.sleep(pause)
        left = max(0.0, self._last_arrival + self._lost_after - now)
        try:
            # To wait for a sample takes LSL another call and another copy, and there is one nearly always.
            data, times = self._inlet.pull_chunk(max_samples=self._max_pull, as_numpy=True)
            if not len(times) and (wait := min(timeout - pause, left)) > 0:
                data, times = self._inlet.pull_chunk(wait, self._max_pull, min_samples=1, as_numpy=True)
        except load_pylsl().util.LostError:
            self._inlet = None
            self._lose(session, "the connection broke off")
            return
        now = self._clock()
        if len(times):
            if self._search is not None:
                # The stream has gone on through the connection that it had.
                self._end_search()
                session.detector.resume()
            self._last_arrival, self._last_lsl_time = now, local_clock()
            if self._sender is not None:
                times = self._sender.follow(times, 1.0 / session.info.rate)
            self._take(session.detector.process(np.asarray(data, dtype=np.float64), times))
        elif self._search is None and now - self._last_arrival >= self._lost_after:
            self._lose(session, f"no sample for {self._lost_after:g} s")

    def _lose(self, session: _Session, cause: str) -> None:
        self._take(session.detector.flush())
        if self._search is not None:
            return
        self._search = LslDiscovery()
        self._failure = StreamLostError(
            f"LSL stream {session.stream.name!r} from {session.stream.hostname} is lost",
            found=cause,
            fix="Waiting for its return.",
        )

    def _wait_for_return(self, session: _Session, search: LslDiscovery, timeout: float) -> None:
        """Look for a lost stream for `timeout` seconds, in its old connection and in new ones."""
        deadline = self._clock() + timeout
        while True:
            if self._reconnect(session, search):
                return
            if self._inlet is not None:
                self._pull(session, 0.0)
            left = deadline - self._clock()
            if self._queue or left <= 0:
                return
            time.sleep(min(_POLL_SECONDS, left))

    def _reconnect(self, session: _Session, search: LslDiscovery) -> bool:
        for found in newest_of_each_source(search.infos()):
            stream = announced(found)
            same = stream.uid == session.stream.uid and self._inlet is not None
            waiting = self._clock() < self._retry_at.get(stream.uid, 0.0)
            if same or waiting or stream.uid in self._refused or not session.pinned.matches(stream):
                continue
            if stream.uid != session.stream.uid and self._was_there_before(stream):
                continue
            try:
                inlet, sender, info = self._connect(found, stream, timeout=_RETURN_SECONDS)
                self._open(inlet, stream, timeout=_RETURN_SECONDS)
            except _NoAnswerError:
                self._retry_at[stream.uid] = self._clock() + _RETURN_SECONDS
                continue
            except SourceError as error:
                self._refused.add(stream.uid)
                raise _refusal(stream, str(error)) from error
            if change := _change(session.info, info):
                self._refused.add(stream.uid)
                raise _refusal(stream, change)
            if self._sender is not None:
                sender.continue_from(self._sender)
            self._inlet, self._sender, session.stream = inlet, sender, stream
            self._last_arrival = self._clock()
            self._end_search()
            session.detector.resume()
            return True
        return False

    def _was_there_before(self, stream: LslStream) -> bool:
        """Return whether an outlet was there while ours still sent: it is another one that looks the same."""
        correction = self._sender.correction if self._sender is not None else 0.0
        return stream.created_at + correction < self._last_lsl_time - _HANDOVER_SECONDS

    def _end_search(self) -> None:
        if self._search is not None:
            self._search.close()
            self._search = None
        self._retry_at.clear()

    def _take(self, chunks: Sequence[Chunk]) -> None:
        if self._unplaced or (self._sender is not None and not self._sender.settled):
            self._unplaced += chunks
            if self._sender is not None and not self._sender.settled:
                return
            chunks, self._unplaced = self._unplaced, []
        offset = self._sender.offset if self._sender is not None else self._offset
        self._offset = offset
        if offset == 0.0:
            self._queue.extend(chunks)
            return
        for chunk in chunks:
            floor = -np.inf if chunk.reset else self._time
            # A better estimate of the offset must not turn time back.
            times = np.maximum(chunk.times + offset, floor)
            self._time = float(times[-1])
            self._queue.append(replace(chunk, times=times, offset=offset))


@contextmanager
def _answering(stream: LslStream, timeout: float) -> Iterator[None]:
    """Report an outlet that does not respond within `timeout` seconds."""
    errors = load_pylsl().util
    try:
        yield
    except (errors.TimeoutError, errors.LostError) as error:
        raise _NoAnswerError(
            f"LSL stream {stream.name!r} on {stream.hostname} is announced but does not answer",
            found=str(error).rstrip("."),
            expected=f"an answer within {timeout:g} s",
            fix="Restart the sending program; check that a firewall lets ports 16572 to 16604 through.",
        ) from error


def _change(before: StreamInfo, after: StreamInfo) -> str:
    """Say how a stream that came back differs from what it was; empty if it does not."""
    if after.channels != before.channels:
        return f"channels {', '.join(after.channels)}; before: {', '.join(before.channels)}"
    if after.units != before.units:
        return f"units {', '.join(after.units)}; before: {', '.join(before.units)}"
    if after.rate != before.rate:
        return f"{after.rate:g} Hz; before: {before.rate:g} Hz"
    return ""


def _refusal(stream: LslStream, reason: str) -> SourceError:
    return SourceError(
        f"LSL stream {stream.name!r} came back, but not as it was",
        found=reason.rstrip("."),
        expected="the layout that the session started with",
        fix="Restore the stream's former settings, or start a new session.",
    )
