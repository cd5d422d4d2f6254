"""Package numbers of devices: how one counts is learned, loss is read from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LEARNING = 64
_CONFORM = 0.9
_SMALLEST_CYCLE = 16


class PackageCounter:
    """Samples lost before each sample, by the device's package numbers.

    Devices count differently: one number a sample (Cyton), every second number (Cyton with Daisy),
    one number for several samples that travel together (Ganglion 2, Muse 12). The first 64 samples
    show which; if fewer than nine in ten transitions fit, the counter is not used. The cycle is
    learned when the counter first falls back.

    A number is known modulo its cycle only, so that the loss of a whole cycle is invisible here and
    a doubled package looks like the loss of a cycle less one. Both are settled by time stamps.
    """

    def __init__(self) -> None:
        self._step = 0
        self._run = 0
        self._wrap: int | None = None
        self._usable = True
        self._sample: list[float] = []
        self._last = 0.0
        self._in_run = 0

    @property
    def cycle(self) -> int | None:
        """Samples after which the numbers repeat; None while that is unknown or the counter unused."""
        if not self._step or self._wrap is None:
            return None
        return self._wrap // self._step * self._run

    def lost(self, numbers: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the loss before each of the next samples.

        Parameters
        ----------
        numbers : ndarray, shape (n_samples,)
            Package numbers in the order of arrival.

        Returns
        -------
        lost : ndarray of int64, shape (n_samples,)
            At least 0, modulo the cycle; zeros while the counter is being learned or if it is not usable.
        cycle : ndarray of int64, shape (n_samples,)
            The cycle as known at each sample; 0 while it is unknown.
        """
        lost, cycle = np.zeros((2, len(numbers)), dtype=np.int64)
        for position, number in enumerate(numbers.tolist()):
            if self._step:
                lost[position] = self._loss(number)
                cycle[position] = self.cycle or 0
            elif self._usable:
                self._learn(number)
        return lost, cycle

    def _learn(self, number: float) -> None:
        self._sample.append(number)
        if len(self._sample) < _LEARNING:
            return
        values = np.array(self._sample)
        moves = np.diff(values)
        changes = np.flatnonzero(moves)
        if len(changes) < 2 or not np.isfinite(values).all():
            self._usable = False
            return
        steps, counts = np.unique(moves[changes], return_counts=True)
        step = float(steps[np.argmax(counts)])
        runs, run_counts = np.unique(np.diff(changes), return_counts=True)
        conform = counts.max() / len(changes) >= _CONFORM and run_counts.max() / (len(changes) - 1) >= _CONFORM
        # A cycle may end among the samples looked at, which costs one transition.
        few = len(changes) * (1 - _CONFORM) < 1 and np.count_nonzero(moves[changes] != step) <= 1
        regular = run_counts.max() >= len(changes) - 2
        if step <= 0 or step != int(step) or not (conform or (few and regular)):
            self._usable = False
            return
        self._step, self._run = int(step), int(runs[np.argmax(run_counts)])
        falls = moves[moves < 0]
        if len(falls):
            self._set_wrap(float(step - falls[0]))
        self._last = number
        self._in_run = len(values) - 1 - int(changes[-1])

    def _set_wrap(self, wrap: float) -> None:
        if wrap >= _SMALLEST_CYCLE and wrap % self._step == 0:
            self._wrap = int(wrap)

    def _loss(self, number: float) -> int:
        move = number - self._last
        if not np.isfinite(number) or move != int(move):
            return 0
        missing_in_run = self._run - self._in_run
        self._last = number
        if move == 0 and missing_in_run > 0:
            self._in_run += 1
            return 0
        if move < 0 and self._wrap is None:
            self._set_wrap(self._step - move)
            self._in_run = 1
            return 0
        self._in_run = 1
        packages = move / self._step
        if self._wrap is not None:
            packages = (move % self._wrap) / self._step
        if packages != int(packages):
            return 0
        lost = (int(packages) - 1) * self._run + missing_in_run
        return lost % self.cycle if self.cycle else max(0, lost)
