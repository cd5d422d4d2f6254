"""The protocol of the TNAS paper: windows of one subject, shuffled."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from offline.datasets.base import WindowSet
from offline.protocols.base import Indices, Protocol


class ShuffledWindows(Protocol):
    """Every window is a unit. Windows are shuffled whatever their labels, as in the paper."""

    leaks: ClassVar[bool] = True
    stratified: ClassVar[bool] = False

    def units(self, windows: WindowSet) -> Indices:
        """Return each window's own number."""
        return np.arange(len(windows), dtype=np.int64)


PAPER = ShuffledWindows(
    "paper",
    "window",
    within_subject=True,
    folds=10,
    description="Windows of one subject shuffled, then k-fold, as in the TNAS paper. Neighbouring seconds of a "
    "trial are trained on and scored: the figures say little about new data.",
)
