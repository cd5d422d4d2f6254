"""What electrodes and amplifier add: offset, drift, noise, hum, and gel that dries."""

from __future__ import annotations

import numpy as np

from bci_app.simulation.head import Array
from bci_app.simulation.noise import page_length
from bci_app.simulation.settings import Settings

_OFFSET_UV = 2000.0  # between metal and gel
_DRIFT_UV = 30.0
_DRIFT_PERIODS_S = np.array([40.0, 110.0, 300.0])
_NOISE_UV = (0.3, 0.7)  # RMS from 0 to 128 Hz
_HUM_UV = (0.3, 2.5)
# Dry gel: noise and hum at their worst over those of a good contact, the mean time until an electrode begins to dry,
# and how long that takes.
_DRY_NOISE = 15.0
_DRY_HUM = 4.0
_MEAN_SECONDS_TO_DRY = 6 * 3600.0
_DRYING_SECONDS = 600.0
_NOISE_BAND_HZ = 128.0


class Electrodes:
    """The additions of each electrode, independent of the others except for the hum.

    Parameters
    ----------
    n_electrodes : int
        How many.
    settings : Settings
        Rate, mains frequency, and noise, to which all amplitudes are proportional.
    seed : tuple of int
        Of person and session.
    """

    def __init__(self, n_electrodes: int, settings: Settings, seed: tuple[int, ...]) -> None:
        rng = np.random.default_rng((*seed, 9))
        n = n_electrodes
        self._page, self._rate, self._seed = page_length(settings.rate), settings.rate, seed
        self._line = settings.line if settings.rate > 2 * settings.line else None
        self._quality = settings.noise
        # Noise is white: what a slower amplifier does not see, it does not add.
        band = np.sqrt(settings.rate / 2 / _NOISE_BAND_HZ)
        self._noise = rng.uniform(*_NOISE_UV, n) * band * settings.noise
        self._hum = _Waves(rng.uniform(*_HUM_UV, n) * settings.noise, rng.normal(0.0, 0.3, n))
        self._offset = rng.normal(0.0, _OFFSET_UV, n) if settings.noise else np.zeros(n)
        drift = _DRIFT_UV * settings.noise * rng.uniform(0.2, 1.0, (len(_DRIFT_PERIODS_S), n))
        self._drift = [_Waves(size, rng.uniform(0, 2 * np.pi, n)) for size in drift]
        self.dries_at: Array = rng.exponential(_MEAN_SECONDS_TO_DRY, n) / max(settings.noise, 1e-9)
        """Seconds at which each electrode begins to dry."""

    def page(self, number: int) -> Array:
        """Compute a page, shape (page_length, n_electrodes), in µV."""
        if not self._quality:
            return np.zeros((self._page, len(self._noise)))
        times = np.arange(number * self._page, (number + 1) * self._page)[:, None] / self._rate
        dry = np.clip((times - self.dries_at) / _DRYING_SECONDS, 0.0, 1.0)
        white = np.random.default_rng((*self._seed, 10, max(0, number))).standard_normal((self._page, len(self._noise)))
        made = white * (self._noise * (1 + (_DRY_NOISE - 1) * dry))
        made += self._offset
        for period, waves in zip(_DRIFT_PERIODS_S, self._drift, strict=True):
            made += waves.at(times / period)
        if self._line is not None:
            made += self._hum.at(self._line * times) * (1 + (_DRY_HUM - 1) * dry)
        return np.asarray(made)


class _Waves:
    """Sines of one frequency, one an electrode: their amplitudes and phases."""

    def __init__(self, sizes: Array, phases: Array) -> None:
        self._parts = np.stack([sizes * np.cos(phases), sizes * np.sin(phases)])

    def at(self, turns: Array) -> Array:
        """Compute them at numbers of turns, shape (n_samples, 1); returns (n_samples, n_electrodes)."""
        angle = 2 * np.pi * turns
        return np.concatenate([np.sin(angle), np.cos(angle)], axis=1) @ self._parts
