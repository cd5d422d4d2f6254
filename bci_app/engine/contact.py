"""How well each electrode sits, judged from the signal alone.

Judged on a fixed grid of stream samples and never by how samples arrive, so that the same recording
always has the same verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bci_app.engine.artefact import ArtefactDetector, Verdict, strongest
from bci_app.engine.neighbours import NeighbourCheck
from bci_app.events import Contact, ContactLevel
from bci_app.preprocessing.artefact import near_mains, power_of
from bci_app.preprocessing.base import mean_over

GRID_SECONDS = 0.5
BLOCK_SECONDS = 1.0

# µV. An open or shorted input is flatter than any scalp; a loose electrode swings wider.
_FLAT_SD = 0.2
_POOR_SD = 100.0
_BAD_SD = 200.0
# Share of a block's samples that sit exactly on its largest or smallest value.
_RAILED_SHARE = 0.3
# Mains power over everything else from 1 to 45 Hz; what a wide swing is called by.
_LINE_RATIO = 10.0
_MOSTLY_LINE = 1.0
_NOT_FINITE = "not finite"
# A stream index that no session reaches.
_NEVER = np.iinfo(np.int64).max
# In any unit. What is larger is no voltage but memory that nobody wrote to; its square would overflow.
_LARGEST = 1e15
# Good verdicts in a row before a bad channel counts as good again (2 s), against flicker.
_RECOVERY = 4


def are_numbers(x: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which samples are finite, and not so large that they cannot be measured."""
    return np.asarray(np.abs(x) <= _LARGEST)


class _Spread(NamedTuple):
    """A block without drift, and of each channel the standard deviation and the share of samples on its extremes."""

    detrended: NDArray[np.float64]
    sd: NDArray[np.float64]
    at_limit: NDArray[np.float64]

    @classmethod
    def of(cls, block: NDArray[np.float64]) -> _Spread:
        n = len(block)
        highest, lowest = (block == block.max(axis=0)), (block == block.min(axis=0))
        at_limit = np.maximum(np.count_nonzero(highest, axis=0), np.count_nonzero(lowest, axis=0)) / n
        # A straight line is electrode drift, not signal.
        ramp = _ramp(n)
        centred = block - mean_over(block, 0)
        detrended = centred - ramp * np.einsum("tu,tc->c", ramp, centred)
        return cls(detrended, np.sqrt(np.einsum("tc,tc->c", detrended, detrended) / n), at_limit)

    @property
    def bad(self) -> NDArray[np.bool_]:
        """Which channels carry no brain signal."""
        return np.asarray((self.sd < _FLAT_SD) | (self.sd > _BAD_SD) | (self.at_limit > _RAILED_SHARE))


@lru_cache(maxsize=16)
def _ramp(n_samples: int) -> NDArray[np.float64]:
    """Return a straight line of length 1 and mean 0, shape (n_samples, 1)."""
    ramp = np.linspace(-1, 1, n_samples)[:, None]
    return np.asarray(ramp / np.sqrt((ramp**2).sum()))


def _judge_alone(spread: _Spread, rate: float) -> list[tuple[ContactLevel, str]]:
    """Judge each channel of a block by itself: its level, and the cause if that is not good."""
    line = _line_ratio(spread.detrended, rate)
    verdicts = []
    for sd, at_limit, hum in zip(spread.sd, spread.at_limit, line, strict=True):
        what = "mains hum" if hum > _MOSTLY_LINE else "noise"
        if sd < _FLAT_SD:
            verdict = (ContactLevel.BAD, "flat")
        elif at_limit > _RAILED_SHARE:
            verdict = (ContactLevel.BAD, "railed")
        elif sd > _BAD_SD:
            verdict = (ContactLevel.BAD, f"{sd:.0f} µV of {what}")
        elif sd > _POOR_SD:
            verdict = (ContactLevel.POOR, f"{sd:.0f} µV of {what}")
        elif hum > _LINE_RATIO:
            verdict = (ContactLevel.POOR, "mains hum")
        else:
            verdict = (ContactLevel.GOOD, "")
        verdicts.append(verdict)
    return verdicts


def _line_ratio(x: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """Power at 50 and 60 Hz (±2 Hz) over the power from 1 to 45 Hz, for each channel."""
    power = power_of(np.fft.rfft(x * np.hanning(len(x))[:, None], axis=0))
    frequency = np.fft.rfftfreq(len(x), 1 / rate)
    mains = near_mains(frequency)
    brain = (frequency >= 1) & (frequency <= 45)
    ratio: NDArray[np.float64] = power[mains].sum(axis=0) / np.maximum(power[brain].sum(axis=0), 1e-12)
    return ratio


class ContactMonitor:
    """Follow the contact of the model's channels through a stream.

    Parameters
    ----------
    channels : sequence of str
        Names of the model's channels.
    rate : float
        Rate of the stream in Hz.
    missing : ndarray of bool, shape (n_channels,)
        Channels that the stream does not have.
    """

    def __init__(self, channels: Sequence[str], rate: float, *, missing: NDArray[np.bool_]) -> None:
        self._channels = tuple(channels)
        self._rate = rate
        self._missing = missing
        self.grid = max(1, round(GRID_SECONDS * rate))
        self.block = max(2, round(BLOCK_SECONDS * rate))
        self._contacts = tuple(
            Contact(name, ContactLevel.MISSING if absent else ContactLevel.UNKNOWN)
            for name, absent in zip(channels, missing, strict=True)
        )
        self._neighbours = NeighbourCheck(self._channels, rate)
        self._artefacts = ArtefactDetector(rate)
        self._artefact = Verdict()
        self._good_run = np.full(len(channels), _RECOVERY)
        self._last_bad = np.full(len(channels), -1, dtype=np.int64)
        self._not_finite = np.zeros(len(channels), dtype=np.bool_)
        self.reset()

    def reset(self, first: int = 0) -> None:
        """Forget the samples (not the verdicts), after a gap.

        Parameters
        ----------
        first : int
            Stream index of the first sample after it.
        """
        self._samples: list[NDArray[np.float64]] = []
        self._end = first
        # Stream index of each channel's first sample since the last verdict that is no number.
        self._hole = np.full(len(self._channels), _NEVER, dtype=np.int64)
        self._neighbours.reset()
        self._hold(first)

    def note_not_finite(self, channels: NDArray[np.bool_]) -> None:
        """Note channels whose samples are no numbers and do not reach `add`, until the next verdict.

        Parameters
        ----------
        channels : ndarray of bool, shape (n_channels,)
            Which.
        """
        self._not_finite |= channels

    def to_grid(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Cut a run of samples at the points where contact is judged, so that arrival in chunks changes nothing."""
        while start < stop:
            end = min(stop, self.next_point(start))
            yield start, end
            start = end

    def next_point(self, start: int) -> int:
        """Return the first point of the grid after stream index `start`."""
        return (start // self.grid + 1) * self.grid

    def _hold(self, start: int) -> None:
        """Note that what is bad now stays so to the next point of the grid after `start`."""
        self._last_bad[self.bad_now()] = self.next_point(start) - 1

    def add(self, x: NDArray[np.float64], end: int) -> None:
        """Take samples up to stream index `end` (exclusive), at most to the next point of the grid.

        Parameters
        ----------
        x : ndarray of float64, shape (n_samples, n_channels)
            µV, model channels in order. A channel with samples that are not finite is bad for that.
        end : int
            Stream index after the last row.
        """
        numbers = are_numbers(x)
        if not numbers.all():
            first = end - len(x) + np.argmin(numbers, axis=0)
            self._hole = np.where(numbers.all(axis=0), self._hole, np.minimum(self._hole, first))
        self._samples.append(x)
        self._end = end

    def update(self, *, resting: bool = False) -> bool:
        """Judge the contacts again if the samples reach a point of the grid. Returns whether they were judged.

        Parameters
        ----------
        resting : bool
            Whether the rest baseline is being measured: artefacts are judged against it.
        """
        end = self._end
        if end % self.grid:
            return False
        block = np.concatenate(self._samples)[-self.block :]
        self._samples = [block]
        enough = len(block) == self.block
        if enough:
            verdicts = self._judge(block, resting=resting)
            self._contacts = tuple(self._settled(index, *verdict) for index, verdict in enumerate(verdicts))
            self._not_finite[:] = False
            self._hole[:] = _NEVER
        self._hold(end)
        return enough

    def _judge(self, block: NDArray[np.float64], *, resting: bool) -> list[tuple[ContactLevel, str]]:
        """Judge each channel by itself, and what is good beside its neighbours."""
        finite = are_numbers(block).all(axis=0) & (self._hole == _NEVER)
        spread = _Spread.of(block if finite.all() else np.where(finite, block, 0.0))
        usable = ~(spread.bad | self._missing)
        self._neighbours.add(spread.detrended, usable)
        self._artefact = self._artefacts.take(spread.detrended, usable & finite, self._end, resting=resting)
        verdicts = [
            (ContactLevel.POOR, cause) if cause and level is ContactLevel.GOOD else (level, own)
            for (level, own), cause in zip(_judge_alone(spread, self._rate), self._neighbours.causes(), strict=True)
        ]
        for index in np.flatnonzero(~finite):
            verdicts[index] = (ContactLevel.BAD, _NOT_FINITE)
        return verdicts

    def _settled(self, index: int, level: ContactLevel, cause: str) -> Contact:
        """Apply hysteresis to the verdict on one channel."""
        name = self._channels[index]
        if self._missing[index]:
            return Contact(name, ContactLevel.MISSING)
        self._good_run[index] = 0 if level is ContactLevel.BAD else self._good_run[index] + 1
        if level is not ContactLevel.BAD and self._good_run[index] < _RECOVERY:
            return Contact(name, ContactLevel.BAD, "settling")
        return Contact(name, level, cause)

    @property
    def artefact(self) -> Verdict:
        """What is in the newest second of the signal beside the brain."""
        return self._artefact

    @property
    def rest_powers(self) -> NDArray[np.float64] | None:
        """Log powers of the rest, shape (n_bands, n_channels); None while too little of it is known."""
        return self._artefacts.rest

    def set_rest(self, powers: NDArray[np.float64] | None) -> None:
        """Judge artefacts against a rest that was measured before; None to wait for the next rest baseline."""
        self._artefacts.set_rest(powers)

    def judge_window(self, start: int, end: int) -> tuple[NDArray[np.bool_], Verdict]:
        """Judge a window from stream index `start` to `end` (exclusive), which samples have reached.

        It may end between two points of the grid: the next verdict would come too late for what is in its end.

        Returns
        -------
        bad : ndarray of bool, shape (n_channels,)
            Channels that are missing, or were bad at any time of it.
        artefact : Verdict
            The strongest artefact in it.
        """
        bad = (self._last_bad >= start) | self._missing | (self._hole < end)
        past = self._artefacts.worst(start + self.block // 2, end)
        block = self._block_before(end)
        if block is None:
            return bad, past
        finite = are_numbers(block).all(axis=0)
        spread = _Spread.of(block if finite.all() else np.where(finite, block, 0.0))
        now = self._artefacts.judge(spread.detrended, finite & ~(spread.bad | self._missing))
        return bad | spread.bad, strongest((past, now))

    @property
    def contacts(self) -> tuple[Contact, ...]:
        """The verdicts now."""
        verdicts = zip(self._contacts, self._not_finite & ~self._missing, strict=True)
        return tuple(Contact(c.channel, ContactLevel.BAD, _NOT_FINITE) if refused else c for c, refused in verdicts)

    def _block_before(self, end: int) -> NDArray[np.float64] | None:
        """Return the newest block that ends with stream index `end` (exclusive); None after too few samples."""
        stop = sum(map(len, self._samples)) - (self._end - end)
        return None if stop < self.block else np.concatenate(self._samples)[stop - self.block : stop]

    @property
    def recovering(self) -> NDArray[np.bool_]:
        """Which channels had their first good verdict after a bad one at the last point of the grid."""
        return np.asarray(self._good_run == 1)

    def bad_now(self) -> NDArray[np.bool_]:
        """Return which channels carry no brain signal from here on."""
        return np.array([contact.level is ContactLevel.BAD for contact in self._contacts], dtype=np.bool_)
