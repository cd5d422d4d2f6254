"""Stamps of another clock are mapped to ours, through drift, steps and gaps."""

from __future__ import annotations

import numpy as np
import pytest

from bci_app.sources.clock.foreign import ForeignClock, is_foreign

PERIOD = 1 / 256
UNIX = 1.79e9


def arrivals(seconds: float, *, size: int = 12, seed: int = 0) -> list[tuple[np.ndarray, float]]:
    """True times of samples, in blocks, and when each block arrives: up to 15 ms late."""
    rng = np.random.default_rng(seed)
    times = 3000 + np.arange(round(seconds / PERIOD)) * PERIOD
    blocks = np.split(times, np.arange(size, len(times), size))
    return [(block, float(block[-1]) + rng.uniform(0.0005, 0.015)) for block in blocks]


@pytest.mark.parametrize(
    ("stamp", "foreign"), [(3000.0, False), (2700.0, False), (3010.0, False), (UNIX, True), (5.0, True)]
)
def test_a_clock_is_foreign_if_its_stamp_cannot_be_ours(stamp: float, foreign: bool) -> None:
    assert is_foreign(stamp, 3000.0) is foreign


@pytest.mark.parametrize("drift", [0.0, 50e-6, -200e-6])
def test_a_clock_that_drifts_is_followed_by_arrivals_to_5_ms_over_10_minutes(drift: float) -> None:
    clock, errors = ForeignClock(PERIOD), []
    for true, now in arrivals(600):
        mapped = clock.follow(17.0 + (true - 3000) * (1 + drift), now) + clock.offset
        errors.append(float(mapped[-1] - true[-1]))
    assert np.abs(errors[2:]).max() < 0.02
    assert np.abs(errors[250:]).max() < 0.005


@pytest.mark.parametrize("step", [0.5, -0.5, 3600.0, -3600.0])
@pytest.mark.parametrize("readable", [True, False])
def test_a_clock_that_is_set_moves_no_sample(step: float, readable: bool) -> None:
    clock, mapped, true_times = ForeignClock(PERIOD), [], []
    for true, now in arrivals(30):
        set_ = 3010.0
        unix = UNIX + np.where(true > set_, step, 0.0)
        measured = 3000.0 - UNIX - (step if now > set_ else 0.0) if readable else None
        sent = true - 3000.0 + unix
        mapped.append(clock.follow(sent, now, measured) + clock.offset)
        true_times.append(true)
    error = np.concatenate(mapped) - np.concatenate(true_times)
    assert np.abs(error).max() < 0.025
    assert np.abs(error[-1000:]).max() < 0.002
    assert np.abs(np.diff(np.concatenate(mapped)) - PERIOD).max() < 0.02
    assert clock.steps == pytest.approx(step, abs=0.02)


def test_a_gap_that_fits_into_the_silence_stays_a_gap() -> None:
    clock, mapped = ForeignClock(PERIOD), []
    for true, now in arrivals(20):
        if not 3005 < true[-1] < 3008:
            mapped.append(clock.follow(UNIX + true, now) + clock.offset)
    assert np.diff(np.concatenate(mapped)).max() == pytest.approx(3.0, abs=0.1)
    assert clock.steps == 0.0
