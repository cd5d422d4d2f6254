"""Whole trials of one subject held out."""

from __future__ import annotations

from offline.datasets.base import WindowSet
from offline.protocols.base import Indices, Protocol


class WholeTrials(Protocol):
    """A trial is a unit."""

    def units(self, windows: WindowSet) -> Indices:
        """Return the trial of every window."""
        return windows.trial


TRIAL = WholeTrials(
    "trial",
    "trial",
    within_subject=True,
    folds=5,
    description="Whole trials of one subject held out, k-fold, stratified as well as trials allow.",
)
