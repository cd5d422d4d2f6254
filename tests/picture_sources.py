"""What the pictures of the window are made from."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bci_app.errors import StreamLostError
from bci_app.recording import Recording
from bci_app.sources.lsl.library import local_clock
from bci_app.sources.registry import open_source
from bci_app.stream import Chunk, StreamInfo


class Ahead:
    """A recording of which `ahead` seconds have already come; the rest comes as time goes by.

    Parameters
    ----------
    recording : Recording
        Its data are repeated without end.
    ahead : float
        Seconds.
    gap : tuple of float, optional
        Where samples are missing: from, to, in seconds.
    spoil : callable, optional
        Changes the samples (n, n_channels) given their times in seconds.
    lost_after : float, optional
        Seconds after which the stream is lost.
    """

    finished = False

    def __init__(
        self,
        recording: Recording,
        *,
        ahead: float,
        name: str = "OpenBCI Cyton",
        gap: tuple[float, float] | None = None,
        spoil: Callable[[np.ndarray, np.ndarray], None] | None = None,
        lost_after: float | None = None,
    ) -> None:
        info = recording.info
        self._info = StreamInfo(name, info.channels, info.rate, info.units, kind="lsl", host="lab-2")
        self._data = recording.data
        self._ahead, self._gap, self._spoil, self._lost_after = ahead, gap, spoil, lost_after

    def start(self) -> StreamInfo:
        self._begin = local_clock() - self._ahead
        self._next = 0
        return self._info

    def read(self, timeout: float = 0.0) -> Chunk | None:
        rate = self._info.rate
        first, lost = self._next, 0
        if self._gap is not None and first >= self._gap[0] * rate:
            lost = round((self._gap[1] - self._gap[0]) * rate)
            first, self._gap = first + lost, None
        end = min(round((local_clock() - self._begin) * rate), first + round(rate / 10))
        if self._lost_after is not None and end > self._lost_after * rate:
            time.sleep(0.05)
            raise StreamLostError("LSL stream 'OpenBCI Cyton' from lab-2 is lost", fix="Waiting for its return.")
        if end - first < rate / 50:
            time.sleep(0.01)
            self._next = first
            return None
        index = np.arange(first, end)
        data = self._data[index % len(self._data)].copy()
        if self._spoil is not None:
            self._spoil(data, index / rate)
        self._next = end
        return Chunk(data, self._begin + index / rate, first, lost)

    def stop(self) -> None:
        pass


def synthetic_recording(text: str) -> Recording:
    """Return synthetic signals as a recording."""
    source = open_source(text)
    info = source.start()
    chunks = []
    while not source.finished:
        chunk = source.read(0.1)
        if chunk is not None:
            chunks.append(chunk)
    source.stop()
    data = np.concatenate([chunk.data for chunk in chunks])
    return Recording(Path("synthetic"), "synthetic", info, data, np.arange(len(data)) / info.rate)
