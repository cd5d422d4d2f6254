"""Bad and missing channels, made from the good ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bci_app.montage.interpolation import interpolation_weights
from bci_app.preprocessing.base import Samples, StepState, sum_in_order


class Interpolation(StepState):
    """Replace bad channels by spherical splines of the good ones.

    It stands after the filters, whose memory of a bad channel then does no harm, and before the first step that
    mixes channels.

    Parameters
    ----------
    channels : sequence of str
        Names of the channels.
    max_share : float
        Largest share of the channels that is replaced; with more, all stay as they are.
    """

    def __init__(self, channels: Sequence[str], max_share: float) -> None:
        self._channels = tuple(channels)
        self._max_share = max_share
        self._weights: dict[int, NDArray[np.float64]] = {}

    def reset(self) -> None:
        """Do nothing: no sample is remembered."""

    def set_bad(self, bad: NDArray[np.bool_]) -> None:
        """Replace these channels from the next sample on."""
        self._weights = {}
        if bad.any() and bad.mean() <= self._max_share:
            self._weights = interpolation_weights(self._channels, tuple(np.flatnonzero(bad).tolist()))

    def process(self, x: Samples) -> Samples:
        """Replace the bad channels of the next samples."""
        if not self._weights:
            return x
        y = x.copy()
        for channel, weights in self._weights.items():
            y[:, channel] = sum_in_order(np.ascontiguousarray(x.T) * weights[:, None])
        return y
