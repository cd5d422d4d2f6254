"""The artefact rule: windows whose samples are muscle or movement rather than brain."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from bci_app.preprocessing.base import Frozen, PositiveFloat, Samples, mean_over

# Bands whose ratio separates muscle from brain: the spectrum of the EEG falls with frequency, that of muscle does not
# (Goncharova et al. 2003, Clin. Neurophysiol. 114).
_BRAIN, _MUSCLE = (8.0, 20.0), (30.0, 45.0)
_MAINS = (50.0, 60.0)  # Hz


class ArtefactRule(Frozen):
    """A window is an artefact if enough of its channels break a limit.

    Attributes
    ----------
    peak_to_peak : float or None
        Largest range of a channel's samples in µV, without mains: hum is a matter of contact, not an artefact.
    muscle : float or None
        Largest ratio of the mean power density at 30–45 Hz to that at 8–20 Hz, in any second of the window.
    share : float
        Share of the channels that must break a limit.
    """

    peak_to_peak: PositiveFloat | None = None
    muscle: PositiveFloat | None = None
    share: Annotated[float, Field(gt=0, le=1)] = 0.25

    @model_validator(mode="after")
    def _has_a_limit(self) -> Self:
        if self.peak_to_peak is None and self.muscle is None:
            raise ValueError("an artefact rule needs a limit of peak_to_peak or muscle")
        return self

    def check(self, window: int, rate: float) -> None:
        """Check that the window carries what is measured.

        Raises
        ------
        ValueError
            If the rate or the window is too low for the muscle band.
        """
        if self.muscle is not None and (rate < 2 * _MUSCLE[1] or window < rate / 4):
            raise ValueError(f"muscle at {_MUSCLE[0]:g}–{_MUSCLE[1]:g} Hz needs {2 * _MUSCLE[1]:g} Hz and 0.25 s")

    def describe(self) -> str:
        """Return the rule as a part of a sentence."""
        limits = []
        if self.peak_to_peak is not None:
            limits.append(f"more than {self.peak_to_peak:g} µV peak to peak")
        if self.muscle is not None:
            limits.append(f"{_MUSCLE[0]:g}–{_MUSCLE[1]:g} Hz above {self.muscle:g} of {_BRAIN[0]:g}–{_BRAIN[1]:g} Hz")
        return f"artefacts refused ({' or '.join(limits)}, in {100 * self.share:g} % of the channels)"

    def broken_by(self, window: Samples, rate: float) -> bool:
        """Return whether a window is an artefact.

        Parameters
        ----------
        window : ndarray of float64, shape (n_channels, window)
            µV, after the steps.
        rate : float
            Hz.
        """
        return float(self._broken(window, rate).mean()) >= self.share

    def _broken(self, window: Samples, rate: float) -> NDArray[np.bool_]:
        broken = np.zeros(len(window), dtype=np.bool_)
        if self.peak_to_peak is not None:
            broken |= np.ptp(without_mains(window, rate), axis=1) > self.peak_to_peak
        if self.muscle is not None:
            second = min(round(rate), window.shape[1])
            starts = range(0, window.shape[1] - second + 1, max(1, second // 2))
            seconds = np.stack([window[:, start : start + second] for start in starts])
            above = muscle_ratio(seconds, rate) > self.muscle
            # The one second in which most channels break the limit: a clench is often shorter than the window.
            broken |= above[above.sum(axis=1).argmax()]
        return broken


class _Bins(NamedTuple):
    """What is looked at in the spectrum of so many samples, and the taper for it."""

    taper: NDArray[np.float64]
    muscle: slice
    brain: slice
    mains: NDArray[np.bool_]


@lru_cache(maxsize=16)
def _bins(n_samples: int, rate: float) -> _Bins:
    frequencies = np.fft.rfftfreq(n_samples, 1 / rate)
    muscle, brain = (slice(*np.searchsorted(frequencies, band).tolist()) for band in (_MUSCLE, _BRAIN))
    return _Bins(np.hanning(n_samples), muscle, brain, near_mains(frequencies))


def power_of(spectrum: NDArray[np.complexfloating[Any]]) -> NDArray[np.float64]:
    """Return the squared magnitude, without the square root that `abs` takes."""
    return np.asarray(spectrum.real**2 + spectrum.imag**2)


def near_mains(frequencies: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Return which frequencies in Hz lie within 2 Hz of 50 or 60 Hz."""
    return np.asarray(np.any([np.abs(frequencies - mains) <= 2 for mains in _MAINS], axis=0))


def without_mains(window: Samples, rate: float) -> Samples:
    """Return a window without its mean and without what it holds within 2 Hz of 50 and 60 Hz.

    Parameters
    ----------
    window : ndarray of float64, shape (n_channels, n_samples)
        µV.
    rate : float
        Hz.
    """
    spectrum = np.fft.rfft(window - mean_over(window, 1))
    spectrum[:, _bins(window.shape[1], rate).mains] = 0
    return np.fft.irfft(spectrum, window.shape[1])


def muscle_ratio(window: Samples, rate: float) -> NDArray[np.float64]:
    """Return the mean power density at 30–45 Hz over that at 8–20 Hz.

    Parameters
    ----------
    window : ndarray of float64, shape (..., n_samples)
        µV.
    rate : float
        Hz.

    Returns
    -------
    ndarray of float64, shape (...)
        0 for a channel without any power.
    """
    bins = _bins(window.shape[-1], rate)
    spectrum = np.fft.rfft((window - mean_over(window, -1)) * bins.taper)
    muscle, brain = (mean_over(power_of(spectrum[..., band]), -1)[..., 0] for band in (bins.muscle, bins.brain))
    ratio = np.zeros(window.shape[:-1])
    np.divide(muscle, brain, out=ratio, where=brain > 0)
    return ratio
