"""The background without rhythm: power that falls with frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bci_app.simulation.head import N_SOURCES, Array
from bci_app.simulation.noise import FREQUENCIES, NoiseBank
from bci_app.simulation.settings import Settings

if TYPE_CHECKING:
    from bci_app.simulation.person import Person

_STRENGTH_UV = 8.0
# Below this frequency the power no longer rises: amplifiers and skin would hide it.
_KNEE_HZ = 0.5


class Background:
    """The aperiodic activity of all sources (Donoghue et al. 2020, Nature Neuroscience 23).

    Parameters
    ----------
    person : Person
        Whose.
    settings : Settings
        The rate.
    seed : tuple of int
        Of person and session.
    """

    def __init__(self, person: Person, settings: Settings, seed: tuple[int, ...]) -> None:
        spectrum = np.maximum(FREQUENCIES, _KNEE_HZ) ** (-person.exponent / 2)
        self._bank = NoiseBank(np.tile(spectrum, (N_SOURCES, 1)), settings.rate, (*seed, 3))
        self._strength = _STRENGTH_UV * person.loudness

    def page(self, number: int) -> Array:
        """Compute a page, shape (page_length, N_SOURCES), in µV."""
        return self._strength * self._bank.page(number)
