"""The planted effect: as strong as stated, where it is stated, shared by people, and absent where it is 0."""

from __future__ import annotations

import numpy as np
import pytest

from bci_app.montage.headsets import HEADSETS
from bci_app.simulation import DIMENSIONS, Emotion, Script, Settings, SimulatedParticipant

CHANNELS = HEADSETS["10-20"].channels
RATE = 128
BANDS = {"theta": (4, 8), "alpha": (8, 13), "beta": (13, 30), "gamma": (30, 45)}
SECONDS = 160
PEOPLE = range(3)


def log_power(seed: int, state: Emotion, effect: float) -> np.ndarray:
    """Log band power of 4-s windows, (n_windows, n_channels, n_bands)."""
    settings = Settings(CHANNELS, RATE, effect=effect, noise=0)
    participant = SimulatedParticipant(seed, settings, script=Script((0.0,), (state,)))
    n = 4 * RATE
    x = participant.samples(0, SECONDS * RATE).reshape(-1, n, len(CHANNELS))
    density = np.abs(np.fft.rfft((x - x.mean(axis=1, keepdims=True)) * np.hanning(n)[:, None], axis=1)) ** 2
    hz = np.fft.rfftfreq(n, 1 / RATE)
    return np.stack([np.log(density[:, (hz >= low) & (hz < high)].sum(axis=1)) for low, high in BANDS.values()], axis=2)


@pytest.fixture(scope="module")
def effects() -> dict[str, np.ndarray]:
    """Of each dimension the mean difference of high and low in standard deviations, (n_channels, n_bands)."""

    def of(dimension: str, seed: int) -> np.ndarray:
        low, high = (log_power(seed, Emotion(**{dimension: sign}), 1.0) for sign in (-1.0, 1.0))
        return (high.mean(axis=0) - low.mean(axis=0)) / np.sqrt((high.var(axis=0) + low.var(axis=0)) / 2)

    return {dimension: np.mean([of(dimension, seed) for seed in PEOPLE], axis=0) for dimension in DIMENSIONS}


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_the_effect_is_as_strong_as_stated_where_it_is_strongest(
    dimension: str, effects: dict[str, np.ndarray]
) -> None:
    assert 0.75 < np.abs(effects[dimension]).max() < 1.3
    # Most places and bands are left alone: electrodes see their surroundings too.
    assert np.median(np.abs(effects[dimension])) < 0.25


def test_people_share_its_direction(effects: dict[str, np.ndarray]) -> None:
    alpha, gamma = list(BANDS).index("alpha"), list(BANDS).index("gamma")
    assert effects["valence"][CHANNELS.index("F4"), alpha] > 0.3
    assert effects["valence"][CHANNELS.index("F3"), alpha] < -0.3
    assert effects["valence"][CHANNELS.index("T8"), gamma] > 0.3
    assert effects["arousal"][CHANNELS.index("O1"), alpha] < -0.4


def test_no_effect_is_none() -> None:
    low, high = (log_power(1, Emotion(sign, sign, sign), 0.0) for sign in (-1.0, 1.0))
    np.testing.assert_array_equal(low, high)
