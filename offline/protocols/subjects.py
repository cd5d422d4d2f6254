"""Whole people held out: in folds, or one after the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import DatasetError
from offline.datasets.base import WindowSet
from offline.protocols.base import Indices, Protocol

SHARED_STIMULI = (
    "The tested people saw stimuli that people in training saw: a network may recognise the stimulus and not the "
    "emotion. Protocol loso+stimulus holds out both."
)


class WholeSubjects(Protocol):
    """A person is a unit."""

    def units(self, windows: WindowSet) -> Indices:
        """Return the subject of every window."""
        return windows.subject

    def note(self, windows: WindowSet) -> str:
        """Return a caution where people were shown the same stimuli."""
        if windows.stimulus is None or len(windows.subjects) < 2:
            return ""
        pairs = np.unique(np.stack([windows.subject, windows.stimulus]), axis=1)
        shown = pairs[1][pairs[1] >= 0]
        return SHARED_STIMULI if len(np.unique(shown)) < len(shown) else ""


class LeaveOneSubjectOut(WholeSubjects):
    """One fold for each person, with that person's name."""

    def fold_of(self, contents: NDArray[np.float64], k: int, rng: np.random.Generator) -> Indices:
        """Return a fold for each person."""
        return np.arange(len(contents), dtype=np.int64)

    def split_name(self, windows: WindowSet, population: str, number: int, tested: Indices) -> str:
        """Return the name of the person who is tested."""
        return windows.subjects[int(tested[0])]

    def check_folds(self, windows: WindowSet, folds: int | None) -> None:
        """Check that the folds are as many as the people."""
        super().check_folds(windows, folds)
        if folds is not None and folds != len(windows.subjects):
            raise DatasetError(
                "Protocol loso has one fold a subject",
                found=f"{folds} folds",
                fix="Choose protocol subjects for fewer folds.",
            )


SUBJECTS = WholeSubjects(
    "subjects",
    "subject",
    within_subject=False,
    folds=5,
    description="Whole subjects held out, k-fold: scored on people who are in no training data.",
)
LOSO = LeaveOneSubjectOut(
    "loso",
    "subject",
    within_subject=False,
    folds=None,
    description="Leave one subject out: scored on a person who is in no training data.",
)
