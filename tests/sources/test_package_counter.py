"""How devices number their packages is learned, and loss is read from it."""

from __future__ import annotations

import numpy as np
import pytest

from bci_app.sources.clock.package_counter import PackageCounter


def numbers(index: np.ndarray, *, step: int, run: int, wrap: int) -> np.ndarray:
    return (index // run * step % wrap).astype(np.float64)


@pytest.mark.parametrize(
    ("step", "run", "wrap"),
    [
        pytest.param(1, 1, 256, id="Cyton"),
        pytest.param(2, 1, 256, id="Cyton with Daisy"),
        pytest.param(1, 2, 128, id="Ganglion"),
        pytest.param(1, 12, 65536, id="Muse"),
        pytest.param(1, 1, 2**31, id="running sample number"),
    ],
)
@pytest.mark.parametrize("lost", [0, 12, 60])
def test_loss_is_counted_in_samples(step: int, run: int, wrap: int, lost: int) -> None:
    index = np.arange(1800)
    index[1200:] += lost
    counter = PackageCounter()
    found = np.concatenate(
        [counter.lost(part)[0] for part in np.split(numbers(index, step=step, run=run, wrap=wrap), 40)]
    )
    expected = np.zeros(1800)
    expected[1200] = lost
    np.testing.assert_array_equal(found, expected)


def test_cycle_is_learned_when_the_numbers_fall_back() -> None:
    counter = PackageCounter()
    counter.lost(np.arange(200.0))
    assert counter.cycle is None
    counter.lost(np.arange(200, 300) % 256.0)
    assert counter.cycle == 256


@pytest.mark.parametrize(
    "values",
    [np.zeros(500), np.random.default_rng(0).integers(0, 256, 500).astype(float), np.full(500, np.nan)],
    ids=["constant", "random", "nan"],
)
def test_numbers_that_do_not_count_are_not_used(values: np.ndarray) -> None:
    counter = PackageCounter()
    assert not counter.lost(values)[0].any()
    assert counter.cycle is None
