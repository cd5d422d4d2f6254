"""A source that delivers when the test says so."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import numpy as np

from bci_app.errors import BciError, StreamLostError
from bci_app.stream import Chunk, StreamInfo
from tests.bundles import CHANNELS
from tests.streams import chunks, eeg

RATE = 250.0
INFO = StreamInfo("Test stream", (*CHANNELS, "ECG"), RATE, ("uV",) * 7, kind="lsl", host="lab-pc")


class HeldSource:
    """Deliver prepared chunks, as many as `allow` has let through; `fail` comes before the rest."""

    def __init__(
        self, pieces: Iterable[Chunk], *, info: StreamInfo = INFO, start_error: BciError | None = None
    ) -> None:
        self._info = info
        self._pieces = list(pieces)
        self._start_error = start_error
        self._changed = threading.Condition()
        self._allowed = 0
        self._failure: BciError | None = None
        self._endless = False
        self.stopped = False

    def start(self) -> StreamInfo:
        if self._start_error is not None:
            raise self._start_error
        return self._info

    def allow(self, count: int | None = None) -> None:
        """Let so many chunks through, or all that there are."""
        with self._changed:
            self._allowed += len(self._pieces) if count is None else count
            self._changed.notify()

    def add(self, pieces: Iterable[Chunk]) -> None:
        with self._changed:
            self._pieces.extend(pieces)

    def fail(self, error: BciError | None) -> None:
        """Raise this at every read, until it is cleared."""
        with self._changed:
            self._failure = error
            self._changed.notify()

    def end(self) -> None:
        """Be finished once nothing is left."""
        with self._changed:
            self._endless = True
            self._changed.notify()

    def read(self, timeout: float = 0.0) -> Chunk | None:
        with self._changed:
            if self._failure is not None:
                error = self._failure
                self._changed.wait(0.01)
                raise error
            if not (self._allowed and self._pieces):
                self._changed.wait(timeout)
            if not (self._allowed and self._pieces) or self._failure is not None:
                return None
            self._allowed -= 1
            return self._pieces.pop(0)

    @property
    def finished(self) -> bool:
        return self._endless and not self._pieces

    def stop(self) -> None:
        self.stopped = True


def stream(seconds: float, *, info: StreamInfo = INFO, start: int = 0, lost: int = 0, seed: int = 0) -> list[Chunk]:
    """Noise in chunks of 50 ms."""
    data = eeg(seconds, info.rate, len(info.channels), seed=seed)
    return chunks(data, info.rate, [max(1, round(info.rate / 20))], start=start, lost=lost)


def sine(seconds: float, hertz: float, *, info: StreamInfo = INFO) -> list[Chunk]:
    """The same sine of 20 µV in all channels."""
    time = np.arange(round(seconds * info.rate)) / info.rate
    data = np.tile((20 * np.sin(2 * np.pi * hertz * time))[:, None], len(info.channels))
    return chunks(data, info.rate, [25])


LOST = StreamLostError("Stream Test stream is lost", fix="Check the device; the session goes on when it returns.")
