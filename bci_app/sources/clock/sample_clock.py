"""When each sample of a stream was due, from raw time stamps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]

_MAX_RATE_ERROR = 0.05
_FITTED_RATE_ERROR = 0.005
_FIT_SECONDS = 60
_SPREAD_SECONDS = 10
_MIN_FIT_POINTS = 4


@dataclass(frozen=True, slots=True)
class GapRule:
    """Limits of `GapDetector`, in seconds.

    Attributes
    ----------
    tolerance : float
        Steps of the stamps up to this length are not counted as loss on a stream with even stamps.
    max_tolerance : float
        The same for a stream whose stamps scatter, and for the first second of any stream.
    settle : float
        Samples that must agree on a step before it is taken for loss rather than delay; above
        `max_tolerance`, so that a stream that is catching up does not pass for settled.
    max_hold : float
        When to decide if stamps do not settle at all.
    longest_block : float
        The same while the stamps stand still, as in a block of samples that were stamped together.
    clock_step : float
        Backward steps longer than this ask for a reset.
    """

    tolerance: float = 0.02
    max_tolerance: float = 0.1
    settle: float = 0.3
    max_hold: float = 2.0
    longest_block: float = 10.0
    clock_step: float = 1.0


class SampleClock:
    """The moment at which each sample of a stream was due, from raw stamps.

    Delay makes stamps late and never early, so that the samples' true times lie along the lower
    edge of the stamps. The edge is followed by ``due[n] = min(stamp[n], due[n - 1] + 1.05 period)``,
    which is the stamp itself wherever stamps are even. The period is the nominal one until a line
    through the edge, one point a second over the last minute, contradicts it significantly.
    """

    def __init__(self, rate: float, rule: GapRule) -> None:
        self.nominal = 1.0 / rate
        self.period = self.nominal
        self.due = 0.0
        self.tolerance = max(rule.max_tolerance, 1.5 * self.nominal)
        self._rule = rule
        self._per_second = max(1, round(rate))
        self._lateness: list[float] = []
        self._seen = 0
        self._edge = 0.0
        self._spreads: deque[float] = deque(maxlen=_SPREAD_SECONDS)
        self._points: deque[tuple[int, float]] = deque(maxlen=_FIT_SECONDS)

    @property
    def until_update(self) -> int:
        """Samples left until period and tolerance are estimated again; a block may not cross it."""
        return self._per_second - self._seen

    @property
    def _slope(self) -> float:
        return self.period * (1 + _MAX_RATE_ERROR)

    @property
    def rate_error(self) -> float:
        """Relative error that the period may have."""
        return _MAX_RATE_ERROR if len(self._points) < _MIN_FIT_POINTS else _FITTED_RATE_ERROR

    def follow(self, times: Times) -> tuple[Times, NDArray[np.float64], Times]:
        """Describe the next samples, at most up to the next update, changing nothing.

        Returns
        -------
        due, late, edge : ndarray, shape (n_samples,)
            When each was due, how late it was, and where the lower edge is after it (for `advance`).
        """
        # The edge is kept relative to a count since the last update, so that it is the same to the
        # last bit however the stream is cut.
        ahead = np.arange(self._seen + 1, self._seen + len(times) + 1) * self._slope
        edge = np.minimum.accumulate(np.concatenate(([self._edge], times - ahead)))
        due = np.where(edge[1:] < edge[:-1], times, edge[1:] + ahead)
        late = times - (np.concatenate(([self.due], due[:-1])) + self.period)
        return due, late, edge[1:]

    def follow_few(self, times: Times, first: int) -> list[float] | None:
        """Take over a few samples at once if all are on time, much faster than `follow` and `advance`.

        The arithmetic is theirs, so that the result is the same to the last bit.

        Parameters
        ----------
        times : ndarray, shape (n_samples,)
            Stamps; at most `until_update`.
        first : int
            Stream index of the first.

        Returns
        -------
        list of float or None
            When each was due; None, and nothing changed, if one is not on time.
        """
        slope, edge, previous = self._slope, self._edge, self.due
        count = self._seen
        dues, lates = [], []
        for time in times.tolist():
            count += 1
            ahead = count * slope
            candidate = time - ahead
            due = time if candidate < edge else edge + ahead
            edge = min(edge, candidate)
            late = time - (previous + self.period)
            if not -self.tolerance <= late <= self.tolerance:
                return None
            dues.append(due)
            lates.append(late)
            previous = due
        self._lateness += lates
        self.due, self._edge, self._seen = previous, edge, count
        if self._seen >= self._per_second:
            self._update(first + len(dues) - 1)
        return dues

    def advance(self, due: Times, late: NDArray[np.float64], first: int, edge: float | None = None) -> None:
        """Take over samples, the first of which has stream index `first`.

        Parameters
        ----------
        due, late : ndarray, shape (n_samples,)
            As `follow` gave them, or set otherwise; at most `until_update` samples.
        edge : float, optional
            The edge after the last sample; None to let it go through its due time.
        """
        self.due = float(due[-1])
        self._lateness += late.tolist()
        self._seen += len(due)
        self._edge = edge if edge is not None else self.due - self._seen * self._slope
        if self._seen >= self._per_second:
            self._update(first + len(due) - 1)

    def adopt(self, period: float, due: float) -> None:
        """Take another period for the nominal one: the stream runs at another rate than it states.

        Parameters
        ----------
        period : float
            Seconds between two samples.
        due : float
            When the last sample was due.
        """
        self.nominal = self.period = period
        self._points.clear()
        self.restart(due, same_clock=True)

    def restart(self, due: float, *, same_clock: bool = False) -> None:
        """Go on from another moment, at which the last sample was due.

        Parameters
        ----------
        due : float
            Seconds.
        same_clock : bool
            Whether samples were skipped, rather than the clock set.
        """
        if not same_clock and abs(due - self.due) > self._rule.clock_step:
            self._points.clear()
        self.due = due
        self._edge = due - self._seen * self._slope

    def _update(self, index: int) -> None:
        late = np.nan_to_num(np.array(self._lateness))
        self._spreads.append(float(np.quantile(np.maximum(late, 0.0), 0.9)))
        self._lateness, self._seen = [], 0
        spread = max(self.nominal * 1.5, self._rule.tolerance, 3 * max(self._spreads))
        self.tolerance = min(spread, max(self._rule.max_tolerance, 1.5 * self.nominal))
        self._points.append((index, self.due))
        self.period = fit_period(np.array(self._points), self.nominal)
        self._edge = self.due


def fit_period(points: NDArray[np.float64], nominal: float) -> float:
    """Estimate the sampling period from due times.

    Parameters
    ----------
    points : ndarray, shape (n_points, 2)
        Sample index and due time in seconds.
    nominal : float
        Nominal period in seconds.

    Returns
    -------
    float
        The least-squares slope, or `nominal` if the slope does not differ from it by more than four
        standard errors, or by so much that the points cannot be trusted.
    """
    if len(points) < _MIN_FIT_POINTS:
        return nominal
    index, due = (points - points.mean(axis=0)).T
    scale = float(index @ index)
    slope = float(index @ due) / scale
    residual = due - slope * index
    error = float(np.sqrt(residual @ residual / (len(points) - 2) / scale))
    trusted = 4 * error < abs(slope - nominal) < _MAX_RATE_ERROR * nominal
    return slope if trusted else nominal
