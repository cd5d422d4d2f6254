"""Which time of a stream is shown on the screen. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite


class StreamTime:
    """The time of the newest sample, and how long ago it was seen here.

    Parameters
    ----------
    clock : callable
        Seconds, steady.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.forget()

    def forget(self) -> None:
        """Begin with another stream."""
        self.newest = float("nan")  # LSL time of the newest sample
        self._seen = 0.0
        self._excused = float("-inf")
        self._began = float("nan")  # LSL time of the first sample
        self._held = False

    def restart(self) -> None:
        """Count the time of the session from the newest sample on."""
        self._began = self.newest

    def take(self, newest: float, passed: float) -> None:
        """Note the LSL time of the newest sample, `passed` seconds of stream after the first one."""
        self.newest, self._seen = newest, self._clock()
        if not isfinite(self._began):
            self._began = newest - passed

    def excuse(self) -> None:
        """Note that no sample is due at this moment."""
        self._excused = self._clock()

    def hold(self) -> None:
        """Stop the time: nothing will come any more."""
        self._held = True

    @property
    def silent(self) -> float:
        """Seconds since the last sample arrived; 0 before the first."""
        return self._clock() - self._seen if isfinite(self.newest) else 0.0

    @property
    def since_newest(self) -> float:
        """Seconds from the newest sample to the right edge of what scrolls."""
        return 0.0 if self._held else self.silent

    @property
    def now(self) -> float:
        """LSL time of the right edge of what scrolls. It goes on while a stream is silent."""
        return self.newest + self.since_newest

    def since_start(self, time: float) -> float:
        """Return the seconds from the start of the session to an LSL time."""
        return max(0.0, time - self._began) if isfinite(self._began) else 0.0

    @property
    def missed(self) -> float:
        """Seconds without the samples that were due."""
        return min(self.silent, self._clock() - self._excused)
