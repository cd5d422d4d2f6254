"""The rhythms of the brain: their spectra, where they are strong, and how their power wanders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bci_app.simulation.head import N_SOURCES, SOURCES, Array, nearness
from bci_app.simulation.noise import FREQUENCIES, NoiseBank, page_length
from bci_app.simulation.settings import Settings

if TYPE_CHECKING:
    from bci_app.simulation.person import Person

BANDS = ("delta", "theta", "alpha", "beta", "gamma")
_PEAK_HZ = np.array([2.0, 6.0, 10.0, 20.0, 37.0])
_WIDTH_HZ = np.array([0.7, 1.0, 1.2, 4.0, 5.0])  # standard deviation of the bump in power
# µV RMS over a scalp electrode where the rhythm is strongest, of an awake adult: alpha 20 to 60 µV peak to peak, beta
# below 20 (Niedermeyer & Lopes da Silva 2005).
_STRENGTH_UV = np.array([6.0, 6.0, 8.0, 4.0, 2.5])

# Where each rhythm is strong: points on the unit sphere (right, front, up), and how far it reaches.
_TEMPLES = ((-0.9, 0.1, 0.4), (0.9, 0.1, 0.4))
_FOCI = {
    "delta": (((0.0, 0.5, 0.85),), 0.9),
    "theta": (((0.0, 0.7, 0.7),), 0.7),
    "alpha": (((0.0, -0.9, 0.4),), 0.7),
    "beta": (((0.0, 0.3, 0.95),), 0.7),
    "gamma": (_TEMPLES, 0.6),
}
# Power away from the focus over the power in it.
_ELSEWHERE = 0.35

# Log power wanders with the same variance in every octave of period, from seconds to several minutes.
_PERIODS_S = np.array([7.0, 15.0, 31.0, 64.0, 130.0, 270.0, 560.0])
# The part of the wandering that all places share: alertness.
_SHARED_WANDER = 0.5
_GRID_SECONDS = 0.25


def topographies() -> Array:
    """Return the amplitude of each rhythm at each source, shape (n_bands, N_SOURCES), 1 where it is strongest."""
    rows = []
    for band in BANDS:
        centres, reach = _FOCI[band]
        near = nearness(SOURCES, np.array(centres), reach).max(axis=1)
        rows.append(_ELSEWHERE + (1 - _ELSEWHERE) * near / near.max())
    return np.stack(rows)


class Rhythms:
    """The rhythms of all sources, before an electrode picks them up.

    Parameters
    ----------
    person : Person
        Whose.
    settings : Settings
        Rate, session and wandering.
    seed : tuple of int
        Of person and session.
    """

    def __init__(self, person: Person, settings: Settings, seed: tuple[int, ...]) -> None:
        peaks = _PEAK_HZ.copy()
        # Theta and beta follow the person's alpha (Klimesch 1999, Brain Research Reviews 29).
        peaks[1:4] *= person.alpha_hz / 10.0
        bumps = np.exp(-((FREQUENCIES - peaks[:, None]) ** 2) / (4 * _WIDTH_HZ[:, None] ** 2))
        bumps[bumps < 1e-3] = 0.0
        self._bank = NoiseBank(np.repeat(bumps, N_SOURCES, axis=0), settings.rate, (*seed, 1))
        rng = np.random.default_rng((*seed, 2))
        of_session = rng.normal(0.0, settings.between_sessions, (len(BANDS), N_SOURCES))
        amplitude = _STRENGTH_UV[:, None] * topographies() * np.exp((person.rhythm_gain + of_session) / 2)
        self._amplitude = amplitude * person.loudness
        self._wander = _Wander(rng, settings.rate, settings.wander)

    def page(self, number: int, change: Array) -> Array:
        """Compute a page of every rhythm at every source.

        Parameters
        ----------
        number : int
            Which page.
        change : ndarray, shape (page_length, n_bands * N_SOURCES)
            Change of log power (natural logarithm) by emotion.

        Returns
        -------
        ndarray, shape (page_length, N_SOURCES)
            µV, all rhythms together.
        """
        made = self._bank.page(number) * np.exp((self._wander.page(number) + change) / 2)
        made *= self._amplitude.reshape(-1)
        return np.asarray(made.reshape(len(made), len(BANDS), N_SOURCES).sum(axis=1))


class _Wander:
    """Slow wandering of log power, a sum of sines of many periods, of which any part can be computed."""

    def __init__(self, rng: np.random.Generator, rate: float, size: float) -> None:
        n = len(BANDS) * N_SOURCES
        self._page, self._rate = page_length(rate), rate
        periods = _PERIODS_S * np.exp(rng.normal(0.0, 0.1, len(_PERIODS_S)))
        self._speed = 2 * np.pi / periods
        self._phase = rng.uniform(0, 2 * np.pi, (len(_PERIODS_S), n))
        shared = rng.uniform(0, 2 * np.pi, (len(_PERIODS_S), len(BANDS)))
        self._shared_phase = np.repeat(shared, N_SOURCES, axis=1)
        share = np.sqrt(np.array([1 - _SHARED_WANDER, _SHARED_WANDER]) * 2 / len(_PERIODS_S)) * size
        self._own, self._common = share
        # Between the points of a coarse grid over the page the course is a straight line.
        steps = max(1, round(self._page / rate / _GRID_SECONDS))
        place = np.arange(self._page) / self._page * steps
        self._weights = np.maximum(0.0, 1 - np.abs(place[:, None] - np.arange(steps + 1)))
        self._grid = np.arange(steps + 1) / steps

    def page(self, number: int) -> Array:
        times = (number + self._grid) * self._page / self._rate
        turns = times[:, None, None] * self._speed[:, None]
        waves = self._own * np.sin(turns + self._phase) + self._common * np.sin(turns + self._shared_phase)
        return np.asarray(self._weights @ waves.sum(axis=1))
