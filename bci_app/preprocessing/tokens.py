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
            self._bins = band_bins(spec.window, spec.rate, spec.token.bands)
            self._tapers = tapers(spec.window, spec.token.sine_tapers)[:, None]
            self._density = 2 / spec.rate

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
        periodograms = np.abs(np.fft.rfft(centred * self._tapers)) ** 2  # (n_tapers, n_channels, n_bins)
        spectrum = periodograms.mean(axis=0) * self._density
        powers = [spectrum[:, bins].mean(axis=1) for bins in self._bins]
        return np.log(np.stack(powers, axis=1) + _FLOOR)
