"""Senders that do not stamp by LSL's clock: their stamps are mapped to it.

muse-lsl, older BlueMuse and many scripts stamp with Unix time. Others stamp with the seconds since the device was
switched on. Such a clock has another origin, drifts, and may be set at any moment.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]

# Stamps further ahead of the local clock, or further behind it, than this are of another clock. LSL keeps up to
# six minutes of samples for a receiver that comes late.
MOST_AHEAD_SECONDS = 60.0
MOST_BEHIND_SECONDS = 600.0
# Steps of the stamps that no jitter makes.
_STEP_BACK = 0.1
_STEP_AHEAD = 0.05
# The offset by arrival: the least delay of each window, followed through a line over the last minute.
_WINDOW_SECONDS = 2.0
_WINDOWS = 30
_LEAST_FOR_LINE = 5
# A measured offset that differs by more than this for two seconds is of another clock than the sender's.
_SLEW = 0.05
_PERSISTS_SECONDS = 2.0


def is_foreign(stamp: float, now: float) -> bool:
    """Return whether a stamp that arrived at `now` (LSL clock, seconds) cannot be of that clock."""
    return not -MOST_BEHIND_SECONDS <= stamp - now <= MOST_AHEAD_SECONDS


class ForeignClock:
    """The offset between a sender's clock and this machine's LSL clock, followed through drift and steps.

    A stamp can neither go back nor lie in the future. Where it does, the sender's clock was set: the step is taken
    out and nothing is lost. A gap that fits into the time since the last arrival stays a gap.

    Parameters
    ----------
    period : float
        Seconds between two samples; 0 for events at irregular moments.

    Attributes
    ----------
    offset : float
        Seconds to add to the stamps that `follow` returns.
    steps : float
        Sum of the steps taken out so far, in seconds.
    """

    def __init__(self, period: float) -> None:
        self._period = period
        self.offset = 0.0
        self.steps = 0.0
        self._last = math.nan
        self._least = math.inf  # delay of the present window
        self._window_end = -math.inf
        self._windows: deque[tuple[float, float]] = deque(maxlen=_WINDOWS)
        self._disagrees_since: float | None = None
        self._unreadable = False
        self._bias = 0.0  # least delay of the samples, where it is known from the time when the clock could be read

    def follow(self, times: Times, now: float, measured: float | None = None) -> Times:
        """Take the stamps of the next samples.

        Parameters
        ----------
        times : ndarray, shape (n_samples,)
            As sent, in seconds.
        now : float
            When they arrived, on the LSL clock.
        measured : float, optional
            The offset of the sender's clock, if that can be read: LSL clock less Unix time on this machine.
            Without it, or if it proves to be of another clock, the offset follows from arrivals.

        Returns
        -------
        ndarray, shape (n_samples,)
            The stamps without steps of the clock.
        """
        times = np.asarray(times, dtype=np.float64) - self.steps
        finite = np.flatnonzero(np.isfinite(times))
        if not len(finite):
            return times
        if math.isnan(self._last):
            self._last = float(times[finite[0]]) - self._period
            self.offset = now - float(times[finite[-1]]) if measured is None else measured
        times = self._without_steps(times, finite, now)
        self._last = float(times[finite[-1]])
        by_arrival = self._by_arrival(now - self._last, now)
        if measured is None or self._unreadable:
            self.offset = by_arrival - self._bias
        else:
            self._follow_measured(measured + self.steps, by_arrival, now)
        return times

    def _without_steps(self, times: Times, finite: NDArray[np.intp], now: float) -> Times:
        moves = np.diff(times[finite], prepend=self._last) - self._period
        ahead = (moves > _STEP_AHEAD) & (times[finite] + self.offset > now + _STEP_AHEAD)
        # Events come at any moment: only a future is impossible for them, or a past before the last one.
        suspects = np.flatnonzero((moves < -_STEP_BACK) | ahead)
        for position in suspects:
            index = int(finite[position])
            before = self._last if not position else float(times[finite[position - 1]])
            step = float(times[index]) - before - self._period
            if step < -_STEP_BACK or (step > _STEP_AHEAD and times[index] + self.offset > now + _STEP_AHEAD):
                if not self._period:
                    step = float(times[index]) + self.offset - now  # when an event was due, only its arrival shows
                times[index:] -= step
                self.steps += step
        return times

    def _by_arrival(self, delay: float, now: float) -> float:
        """Estimate the offset, plus the least delay, from when samples arrive."""
        self._least = min(self._least, delay)
        if now >= self._window_end:
            if self._window_end > -math.inf:
                self._windows.append((now, self._least))
                self._least = delay
            self._window_end = now + _WINDOW_SECONDS
        if len(self._windows) < _LEAST_FOR_LINE:
            return min([self._least, *(least for _, least in self._windows)])
        moments, delays = np.array(self._windows).T
        return float(np.polyfit(moments - now, delays, 1)[1])

    def _follow_measured(self, offset: float, by_arrival: float, now: float) -> None:
        if abs(offset - self.offset) <= _SLEW:
            self.offset, self._disagrees_since = offset, None
        elif self._disagrees_since is None:
            self._disagrees_since = now
        elif now - self._disagrees_since > _PERSISTS_SECONDS:
            self._unreadable, self._bias = True, by_arrival - self.offset
