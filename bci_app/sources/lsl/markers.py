"""Events of LSL marker streams: PsychoPy, E-Prime, Presentation and others send them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from bci_app.errors import SourceError
from bci_app.sources.lsl.header import LslSelector, LslStream, announced, carries_text
from bci_app.sources.lsl.library import load_pylsl
from bci_app.sources.lsl.senders import LslDiscovery, SenderClock
from bci_app.stream import Marker, marker_text

_LOOK_SECONDS = 0.1
_OPEN_SECONDS = 2.0
# Longest wait for an event: bounds how long the end takes.
_WAIT_SECONDS = 0.1
_MOST = 256  # events that are still taken of a stream at the end
# Events that wait in LSL while this process is busy, in units of a hundred.
_BUFFER = 100

_Key = tuple[str, ...]


class _Connection:
    """A marker stream that is received, in a thread of its own.

    Once the sender is gone LSL gives out nothing any more, not even what has arrived: a program that ends with
    its last event loses none only if somebody waits for it.
    """

    def __init__(
        self,
        inlet: Any,
        info: Any,
        stream: LslStream,
        origin: str,
        sender: SenderClock,
        deliver: Callable[[Marker, str], None],
    ) -> None:
        self.stream = stream
        self.origin = origin
        self.created_at = float(info.created_at())
        self._inlet = inlet
        self._sender = sender
        self._text = carries_text(info)
        self._deliver = deliver
        self._waiting: list[tuple[float, str]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"markers of {origin}", daemon=True)

    def start(self) -> None:
        """Begin to deliver events."""
        self._thread.start()

    @property
    def clock_note(self) -> str:
        """How the sender's stamps are mapped, if it does not stamp by LSL's clock; else empty."""
        return self._sender.note

    @property
    def alive(self) -> bool:
        """False once the stream is gone."""
        return self._thread.is_alive()

    def end(self) -> None:
        """Deliver what has arrived, and no more."""
        self._stop.set()

    def join(self) -> None:
        """Wait for the end."""
        self._thread.join()

    def _run(self) -> None:
        with suppress(load_pylsl().util.LostError):
            while not self._stop.is_set():
                # One by one, for LSL waits until there are as many as are asked for.
                self._take(_WAIT_SECONDS, 1)
            self._take(0.0, _MOST)
        self._deliver_waiting()

    def _take(self, timeout: float, most: int) -> None:
        # As bytes: not every sender writes UTF-8.
        values, times = self._inlet.pull_chunk(timeout=timeout, max_samples=most, as_numpy=True)
        self._waiting += [(moment, _as_text(row, self._text)) for row, moment in zip(values, times, strict=True)]
        # Events are taken out of LSL at once, for it keeps none of a sender that has gone.
        if self._sender.ready():
            self._deliver_waiting()

    def _deliver_waiting(self) -> None:
        for moment, text in self._waiting:
            (stamp,) = self._sender.follow(np.array([moment]), 0.0)
            time_ = float(stamp) + self._sender.offset
            self._deliver(Marker(time_, text, self._sender.offset), self.origin)
        self._waiting.clear()


class MarkerStreams:
    """Receive the events of named LSL marker streams, in threads of its own.

    Streams may appear, vanish and return at any time; what is sent while a stream is connected is
    received once and in order. A marker stream is one of irregular rate; numbers become text.

    Parameters
    ----------
    selectors : sequence of str
        Which streams: a name, or ``type=…,source_id=…`` as after ``lsl:``. All that fit are received.
    deliver : callable
        Given each event and the name of its stream, in a thread of that stream. Times are on this machine's
        LSL clock.
    own : callable
        Tells of an outlet, by its uid, whether it sends what was received here already: its events
        would come back.

    Raises
    ------
    SourceError
        If a selector cannot be read.
    """

    def __init__(
        self,
        selectors: Sequence[str],
        deliver: Callable[[Marker, str], None],
        *,
        own: Callable[[str], bool] = lambda _uid: False,
    ) -> None:
        for text in selectors:
            if not text.strip():
                raise SourceError("A marker stream has no name", found=repr(text), expected="the name of a stream")
        self._selectors = {text: LslSelector.parse(text) for text in selectors}
        self._deliver = deliver
        self._own = own
        self._discovery: LslDiscovery | None = None
        self._connections: dict[_Key, _Connection] = {}
        self._origins: dict[_Key, str] = {}
        self._found: set[str] = set()
        self._retry_at: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="markers", daemon=True)

    def start(self) -> None:
        """Begin to look for the streams.

        Raises
        ------
        DependencyError
            If liblsl is missing.
        """
        self._discovery = LslDiscovery()
        self._thread.start()

    def stop(self) -> None:
        """Take what has arrived and end. May be called twice."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._discovery is not None:
            self._discovery.close()
            self._discovery = None

    @property
    def connected(self) -> tuple[str, ...]:
        """Names of the streams received now."""
        return tuple(sorted(connection.origin for connection in list(self._connections.values())))

    @property
    def clock_notes(self) -> tuple[str, ...]:
        """How stamps are mapped of senders that do not stamp by LSL's clock."""
        notes = (connection.clock_note for connection in list(self._connections.values()))
        return tuple(note for note in notes if note)

    @property
    def never_seen(self) -> tuple[str, ...]:
        """Selectors that no stream has fitted so far."""
        return tuple(text for text in self._selectors if text not in self._found)

    def _run(self) -> None:
        try:
            while True:
                for key in [key for key, connection in self._connections.items() if not connection.alive]:
                    del self._connections[key]
                self._connect()
                if self._stop.wait(_LOOK_SECONDS):
                    break
        finally:
            for connection in self._connections.values():
                connection.end()
            for connection in self._connections.values():
                connection.join()
            self._connections.clear()

    def _connect(self) -> None:
        for info in self._discovery.infos() if self._discovery is not None else []:
            stream = announced(info)
            fitting = [text for text, selector in self._selectors.items() if selector.matches(stream)]
            if not fitting or stream.rate:
                continue
            self._found.update(fitting)
            if self._own(stream.uid):
                continue
            key = stream.key
            old = self._connections.get(key)
            if old is not None and (old.stream.uid == stream.uid or info.created_at() <= old.created_at):
                continue
            if time.monotonic() < self._retry_at.get(stream.uid, 0.0):
                continue
            new = self._open(info, stream, self._origin(key, stream))
            if new is None:
                # The announcement of an outlet that has just gone lives on for a moment.
                self._retry_at[stream.uid] = time.monotonic() + 1.0
                continue
            if old is not None:
                old.end()
                old.join()
            self._connections[key] = new
            new.start()

    def _origin(self, key: _Key, stream: LslStream) -> str:
        """Name a stream: by its own name, with its source_id if another has the same."""
        if key not in self._origins:
            taken = stream.name in self._origins.values()
            self._origins[key] = f"{stream.name} ({stream.source_id or stream.uid})" if taken else stream.name
        return self._origins[key]

    def _open(self, info: Any, stream: LslStream, origin: str) -> _Connection | None:
        pylsl = load_pylsl()
        inlet = pylsl.StreamInlet(info, max_buflen=_BUFFER, recover=False, processing_flags=0)
        try:
            sender = SenderClock(inlet, stream, timeout=_OPEN_SECONDS)
            # On a busy machine this may take longer. The sender may count us as connected by then, and what
            # it sends would be lost with this inlet: it is kept, and connects by itself.
            with suppress(pylsl.util.TimeoutError):
                inlet.open_stream(_OPEN_SECONDS)
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            return None
        return _Connection(inlet, info, stream, origin, sender, self._deliver)


def _as_text(row: Any, is_text: bool) -> str:
    return marker_text(value.decode("utf-8", "replace") for value in row) if is_text else marker_text(row)
