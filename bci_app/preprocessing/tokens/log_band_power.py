"""Log band power as tokens."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from bci_app.preprocessing.base import Features, PositiveFloat, Samples, Token, mean_over

# Keeps the logarithm of a dead channel finite: 1e-6 µV²/Hz is far below any amplifier's noise.
_FLOOR = 1e-6


class LogBandPowerToken(Token):
    """A token is the log power of one channel in each band.

    Natural logarithm of the mean one-sided spectral density (mean removed) in µV²/Hz over
    ``low <= f < high``.

    Attributes
    ----------
    bands : tuple of (float, float)
        Edges in Hz.
    sine_tapers : int
        0: periodogram with a Hann taper. n > 0: mean periodogram over the first n sine tapers (Riedel &
        Sidorenko 1995), which varies less from window to window and smears over ±(n + 1) / 2 bins.
    """

    kind: Literal["log_band_power"] = "log_band_power"
    bands: Annotated[tuple[tuple[PositiveFloat, PositiveFloat], ...], Field(min_length=1)]
    sine_tapers: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for low, high in self.bands:
            if low >= high:
                raise ValueError(f"band {low}-{high} Hz is empty")
        return self

    def check(self, window: int, rate: float) -> None:
        """Check that every band holds a frequency of the window, and that the window has so many tapers."""
        resolution = rate / window
        if self.sine_tapers > window:
            raise ValueError(f"a {window}-sample window has no {self.sine_tapers} sine tapers")
        for low, high in self.bands:
            if high > rate / 2:
                raise ValueError(f"band {low}-{high} Hz reaches above {rate / 2} Hz")
            # The first frequency bin at or above `low` must lie below `high`.
            if -(-low // resolution) * resolution >= high:
                raise ValueError(f"band {low}-{high} Hz holds no frequency of a {window}-sample window")

    def n_features(self, window: int) -> int:
        """Return the number of bands."""
        return len(self.bands)

    def start(self, n_channels: int, window: int, rate: float) -> Features:
        """Return the function from a window in µV to ln(µV²/Hz), shape (n_channels, n_bands)."""
        return _BandPowers(self, n_channels, window, rate)

    def describe(self) -> str:
        """Return the number of bands and how the spectrum is estimated."""
        n = len(self.bands)
        band = f"log power in {n} band{'s' if n > 1 else ''}"
        return band + (f" (mean over {self.sine_tapers} sine tapers)" if self.sine_tapers else "")

    @property
    def highest_frequency(self) -> float:
        """Upper edge of the highest band."""
        return max(high for _, high in self.bands)

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Return one taper and several."""
        bands = ((1, 4), (4, 8), (8, 13), (13, 30))
        return cls(bands=bands), cls(bands=bands, sine_tapers=3)


class _BandPowers:
    def __init__(self, token: LogBandPowerToken, n_channels: int, window: int, rate: float) -> None:
        bins = _band_bins(window, rate, token.bands)
        first, last = min(band.start for band in bins), max(band.stop for band in bins)
        self._used = slice(first, last)
        self._bins = tuple(slice(band.start - first, band.stop - first) for band in bins)
        self._tapers = _tapers(window, token.sine_tapers)[:, None]
        self._density = 2 / rate / len(self._tapers)
        # Fresh memory for every window would cost more than the arithmetic.
        self._tapered = np.empty((len(self._tapers), n_channels, window))
        self._transformed = np.empty((len(self._tapers), n_channels, window // 2 + 1), dtype=np.complex128)

    def __call__(self, window: Samples) -> NDArray[np.float64]:
        centred = window - mean_over(window, 1)
        np.multiply(centred, self._tapers, out=self._tapered)
        used = np.fft.rfft(self._tapered, out=self._transformed)[..., self._used]  # (n_tapers, n_channels, n_bins)
        power = sum(np.einsum("tcf,tcf->cf", part, part) for part in (used.real, used.imag))
        spectrum = power * self._density
        powers = [mean_over(spectrum[:, bins], 1) for bins in self._bins]
        return np.log(np.concatenate(powers, axis=1) + _FLOOR)


def _band_bins(window: int, rate: float, bands: tuple[tuple[float, float], ...]) -> tuple[slice, ...]:
    """Return, for each band, the bins of ``rfft`` of a window with ``low <= f < high``."""
    frequencies = np.fft.rfftfreq(window, 1 / rate)
    edges = [np.searchsorted(frequencies, band) for band in bands]
    return tuple(slice(int(low), int(high)) for low, high in edges)


def _tapers(window: int, sine_tapers: int) -> NDArray[np.float64]:
    """Return the tapers of a window's spectrum, each of power 1.

    Parameters
    ----------
    window : int
        Samples.
    sine_tapers : int
        0: one periodic Hann taper. n > 0: the first n sine tapers (Riedel & Sidorenko 1995, *IEEE
        Trans. Signal Processing* 43(1):188-195), which are orthonormal.

    Returns
    -------
    ndarray of float64, shape (n_tapers, window)
    """
    if not sine_tapers:
        hann = np.hanning(window + 1)[:-1]
        return np.stack([hann / np.sqrt(np.sum(hann**2))])
    order = np.arange(1, sine_tapers + 1)[:, None]
    sine: NDArray[np.float64] = np.sqrt(2 / (window + 1)) * np.sin(
        np.pi * order * np.arange(1, window + 1) / (window + 1)
    )
    return sine
