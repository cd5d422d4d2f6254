"""The newest stretch of a stream, for drawing and for contact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bci_app.events import SignalView

_MOST_VALUES = 2**26


class SignalBuffer:
    """A ring of samples by stream index; lost samples are nan.

    Parameters
    ----------
    n_channels : int
        Columns.
    capacity : int
        Samples kept; fewer where they would take more than 256 MB.
    """

    def __init__(self, n_channels: int, capacity: int) -> None:
        capacity = max(1, min(capacity, _MOST_VALUES // max(1, n_channels)))
        self._ring = np.full((capacity, n_channels), np.nan, dtype=np.float32)
        self._end = 0  # stream index after the newest sample
        self._time = float("nan")

    @property
    def end(self) -> int:
        """Stream index after the newest sample."""
        return self._end

    def append(self, data: NDArray[np.floating], first: int, time: float) -> None:
        """Add samples.

        Parameters
        ----------
        data : ndarray, shape (n_samples, n_channels)
            Samples.
        first : int
            Stream index of the first; indices skipped since the last call become nan.
        time : float
            LSL time of the last.
        """
        capacity = len(self._ring)
        start = first % capacity
        with np.errstate(over="ignore"):  # a value that float32 cannot hold is drawn as infinite
            data = data.astype(np.float32)
        if first == self._end and start + len(data) <= capacity:
            self._ring[start : start + len(data)] = data
            self._end, self._time = first + len(data), time
            return
        if first > self._end:
            skipped = np.arange(max(self._end, first - capacity), first)
            self._ring[skipped % capacity] = np.nan
        rows = np.arange(first, first + len(data))[-capacity:]
        self._ring[rows % capacity] = data[-capacity:]
        self._end = first + len(data)
        self._time = time

    def view(self, n_samples: int) -> SignalView:
        """Copy the newest `n_samples` (fewer at the beginning)."""
        count = min(n_samples, len(self._ring), self._end)
        first = self._end - count
        rows = np.arange(first, self._end) % len(self._ring)
        return SignalView(self._ring[rows], first, self._time)
