"""Resampling to the model's rate: the first step of every model."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import PreprocessingError
from bci_app.preprocessing.base import Samples, sum_in_order

# Outputs resampled at once: bounds the memory that a whole recording takes.
_BLOCK = 1024
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
    taps: NDArray[np.float64]
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
    if ratio.numerator > _LARGEST_FACTOR or abs(float(ratio) * rate_in / rate_out - 1) > 1e-6:
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
    # Kaiser's formulas for the length, and for the shape of the window above 50 dB.
    count = ceil((_ATTENUATION_DB - 7.95) / 2.285 / (np.pi * width) + 1)
    beta = 0.1102 * (_ATTENUATION_DB - 8.7)
    n_taps = ceil(count / up)
    position = np.arange(n_taps * up) - (n_taps * up - 1) / 2
    prototype = np.sinc(lower / rate_between * position) * np.kaiser(n_taps * up, beta)
    taps = prototype.reshape(n_taps, up).T  # (n_taps * up,) -> (up, n_taps)
    taps = np.ascontiguousarray(taps / taps.sum(axis=1, keepdims=True))
    return PolyphaseDesign(up, down, taps, (n_taps * up - 1) / 2 / rate_between)


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
