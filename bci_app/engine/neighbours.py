"""Whether an electrode carries what the scalp around it carries.

Thresholds were chosen on recordings taken to be sound. Called unlike their neighbours there: 274 of
127,680 verdicts (0.21 %) in EEGMAT (30 people, 19 channels, referred to the ears), 0 of 14,592 in
EEGMMIDB (64 channels), 7 of 3,164 in an Emotiv recording (14 channels). A foreign signal of the same
strength in the place of a channel of EEGMAT was found in 97 to 100 % of the verdicts (another person's
EEG; noise white, 1/f and 1/f²). Nothing was called bridged: the closest two channels differed by 1.1 µV.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bci_app.montage.neighbours import neighbours

# Blocks of 1 s, half a second apart, over which correlations are averaged: 4.5 s. In one second two
# unrelated signals of low frequency are alike by chance.
BLOCKS = 8
# Hz. Blocks are averaged down to about this rate: muscle and mains differ between neighbours.
_RATE = 50.0
# An electrode with one neighbour only cannot be distinguished from the neighbour that is loose.
_FEWEST = 2
# Largest correlation with a neighbour below which a channel is unlike them, and above which it is
# like them again.
_UNLIKE, _LIKE = 0.3, 0.4
# µV rms. Two electrodes joined by gel differ by the noise of their amplifiers.
_BRIDGED, _APART = 0.5, 0.8
_BRIDGED_CORRELATION = 0.99
# µV. What is flatter has no shape to compare.
_FLAT_SD = 0.2


class NeighbourCheck:
    """Compare channels with their neighbours on the scalp.

    Parameters
    ----------
    channels : sequence of str
        Names; those of no place on the scalp are never judged.
    rate : float
        Hz.
    """

    def __init__(self, channels: Sequence[str], rate: float) -> None:
        self._channels = tuple(channels)
        self._step = max(1, int(rate // _RATE))
        pairs = {(min(a, b), max(a, b)) for a, near in enumerate(neighbours(self._channels)) for b in near}
        self._pairs = np.array(sorted(pairs), dtype=np.intp).reshape(-1, 2)  # (n_pairs, 2)
        self._unlike = np.zeros(len(channels), dtype=np.bool_)
        self._joined = np.zeros(len(self._pairs), dtype=np.bool_)
        self.reset()

    def reset(self) -> None:
        """Forget the signal (not the verdicts), after a gap."""
        self._correlations: deque[NDArray[np.float64]] = deque(maxlen=BLOCKS)
        self._differences: deque[NDArray[np.float64]] = deque(maxlen=BLOCKS)

    def add(self, detrended: NDArray[np.float64], usable: NDArray[np.bool_]) -> None:
        """Take the next block and judge again, once there are enough.

        Parameters
        ----------
        detrended : ndarray of float64, shape (n_samples, n_channels)
            µV.
        usable : ndarray of bool, shape (n_channels,)
            Which channels carry a signal in this block.
        """
        if not len(self._pairs):
            return
        slow = self._slow(detrended)
        sd = np.where(usable, slow.std(axis=0), 0.0)
        there = sd > _FLAT_SD
        first, second = self._pairs.T
        # nan where there is nothing to compare.
        sd = np.where(there, sd, np.nan)
        covariance = (slow[:, first] * slow[:, second]).mean(axis=0)
        self._correlations.append(covariance / (sd[first] * sd[second]))
        self._differences.append(sd[first] ** 2 + sd[second] ** 2 - 2 * covariance)
        if len(self._correlations) == BLOCKS:
            self._judge(np.mean(self._correlations, axis=0), np.sqrt(np.maximum(np.mean(self._differences, axis=0), 0)))

    def _slow(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average down to about 50 Hz; without mean."""
        n = len(x) // self._step
        slow = x[len(x) - n * self._step :].reshape(n, self._step, -1).mean(axis=1)
        return np.asarray(slow - slow.mean(axis=0))

    def _judge(self, correlation: NDArray[np.float64], difference: NDArray[np.float64]) -> None:
        close = np.where(self._joined, difference < _APART, difference < _BRIDGED)
        self._joined = close & (correlation > _BRIDGED_CORRELATION)
        known = ~np.isnan(correlation)
        best = np.zeros(len(self._channels))
        count = np.zeros(len(self._channels), dtype=np.intp)
        for side in self._pairs.T:
            np.maximum.at(best, side[known], np.abs(correlation[known]))
            np.add.at(count, side[known], 1)
        self._unlike = (count >= _FEWEST) & (best < np.where(self._unlike, _LIKE, _UNLIKE))

    def causes(self) -> list[str]:
        """Return for each channel what is wrong with it, in a few words; empty if nothing is."""
        causes = ["unlike its neighbours" if unlike else "" for unlike in self._unlike]
        for first, second in self._pairs[self._joined].tolist():
            causes[first] = causes[first] or f"bridged with {self._channels[second]}"
            causes[second] = causes[second] or f"bridged with {self._channels[first]}"
        return causes
