"""Recursive filters: what band-pass and notch have in common."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bci_app.preprocessing.base import Samples, Step, StepState

_LOADED = threading.Event()


def load_filters() -> None:
    """Load the library of filters ahead of the first sample, where there is time: it takes a second."""
    try:
        from scipy import signal  # noqa: F401
    finally:
        _LOADED.set()  # after a failure too, which then reaches whoever filters


def filters_loaded() -> bool:
    """Return whether a filter can run at once."""
    return _LOADED.is_set()


class Filter(Step):
    """A causal filter in second-order sections.

    Filters that follow each other run as one cascade, which starts settled as a whole.
    """

    @abstractmethod
    def sections(self, rate: float) -> NDArray[np.float64]:
        """Design the filter for a rate in Hz: second-order sections, shape (n_sections, 6)."""

    def start(self, channels: Sequence[str], rate: float) -> StepState:
        """Return a fresh state."""
        return SosFilter((self,), rate)


def cascade(filters: Sequence[Filter], rate: float) -> NDArray[np.float64]:
    """Design filters that follow each other: second-order sections, shape (n_sections, 6)."""
    return np.vstack([found.sections(rate) for found in filters])


class SosFilter(StepState):
    """A cascade of second-order sections (direct form II transposed).

    It starts settled on the first sample after a reset (`sosfilt_zi` times that sample), so that an offset of the
    electrodes causes no transient.

    Parameters
    ----------
    filters : sequence of Filter
        Run one after the other; none leaves the samples as they are.
    rate : float
        Hz.
    """

    def __init__(self, filters: Sequence[Filter], rate: float) -> None:
        self._filters, self._rate = filters, rate
        self._sosfilt: Callable[..., tuple[Samples, Samples]] | None = None
        self.reset()

    def _design(self) -> Callable[..., tuple[Samples, Samples]]:
        """Design the cascade, with the first sample: SciPy takes a second to load, which no window waits for."""
        from scipy import signal

        self._sections = cascade(self._filters, self._rate)
        # A constant's settled state, (n_sections, 2, 1), to be scaled by the first sample.
        self._settled = signal.sosfilt_zi(self._sections)[:, :, None]
        self._sosfilt = signal.sosfilt
        return signal.sosfilt

    def reset(self) -> None:
        """Forget all samples."""
        self._state: Samples | None = None
        self._restarting: NDArray[np.bool_] | None = None

    def restart(self, channels: NDArray[np.bool_]) -> None:
        """Forget the samples of some channels, which then start settled on their next sample.

        Parameters
        ----------
        channels : ndarray of bool, shape (n_channels,)
            True for the channels to restart.
        """
        self._restarting = channels if self._restarting is None else self._restarting | channels

    def process(self, x: Samples) -> Samples:
        """Filter the next samples."""
        if not self._filters or not len(x):
            return x
        sosfilt = self._sosfilt or self._design()
        if self._state is None:
            self._state = self._settled * x[0]
        elif self._restarting is not None:
            self._state[:, :, self._restarting] = (self._settled * x[0])[:, :, self._restarting]
        self._restarting = None
        y, self._state = sosfilt(self._sections, x, axis=0, zi=self._state)
        return np.ascontiguousarray(y)
