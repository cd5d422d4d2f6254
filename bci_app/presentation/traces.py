"""The signal as it is drawn: the newest seconds, through a filter that only the eye gets.

The model's and the recorder's samples never pass here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bci_app.events import SignalView
from bci_app.preprocessing.steps import BandPass, Filter, Notch, SosFilter

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DisplayFilter:
    """A filter for the eye: what it is called, and what it keeps (Hz)."""

    title: str
    low: float
    high: float | None = None
    notch: float | None = None

    @classmethod
    def own(cls, low: float, high: float, notch: float | None) -> DisplayFilter:
        """Return a band-pass from `low` to `high` Hz, called by what it keeps."""
        return cls(f"{low:g}–{high:g} Hz" + (f", notch {notch:g} Hz" if notch else ""), low, high, notch)

    def steps(self, rate: float) -> tuple[Filter, ...]:
        """Return the filters that it is made of at a rate in Hz; what lies above the rate's reach is left out."""
        reach = 0.45 * rate
        low = min(self.low, 0.5 * reach)
        band = BandPass(low=low, high=min(self.high or reach, reach), order=2 if self.high else 1)
        notches = (Notch(frequency=self.notch, quality=10.0),) if self.notch and self.notch < reach else ()
        return band, *notches


FILTERS = (
    DisplayFilter("1–40 Hz", 1.0, 40.0),
    DisplayFilter("1–40 Hz, notch 50 Hz", 1.0, 40.0, 50.0),
    DisplayFilter("1–40 Hz, notch 60 Hz", 1.0, 40.0, 60.0),
    DisplayFilter("4–45 Hz", 4.0, 45.0),
    DisplayFilter("unfiltered, offset removed", 0.3),
)


class _WithoutOffset:
    """Stands for a filter whose library is not loaded yet: takes out the first sample."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._offset: NDArray[np.float64] | None = None

    def process(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        if self._offset is None:
            self._offset = x[0]
        return x - self._offset


class TraceHistory:
    """The filtered newest seconds of every channel, by stream index; nan where samples are missing.

    Parameters
    ----------
    channels : sequence of str
        Names, in the order of the columns.
    rate : float
        Hz.
    seconds : float
        Length kept.
    display_filter : DisplayFilter
        What the eye gets.
    filtered : bool
        False to show the signal without its offset only, until `refilter`.

    Attributes
    ----------
    filtered : bool
        Whether it goes through the filter.
    """

    def __init__(
        self,
        channels: Sequence[str],
        rate: float,
        *,
        seconds: float,
        display_filter: DisplayFilter = FILTERS[0],
        filtered: bool = True,
    ) -> None:
        self.filtered = filtered
        self.channels = tuple(channels)
        self.rate = rate
        self.filter = display_filter
        self._ring = np.full((max(1, round(seconds * rate)), len(channels)), np.nan, dtype=np.float32)
        self._origin = self._end = 0
        self._start_filter()

    @property
    def begin(self) -> int:
        """Stream index of the oldest sample kept."""
        return max(self._origin, self._end - len(self._ring))

    @property
    def end(self) -> int:
        """Stream index after the newest sample."""
        return self._end

    def extend(self, view: SignalView) -> int:
        """Take what is new in a view of the raw signal.

        Parameters
        ----------
        view : SignalView
            May overlap with what was taken before.

        Returns
        -------
        int
            New samples.
        """
        if view.first > self._end:
            self._append(np.full((min(view.first - self._end, len(self._ring)), len(self.channels)), np.nan))
            self._end = view.first
        fresh = view.data[max(0, self._end - view.first) :]
        if len(fresh):
            self._append(self._filtered(fresh.astype(np.float64)))
        return len(fresh)

    def refilter(self, display_filter: DisplayFilter, view: SignalView) -> None:
        """Show another filter, from the raw signal in `view` on."""
        self.filter, self.filtered = display_filter, True
        self._ring[:] = np.nan
        self._start_filter()
        self._origin = self._end = view.first
        self.extend(view)

    def spread(self, seconds: float) -> float:
        """Return the median over channels of the standard deviation of the newest seconds; nan if there are fewer."""
        count = round(seconds * self.rate)
        rows = self.rows(self._end - count, self._end)
        if self._end - count < self.begin or np.isnan(rows).any():
            return float("nan")
        return float(np.median(rows.std(axis=0)))

    def rows(self, first: int, last: int) -> Rows:
        """Copy samples ``first <= index < last``; nan outside of what is kept."""
        result = np.full((max(0, last - first), len(self.channels)), np.nan, dtype=np.float32)
        low, high = max(first, self.begin), min(last, self._end)
        if high > low:
            result[low - first : high - first] = self._ring[np.arange(low, high) % len(self._ring)]
        return result

    def _start_filter(self) -> None:
        steps = self.filter.steps(self.rate)
        self._filter = SosFilter(steps, self.rate) if self.filtered else _WithoutOffset()
        self._held: NDArray[np.float64] | None = None

    def _append(self, rows: NDArray[np.float64]) -> None:
        index = np.arange(self._end, self._end + len(rows))[-len(self._ring) :]
        self._ring[index % len(self._ring)] = rows[-len(self._ring) :]
        self._end += len(rows)

    def _filtered(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Filter rows, starting again after a gap; a channel without a number keeps its last one inside."""
        finite = np.isfinite(raw)
        present = np.asarray(finite.any(axis=1))
        if finite.all():
            self._held = raw[-1]
            return self._filter.process(np.ascontiguousarray(raw))
        result = np.full_like(raw, np.nan)
        edges = [0, *(np.flatnonzero(np.diff(present)) + 1).tolist(), len(raw)]
        for start, stop in pairwise(edges):
            if not present[start]:
                self._filter.reset()
                self._held = None
                continue
            piece = self._hold(raw[start:stop], finite[start:stop])
            result[start:stop] = np.where(finite[start:stop], self._filter.process(piece), np.nan)
        return result

    def _hold(self, piece: NDArray[np.float64], finite: NDArray[np.bool_]) -> NDArray[np.float64]:
        before = np.zeros((1, piece.shape[1])) if self._held is None else self._held[None]
        padded = np.concatenate([before, piece])  # (n + 1, n_channels)
        known = np.concatenate([np.ones((1, piece.shape[1]), dtype=bool), finite])
        newest = np.maximum.accumulate(np.where(known, np.arange(len(padded))[:, None], 0), axis=0)
        held = np.take_along_axis(padded, newest, axis=0)
        self._held = held[-1]
        return np.ascontiguousarray(held[1:])
