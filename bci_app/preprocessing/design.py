"""Filter design: pure functions from frequencies to coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from bci_app.errors import PreprocessingError
from bci_app.preprocessing.spec import BandPass, Notch

Floats = NDArray[np.float64]

# Above this, the rates have no common measure that a device would really have.
_LARGEST_FACTOR = 4096
# Edges of the anti-alias filter as shares of the lower rate: what folds back lands above the
# pass band. 60 dB is below the noise of an EEG amplifier.
_PASS, _STOP, _ATTENUATION_DB = 0.4, 0.6, 60.0


@dataclass(frozen=True, slots=True)
class PolyphaseDesign:
    """A causal rational resampler as a bank of short filters.

    Attributes
    ----------
    up, down : int
        Output rate / input rate in lowest terms.
    taps : ndarray of float64, shape (up, n_taps)
        Row p is the filter of phase p; tap k weighs the input sample k before the newest. Every
        row sums to 1, so a constant stays exactly as constant as floating point lets it.
    delay : float
        Group delay in seconds.
    """

    up: int
    down: int
    taps: Floats
    delay: float


def design_resampler(rate_in: float, rate_out: float) -> PolyphaseDesign:
    """Design the causal resampler from one rate to another (Hz).

    A Kaiser-window low-pass (Kaiser 1974) in polyphase form (Crochiere & Rabiner 1983), pass band
    up to 0.4 and stop band from 0.6 of the lower rate, 60 dB.

    Raises
    ------
    PreprocessingError
        If the rates are not positive or their ratio is no fraction of reasonable integers.
    """
    if not (np.isfinite(rate_in) and rate_in > 0):
        raise PreprocessingError(
            "The stream's sampling rate is unknown",
            found=f"{rate_in} Hz",
            expected="a rate above 0 Hz",
            fix="State the rate with --rate.",
        )
    ratio = (Fraction(rate_out) / Fraction(rate_in)).limit_denominator(_LARGEST_FACTOR)
    if ratio == 0 or ratio.numerator > _LARGEST_FACTOR or abs(float(ratio) * rate_in / rate_out - 1) > 1e-6:
        raise PreprocessingError(
            "Cannot resample the stream to the model's rate",
            found=f"{rate_in:g} Hz",
            expected=f"a rate in a simple ratio to {rate_out:g} Hz (250, 256, 500, 512, 1000 Hz, …)",
            fix="Set the device to another rate, or state the true nominal rate with --rate.",
        )
    up, down = ratio.numerator, ratio.denominator
    if up == down == 1:
        return PolyphaseDesign(1, 1, np.ones((1, 1)), 0.0)
    lower = min(rate_in, rate_out)
    rate_between = rate_in * up
    width = (_STOP - _PASS) * lower / (rate_between / 2)
    count, beta = signal.kaiserord(_ATTENUATION_DB, width)
    n_taps = ceil(count / up)
    prototype = signal.firwin(n_taps * up, lower / 2, window=("kaiser", beta), fs=rate_between)
    taps = prototype.reshape(n_taps, up).T  # (n_taps * up,) -> (up, n_taps)
    taps = np.ascontiguousarray(taps / taps.sum(axis=1, keepdims=True))
    return PolyphaseDesign(up, down, taps, (n_taps * up - 1) / 2 / rate_between)


def design_filter(rate: float, band_pass: BandPass | None, notches: tuple[Notch, ...]) -> Floats:
    """Design band-pass and notches as second-order sections.

    Returns
    -------
    ndarray of float64, shape (n_sections, 6)
        Sections for `scipy.signal.sosfilt`; no row if there is nothing to filter.
    """
    sections: list[Floats] = []
    if band_pass is not None:
        sections.append(
            signal.butter(band_pass.order, (band_pass.low, band_pass.high), "bandpass", fs=rate, output="sos")
        )
    for notch in notches:
        b, a = signal.iirnotch(notch.frequency, notch.quality, fs=rate)
        sections.append(signal.tf2sos(b, a))
    return np.vstack(sections) if sections else np.empty((0, 6))


def band_bins(window: int, rate: float, bands: tuple[tuple[float, float], ...]) -> tuple[slice, ...]:
    """Give, for each band, the bins of ``rfft`` of a window with ``low <= f < high``."""
    frequencies = np.fft.rfftfreq(window, 1 / rate)
    edges = [np.searchsorted(frequencies, band) for band in bands]
    return tuple(slice(int(low), int(high)) for low, high in edges)


def tapers(window: int, sine_tapers: int) -> Floats:
    """Give the tapers of a window's spectrum, each of power 1.

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
    sine: Floats = np.sqrt(2 / (window + 1)) * np.sin(np.pi * order * np.arange(1, window + 1) / (window + 1))
    return sine
