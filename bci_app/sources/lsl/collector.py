"""Streams that are received beside the one that is predicted from: found, connected, and connected again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from bci_app.errors import SourceError
from bci_app.sources.lsl.header import LslSelector, LslStream, announced
from bci_app.sources.lsl.library import load_pylsl
from bci_app.sources.lsl.senders import LslDiscovery, SenderClock

_LOOK_SECONDS = 0.1
OPEN_SECONDS = 2.0

_Key = tuple[str, ...]


class Connection:
    """A stream that is received in its own thread.

    Once the sender is gone LSL gives out nothing any more, not even what has arrived: a program that ends with
    its last event loses none only if somebody waits for it.

    Parameters
    ----------
    inlet : pylsl.StreamInlet
        Connected.
    info : pylsl.StreamInfo
        Its announcement.
    stream : LslStream
        The same, read.
    origin : str
        What the stream is called here.
    sender : SenderClock
        Its sender's clock.
    """

    def __init__(self, inlet: Any, info: Any, stream: LslStream, origin: str, sender: SenderClock) -> None:
        self.stream = stream
        self.origin = origin
        self.created_at = float(info.created_at())
        self._inlet = inlet
        self._sender = sender
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"stream {origin}", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
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
                self._take()
            self._take_rest()
        self._flush()

    def _take(self) -> None:
        """Wait a short while for values, and deliver them."""
        raise NotImplementedError

    def _take_rest(self) -> None:
        """Deliver what has arrived, at the end."""
        raise NotImplementedError

    def _flush(self) -> None:
        """Deliver what was held back, after the last value."""
        raise NotImplementedError


class StreamCollector:
    """Receive all streams that fit some selectors, in their own threads.

    Streams may appear, vanish and return at any time.

    Parameters
    ----------
    selectors : sequence of str
        Which streams: a name, or ``type=…,source_id=…`` as after ``lsl:``.
    own : callable
        Whether an outlet, by its uid, is one of this session.

    Raises
    ------
    SourceError
        If a selector cannot be read.
    """

    what = "stream"

    def __init__(self, selectors: Sequence[str], *, own: Callable[[str], bool] = lambda _uid: False) -> None:
        for text in selectors:
            if not text.strip():
                raise SourceError(f"A {self.what} has no name", found=repr(text), expected="the name of a stream")
        self._selectors = {text: LslSelector.parse(text) for text in selectors}
        self._own = own
        self._discovery: LslDiscovery | None = None
        self._connections: dict[_Key, Connection] = {}
        self._origins: dict[_Key, str] = {}
        self._found: set[str] = set()
        self._retry_at: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{self.what}s", daemon=True)

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
            if not fitting or not self._wants(info, stream):
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
            new = self.open_stream(info, stream, self._origin(key, stream))
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

    def open_stream(self, info: Any, stream: LslStream, origin: str) -> Connection | None:
        """Connect to a stream; return None if it is not there any more."""
        pylsl = load_pylsl()
        inlet = pylsl.StreamInlet(info, max_buflen=self._buffer(stream), recover=False, processing_flags=0)
        try:
            sender = SenderClock(inlet, stream, timeout=OPEN_SECONDS)
            # On a busy machine this may take longer. The sender may count us as connected by then, and what
            # it sends would be lost with this inlet: it is kept, and connects by itself.
            with suppress(pylsl.util.TimeoutError):
                inlet.open_stream(OPEN_SECONDS)
            return self._connection(inlet, info, stream, origin, sender)
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            return None

    def _wants(self, info: Any, stream: LslStream) -> bool:
        """Return whether a stream that fits is of the kind collected."""
        raise NotImplementedError

    def _buffer(self, stream: LslStream) -> int:
        """Return the size of LSL's buffer: seconds, or hundreds of values of an irregular stream."""
        raise NotImplementedError

    def _connection(self, inlet: Any, info: Any, stream: LslStream, origin: str, sender: SenderClock) -> Connection:
        """Make the connection to a stream. Raises as LSL if its sender does not answer."""
        raise NotImplementedError
