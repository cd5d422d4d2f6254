"""Whole stimuli held out: for the same people, or together with people."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bci_app.errors import DatasetError
from offline.datasets.base import Split, WindowSet
from offline.protocols.base import Indices, Protocol, require_apart, require_stimuli
from offline.protocols.deal import contents_of, deal


class WholeStimuli(Protocol):
    """A stimulus is a unit, whoever saw it."""

    def units(self, windows: WindowSet) -> Indices:
        """Return the stimulus of every window."""
        return require_stimuli(windows, self.name)


class PeopleAndStimuli(Protocol):
    """People and stimuli are dealt to as many folds each, and every pair of folds is tested once.

    Training has neither the tested people nor the tested stimuli. Validation has other people than training, who saw
    the stimuli of training: it decides when to stop and nothing that is reported.
    """

    def units(self, windows: WindowSet) -> Indices:
        """Return the pair of person and stimulus of every window."""
        stimuli = require_stimuli(windows, self.name)
        return np.unique(np.stack([windows.subject, stimuli]), axis=1, return_inverse=True)[1].ravel().astype(np.int64)

    def make(self, windows: WindowSet, *, folds: int | None, seed: int, validation: float) -> Iterator[Split]:
        """Partition windows by people and stimuli."""
        rng = np.random.default_rng(seed)
        stimuli = require_stimuli(windows, self.name)
        k = folds or self.folds or 2
        _, of_stimulus = np.unique(stimuli, return_inverse=True)
        person_fold = self._dealt(windows, windows.subject, k, "subjects", rng)
        stimulus_fold = self._dealt(windows, of_stimulus.astype(np.int64), k, "stimuli", rng)
        people = np.arange(len(windows.subjects))
        for a in range(int(person_fold.max()) + 1):
            others = people[person_fold != a]
            part = deal(np.ones((len(others), 1)), np.array([1 - validation, validation]), rng)
            for b in range(int(stimulus_fold.max()) + 1):
                seen = stimulus_fold[of_stimulus] != b
                train, held = (np.flatnonzero(seen & np.isin(windows.subject, others[part == i])) for i in (0, 1))
                test = np.flatnonzero(~seen & (person_fold[windows.subject] == a))
                if len(test):
                    yield Split(f"people{a + 1:02d}-stimuli{b + 1:02d}", train, held, test)

    def check(self, windows: WindowSet, split: Split) -> None:
        """Check that people are apart in all parts, and stimuli in training and test."""
        require_apart("subject", windows.subject, split, ("train", "validation", "test"))
        require_apart("stimulus", require_stimuli(windows, self.name), split, ("train", "test"))

    def _dealt(self, windows: WindowSet, codes: Indices, k: int, units: str, rng: np.random.Generator) -> Indices:
        """Deal people or stimuli to folds."""
        n_units = int(codes.max()) + 1
        if n_units < 3:
            raise DatasetError(
                f"Protocol {self.name} needs more {units}",
                found=f"{n_units}",
                expected="at least 3: one each to train, validate and test",
                fix="Choose another --protocol.",
            )
        k = min(max(k, 3 if n_units == 3 else 2), n_units)
        return deal(contents_of(windows.labels, codes, n_units), np.full(k, 1 / k), rng, most=n_units - 2)


STIMULUS = WholeStimuli(
    "stimulus",
    "stimulus",
    within_subject=False,
    folds=5,
    description="Whole stimuli held out, k-fold: scored on films or clips that nobody saw in training, by people who "
    "are in it.",
)
LOSO_STIMULUS = PeopleAndStimuli(
    "loso+stimulus",
    "person and stimulus",
    within_subject=False,
    folds=3,
    description="People and stimuli held out together: scored on people who are in no training data, watching what "
    "nobody watched in it.",
)
