"""A session that faults are done to: the engine on a real LSL stream, stepped by the test."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from bci_app.bundle import LoadedBundle
from bci_app.engine import Engine
from bci_app.events import Phase, Prediction, Status
from bci_app.sources.lsl.header import LslSelector
from bci_app.sources.lsl.source import LslSource
from bci_app.stream import Chunk, StreamInfo
from tests.faults.outlet import INDEX


class Tap:
    """A source that keeps what it gave."""

    def __init__(self, source: LslSource) -> None:
        self._source = source
        self.chunks: list[Chunk] = []

    def start(self) -> StreamInfo:
        return self._source.start()

    def read(self, timeout: float = 0.0) -> Chunk | None:
        chunk = self._source.read(timeout)
        if chunk is not None:
            self.chunks.append(chunk)
        return chunk

    @property
    def finished(self) -> bool:
        return self._source.finished

    def stop(self) -> None:
        self._source.stop()


class Session:
    """A started engine; what it gave is kept. Use as a context manager."""

    def __init__(self, source_id: str, bundle: LoadedBundle) -> None:
        self.tap = Tap(LslSource(LslSelector(source_id=source_id)))
        self.engine = Engine(self.tap, bundle)
        self.info = self.engine.start()
        self.predictions: list[Prediction] = []

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.stop()

    def step(self, timeout: float = 0.05) -> None:
        self.predictions += self.engine.step(timeout).predictions

    def step_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.step()

    def until(self, condition: Callable[[], bool], limit: float = 120.0) -> float:
        """Step until a condition holds; gives the seconds that took."""
        start = time.monotonic()
        while not condition():
            assert time.monotonic() - start < limit, f"nothing came of it within {limit} s: {self.status}"
            self.step()
        return time.monotonic() - start

    def until_received(self, n: int, limit: float = 120.0) -> float:
        """Step until `n` samples more have been received."""
        goal = self.received + n
        return self.until(lambda: self.received >= goal, limit)

    def until_valid(self, n: int = 1, limit: float = 120.0) -> float:
        """Step until `n` valid predictions more have been made."""
        goal = self.n_valid + n
        return self.until(lambda: self.n_valid >= goal, limit)

    def until_lost(self, limit: float = 120.0) -> float:
        return self.until(lambda: self.status.phase is Phase.LOST, limit)

    @property
    def status(self) -> Status:
        return self.engine.status()

    @property
    def received(self) -> int:
        return self.status.received

    @property
    def n_valid(self) -> int:
        return sum(prediction.valid for prediction in self.predictions)

    @property
    def index(self) -> np.ndarray:
        """The outlet's number of each sample received."""
        column = self.info.channels.index(INDEX)
        return np.concatenate([chunk.data[:, column] for chunk in self.tap.chunks]).astype(int)

    @property
    def places(self) -> np.ndarray:
        """The stream index that the source gave each sample."""
        return np.concatenate([chunk.first + np.arange(len(chunk)) for chunk in self.tap.chunks])
