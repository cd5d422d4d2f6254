"""Where what a replay sends does not go on."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bci_app.recording.timeline import Timeline

# More than receivers lag behind.
_KEPT = 4096


class Seam(NamedTuple):
    """A pause, a seek or the next recording.

    Attributes
    ----------
    after : float
        Stamp of the first sample after it.
    number : int
        How many there were with it.
    unsent : float
        Seconds by which stamps have jumped at all of them, in which nothing was to be sent.
    """

    after: float
    number: int
    unsent: float


class Seams:
    """The latest seams among samples that are sent, and the sample sent last.

    Parameters
    ----------
    timeline : Timeline
        What is played.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._due = timeline.due
        self._period = 1.0 / timeline.info.rate
        self._between = timeline.seams
        self._last_row = -1
        self.last_stamp = -np.inf
        self._seams = deque([Seam(-np.inf, 0, 0.0)], maxlen=_KEPT)

    def note(self, first: int, stamps: NDArray[np.float64], *, broken: bool) -> None:
        """Note the seams among the next samples.

        Parameters
        ----------
        first : int
            The first one's row of the timeline.
        stamps : ndarray, shape (n_samples,)
            As they are sent; rising.
        broken : bool
            Whether they follow a pause or a seek.
        """
        seams = self._between
        inner = set(seams[bisect_left(seams, first) : bisect_left(seams, first + len(stamps))])
        for row in sorted(inner | ({first} if broken else set())):
            start = row - first
            last_row, last = (row - 1, float(stamps[start - 1])) if start else (self._last_row, self.last_stamp)
            if not np.isfinite(last):
                continue
            # What is lost in the recording where it is paused stays so.
            goes_on = row == last_row + 1 and row not in inner
            step = float(self._due[row] - self._due[last_row]) if goes_on else self._period
            _, number, unsent = self._seams[-1]
            after = float(stamps[start])
            self._seams.append(Seam(after, number + 1, unsent + after - last - step))
        self._last_row, self.last_stamp = first + len(stamps) - 1, float(stamps[-1])

    def before(self, stamps: NDArray[np.float64]) -> list[Seam]:
        """Return for each sample, by its stamp, the last seam before it; an empty one if there is none."""
        if stamps[0] >= self._seams[-1].after:
            return [self._seams[-1]] * len(stamps)
        seams = list(self._seams)
        starts = [seam.after for seam in seams]
        return [seams[max(0, bisect_right(starts, stamp) - 1)] for stamp in stamps.tolist()]
