"""Stateful steps: `reset` and `process`, equal to the last bit for every way of cutting a stream.

Samples are float64 of shape (n_samples, n_channels), C-contiguous, at every boundary. Filters start
settled on the first sample after a reset (`sosfilt_zi` times that sample), so that an offset of the
electrodes causes no transient.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from bci_app.preprocessing.design import PolyphaseDesign

Samples = NDArray[np.float64]


# Outputs resampled at once: bounds the memory that a whole recording takes.
_BLOCK = 1024


def sum_in_order(terms: Samples) -> Samples:
    """Sum over the first axis, first term first, whatever the shape.

    Library products and sums choose their order by the shape, and so would give other bits for
    other chunks. NumPy adds up row by row where the rows are at least two long (and in pairs where
    they are one long, hence the doubled column).

    Parameters
    ----------
    terms : ndarray of float64, shape (n_terms, ...)
        C-contiguous.
    """
    rows = terms.reshape(len(terms), -1)
    if rows.shape[1] == 1:
        total: Samples = np.add.reduce(np.repeat(rows, 2, axis=1), axis=0)[:1]
    else:
        total = np.add.reduce(rows, axis=0)
    return total.reshape(terms.shape[1:])


class Resampler:
    """Causal rational resampling.

    Output m is computed as soon as input floor(m · down / up) is there and uses no later one.
    """

    def __init__(self, design: PolyphaseDesign) -> None:
        self.design = design
        self.reset()

    def reset(self) -> None:
        """Forget all samples."""
        self._history: Samples | None = None
        self._n_in = 0
        self._n_out = 0

    def process(self, x: Samples) -> tuple[Samples, NDArray[np.int64]]:
        """Resample the next samples.

        Returns
        -------
        y : ndarray of float64, shape (n_outputs, n_channels)
            Samples at the new rate.
        last : ndarray of int64, shape (n_outputs,)
            Index since the reset of the newest input sample that each output uses.
        """
        up, down, taps = self.design.up, self.design.down, self.design.taps
        if up == down == 1:
            last = np.arange(self._n_in, self._n_in + len(x), dtype=np.int64)
            self._n_in += len(x)
            return x, last
        n_taps = taps.shape[1]
        if self._history is None:
            if not len(x):
                return x, np.empty(0, dtype=np.int64)
            self._history = np.repeat(x[:1], n_taps - 1, axis=0)
        extended = np.concatenate([self._history, x])
        offset = n_taps - 1 - self._n_in  # row of `extended` that holds input 0
        self._n_in += len(x)
        # Outputs m with floor(m * down / up) < n_in, that is m * down < n_in * up.
        end = -(-self._n_in * up // down)
        positions = np.arange(self._n_out, end, dtype=np.int64) * down
        self._n_out = end
        last, phase = np.divmod(positions, up)
        newest = last + offset
        y = np.empty((len(positions), x.shape[1]))
        back = np.arange(n_taps)[:, None]
        for start in range(0, len(positions), _BLOCK):
            block = slice(start, start + _BLOCK)
            terms = extended[newest[block] - back]  # (n_taps, n_outputs, n_channels)
            terms *= taps[phase[block]].T[:, :, None]
            y[block] = sum_in_order(terms)
        self._history = extended[len(extended) - (n_taps - 1) :].copy()
        return y, last


class SosFilter:
    """A cascade of second-order sections (direct form II transposed)."""

    def __init__(self, sections: NDArray[np.float64]) -> None:
        self._sections = sections
        # A constant's settled state, (n_sections, 2, 1), to be scaled by the first sample.
        self._settled = signal.sosfilt_zi(sections)[:, :, None] if len(sections) else None
        self.reset()

    def reset(self) -> None:
        """Forget all samples."""
        self._state: Samples | None = None
        self._restarting: NDArray[np.bool_] | None = None

    def restart(self, channels: NDArray[np.bool_]) -> None:
        """Forget the samples of some channels, which then start settled on their next sample.

        Parameters
        ----------
        channels : ndarray of bool, shape (n_channels,)
            Which.
        """
        self._restarting = channels if self._restarting is None else self._restarting | channels

    def process(self, x: Samples) -> Samples:
        """Filter the next samples."""
        if self._settled is None or not len(x):
            return x
        if self._state is None:
            self._state = self._settled * x[0]
        elif self._restarting is not None:
            self._state[:, :, self._restarting] = (self._settled * x[0])[:, :, self._restarting]
        self._restarting = None
        y, self._state = signal.sosfilt(self._sections, x, axis=0, zi=self._state)
        return np.ascontiguousarray(y)


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
        """Forget all samples and warm up anew."""
        self._samples: Samples | None = None
        self._last = np.empty(0, dtype=np.int64)
        self._skip = self._warm_up

    def process(self, x: Samples, last: NDArray[np.int64]) -> list[tuple[int, int, Samples]]:
        """Give the windows that the next samples complete.

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
