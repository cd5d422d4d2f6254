"""What eyes, jaw and movements add to the signals of the brain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bci_app.simulation.head import Array, nearness
from bci_app.simulation.noise import FREQUENCIES, NoiseBank, page_length
from bci_app.simulation.settings import Settings

if TYPE_CHECKING:
    from bci_app.simulation.person import Person

# Places on the unit sphere (right, front, up).
_EYES = np.array([[0.0, 1.0, -0.1]])
_MUSCLES = np.array([[-0.97, 0.2, -0.1], [0.97, 0.2, -0.1], [0.0, -0.95, -0.3]])  # temples and neck
_LOWEST_MUSCLE_HZ = 20.0
_RESTING_MUSCLE_UV = 0.6

_BLINK_UV = (90.0, 180.0)
_BLINK_S = (0.25, 0.45)
_CLENCHES_PER_SECOND = 0.5 / 60
_CLENCH_UV = (12.0, 40.0)
_CLENCH_S = (0.5, 2.0)
_MOVES_PER_SECOND = 0.3 / 60
_MOVE_UV = (40.0, 150.0)
_MOVE_S = (1.0, 3.0)


class Event(NamedTuple):
    """One artefact: when it starts (s), how long it lasts (s), its size (µV), and a number that varies its form."""

    onset: float
    seconds: float
    size: float
    form: float


class _Events:
    """Events at random, at most one that starts in each slot of time; each slot has its own random numbers."""

    def __init__(
        self, seed: tuple[int, ...], per_second: float, seconds: tuple[float, float], sizes: tuple[float, float]
    ) -> None:
        self._seed = seed
        self._seconds, self._sizes = seconds, sizes
        # Rare enough in a slot that the limit of one hardly shows; rare events have long slots.
        self._slot = float(np.clip(0.3 / max(per_second, 1e-9), 0.5, 30.0))
        self._share = min(0.95, per_second * self._slot)

    def between(self, start: float, stop: float) -> Iterator[Event]:
        """List the events that overlap a stretch of seconds."""
        first = max(0, int((start - self._seconds[1]) // self._slot))
        for slot in range(first, int(stop // self._slot) + 1):
            rng = np.random.default_rng((*self._seed, slot))
            happens, place, length, size, form = rng.random(5)
            if happens < self._share:
                onset, seconds = (slot + place) * self._slot, _between(self._seconds, length)
                if onset < stop and onset + seconds > start:
                    yield Event(onset, seconds, _between(self._sizes, size), form)


def _between(bounds: tuple[float, float], share: float) -> float:
    return bounds[0] + share * (bounds[1] - bounds[0])


def _blink(phase: Array, _: float) -> Array:
    """Form of a blink: the lid closes faster than it opens."""
    return np.sin(np.pi * phase**0.7) ** 2


def _burst(phase: Array, _: float) -> Array:
    """Envelope of a tense muscle."""
    return np.sin(np.pi * phase) ** 0.5


def _swing(phase: Array, form: float) -> Array:
    """Form of a cable or head that moves: one or two swings that die away."""
    return np.asarray(np.sin(2 * np.pi * phase * (1 + round(form))) * np.sin(np.pi * phase) ** 2)


class Artefacts:
    """Blinks, jaw clenches, movements and resting muscles at the electrodes.

    Parameters
    ----------
    person : Person
        How often they blink and how tense they are.
    settings : Settings
        Rate, and noise, to which the number of events is proportional.
    points : ndarray, shape (n_electrodes, 3)
        Electrode positions.
    seed : tuple of int
        Of person and session.
    """

    def __init__(self, person: Person, settings: Settings, points: Array, seed: tuple[int, ...]) -> None:
        self._page, self._rate = page_length(settings.rate), settings.rate
        self._noise = settings.noise
        blinks = person.blinks_per_second * min(settings.noise, 2.0)
        self._blinks = _Events((*seed, 4), blinks, _BLINK_S, _BLINK_UV)
        self._clenches = _Events((*seed, 5), _CLENCHES_PER_SECOND * settings.noise, _CLENCH_S, _CLENCH_UV)
        self._moves = _Events((*seed, 6), _MOVES_PER_SECOND * settings.noise, _MOVE_S, _MOVE_UV)
        spectrum = (FREQUENCIES >= _LOWEST_MUSCLE_HZ).astype(np.float64)
        audible = settings.rate > 2 * _LOWEST_MUSCLE_HZ
        self._muscles = NoiseBank(np.tile(spectrum, (len(_MUSCLES), 1)), settings.rate, (*seed, 7)) if audible else None
        self._resting = _RESTING_MUSCLE_UV * person.tension
        self._from_eyes = nearness(points, _EYES, 0.45)[:, 0]
        self._from_muscles = nearness(points, _MUSCLES, 0.4)
        # A movement shows at every electrode, and at some far more.
        self._from_moves = np.random.default_rng((*seed, 8)).uniform(0.2, 1.0, len(points))

    def page(self, number: int) -> Array:
        """Compute a page at every electrode, shape (page_length, n_electrodes), in µV."""
        if self._noise == 0:
            return np.zeros((self._page, len(self._from_eyes)))
        times = np.arange(number * self._page, (number + 1) * self._page) / self._rate
        made = self._course(self._blinks, times, _blink)[:, None] * self._from_eyes
        made += self._course(self._moves, times, _swing)[:, None] * self._from_moves
        if self._muscles is not None:
            # Both temples and the neck tense together, each with its own fibres.
            tension = self._resting + self._course(self._clenches, times, _burst)
            made += (self._muscles.page(number) * tension[:, None]) @ self._from_muscles.T
        return made

    def _course(self, events: _Events, times: Array, form: Callable[[Array, float], Array]) -> Array:
        course = np.zeros(len(times))
        for event in events.between(float(times[0]), float(times[-1])):
            phase = (times - event.onset) / event.seconds
            inside = (phase > 0) & (phase < 1)
            course[inside] += event.size * form(phase[inside], event.form)
        return course
