"""Traces as pixels: right, and the same however samples arrive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bci_app.presentation.raster import FINE, TraceRaster, columns, coverage


def test_columns_hold_the_extremes_and_join() -> None:
    rows = np.random.default_rng(0).normal(size=(1000, 3))
    found = columns(rows, 10.0, 7.3, 100)
    fine = np.linspace(0, 999, 99901)  # the line between samples, densely
    dense = np.stack([np.interp(fine, np.arange(1000), rows[:, c]) for c in range(3)], axis=1)
    for k in range(100):
        inside = dense[(fine >= 10 + 7.3 * k - 1e-9) & (fine <= 10 + 7.3 * (k + 1) + 1e-9)]
        np.testing.assert_allclose(found.low[k], inside.min(axis=0), atol=1e-9)
        np.testing.assert_allclose(found.high[k], inside.max(axis=0), atol=1e-9)
    assert (found.low[1:] <= found.high[:-1] + 1e-12).all()
    assert not found.gap.any()


def test_columns_narrower_than_a_sample_follow_the_line() -> None:
    rows = np.array([[0.0], [10.0], [0.0], [0.0]])
    found = columns(rows, 0.0, 0.25, 8)
    np.testing.assert_allclose(found.high[:, 0], [2.5, 5, 7.5, 10, 10, 7.5, 5, 2.5])
    np.testing.assert_allclose(found.low[:, 0], [0, 2.5, 5, 7.5, 7.5, 5, 2.5, 0])


def test_one_missing_sample_is_a_gap_however_wide_a_column() -> None:
    rows = np.zeros((1000, 2))
    rows[505] = np.nan
    assert columns(rows, 0.0, 50.0, 19).gap.tolist() == [k == 10 for k in range(19)]


def test_a_channel_without_values_is_no_gap() -> None:
    rows = np.zeros((100, 2))
    rows[:, 1] = np.nan
    found = columns(rows, 0.0, 5.0, 19)
    assert not found.gap.any()
    assert np.isnan(found.low[:, 1]).all()
    assert (found.low[:, 0] == 0).all()


@given(top=st.floats(0, 20), length=st.floats(0, 20))
def test_coverage_is_exact(top: float, length: float) -> None:
    bottom = min(top + length, 20.0)
    found = coverage(np.array([[top]]), np.array([[bottom]]), 20)[:, 0]
    expected = [max(0.0, min(bottom, row + 1) - max(top, row)) for row in range(20)]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_coverage_of_nothing_is_nothing() -> None:
    assert not coverage(np.full((3, 2), np.nan), np.full((3, 2), np.nan), 10).any()


def raster() -> TraceRaster:
    return TraceRaster(40, 60, background=(10, 10, 10), grid=(20, 20, 20), gap=(90, 90, 90))


def draw(target: TraceRaster, rows: np.ndarray, first: int, count: int, step: float) -> None:
    origin = int(first * step)
    piece = rows[origin : int(np.floor((first + count) * step)) + 2]
    target.draw(
        first,
        columns(piece, first * step - origin, step / FINE, count * FINE),
        centres=np.array([10.0, 30.0]),
        pixels_per_unit=4.0,
        reach=15.0,
        inks=[((200, 150, 100), np.array([True, False])), ((100, 150, 200), np.array([False, True]))],
        seconds=np.arange(first, first + count) % 20 == 0,
    )


@given(cuts=st.lists(st.integers(1, 30), min_size=1, max_size=20), step=st.sampled_from([0.3, 1.0, 4.7]))
@settings(max_examples=20, deadline=None)
def test_picture_does_not_depend_on_how_columns_arrive(cuts: list[int], step: float) -> None:
    rows = np.random.default_rng(1).normal(size=(800, 2))
    rows[100:120] = np.nan
    whole, pieces = raster(), raster()
    count = min(sum(cuts), 150)
    first = 0
    for cut in cuts:
        cut = min(cut, count - first)
        if cut:
            draw(pieces, rows, first, cut, step)
        first += cut
    for begin in range(0, count, 50):
        draw(whole, rows, begin, min(50, count - begin), step)
    np.testing.assert_allclose(pieces.pixels.astype(int), whole.pixels.astype(int), atol=1)


def test_a_flat_trace_is_one_line_at_its_place() -> None:
    target = raster()
    draw(target, np.zeros((100, 2)), 0, 60, 1.0)
    lit = np.flatnonzero(target.pixels[:, 5, 0] > 50)
    assert lit.tolist() in ([9, 10, 29, 30], [10, 30], [9, 29])
    assert (target.pixels[:, 0] >= 20).all()  # a full second begins in the first column
    assert (target.pixels[0, 5, :3] == 10).all()


@pytest.mark.parametrize("value", [1e6, -1e6])
def test_a_railed_channel_stays_near_its_row(value: float) -> None:
    target = raster()
    rows = np.zeros((100, 2))
    rows[:, 0] = value
    draw(target, rows, 0, 60, 1.0)
    column = target.pixels[:, 30].astype(int)
    lit = np.flatnonzero(column[:, 0] > column[:, 2] + 5)  # the first ink is the bluer one
    assert len(lit)
    assert lit.max() <= 26
