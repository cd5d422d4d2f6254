"""Power spectra of the raw signal, for the eye: the model has its own tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SEGMENT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Band:
    """A frequency band in Hz, ``low <= f < high``."""

    name: str
    low: float
    high: float


# The customary bands of scalp EEG.
BANDS = (
    Band("δ", 1, 4),
    Band("θ", 4, 8),
    Band("α", 8, 13),
    Band("β", 13, 30),
    Band("γ", 30, 45),
)


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Power spectral density of some channels.

    Attributes
    ----------
    frequencies : ndarray of float64, shape (n_frequencies,)
        Hz.
    density : ndarray of float64, shape (n_channels, n_frequencies)
        µV²/Hz, one-sided; nan for a channel without a whole segment of samples.
    """

    frequencies: Floats
    density: Floats

    def band_power(self, band: Band) -> Floats:
        """Integrate the density over a band: µV², shape (n_channels,)."""
        inside = (self.frequencies >= band.low) & (self.frequencies < band.high)
        step = float(self.frequencies[1] - self.frequencies[0])
        power: Floats = self.density[:, inside].sum(axis=1) * step
        return power


def welch(data: NDArray[np.floating], rate: float, *, segment_seconds: float = SEGMENT_SECONDS) -> Spectrum | None:
    """Estimate power spectral density (Welch 1967: Hann segments, half overlapping, mean removed).

    Parameters
    ----------
    data : ndarray, shape (n_samples, n_channels)
        µV; a segment with nan in a channel is left out for that channel.
    rate : float
        Hz.
    segment_seconds : float
        Length of a segment; its inverse is the resolution.

    Returns
    -------
    Spectrum or None
        None if there is less than one segment.
    """
    length = max(2, round(segment_seconds * rate))
    if len(data) < length:
        return None
    # Counted from the newest sample back, so that the last one is always used.
    starts = np.arange(len(data) - length, -1, -(length // 2))
    segments = np.stack([data[start : start + length].T for start in starts]).astype(np.float64)
    usable = np.isfinite(segments).all(axis=2)  # (n_segments, n_channels)
    segments[~usable] = 0.0
    segments -= segments.mean(axis=2, keepdims=True)
    taper = np.hanning(length + 1)[:-1]
    power = np.abs(np.fft.rfft(segments * taper, axis=2)) ** 2 * (2 / (rate * np.sum(taper**2)))
    power[:, :, 0] /= 2
    if length % 2 == 0:
        power[:, :, -1] /= 2
    count = usable.sum(axis=0)
    density = np.where(count[:, None] > 0, power.sum(axis=0) / np.maximum(count, 1)[:, None], np.nan)
    return Spectrum(np.arange(length // 2 + 1, dtype=np.float64) * (rate / length), density)
