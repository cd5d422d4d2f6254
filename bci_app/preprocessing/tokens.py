"""From a window of samples to the tokens that a network sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bci_app.preprocessing.design import band_bins, tapers
from bci_app.preprocessing.spec import LogBandPowerToken, PreprocessingSpec
from bci_app.preprocessing.steps import Samples

# Keeps the logarithm of a dead channel finite: 1e-6 µV²/Hz is far below any amplifier's noise.
_FLOOR = 1e-6


class Tokeniser:
    """Compute the features of a window, as the specification says."""

    def __init__(self, spec: PreprocessingSpec) -> None:
        self._bins: tuple[slice, ...] | None = None
        if isinstance(spec.token, LogBandPowerToken):
            bins = band_bins(spec.window, spec.rate, spec.token.bands)
            first, last = min(band.start for band in bins), max(band.stop for band in bins)
            self._used = slice(first, last)
            self._bins = tuple(slice(band.start - first, band.stop - first) for band in bins)
            self._tapers = tapers(spec.window, spec.token.sine_tapers)[:, None]
            self._density = 2 / spec.rate / len(self._tapers)
            # Fresh memory for every window would cost more than the arithmetic.
            shape = len(self._tapers), len(spec.channels)
            self._tapered = np.empty((*shape, spec.window))
            self._transformed = np.empty((*shape, spec.window // 2 + 1), dtype=np.complex128)

    def features(self, window: Samples) -> NDArray[np.float64]:
        """Give the features of one window.

        Parameters
        ----------
        window : ndarray of float64, shape (n_channels, window)
            µV.

        Returns
        -------
        ndarray of float64, shape (n_channels, n_features)
            µV for raw tokens, ln(µV²/Hz) for band powers.
        """
        if self._bins is None:
            return window
        centred = window - window.mean(axis=1, keepdims=True)
        np.multiply(centred, self._tapers, out=self._tapered)
        used = np.fft.rfft(self._tapered, out=self._transformed)[..., self._used]  # (n_tapers, n_channels, n_bins)
        power = sum(np.einsum("tcf,tcf->cf", part, part) for part in (used.real, used.imag))
        spectrum = power * self._density
        powers = [spectrum[:, bins].mean(axis=1) for bins in self._bins]
        return np.log(np.stack(powers, axis=1) + _FLOOR)
