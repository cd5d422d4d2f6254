"""Gaps are found in raw stamps, and only where samples are missing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bci_app.sources.clock.gaps import GapDetector
from bci_app.sources.clock.sample_clock import fit_period
from bci_app.stream import Chunk

RATES = [128.0, 250.0, 512.0]


def detect(
    times: np.ndarray, rate: float, sizes: Sequence[int] = (16,), counters: np.ndarray | None = None
) -> list[Chunk]:
    """Feed stamps in blocks of these sizes, repeated; the one channel holds the row number."""
    detector = GapDetector(rate, counter=counters is not None)
    rows = np.arange(len(times), dtype=np.float64)[:, None]
    pieces: list[Chunk] = []
    start = block = 0
    while start < len(times):
        stop = start + sizes[block % len(sizes)]
        part = None if counters is None else counters[start:stop]
        pieces += detector.process(rows[start:stop], times[start:stop], part)
        start, block = stop, block + 1
    return pieces + detector.flush()


def gaps(pieces: list[Chunk]) -> list[tuple[int, int]]:
    """Return the row after each gap, and the samples lost there."""
    return [(int(piece.data[0, 0]), piece.lost) for piece in pieces if piece.lost or piece.reset]


def moments(n: int, rate: float, error: float, losses: dict[int, int]) -> np.ndarray:
    """Return the true times of n received samples; `losses` maps a row to the samples missing before it."""
    index = np.arange(n)
    for row, lost in losses.items():
        index[row:] += lost
    return 5000.0 + index / (rate * (1 + error))


def stalled(true: np.ndarray, rng: np.random.Generator, n_stalls: int) -> np.ndarray:
    """Stamp samples at their arrival over a link that stalls and then catches up."""
    stamps = true.copy()
    for start in rng.uniform(true[0], true[-1], n_stalls):
        length = rng.uniform(0.05, 0.6)
        late = (stamps > start) & (stamps < start + length)
        stamps[late] = start + length + 2e-4 * np.arange(late.sum())
    return np.maximum.accumulate(stamps)


def packets(true: np.ndarray, size: int) -> np.ndarray:
    """Stamp all samples of a packet at its arrival."""
    ends = np.minimum(np.arange(len(true)) // size * size + size - 1, len(true) - 1)
    return true[ends]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("error", [0.0, 0.03, -0.03])
def test_lengths_of_clean_gaps_are_exact_to_a_sample(rate: float, error: float) -> None:
    second = round(rate)
    losses = {10 * second: second, 17 * second + 5: second // 8, 25 * second: 3 * second, 31 * second: 40 * second}
    found = gaps(detect(moments(40 * second, rate, error, losses), rate))
    assert [row for row, _ in found] == list(losses)
    np.testing.assert_allclose([lost for _, lost in found], list(losses.values()), atol=1)


def test_index_counts_lost_samples_so_that_it_names_the_same_moment() -> None:
    losses = {2000: 250, 4000: 75}
    for piece in detect(moments(6000, 250.0, 0.0, losses), 250.0):
        np.testing.assert_allclose(piece.times, 5000.0 + (piece.first + np.arange(len(piece))) / 250.0, atol=1e-9)


@pytest.mark.parametrize("rate", RATES)
def test_steps_within_the_tolerance_are_no_gaps_and_beyond_it_are(rate: float) -> None:
    second = round(rate)
    small, large = int(0.018 * rate), int(np.ceil(0.025 * rate)) + 1
    assert gaps(detect(moments(20 * second, rate, 0.0, {9 * second: small}), rate)) == []
    assert gaps(detect(moments(20 * second, rate, 0.0, {9 * second: large}), rate)) == [(9 * second, large)]


@pytest.mark.parametrize("error", [0.0, 0.03, -0.03])
@pytest.mark.parametrize("size", [2, 12, 50])
def test_packets_stamped_on_arrival_are_no_gaps(error: float, size: int) -> None:
    true = moments(250 * 40, 250.0, error, {})
    assert gaps(detect(packets(true, size), 250.0)) == []


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("error", [-0.3, -0.2, -0.1, 0.2])
@pytest.mark.parametrize("block", [1, 12])
def test_a_rate_that_is_off_is_no_loss(rate: float, error: float, block: int) -> None:
    true = moments(round(20 * rate), rate, error, {})
    # LSL stamps the last sample of a block, and the others before it at the rate that the stream states.
    last = packets(true, block)
    stamps = last - (block - 1 - np.arange(len(true)) % block) / rate
    pieces = detect(stamps, rate)
    assert gaps(pieces) == []
    times = np.concatenate([piece.times for piece in pieces])
    assert np.abs(times - true)[round(3 * rate) : -block].max() < 0.15


def test_loss_on_a_stream_whose_rate_is_off_is_found() -> None:
    true = moments(5000, 250.0, -0.2, {3000: 200})
    assert gaps(detect(true, 250.0)) == [(3000, 200)]


@pytest.mark.parametrize(("rate", "seconds"), [(4.0, 2.5), (10.0, 3.0), (25.0, 1.0), (10.0, 0.5)])
def test_long_blocks_of_a_slow_stream_are_no_gaps_and_a_gap_between_them_is(rate: float, seconds: float) -> None:
    size = round(rate * seconds)
    index = np.arange(60 * size)
    assert gaps(detect(packets(5000.0 + index / rate, size), rate, [size])) == []
    index[30 * size :] += 10 * size
    stamps = packets(5000.0 + index / rate, size)
    expected = [(30 * size, 10 * size)]
    assert [gaps(detect(stamps, rate, cut)) for cut in ([size], [1], [3, 50, 7])] == [expected] * 3


def test_a_gap_between_packets_is_found() -> None:
    true = moments(12 * 800, 256.0, 0.01, {12 * 300: 256})
    ((row, lost),) = gaps(detect(packets(true, 12), 256.0))
    assert row == 12 * 300
    assert abs(lost - 256) <= 1


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), error=st.sampled_from([0.0, 0.03, -0.03]), rate=st.sampled_from(RATES))
def test_a_link_that_stalls_and_catches_up_loses_nothing(seed: int, error: float, rate: float) -> None:
    rng = np.random.default_rng(seed)
    true = moments(round(30 * rate), rate, error, {})
    assert gaps(detect(stalled(true, rng, 8), rate)) == []


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    jitter=st.floats(0.0, 0.008),
    error=st.floats(-0.03, 0.03),
    chunk=st.sampled_from([1, 8, 32]),
)
def test_jittering_chunks_with_deduced_stamps_are_no_gaps(seed: int, jitter: float, error: float, chunk: int) -> None:
    rng = np.random.default_rng(seed)
    true = moments(250 * 30, 250.0, error, {})
    position = np.arange(len(true)) % chunk
    # As LSL deduces stamps: the last of a chunk is the moment of pushing, the others a nominal period apart.
    pushed = packets(true, chunk) + rng.exponential(jitter, len(true) // chunk + 1)[np.arange(len(true)) // chunk]
    assert gaps(detect(pushed - (chunk - 1 - position) / 250.0, 250.0)) == []


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_duplicate_backward_and_jumping_stamps_are_no_gaps(data: st.DataObject) -> None:
    times = moments(250 * 20, 250.0, data.draw(st.sampled_from([0.0, 0.03, -0.03])), {})
    rows = data.draw(st.lists(st.integers(1, len(times) - 2), max_size=20, unique=True))
    for row in rows:
        kind = data.draw(st.sampled_from(["duplicate", "backward", "jump", "nan", "zero"]))
        times[row] = {
            "duplicate": times[row - 1],
            "backward": times[row] - data.draw(st.floats(0.001, 30)),
            "jump": times[row] + data.draw(st.floats(0.001, 30)),
            "nan": np.nan,
            "zero": 0.0,
        }[kind]
    assert gaps(detect(times, 250.0)) == []


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 200), min_size=1, max_size=12).filter(any),
    seed=st.integers(0, 2**32 - 1),
    counted=st.booleans(),
)
def test_result_does_not_depend_on_how_the_stream_is_cut(sizes: list[int], seed: int, counted: bool) -> None:
    rng = np.random.default_rng(seed)
    n = 3000
    losses = {int(row): int(lost) for row, lost in zip(rng.integers(1, n, 4), rng.integers(1, 900, 4), strict=True)}
    true = moments(n, 250.0, float(rng.uniform(-0.03, 0.03)), losses)
    times = stalled(true + rng.exponential(0.003, n), rng, 4)
    times[rng.integers(0, n, 5)] += rng.normal(0, 5, 5)
    counters = np.round((true - 5000.0) * 250) % 256 if counted else None
    whole = detect(times, 250.0, (n,), counters)
    cut = detect(times, 250.0, sizes, counters)
    assert gaps(cut) == gaps(whole)
    for key in ("data", "times"):
        np.testing.assert_array_equal(
            np.concatenate([getattr(piece, key) for piece in cut]),
            np.concatenate([getattr(piece, key) for piece in whole]),
        )


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.one_of(st.just(0.01), st.floats(-20, 20), st.sampled_from([np.nan, np.inf, -np.inf])),
        min_size=1,
        max_size=400,
    ),
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=5),
)
def test_any_stamps_give_every_sample_once_in_order_at_times_that_never_fall(
    steps: list[float], sizes: list[int]
) -> None:
    stamps = np.where(np.isfinite(steps), np.cumsum(np.nan_to_num(steps, posinf=0.0, neginf=0.0)), steps)
    pieces = detect(stamps, 100.0, sizes)
    given = np.concatenate([piece.stamps for piece in pieces])
    np.testing.assert_array_equal(given, np.where(np.isfinite(stamps), stamps, np.nan))
    np.testing.assert_array_equal(np.concatenate([piece.data[:, 0] for piece in pieces]), np.arange(len(steps)))
    following = 0
    for piece in pieces:
        assert piece.first == following + piece.lost
        assert piece.lost >= 0
        assert np.all(np.diff(piece.times) >= 0)
        assert np.isfinite(piece.times).all()
        following = piece.first + len(piece)


def test_the_rate_is_the_nominal_one_at_first() -> None:
    assert GapDetector(250.0).rate == pytest.approx(250.0)


def test_even_stamps_are_given_on_unchanged() -> None:
    times = 123.456 + np.arange(5000) / 500.0
    np.testing.assert_array_equal(np.concatenate([piece.times for piece in detect(times, 500.0)]), times)


def test_late_stamps_are_given_the_moment_at_which_the_sample_was_due() -> None:
    true = moments(250 * 30, 250.0, 0.0, {})
    times = np.concatenate([piece.times for piece in detect(stalled(true, np.random.default_rng(1), 10), 250.0)])
    # Twice the tolerance that the stalls leave is the most that a stamp can be off.
    assert np.abs(times - true).max() < 0.05


def test_the_first_samples_after_a_gap_may_come_late() -> None:
    true = moments(5000, 250.0, 0.0, {2500: 250})
    stamps = true.copy()
    stamps[2500:2520] = true[2520]
    (piece,) = (piece for piece in detect(stamps, 250.0) if piece.lost)
    assert (piece.first, piece.lost) == (2750, 250)
    assert np.abs(piece.times - true[2500 : 2500 + len(piece)]).max() < 0.03


@pytest.mark.parametrize("off", [0.5, -0.5])
def test_a_stream_that_ends_with_stamps_far_off_keeps_the_times_at_which_samples_were_due(off: float) -> None:
    true = moments(5000, 250.0, 0.0, {})
    stamps = true.copy()
    stamps[4950:] = true[-1] + off
    times = np.concatenate([piece.times for piece in detect(stamps, 250.0)])
    assert np.abs(times - true).max() < 0.03


def test_a_lasting_delay_of_a_counted_stream_is_no_loss_and_moves_the_times() -> None:
    true = moments(5000, 250.0, 0.0, {})
    late = true + np.where(np.arange(5000) < 2500, 0.0, 0.4)
    pieces = detect(late, 250.0, counters=np.arange(5000.0) % 256)
    assert gaps(pieces) == []
    assert np.abs(np.concatenate([piece.times for piece in pieces])[3000:] - late[3000:]).max() < 0.03


def test_a_clock_that_is_set_back_asks_for_a_reset_and_counts_nothing_lost() -> None:
    times = moments(5000, 250.0, 0.0, {})
    times[2500:] -= 3600.0
    pieces = [piece for piece in detect(times, 250.0) if piece.lost or piece.reset]
    assert [(piece.first, piece.lost, piece.reset) for piece in pieces] == [(2500, 0, True)]


def test_a_new_connection_asks_for_a_reset_and_counts_what_was_missed() -> None:
    detector = GapDetector(250.0)
    times = moments(6000, 250.0, 0.0, {3000: 1234})
    rows = np.arange(6000.0)[:, None]
    detector.process(rows[:3000], times[:3000])
    detector.flush()
    detector.resume()
    (piece,) = detector.process(rows[3000:], times[3000:])
    assert (piece.first, piece.lost, piece.reset) == (4234, 1234, True)


def test_a_new_connection_of_a_restarted_machine_counts_nothing_lost() -> None:
    detector = GapDetector(250.0)
    rows = np.zeros((500, 1))
    detector.process(rows, 9000.0 + np.arange(500) / 250)
    detector.resume()
    (piece,) = detector.process(rows, 10.0 + np.arange(500) / 250)
    assert (piece.first, piece.lost, piece.reset) == (500, 0, True)
    np.testing.assert_array_equal(piece.times, 10.0 + np.arange(500) / 250)


@pytest.mark.parametrize("lost", [1, 3, 100, 255, 256, 257, 512, 2560, 3000])
@pytest.mark.parametrize("error", [0.0, 0.03])
def test_counter_and_stamps_together_give_the_exact_loss(lost: int, error: float) -> None:
    n, row = 5000, 2000
    index = np.arange(n)
    index[row:] += lost
    counters = (index % 256).astype(np.float64)
    assert gaps(detect(moments(n, 250.0, error, {row: lost}), 250.0, counters=counters)) == [(row, lost)]


def test_a_loss_of_whole_cycles_is_found_by_stamps_though_packets_jitter() -> None:
    index = np.arange(12 * 400)
    index[12 * 200 :] += 768
    times = packets(5000.0 + index / 250.0, 12) + np.random.default_rng(0).exponential(0.004, len(index))
    assert gaps(detect(times, 250.0, counters=(index % 256).astype(np.float64))) == [(12 * 200, 768)]


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_counted_stream_over_a_stalling_link_has_no_false_gaps(seed: int) -> None:
    true = moments(250 * 20, 250.0, 0.0, {})
    counters = (np.arange(len(true)) % 256).astype(np.float64)
    assert gaps(detect(stalled(true, np.random.default_rng(seed), 8), 250.0, counters=counters)) == []


def test_doubled_package_is_no_gap() -> None:
    index = np.insert(np.arange(4000), 2000, 1999)
    times = 5000.0 + index / 250.0
    assert gaps(detect(times, 250.0, counters=(index % 256).astype(np.float64))) == []


@pytest.mark.parametrize(("errors", "believed"), [(3.7, False), (4.3, True)])
def test_a_period_is_believed_from_four_standard_errors_on(errors: float, believed: bool) -> None:
    index = 250.0 * np.arange(5)
    residual = 0.001 * np.array([1.0, -2.0, 0.0, 2.0, -1.0])  # of which a line explains nothing
    error = np.sqrt(residual @ residual / (5 - 2) / ((index - index.mean()) ** 2).sum())
    period = 1 / 250 + errors * error
    found = fit_period(np.column_stack((index, period * index + residual)), 1 / 250)
    assert found == pytest.approx(period if believed else 1 / 250, rel=1e-9)


def test_period_is_nominal_until_the_points_contradict_it() -> None:
    rng = np.random.default_rng(0)
    index = np.arange(0, 2500, 250)
    noisy = np.column_stack((index, index / 250 + rng.normal(0, 0.02, len(index))))
    assert fit_period(noisy, 1 / 250) == 1 / 250
    clean = np.column_stack((index, index / 243.0))
    assert fit_period(clean, 1 / 250) == pytest.approx(1 / 243)
    absurd = np.column_stack((index, index / 500.0))
    assert fit_period(absurd, 1 / 250) == 1 / 250
