"""Traces as pixels: one pass over the newest samples, none over those already drawn.

Every pixel column of a trace covers the values from the smallest to the largest in it, with
exact vertical coverage at both ends; a column is the mean of narrower ones. That is an antialiased
line without any line drawing. Columns lie in a ring, so that scrolling is a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]

# Narrow columns in a pixel: smooths steep lines.
FINE = 3
# Most that a steep line is thickened upwards and downwards to keep its thickness across, in pixels.
_MITRE = 1.5
_BLOCK = 64  # columns drawn at once: keeps the working set in the cache


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What consecutive pixel columns hold.

    Attributes
    ----------
    low, high : ndarray of float64, shape (n_columns, n_channels)
        Smallest and largest value; nan where there is none.
    gap : ndarray of bool, shape (n_columns,)
        Whether samples are missing in all channels.
    """

    low: Floats
    high: Floats
    gap: NDArray[np.bool_]


def columns(rows: NDArray[np.floating], begin: float, samples_per_column: float, count: int) -> Columns:
    """Find the extent of each trace in each column, its line between samples included.

    Parameters
    ----------
    rows : ndarray, shape (n_samples, n_channels)
        Row i is at position i; they reach over both ends of the columns.
    begin : float
        Position of the left edge of the first column, at least 0.
    samples_per_column : float
        Width of a column in samples, more or less than 1.
    count : int
        Columns.
    """
    edges = begin + samples_per_column * np.arange(count + 1)
    floor = np.floor(edges).astype(np.int64)
    after = np.minimum(floor + 1, len(rows) - 1)
    share = (edges - floor)[:, None]
    # The right neighbour weighs nothing where an edge is on a sample, and may then be missing.
    crossing = np.where(share > 0, rows[floor] * (1 - share) + rows[after] * share, rows[floor])
    low = np.fmin(crossing[:-1], crossing[1:])
    high = np.fmax(crossing[:-1], crossing[1:])
    starts = np.ceil(edges).astype(np.int64)
    filled = starts[1:] > starts[:-1]
    inside = rows[: starts[-1]]
    if filled.any():
        at = starts[:-1][filled]
        low[filled] = np.fmin(low[filled], np.fmin.reduceat(inside, at, axis=0))
        high[filled] = np.fmax(high[filled], np.fmax.reduceat(inside, at, axis=0))
    missing = np.isnan(rows).all(axis=1)
    gap = missing[floor[:-1]] | missing[np.minimum(starts[1:], len(rows) - 1)]
    if filled.any():
        gap[filled] |= np.logical_or.reduceat(missing[: starts[-1]], starts[:-1][filled])
    return Columns(low, high, gap)


def coverage(top: Floats, bottom: Floats, height: int) -> NDArray[np.float32]:
    """Compute how much of every pixel is covered by intervals.

    Parameters
    ----------
    top, bottom : ndarray, shape (n_columns, n_intervals)
        Positions in pixels, ``0 <= top <= bottom <= height``; nan for none.

    Returns
    -------
    ndarray of float32, shape (height, n_columns)
        0 to 1.
    """
    count = top.shape[0]
    present = np.isfinite(top)
    column = np.broadcast_to(np.arange(count)[:, None], top.shape)[present]
    # Each end changes the running sum over rows by its two parts of one pixel.
    ends = np.concatenate([top[present], bottom[present]])
    sign = np.repeat([1.0, -1.0], present.sum())
    row = np.floor(ends).astype(np.int64)
    part = ends - row
    cell = row * count + np.concatenate([column, column])
    weights = np.concatenate([sign * (1 - part), sign * part])
    change = np.bincount(np.concatenate([cell, cell + count]), weights, minlength=(height + 2) * count)
    total = np.cumsum(change[: height * count].reshape(height, count), axis=0)
    return np.clip(total, 0, 1).astype(np.float32)


class TraceRaster:
    """A picture of scrolling traces, a ring of pixel columns.

    Parameters
    ----------
    height, width : int
        Pixels.
    background, grid, gap : tuple of int
        Colours (blue, green, red): behind the traces, of full seconds, of missing samples.
    thickness : float
        Thickness of a trace in pixels.
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        background: Sequence[int],
        grid: Sequence[int],
        gap: Sequence[int],
        thickness: float = 1.0,
    ) -> None:
        self.pixels: Pixels = np.empty((height, width, 4), dtype=np.uint8)
        self._background = np.array([*background, 255], dtype=np.uint8)
        self._grid = np.array([*grid, 255], dtype=np.uint8)
        self._gap = np.array([*gap, 255], dtype=np.uint8)
        self._thickness = thickness
        self.clear()

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns in the ring."""
        return int(self.pixels.shape[1])

    def clear(self) -> None:
        """Draw nothing everywhere."""
        self.pixels[:] = self._background

    def draw(
        self,
        first: int,
        extent: Columns,
        *,
        centres: Floats,
        pixels_per_unit: float,
        reach: float,
        inks: Sequence[tuple[Sequence[int], NDArray[np.bool_]]],
        seconds: NDArray[np.bool_],
    ) -> None:
        """Draw consecutive columns.

        Parameters
        ----------
        first : int
            Number of the first column since the beginning; its place in the ring follows from it.
        extent : Columns
            Values in `FINE` narrow columns for each column.
        centres : ndarray, shape (n_channels,)
            Height of each trace's zero in pixels from the top.
        pixels_per_unit : float
            Amplitude scale.
        reach : float
            Traces are cut off this many pixels from their centre.
        inks : sequence of (colour, mask over channels)
            Colours as (blue, green, red).
        seconds : ndarray of bool, shape (n_columns,)
            Where a full second begins.
        """
        upper, lower = np.maximum(centres - reach, 0), np.minimum(centres + reach, self.height)
        top = np.clip(centres - extent.high * pixels_per_unit, upper, lower)
        bottom = np.clip(centres - extent.low * pixels_per_unit, upper, lower)
        # A line of slope s is sqrt(1 + s²) times as thick along a column as across.
        half = np.minimum(self._thickness / 2 * np.hypot(1, FINE * (bottom - top)), _MITRE * self._thickness)
        top, bottom = np.maximum(top - half, 0), np.minimum(bottom + half, self.height)
        gap = np.asarray(extent.gap.reshape(-1, FINE).any(axis=1))
        for start in range(0, len(gap), _BLOCK):
            part = slice(start, min(start + _BLOCK, len(gap)))
            fine = slice(part.start * FINE, part.stop * FINE)
            place = (np.arange(part.start, part.stop) + first) % self.width
            block = self._empty(first + start, gap[part], seconds[part])
            for ink, mask in inks:
                if mask.any():
                    narrow = coverage(top[fine][:, mask], bottom[fine][:, mask], self.height)
                    covered = narrow.reshape(self.height, -1, FINE).mean(axis=2)[:, :, None]
                    block += (np.array([*ink, 255], dtype=np.float32) - block) * covered
            self.pixels[:, place] = np.round(block).astype(np.uint8)

    def _empty(self, first: int, gap: NDArray[np.bool_], seconds: NDArray[np.bool_]) -> NDArray[np.float32]:
        block = np.empty((self.height, len(gap), 4), dtype=np.float32)
        block[:] = self._background
        block[:, seconds] = self._grid
        hatch = (np.arange(self.height)[:, None] + np.arange(first, first + len(gap))[None]) % 8 < 2
        block[hatch & gap[None]] = self._gap
        return block
