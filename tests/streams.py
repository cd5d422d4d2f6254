"""Sources made of arrays, cut as a test wants."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bci_app.stream import Chunk, StreamInfo


class ArraySource:
    """Deliver prepared chunks, one a read."""

    def __init__(self, info: StreamInfo, chunks: Iterable[Chunk]) -> None:
        self._info = info
        self._chunks = list(chunks)
        self.stopped = False

    def start(self) -> StreamInfo:
        return self._info

    def read(self, timeout: float = 0.0) -> Chunk | None:
        return self._chunks.pop(0) if self._chunks else None

    @property
    def finished(self) -> bool:
        return not self._chunks

    def stop(self) -> None:
        self.stopped = True


def eeg(seconds: float, rate: float, n_channels: int, *, seed: int = 0) -> np.ndarray:
    """Noise of 20 µV on an offset, (n_samples, n_channels)."""
    rng = np.random.default_rng(seed)
    return 300.0 + 20 * rng.standard_normal((round(seconds * rate), n_channels))


def chunks(data: np.ndarray, rate: float, sizes: Iterable[int], *, start: int = 0, lost: int = 0) -> list[Chunk]:
    """Cut data into chunks of these sizes, the last repeated to the end; stamps at the nominal rate."""
    result, position = [], 0
    sizes = iter(sizes)
    size = next(sizes)
    while position < len(data):
        piece = data[position : position + size]
        first = start + position
        times = 100.0 + (first + np.arange(len(piece))) / rate
        result.append(Chunk(piece, times, first, lost if position == 0 else 0))
        position += len(piece)
        size = next(sizes, size)
    return result
