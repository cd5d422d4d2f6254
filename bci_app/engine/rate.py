"""How fast a stream really is."""

from __future__ import annotations

import math
from collections import deque

# Span of stamps over which the rate is measured.
_SECONDS = 10.0
# Beyond this share a stream's rate counts as another than the one it states.
_TOLERANCE = 0.01
# A way may become a little shorter, in seconds, without a sender that is too fast.
_NO_EARLIER = 0.1
# Arrivals are judged by windows of this length.
ARRIVAL_SECONDS = 4.0
# Beyond this share, unless the bundle says otherwise, no prediction is made.
MOST_RATE_ERROR = 0.05


class RateCheck:
    """The rate of a stream over its last 10 s by its stamps, and whether it is the one that the stream states.

    Depends on the counts of samples and their times alone, never on how they arrive.

    Parameters
    ----------
    nominal : float
        The rate that the stream states, Hz.
    tolerance : float
        Largest relative error.
    """

    def __init__(self, nominal: float, tolerance: float = _TOLERANCE) -> None:
        self._nominal = nominal
        self._tolerance = tolerance
        self._points: deque[tuple[int, float]] = deque()

    def add(self, count: int, time: float) -> None:
        """Note a sample: how many came before it, and its time in seconds."""
        self._points.append((count, time))
        while self._span > _SECONDS:
            self._points.popleft()

    def restart(self) -> None:
        """Forget the samples: those that follow do not continue them."""
        self._points.clear()

    @property
    def _span(self) -> float:
        return self._points[-1][1] - self._points[0][1] if self._points else 0.0

    @property
    def hz(self) -> float:
        """The rate; nan where there are too few samples."""
        return (self._points[-1][0] - self._points[0][0]) / self._span if self._span > 0 else math.nan

    @property
    def error(self) -> float:
        """Relative error of the rate; 0 after too short a time."""
        return self.hz / self._nominal - 1 if self._span >= _SECONDS / 2 else 0.0

    @property
    def wrong(self) -> bool:
        """Whether the rate is off by more than is allowed; False until that can be known."""
        return abs(self.error) > self._tolerance

    @property
    def notice(self) -> str:
        """A sentence if the rate is wrong; else empty."""
        if not self.wrong:
            return ""
        return (
            f"The stream runs at {self.hz:.1f} Hz and not at the {self._nominal:g} Hz that it states: "
            f"frequencies are read {abs(self.error) * 100:.1f} % too {'low' if self.error > 0 else 'high'}. "
            "Set the device to its stated rate, or state the true one with --rate."
        )


class ArrivalCheck:
    """Whether samples arrive as fast as their stamps say, by this machine's clock.

    A sender that counts its samples and delivers them too slowly or too fast has even stamps. Its delay, from the
    stamp to the arrival, grows or shrinks all the time. The least delay of each of three successive windows is
    compared: bursts and hiccups make some samples late, and never all of them over three windows. A stream that
    catches up after a stall does not come earlier than it ever did before it.

    Parameters
    ----------
    nominal : float
        The rate that the stream states, Hz.
    tolerance : float
        Largest relative error.
    """

    def __init__(self, nominal: float, tolerance: float) -> None:
        self._nominal = nominal
        self._tolerance = tolerance
        self.restart()

    def restart(self) -> None:
        """Forget all: what follows comes through another connection."""
        self._least = math.inf  # delay in the present window
        self._window_end = math.nan
        self._windows: deque[float] = deque(maxlen=3)
        self._earliest = math.inf  # least delay before these windows

    def add(self, stamp: float, now: float) -> None:
        """Note the stamp of the newest sample and the moment of its arrival, both on this machine's clock."""
        if math.isnan(self._window_end):
            self._window_end = now + ARRIVAL_SECONDS
        while now >= self._window_end:
            if len(self._windows) == self._windows.maxlen:
                self._earliest = min(self._earliest, self._windows[0])
            if math.isfinite(self._least):
                self._windows.append(self._least)
            self._least = math.inf
            self._window_end += ARRIVAL_SECONDS
        self._least = min(self._least, now - stamp)

    @property
    def error(self) -> float:
        """Relative error of the rate of arrival; 0 where it is within the tolerance or not known."""
        if len(self._windows) < 3:
            return 0.0
        first, second, third = self._windows
        # Seconds of delay that each second adds.
        drifts = ((second - first) / ARRIVAL_SECONDS, (third - second) / ARRIVAL_SECONDS)
        catching_up = third < first and third > self._earliest - _NO_EARLIER
        if drifts[0] * drifts[1] <= 0 or min(map(abs, drifts)) <= self._tolerance or catching_up:
            return 0.0
        return -sum(drifts) / 2

    @property
    def wrong(self) -> bool:
        """Whether samples arrive at another rate than their stamps say."""
        return self.error != 0.0

    @property
    def notice(self) -> str:
        """What is wrong and what to do, in a sentence or two; empty if nothing is."""
        error = self.error
        if not error:
            return ""
        return (
            f"Samples arrive at {self._nominal * (1 + error):.0f} Hz by this computer's clock, although their stamps "
            f"say {self._nominal:g} Hz. Set the device to its stated rate, or state the true one with --rate."
        )
