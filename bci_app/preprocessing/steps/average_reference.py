"""Average reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from bci_app.preprocessing.base import Samples, Step, StepState, sum_in_order


class AverageReference(Step):
    """Subtract the mean over the good channels from every sample."""

    mixes_channels: ClassVar[bool] = True
    kind: Literal["average"] = "average"

    def start(self, channels: Sequence[str], rate: float) -> StepState:
        """Return a fresh state."""
        return _Average(len(channels))

    def describe(self) -> str:
        """Return the name of the reference."""
        return "average reference"


class _Average(StepState):
    def __init__(self, n_channels: int) -> None:
        self._good = np.arange(n_channels)

    def reset(self) -> None:
        """Do nothing: no sample is remembered."""

    def set_bad(self, bad: NDArray[np.bool_]) -> None:
        """Leave bad channels out of the average, unless all are bad."""
        self._good = np.flatnonzero(~bad) if not bad.all() else np.arange(len(bad))

    def process(self, x: Samples) -> Samples:
        """Subtract the average from the next samples."""
        total = sum_in_order(np.ascontiguousarray(x.T[self._good]))
        return x - (total / len(self._good))[:, None]
