"""Raw samples as tokens."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bci_app.preprocessing.base import Features, Samples, Token


class RawToken(Token):
    """A token is the window's samples of one channel, in µV."""

    kind: Literal["raw"] = "raw"

    def n_features(self, window: int) -> int:
        """Return the window's length."""
        return window

    def start(self, n_channels: int, window: int, rate: float) -> Features:
        """Return the function that returns a window as it is."""
        return _unchanged

    def describe(self) -> str:
        """Return what the token is."""
        return "raw samples"


def _unchanged(window: Samples) -> NDArray[np.float64]:
    return window
