"""LSL streams as a source."""

from __future__ import annotations

import math
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bci_app.errors import SourceError, StreamLostError
from bci_app.sources.liblsl import load_pylsl, use_loopback
from bci_app.sources.lsl_header import LslSelector, LslStream, announced, channel_headers, stream_info
from bci_app.sources.timing import GapDetector
from bci_app.stream import MAX_RATE, Chunk, StreamInfo

__all__ = ["LslDiscovery", "LslSource", "LslStream", "list_lsl_streams", "use_loopback"]

# A resolver may take this long to hear of every stream, on a busy machine too.
_SETTLE_SECONDS = 1.0
_POLL_SECONDS = 0.02
_HEADER_SECONDS = 5.0
# While a lost stream is awaited, reading must not stand still for long.
_RETURN_SECONDS = 1.0
_OFFSET_SECONDS = 5.0
# A stream that is pushed sample by sample is read no more often than this: each round of a session costs
# the same for one sample as for some.
_PACE_SECONDS = 0.008
# The most that one read gives, in seconds of samples; LSL keeps the rest.
_PULL_SECONDS = 1.0
_CF_STRING = 3


class LslDiscovery:
    """Streams as they appear and vanish.

    Parameters
    ----------
    forget_after : float
        Seconds after which a stream that is silent to the resolver is no longer listed.

    Raises
    ------
    DependencyError
        If liblsl is missing.
    """

    def __init__(self, *, forget_after: float = 2.0) -> None:
        self._resolver: Any = load_pylsl().ContinuousResolver(forget_after=forget_after)

    def streams(self) -> tuple[LslStream, ...]:
        """List the streams visible now, by name."""
        return tuple(sorted((announced(info) for info in self.infos()), key=lambda s: (s.name, s.source_id, s.uid)))

    def infos(self) -> list[Any]:
        """Give the announcements (``pylsl.StreamInfo``) visible now."""
        return list(self._resolver.results()) if self._resolver is not None else []

    def close(self) -> None:
        """Stop looking. May be called twice."""
        self._resolver = None


def list_lsl_streams(timeout: float = 1.0) -> tuple[LslStream, ...]:
    """List the LSL streams that answer within `timeout` seconds (half a second at the least).

    Raises
    ------
    DependencyError
        If liblsl is missing.
    """
    discovery = LslDiscovery()
    time.sleep(max(timeout, _SETTLE_SECONDS))
    streams = discovery.streams()
    discovery.close()
    return streams


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

    Time stamps are taken as sent (no dejittering: it hides loss) and gaps are found by
    `GapDetector`. For a stream of another host, LSL's clock offset is added afterwards.

    Parameters
    ----------
    selector : LslSelector
        Which stream.
    channels, rate, unit : optional
        State what the header lacks, or override it.
    find_timeout : float
        Seconds to wait for the stream to appear in `start`.
    lost_after : float
        Seconds without a sample after which the stream counts as lost.
    buffer_seconds : int
        Samples that LSL keeps for a slow reader; older ones are dropped (and counted as lost).
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
        find_timeout: float = 5.0,
        lost_after: float = 1.8,
        buffer_seconds: int = 20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._selector = selector
        self._overrides: dict[str, Any] = {"channels": channels, "rate": rate, "unit": unit}
        self._find_timeout = find_timeout
        self._lost_after = lost_after
        self._buffer_seconds = buffer_seconds
        self._clock = clock
        self._host = socket.gethostname()
        self._inlet: Any = None
        self._max_pull = 32
        self._session: _Session | None = None
        self._search: LslDiscovery | None = None
        self._refused: set[str] = set()
        self._retry_at: dict[str, float] = {}
        self._queue: deque[Chunk] = deque()
        self._failure: StreamLostError | None = None
        self._last_arrival = 0.0
        self._rest_until = 0.0
        self._offset = 0.0
        self._offset_due = 0.0
        self._time = -np.inf

    @property
    def finished(self) -> bool:
        """False: an LSL stream may always come back."""
        return False

    @property
    def stream(self) -> LslStream | None:
        """The stream received, with the host that it comes from."""
        return self._session.stream if self._session is not None else None

    def start(self) -> StreamInfo:
        """Find the stream, read its header and begin to receive.

        Raises
        ------
        SourceError
            If no stream or more than one fits, or the header is incomplete.
        DependencyError
            If liblsl is missing.
        """
        found = self._find()
        stream = announced(found)
        self._inlet, info = self._open(found, stream, timeout=_HEADER_SECONDS)
        self._max_pull = max(32, round(_PULL_SECONDS * info.rate))
        self._session = _Session(info, stream, self._selector.pinned(stream), GapDetector(info.rate))
        self._last_arrival = self._clock()
        return info

    def read(self, timeout: float = 0.0) -> Chunk | None:
        """Give the next samples. See `Source.read`.

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
        self._inlet = None
        self._end_search()

    # Finding and opening -------------------------------------------------------------------

    def _find(self) -> Any:
        discovery = LslDiscovery(forget_after=5.0)
        try:
            deadline = self._clock() + self._find_timeout
            while not (found := self._matching(discovery)) and self._clock() < deadline:
                time.sleep(_POLL_SECONDS)
            if not found:
                raise self._not_found(discovery.streams())
            if self._selector.source_id is None or not any(map(_is_signal, found)):
                # Others that fit may not have answered yet, such as the data beside these markers.
                time.sleep(_SETTLE_SECONDS)
                found = self._matching(discovery) or found
        finally:
            discovery.close()
        newest = _newest_of_each_source(found)
        # Streams of markers often bear the name or source_id of the data beside them.
        newest = [info for info in newest if _is_signal(info)] or newest
        if len(newest) > 1:
            addresses = ", ".join(announced(info).address for info in newest)
            raise SourceError(
                f"More than one LSL stream is {self._selector}",
                found=addresses,
                expected="one",
                fix="Choose one of them, for example with --source and the text above.",
            )
        return newest[0]

    def _matching(self, discovery: LslDiscovery) -> list[Any]:
        return [info for info in discovery.infos() if self._selector.matches(announced(info))]

    def _not_found(self, visible: Sequence[LslStream]) -> SourceError:
        listed = ", ".join(f"{stream.address} (type {stream.type or 'none'})" for stream in visible)
        return SourceError(
            f"No LSL stream found within {self._find_timeout:g} s",
            found=listed or "no stream at all",
            expected=str(self._selector),
            fix="Start the stream, or list what is there with `bci-app sources`. "
            "Streams of other machines are looked for with --network only.",
        )

    def _open(self, found: Any, stream: LslStream, *, timeout: float) -> tuple[Any, StreamInfo]:
        pylsl = load_pylsl()
        if found.channel_format() == _CF_STRING:
            raise SourceError(f"LSL stream {stream.name!r} carries text", found="format string", expected="numbers")
        if stream.rate > MAX_RATE:
            # liblsl's buffer would go by it, whatever rate the user states.
            raise SourceError(
                f"LSL stream {stream.name!r} states an impossible sampling rate",
                found=f"{stream.rate:g} Hz",
                expected=f"at most {MAX_RATE:g} Hz",
                fix="Correct the rate where the stream is sent.",
            )
        try:
            # Neither dejittering nor silent recovery: loss is to be seen.
            inlet = pylsl.StreamInlet(found, max_buflen=self._buffer(stream), recover=False, processing_flags=0)
            info = stream_info(stream, channel_headers(inlet.info(timeout)), **self._overrides)
            if stream.hostname != self._host:
                self._offset = float(inlet.time_correction(timeout))
                self._offset_due = self._clock() + _OFFSET_SECONDS
            # Nothing is flushed: an outlet that waited for us begins with its first sample now.
            inlet.open_stream(timeout)
        except (pylsl.util.TimeoutError, pylsl.util.LostError) as error:
            raise _NoAnswerError(
                f"LSL stream {stream.name!r} on {stream.hostname} is announced but does not answer",
                found=str(error).rstrip("."),
                expected=f"an answer within {timeout:g} s",
                fix="Restart the sending program; check that a firewall lets ports 16572 to 16604 through.",
            ) from error
        return inlet, info

    def _buffer(self, stream: LslStream) -> int:
        """Give the buffer's size: in seconds at the rate that a stream states, else in hundreds of samples."""
        rate = self._overrides["rate"] or stream.rate
        return max(1, math.ceil(self._buffer_seconds * rate / (stream.rate or 100.0)))

    # Receiving -----------------------------------------------------------------------------

    def _pull(self, session: _Session, timeout: float) -> None:
        now = self._clock()
        if timeout > 0 and self._rest_until > now:
            pause = min(timeout, self._rest_until - now)
            time.sleep(pause)
            timeout -= pause
        left = max(0.0, self._last_arrival + self._lost_after - now)
        try:
            data, times = self._inlet.pull_chunk(
                timeout=min(timeout, left), max_samples=self._max_pull, min_samples=1, as_numpy=True
            )
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
            self._last_arrival = now
            few = len(times) < 1.2 * _PACE_SECONDS * session.info.rate
            self._rest_until = now + _PACE_SECONDS if few else 0.0
            self._take(session, session.detector.process(np.asarray(data, dtype=np.float64), times))
        elif self._search is None and now - self._last_arrival >= self._lost_after:
            self._lose(session, f"no sample for {self._lost_after:g} s")

    def _lose(self, session: _Session, cause: str) -> None:
        self._take(session, session.detector.flush())
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
        for found in _newest_of_each_source(search.infos()):
            stream = announced(found)
            same = stream.uid == session.stream.uid and self._inlet is not None
            waiting = self._clock() < self._retry_at.get(stream.uid, 0.0)
            if same or waiting or stream.uid in self._refused or not session.pinned.matches(stream):
                continue
            try:
                inlet, info = self._open(found, stream, timeout=_RETURN_SECONDS)
            except _NoAnswerError:
                self._retry_at[stream.uid] = self._clock() + _RETURN_SECONDS
                continue
            except SourceError as error:
                self._refused.add(stream.uid)
                raise _refusal(stream, str(error)) from error
            if change := _change(session.info, info):
                self._refused.add(stream.uid)
                raise _refusal(stream, change)
            self._inlet, session.stream = inlet, stream
            self._last_arrival = self._clock()
            self._end_search()
            session.detector.resume()
            return True
        return False

    def _end_search(self) -> None:
        if self._search is not None:
            self._search.close()
            self._search = None
        self._retry_at.clear()

    def _take(self, session: _Session, chunks: Sequence[Chunk]) -> None:
        if session.stream.hostname == self._host:
            self._queue.extend(chunks)
            return
        self._follow_offset()
        for chunk in chunks:
            floor = -np.inf if chunk.reset else self._time
            # A better estimate of the offset must not turn time back.
            times = np.maximum(chunk.times + self._offset, floor)
            self._time = float(times[-1])
            self._queue.append(replace(chunk, times=times))

    def _follow_offset(self) -> None:
        """Ask for the clock offset of another host anew; streams of this one share its clock."""
        if self._inlet is None or self._clock() < self._offset_due:
            return
        self._offset_due = self._clock() + _OFFSET_SECONDS
        # After the first estimate LSL answers at once; should it not, the one in hand stays good for a
        # while, for clocks drift by microseconds a second.
        with suppress(load_pylsl().util.TimeoutError, load_pylsl().util.LostError):
            self._offset = float(self._inlet.time_correction(0.1))


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


def _is_signal(info: Any) -> bool:
    """Tell whether a stream carries numbers at a rate, and not events."""
    return info.channel_format() != _CF_STRING and bool(info.nominal_srate())


def _newest_of_each_source(infos: Sequence[Any]) -> list[Any]:
    """Drop announcements of outlets that a restart has replaced but that are not yet forgotten."""
    newest: dict[tuple[str, ...], Any] = {}
    for info in infos:
        stream = announced(info)
        key = (stream.source_id or stream.uid, stream.hostname, stream.name, stream.type)
        if key not in newest or info.created_at() > newest[key].created_at():
            newest[key] = info
    return list(newest.values())
