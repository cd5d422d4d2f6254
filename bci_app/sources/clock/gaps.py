"""Finding lost samples in the time stamps of a stream.

A time stamp says when a sample was stamped, not when it was taken: it carries the jitter of the
sender, samples of one Bluetooth packet are stamped together, and the device's clock runs up to a
few per cent off its nominal rate. A smoothing algorithm would make such stamps even, and would hide
loss while doing so. `GapDetector` therefore works on raw stamps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bci_app.sources.clock.package_counter import PackageCounter
from bci_app.sources.clock.sample_clock import GapRule, SampleClock, Times
from bci_app.stream import Chunk, Samples

# Up to this many samples a loop is faster than arrays.
_FEW = 32
# How fast held stamps may drift to be of another rate, in periods a sample, and how far they may scatter, in seconds.
_RATE_RANGE = (1.0, -0.5)
_LEAST_DRIFT = 0.03
_SCATTER = 0.01


@dataclass(slots=True)
class _Pending:
    """Samples not yet given out."""

    data: Samples
    times: Times
    lost: NDArray[np.int64]  # before each sample, by the device counter, modulo its cycle
    cycle: NDArray[np.int64]  # the counter's, as far as it was known at that sample; 0: unknown

    def __len__(self) -> int:
        return len(self.times)

    def after(self, n: int) -> _Pending:
        return _Pending(self.data[n:], self.times[n:], self.lost[n:], self.cycle[n:])


def _joined(first: _Pending, second: _Pending) -> _Pending:
    if not len(first):
        return second
    return _Pending(
        np.concatenate((first.data, second.data)),
        np.concatenate((first.times, second.times)),
        np.concatenate((first.lost, second.lost)),
        np.concatenate((first.cycle, second.cycle)),
    )


class GapDetector:
    """Cut a stream into pieces without gaps, by its raw time stamps and, if there is one, a counter.

    The rule
    --------
    1. `SampleClock` says when the next sample is due. A stamp within the tolerance of that is on
       time. The tolerance is 20 ms (or 1.5 periods) on a stream with even stamps, three times the
       usual lateness on others, at most 100 ms; 100 ms during the first second.
    2. A stamp further off puts the stream on probation: samples are held back. If a later one is
       on time again, the late ones were a burst, a stall or a stray stamp, and all are given out
       without a gap. If instead the stamps stay off by the same amount (0.3 s worth of samples
       lie within the tolerance of the smallest deviation, none undercuts it; 2 s at most), the
       step was real.
    3. A real step forward is loss: its length is the smallest deviation divided by the period,
       rounded. For steps above the tolerance that is right to one sample where stamps are even. A
       real step backward is another clock: nothing is counted as lost, and beyond 1 s the piece
       asks for a reset.
    4. Stamps that drift away evenly, without a step, are of a stream that runs at another rate than it states.
       Nothing is lost: the rate that the stamps show is taken for the nominal one from then on.
    5. With a counter, the number lost is the one that the counter allows (it is known modulo the
       counter's cycle) nearest to what the stamps say. Without support from the stamps a counter
       that repeats or falls back is a doubled package, not loss.

    Every sample that goes in comes out, once and in order; the result depends on the sequence of
    samples alone, never on how it was cut into blocks. Times within a piece never fall.

    Parameters
    ----------
    rate : float
        Nominal rate in Hz; the true one may differ by 5 %.
    counter : bool
        Whether `process` will be given the values of a device counter.
    rule : GapRule
        Limits.
    """

    def __init__(self, rate: float, *, counter: bool = False, rule: GapRule | None = None) -> None:
        self._rule = rule or GapRule()
        self._rate = rate
        self._clock = SampleClock(rate, self._rule)
        self._counter = PackageCounter() if counter else None
        self._settle = max(2, round(self._rule.settle * rate))
        self._max_hold = max(self._settle + 1, round(self._rule.max_hold * rate))
        self._longest_block = max(self._max_hold, round(self._rule.longest_block * rate))
        self._held: _Pending | None = None
        self._next = 0
        self._time = -np.inf
        self._last_stamp = -np.inf
        self._started = False
        self._resuming = False

    @property
    def held(self) -> int:
        """Samples held back at present."""
        return len(self._held) if self._held is not None else 0

    @property
    def rate(self) -> float:
        """Rate that the stamps show, in Hz."""
        return 1.0 / self._clock.period

    def process(self, data: Samples, times: Times, counters: NDArray[np.float64] | None = None) -> list[Chunk]:
        """Take the next samples and give those out that are decided on.

        Parameters
        ----------
        data : ndarray, shape (n_samples, n_channels)
            Samples; may be empty.
        times : ndarray, shape (n_samples,)
            Raw stamps in seconds, of any quality.
        counters : ndarray, shape (n_samples,), optional
            Values of the device counter.

        Returns
        -------
        list of Chunk
            Pieces in order; every piece but the first begins after a gap.
        """
        if counters is None and (chunk := self._take_few(data, times)) is not None:
            return [chunk]
        lost = cycle = np.zeros(len(times), dtype=np.int64)
        if self._counter is not None and counters is not None:
            lost, cycle = self._counter.lost(counters)
        stamps = np.where(np.isfinite(times), times, np.nan)
        block = _Pending(np.ascontiguousarray(data, dtype=np.float64), stamps.astype(np.float64), lost, cycle)
        return self._run(block, final=False)

    def _take_few(self, data: Samples, times: Times) -> Chunk | None:
        """Release a few samples that are all on time, which is nearly always; None if it is not so."""
        n = len(times)
        if not 0 < n <= min(_FEW, self._clock.until_update) or not self._started:
            return None
        if self._held is not None or self._resuming:
            return None
        dues = self._clock.follow_few(times, self._next)
        if dues is None:
            return None
        for position, due in enumerate(dues):
            self._time = dues[position] = max(self._time, due)
        chunk = Chunk(np.ascontiguousarray(data, dtype=np.float64), np.array(dues), self._next, stamps=times)
        self._next += n
        self._last_stamp = float(times[-1])
        return chunk

    def flush(self) -> list[Chunk]:
        """Release what is held back, without a gap: the stream has ended or is lost.

        If it goes on, a gap that was on probation is counted then.
        """
        return self._run(self._empty(), final=True) if self._held is not None else []

    def resume(self) -> None:
        """Expect another connection: the next sample starts a piece that asks for a reset."""
        if self._started:
            self._resuming = True

    def _empty(self) -> _Pending:
        n_channels = self._held.data.shape[1] if self._held is not None else 0
        return _Pending(np.empty((0, n_channels)), np.empty(0), *np.empty((2, 0), dtype=np.int64))

    def _run(self, block: _Pending, *, final: bool) -> list[Chunk]:
        pieces = _Pieces(self._next)
        if not self._started and len(block):
            finite = np.flatnonzero(np.isfinite(block.times))
            lead = int(finite[0]) if len(finite) else 0
            start = float(block.times[lead]) if len(finite) else 0.0
            self._clock.restart(start - (lead + 1) * self._clock.period)
            self._started = True
        if self._held is not None:
            block, self._held = _joined(self._held, block), None
        while len(block):
            if self._resuming or not self._on_time(block):
                decided, block = self._decide(block, pieces, final=final)
                if not decided:
                    self._held = block
                    break
            else:
                block = self._take_on_time(block, pieces)
        self._next = pieces.next
        return pieces.chunks()

    def _on_time(self, block: _Pending) -> bool:
        late = float(block.times[0]) - self._clock.due - self._clock.period
        return block.lost[0] == 0 and (abs(late) <= self._clock.tolerance or not np.isfinite(late))

    def _take_on_time(self, block: _Pending, pieces: _Pieces) -> _Pending:
        """Release the samples before the first that is off, up to the clock's next update."""
        n = min(len(block), self._clock.until_update)
        times = block.times[:n]
        if not np.isfinite(times[0]):
            self._give(block, np.array([self._clock.due + self._clock.period]), np.zeros(1), pieces)
            return block.after(1)
        due, late, edge = self._clock.follow(times)
        off = np.flatnonzero(~(np.abs(late) <= self._clock.tolerance) | (block.lost[:n] != 0))
        n = int(off[0]) if len(off) else n
        self._give(block, due[:n], late[:n], pieces, edge=float(edge[n - 1]))
        return block.after(n)

    def _decide(self, block: _Pending, pieces: _Pieces, *, final: bool) -> tuple[bool, _Pending]:
        """Judge the step before `block`; False if more samples are needed."""
        clock = self._clock
        limit = min(len(block), self._longest_block)
        # Deviation of each sample from its due time if nothing had been lost.
        ahead = clock.period * np.arange(1, limit + 1)
        late = block.times[:limit] - clock.due - ahead
        claimed = int(block.lost[0])
        if claimed and not self._resuming:
            lost = self._counter_loss(block, float(late[0]))
            if abs(float(late[0]) - lost * clock.period) <= clock.tolerance:
                return True, self._step_over(block, pieces, lost=lost, moved=float(late[0]), measured=True)
        deviation = np.abs(late - claimed * clock.period)
        back = np.flatnonzero(~(deviation > clock.tolerance + clock.rate_error * ahead))
        # Always judged by as many samples, so that it does not matter how the stream is cut.
        first_back = int(back[0]) if len(back) else limit
        if not self._resuming and first_back >= self._settle and (period := self._other_rate(block, late)) is not None:
            clock.adopt(period, float(block.times[0]) - period)
            return True, block
        best, end = self._settled(deviation)
        if (n := self._enough(deviation)) and (end is None or end >= n):
            best, end = self._settled(deviation[:n])[0], n - 1
        if not self._resuming and len(back) and (end is None or back[0] < end):
            if claimed:
                return True, self._step_over(block, pieces, lost=claimed, moved=claimed * clock.period, measured=False)
            return True, self._release(block, int(back[0]) + 1, pieces)
        if end is None and len(block) < self._longest_block:
            if final and not self._resuming:
                return True, self._release(block, len(block), pieces)
            if not final:
                return False, block
        moved = float(np.nan_to_num(late[best]))
        lost = self._counter_loss(block, moved)
        return True, self._step_over(block, pieces, lost=lost, moved=moved, measured=False)

    def _other_rate(self, block: _Pending, late: NDArray[np.float64]) -> float | None:
        """Return the period of held stamps that drift away evenly from the one expected; None if they do not."""
        n, period = self._settle, self._clock.period
        late = late[:n]
        if len(late) < n or block.lost[:n].any() or not np.isfinite(late).all():
            return None
        drift, start = np.polyfit(np.arange(n), late, 1)
        slow, fast = _RATE_RANGE
        if not (fast * period < drift < slow * period) or abs(drift) < _LEAST_DRIFT * period:
            return None
        # Where samples were lost, one step is larger than all that follow.
        first = float(block.times[0]) - self._last_stamp - period
        largest = float(np.abs(np.diff(late)).max())
        scatter = float(np.abs(late - start - drift * np.arange(n)).max())
        if abs(first) > 1.5 * largest or scatter > max(2 * largest, _SCATTER):
            return None
        return period + float(drift)

    def _settled(self, deviation: NDArray[np.float64]) -> tuple[int, int | None]:
        """Find the smallest deviation, and after which sample it counts as settled (None: not yet)."""
        best, floor, near = 0, np.inf, 0
        step = 0.25 * self._clock.period
        for position, value in enumerate(deviation.tolist()):
            if value < floor - step:
                best, floor, near = position, value, 0
            elif value <= floor + self._clock.tolerance:
                near += 1
                if near >= self._settle:
                    return best, position
        return best, None

    def _enough(self, deviation: NDArray[np.float64]) -> int:
        """Return after how many samples that do not settle a step is decided on; 0 if that is not yet.

        While the deviation falls with each sample, one long block of samples is being read that were stamped together.
        """
        n = self._max_hold
        while n <= len(deviation):
            if int(np.argmin(deviation[:n])) < n - 2:
                return n
            n += 1
        return 0

    def _counter_loss(self, block: _Pending, moved: float) -> int:
        """Return the number lost that the counter allows and that is nearest to what stamps say."""
        by_stamps = moved / self._clock.period
        claimed, cycle = int(block.lost[0]), int(block.cycle[0])
        if cycle == 0:
            return claimed if claimed else max(0, round(by_stamps))
        return max(0, claimed + cycle * round((by_stamps - claimed) / cycle))

    def _release(self, block: _Pending, n: int, pieces: _Pieces) -> _Pending:
        """Release held samples without a gap: they were late, not lost."""
        n = min(n, len(block))
        clock = self._clock
        ahead = clock.period * np.arange(1, n + 1)
        late = block.times[:n] - clock.due - ahead
        # Stamps far off say nothing of when samples were due; the last one, on time again, says how
        # far the rate led the expectation astray meanwhile.
        slack = clock.rate_error * ahead[-1]
        drift = float(np.nan_to_num(np.clip(late[-1], -np.inf, slack)))
        if abs(drift) > clock.tolerance + slack:
            drift = 0.0
        due = clock.due + ahead + drift * np.arange(1, n + 1) / n
        self._give(block, due, late, pieces)
        return block.after(n)

    def _step_over(self, block: _Pending, pieces: _Pieces, *, lost: int, moved: float, measured: bool) -> _Pending:
        """Begin a piece after a step; its first sample is given out, and the rest judged again."""
        clock = self._clock
        backward = moved < 0
        if lost == 0 or backward:
            # Another clock, another connection, or a lasting change of delay.
            clock.restart(clock.due + moved)
        else:
            clock.restart(clock.due + lost * clock.period, same_clock=True)
        reset = self._resuming or moved < -self._rule.clock_step
        self._resuming = False
        if reset:
            self._time = -np.inf
        pieces.split(lost, reset=reset)
        due = clock.due + clock.period
        stamp = float(block.times[0])
        if measured or (np.isfinite(stamp) and abs(stamp - due) <= clock.tolerance):
            due = stamp
        self._give(block, np.array([due]), np.zeros(1), pieces)
        return block.after(1)

    def _give(
        self, block: _Pending, due: Times, late: NDArray[np.float64], pieces: _Pieces, *, edge: float | None = None
    ) -> None:
        """Release the first samples of a block, as many as have a due time."""
        start = 0
        while start < len(due):
            # The clock is updated after a number of samples, so that the cutting of blocks changes nothing.
            stop = min(len(due), start + self._clock.until_update)
            self._clock.advance(due[start:stop], late[start:stop], pieces.next + start, edge)
            start = stop
        times = np.maximum.accumulate(np.concatenate(([self._time], due)))[1:]
        self._time = float(times[-1])
        if np.isfinite(stamp := float(block.times[len(due) - 1])):
            self._last_stamp = stamp
        pieces.add(block.data[: len(due)], times, block.times[: len(due)])


class _Pieces:
    """Collects samples and the gaps between them."""

    def __init__(self, next_index: int) -> None:
        self.next = next_index
        self._first = next_index
        self._lost = 0
        self._reset = False
        self._data: list[Samples] = []
        self._times: list[Times] = []
        self._stamps: list[Times] = []
        self._done: list[Chunk] = []

    def add(self, data: Samples, times: Times, stamps: Times) -> None:
        self._data.append(data)
        self._times.append(times)
        self._stamps.append(stamps)
        self.next += len(times)

    def split(self, lost: int, *, reset: bool) -> None:
        if lost == 0 and not reset:
            return
        self._close()
        self.next += lost
        self._first, self._lost, self._reset = self.next, lost, reset

    def chunks(self) -> list[Chunk]:
        self._close()
        return self._done

    def _close(self) -> None:
        if not self._data:
            return
        self._done.append(
            Chunk(
                data=np.ascontiguousarray(np.concatenate(self._data)),
                times=np.concatenate(self._times),
                first=self._first,
                lost=self._lost,
                reset=self._reset,
                stamps=np.concatenate(self._stamps),
            )
        )
        self._data, self._times, self._stamps = [], [], []
