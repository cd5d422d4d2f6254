"""Lost samples are found under jitter, drift and bursts, and nothing is found where nothing is lost."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bci_app.recording.gaps import breaks_from_counter, breaks_from_stamps, measured_rate, times_on_grid
from bci_app.recording.model import Break


def stamps_of(index: np.ndarray, *, rate: float, jitter: float, burst: int, seed: int) -> np.ndarray:
    """Stamps of samples that arrive late by up to `jitter` samples, in bursts."""
    rng = np.random.default_rng(seed)
    exact = index / rate
    if burst > 1:  # a packet of samples is stamped when its last one is there
        ends = np.minimum(np.arange(len(index)) // burst * burst + burst - 1, len(index) - 1)
        exact = exact[ends]
    return np.maximum.accumulate(exact + rng.uniform(0, jitter / rate, len(index)))


@settings(max_examples=60, deadline=None)
@given(
    rate=st.sampled_from([128.0, 250.0, 256.0, 512.0]),
    drift=st.floats(-0.03, 0.03),
    jitter=st.floats(0, 0.3),
    lost=st.integers(2, 5000),
    where=st.floats(0.2, 0.8),
    seed=st.integers(0, 100),
)
def test_a_gap_is_found_to_one_sample(
    rate: float, drift: float, jitter: float, lost: int, where: float, seed: int
) -> None:
    n = round(20 * rate)
    row = round(n * where)
    index = np.arange(n)
    index[row:] += lost
    stamps = stamps_of(index, rate=rate * (1 + drift), jitter=jitter, burst=1, seed=seed)

    found = breaks_from_stamps(stamps, rate)

    assert [b.row for b in found] == [row]
    assert abs(found[0].lost - lost) <= 1 + abs(lost * drift)


@settings(max_examples=60, deadline=None)
@given(drift=st.floats(-0.03, 0.03), jitter=st.floats(0, 6), burst=st.integers(1, 12), seed=st.integers(0, 100))
def test_jitter_and_bursts_are_no_loss(drift: float, jitter: float, burst: int, seed: int) -> None:
    stamps = stamps_of(np.arange(5000), rate=256.0 * (1 + drift), jitter=jitter, burst=burst, seed=seed)
    assert sum(b.lost for b in breaks_from_stamps(stamps, 256.0)) <= 1


def test_a_clock_set_back_is_a_break_without_a_count() -> None:
    stamps = np.arange(2000) / 100
    stamps[900:] -= 500
    assert breaks_from_stamps(stamps, 100.0) == (Break(900, 0),)


def test_no_stamps_no_gaps() -> None:
    assert breaks_from_stamps(np.array([]), 100.0) == ()
    assert breaks_from_stamps(np.array([1.0]), 100.0) == ()
    assert measured_rate(np.zeros(1000)) is None


@settings(max_examples=60, deadline=None)
@given(turn=st.sampled_from([200, 256]), gaps=st.dictionaries(st.integers(10, 1900), st.integers(1, 150), max_size=5))
def test_a_counter_tells_every_loss_shorter_than_its_turn(turn: int, gaps: dict[int, int]) -> None:
    index = np.arange(2000)
    for row, lost in gaps.items():
        index[row:] += lost
    expected = tuple(Break(row, lost) for row, lost in sorted(gaps.items()))

    assert breaks_from_counter((index % turn).astype(float), None, 250.0) == expected
    assert breaks_from_counter((index % turn).astype(float), index / 250.0, 250.0) == expected
    np.testing.assert_array_equal(times_on_grid(2000, 250.0, expected), index / 250.0)


def test_a_package_that_came_twice_is_no_loss() -> None:
    counter = np.insert(np.arange(1000) % 256, 500, 499 % 256).astype(float)
    found = breaks_from_counter(counter, np.arange(1001) / 250, 250.0)
    assert found == ()
