"""A simulated participant: EEG as a function of person, settings and sample index, and answers to ratings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import SourceError
from bci_app.simulation.artefacts import Artefacts
from bci_app.simulation.background import Background
from bci_app.simulation.electrodes import Electrodes
from bci_app.simulation.emotion import DIMENSIONS, Emotion, change_of_log_power
from bci_app.simulation.head import Array, electrode_points, lead_field, turned
from bci_app.simulation.noise import page_length
from bci_app.simulation.person import Person
from bci_app.simulation.rhythms import Rhythms
from bci_app.simulation.script import Course, Script
from bci_app.simulation.settings import Settings
from bci_app.stream import Samples, microvolts_per

_PAGES_KEPT = 3
_SCALE_MIDDLE, _SCALE_REACH, _SCALE_NOISE = 5.0, 3.5, 0.8


class SimulatedParticipant:
    """A person who was never born, with a headset on.

    Any samples can be asked for, in any order and in pieces of any size: they are the same for the same person,
    settings and course of emotion.

    Parameters
    ----------
    seed : int
        Which person: 0 or more.
    settings : Settings, optional
        What they wear; 19 electrodes at 250 Hz by default.
    script : Script, optional
        How their emotion moves; by default they stay neutral until `set_state` is called.

    Raises
    ------
    SourceError
        If the seed is negative.
    """

    def __init__(self, seed: int, settings: Settings | None = None, *, script: Script | None = None) -> None:
        if seed < 0:
            raise SourceError(
                "A synthetic participant is named by a number", found=f"participant {seed}", expected="0 or more"
            )
        self.seed = seed
        self.settings = settings = settings or Settings()
        self._person = person = Person.draw(seed)
        self._course = Course(script or Script())
        self._length = page_length(settings.rate)
        of_session = (seed, 1, settings.session)
        rng = np.random.default_rng((*of_session, 0))
        sites = [*settings.channels, *(s for s in settings.reference_sites if s not in settings.channels)]
        points = turned(electrode_points(sites), person.turn + rng.normal(0.0, 0.02, 3))
        self._rhythms = Rhythms(person, settings, of_session)
        self._background = Background(person, settings, of_session)
        self._artefacts = Artefacts(person, settings, points, of_session)
        self._electrodes = Electrodes(len(sites), settings, of_session)
        self._leads = lead_field(points).T
        self._reference = [sites.index(name) for name in settings.reference_sites]
        self._pages: dict[int, Samples] = {}

    def samples(self, first: int, last: int) -> Samples:
        """Compute samples `first` to ``last - 1``.

        Returns
        -------
        ndarray of float64, shape (last - first, n_channels)
            In the unit of the settings.
        """
        parts = []
        for number in range(first // self._length, (last - 1) // self._length + 1):
            start = number * self._length
            parts.append(self._page(number)[max(first - start, 0) : last - start])
        return np.concatenate(parts) if parts else np.empty((0, len(self.settings.channels)))

    def set_state(self, sample: int, state: Emotion) -> None:
        """Change the emotion from outside.

        Parameters
        ----------
        sample : int
            Index of the first sample under the change, which takes 2 s. Samples before it stay what they are;
            what a script or an earlier call planned after it is dropped.
        state : Emotion
            Where it moves to, and stays.

        Raises
        ------
        SourceError
            If a dimension is not between -1 and 1.
        """
        if not all(-1 <= value <= 1 for value in state):
            raise SourceError(
                "A synthetic participant cannot be in this state",
                found=str(state),
                expected="-1 to 1 in each dimension",
            )
        self._course.change(sample / self.settings.rate, state)
        self._pages = {number: page for number, page in self._pages.items() if (number + 1) * self._length <= sample}

    def truth(self, samples: NDArray[np.int64]) -> Array:
        """Return valence, arousal and dominance at sample indices, shape (n_samples, 3), -1 to 1."""
        return self._course.at(np.asarray(samples) / self.settings.rate)

    def rate(self, state: Emotion, *, trial: int) -> dict[str, int]:
        """Answer a self-report (SAM) about a state as this person would.

        Parameters
        ----------
        state : Emotion
            What was felt.
        trial : int
            Number of the trial: the same trial is rated the same way.

        Returns
        -------
        dict of str to int
            Valence, arousal and dominance from 1 to 9, with the person's habits and some chance in them.
        """
        rng = np.random.default_rng((self.seed, 1, self.settings.session, 11, trial))
        person = self._person
        points = (
            _SCALE_MIDDLE + person.rating_bias + person.rating_gain * _SCALE_REACH * np.array(state)
        ) + rng.normal(0.0, _SCALE_NOISE, len(DIMENSIONS))
        return dict(zip(DIMENSIONS, np.clip(np.round(points), 1, 9).astype(int).tolist(), strict=True))

    def _page(self, number: int) -> Samples:
        if number not in self._pages:
            if len(self._pages) >= _PAGES_KEPT:
                del self._pages[next(iter(self._pages))]
            self._pages[number] = self._make_page(number)
        return self._pages[number]

    def _make_page(self, number: int) -> Samples:
        """Compute a whole page, always with the same operations on the same shapes, so that pieces agree bit by bit."""
        settings = self.settings
        states = self.truth(np.arange(number * self._length, (number + 1) * self._length))
        change = change_of_log_power(states, self._person.pattern, settings.effect)
        sources = self._rhythms.page(number, change) + self._background.page(number)
        made = sources @ self._leads + self._artefacts.page(number) + self._electrodes.page(number)
        if self._reference:
            made -= made[:, self._reference].mean(axis=1, keepdims=True)
        return np.ascontiguousarray(made[:, : len(settings.channels)]) / microvolts_per(settings.unit)
