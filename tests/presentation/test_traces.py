"""What the eye gets: filtered once, gaps as gaps, the same however samples arrive."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bci_app.events import SignalView
from bci_app.preprocessing.steps import SosFilter, cascade
from bci_app.presentation.traces import FILTERS, TraceHistory

RATE = 250.0


def feed(history: TraceHistory, data: np.ndarray, ends: list[int]) -> None:
    """Show ever newer views, which overlap as the engine's do."""
    for end in ends:
        first = max(0, end - 200)
        history.extend(SignalView(data[first:end].astype(np.float32), first, 0.0))


@given(steps=st.lists(st.integers(0, 150), min_size=1, max_size=40))
@settings(max_examples=25, deadline=None)
def test_filtered_once_however_views_overlap(steps: list[int]) -> None:
    ends = np.cumsum(steps).tolist()
    data = 300 + 20 * np.random.default_rng(0).standard_normal((max(ends[-1], 1), 3))
    history = TraceHistory(("a", "b", "c"), RATE, seconds=60)
    feed(history, data, ends)
    assert history.end == ends[-1]
    raw = data[: ends[-1]].astype(np.float32).astype(np.float64)
    expected = SosFilter(FILTERS[0].steps(RATE), RATE).process(raw).astype(np.float32)
    np.testing.assert_array_equal(history.rows(0, ends[-1]), expected)


def test_a_gap_is_missing_and_the_filter_begins_anew_after_it() -> None:
    data = 300 + 20 * np.random.default_rng(0).standard_normal((1000, 2))
    data[400:500] = np.nan
    data[500:] += 5e4
    history = TraceHistory(("a", "b"), RATE, seconds=60)
    feed(history, data, list(range(50, 1001, 50)))
    rows = history.rows(0, 1000)
    assert np.isnan(rows[400:500]).all()
    assert np.isfinite(rows[:400]).all()
    # A filter that had kept its past would ring for the step of 50 mV.
    assert np.abs(rows[500:]).max() < 200


def test_a_channel_without_numbers_does_not_spoil_itself_or_others() -> None:
    data = 20 * np.random.default_rng(0).standard_normal((600, 2))
    data[300:310, 1] = np.nan
    history = TraceHistory(("a", "b"), RATE, seconds=60)
    feed(history, data, [100, 290, 305, 400, 600])
    rows = history.rows(0, 600)
    assert np.isnan(rows[300:310, 1]).all()
    assert np.isfinite(rows[:, 0]).all()
    assert np.isfinite(rows[310:, 1]).all()
    assert np.abs(rows[310:, 1]).max() < 200


def test_samples_that_no_view_held_are_missing() -> None:
    history = TraceHistory(("a",), RATE, seconds=2)
    history.extend(SignalView(np.ones((100, 1), dtype=np.float32), 0, 0.0))
    history.extend(SignalView(np.ones((100, 1), dtype=np.float32), 5000, 0.0))
    assert history.end == 5100
    assert np.isnan(history.rows(4900, 5000)).all()
    assert np.isfinite(history.rows(5000, 5100)).all()


def test_refiltering_starts_from_what_is_there() -> None:
    data = 300 + 20 * np.random.default_rng(0).standard_normal((2000, 2)).astype(np.float32)
    history = TraceHistory(("a", "b"), RATE, seconds=4)
    history.extend(SignalView(data, 0, 0.0))
    history.refilter(FILTERS[-1], SignalView(data[1200:], 1200, 0.0))
    assert (history.begin, history.end) == (1200, 2000)
    expected = SosFilter(FILTERS[-1].steps(RATE), RATE).process(data[1200:].astype(np.float64))
    np.testing.assert_allclose(history.rows(1200, 2000), expected, rtol=1e-5, atol=1e-4)


def test_signal_is_shown_without_its_offset_until_filters_are_loaded() -> None:
    data = 300 + 20 * np.random.default_rng(0).standard_normal((600, 2)).astype(np.float32)
    history = TraceHistory(("a", "b"), RATE, seconds=4, filtered=False)
    for part in (data[:100], data[100:]):
        history.extend(SignalView(part, history.end, 0.0))
    np.testing.assert_allclose(history.rows(0, 600), data - data[0], atol=1e-4)
    history.refilter(FILTERS[0], SignalView(data, 0, 0.0))
    expected = SosFilter(FILTERS[0].steps(RATE), RATE).process(data.astype(np.float64))
    np.testing.assert_allclose(history.rows(0, 600), expected, rtol=1e-5, atol=1e-4)


def test_spread_waits_for_enough_signal() -> None:
    history = TraceHistory(("a", "b"), RATE, seconds=10)
    rng = np.random.default_rng(0)
    history.extend(SignalView((20 * rng.standard_normal((100, 2))).astype(np.float32), 0, 0.0))
    assert np.isnan(history.spread(2.0))
    history.extend(SignalView((20 * rng.standard_normal((900, 2))).astype(np.float32), 100, 0.0))
    assert 5 < history.spread(2.0) < 25


def test_every_filter_can_be_designed_for_slow_and_fast_streams() -> None:
    for rate in (64.0, 100.0, 125.0, 160.0, 512.0, 2048.0):
        for choice in FILTERS:
            assert len(cascade(choice.steps(rate), rate))
