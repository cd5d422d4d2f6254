"""Windows: the stream cut into pieces of equal length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bci_app.preprocessing.base import Samples


class Windower:
    """Cut a stream into windows.

    Parameters
    ----------
    window, hop : int
        Length and distance in samples.
    warm_up : int
        Samples dropped after every reset.
    """

    def __init__(self, window: int, hop: int, warm_up: int) -> None:
        self._window = window
        self._hop = hop
        self._warm_up = warm_up
        self.reset()

    def reset(self) -> None:
        """Forget all samples and warm up again."""
        self._samples: Samples | None = None
        self._last = np.empty(0, dtype=np.int64)
        self._skip = self._warm_up

    def process(self, x: Samples, last: NDArray[np.int64]) -> list[tuple[int, int, Samples]]:
        """Return the windows that the next samples complete.

        Parameters
        ----------
        x : ndarray of float64, shape (n_samples, n_channels)
            Samples.
        last : ndarray of int64, shape (n_samples,)
            Stream index of each sample.

        Returns
        -------
        list of (int, int, ndarray of float64, shape (n_channels, window))
            Index of the window's first sample, of its last, and the window, C-contiguous.
        """
        skipped = min(self._skip, len(x))
        self._skip -= skipped
        x, last = x[skipped:], last[skipped:]
        samples = x if self._samples is None else np.concatenate([self._samples, x])
        indices = np.concatenate([self._last, last])
        windows = []
        start = 0
        while start + self._window <= len(samples):
            end = start + self._window
            windows.append((int(indices[start]), int(indices[end - 1]), np.ascontiguousarray(samples[start:end].T)))
            start += self._hop
        # A hop longer than the window may reach beyond what is there.
        overshoot = max(0, start - len(samples))
        self._skip += overshoot
        self._samples, self._last = samples[start:].copy(), indices[start:].copy()
        return windows
