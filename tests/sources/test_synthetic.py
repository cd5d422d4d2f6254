"""Made-up EEG: the same for the same settings, shaped like EEG, on an absolute schedule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bci_app.errors import SourceError
from bci_app.sources.synthetic import DEFAULT_CHANNELS, SyntheticEeg, SyntheticSource
from bci_app.stream import Chunk

EEG = SyntheticEeg(("Fp1", "Cz", "O1"), 128.0, 7)


def power(x: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Give frequencies and power spectral density by Welch's method, 4-s Hann windows."""
    n = round(4 * rate)
    window = np.hanning(n)[:, None]
    starts = range(0, len(x) - n, n // 2)
    parts = [(x[start : start + n] - x[start : start + n].mean(axis=0)) * window for start in starts]
    density = np.mean([np.abs(np.fft.rfft(part, axis=0)) ** 2 for part in parts], axis=0) * 2 / rate / (window**2).sum()
    return np.fft.rfftfreq(n, 1 / rate), density


@settings(max_examples=30, deadline=None)
@given(first=st.integers(0, 5000), length=st.integers(1, 2000))
def test_any_part_is_the_same_however_it_is_asked_for(first: int, length: int) -> None:
    whole = EEG.samples(0, 7000)
    np.testing.assert_array_equal(EEG.samples(first, first + length), whole[first : first + length])


def test_source_gives_what_the_signal_is_whatever_the_speed_and_seed_decides_it() -> None:
    def read(seed: int) -> np.ndarray:
        source = SyntheticSource(channels=EEG.channels, rate=128, seed=seed, speed=None, seconds=20)
        source.start()
        chunks: list[Chunk] = []
        while not source.finished:
            chunk = source.read()
            assert chunk is not None
            chunks.append(chunk)
        assert source.read(1.0) is None
        assert [chunk.first for chunk in chunks] == list(np.cumsum([0, *map(len, chunks)])[:-1])
        return np.concatenate([chunk.data for chunk in chunks])

    np.testing.assert_array_equal(read(7), EEG.samples(0, 2560))
    assert not np.array_equal(read(7), read(8))


def test_signal_is_shaped_like_eeg() -> None:
    rate = 250.0
    x = SyntheticEeg(DEFAULT_CHANNELS, rate, 0).samples(0, round(120 * rate))
    frequency, density = power(x, rate)

    def at(hz: float, channel: str) -> float:
        return float(density[np.argmin(np.abs(frequency - hz)), DEFAULT_CHANNELS.index(channel)])

    assert np.all((x.std(axis=0) > 5) & (x.std(axis=0) < 60))
    assert at(2, "Cz") > 2 * at(8, "Cz") > 4 * at(30, "Cz")
    assert at(10, "O1") > 5 * at(10, "Fp1")
    assert at(50, "Cz") > 3 * at(45, "Cz")
    # Blinks.
    deflection = np.abs(x - np.median(x, axis=0)).max(axis=0)
    assert deflection[DEFAULT_CHANNELS.index("Fp1")] > deflection[DEFAULT_CHANNELS.index("Pz")] + 40


def test_level_does_not_pulse_with_the_blocks_it_is_made_of() -> None:
    x = SyntheticEeg(tuple(f"X{i}" for i in range(64)), 128.0, 0).samples(0, 128 * 200)
    x -= x.mean(axis=0)
    # RMS by place within the 2-s hop, over channels and repetitions.
    level = np.sqrt((x.reshape(-1, 16, 16, 64) ** 2).mean(axis=(0, 2, 3)))
    assert level.max() / level.min() < 1.3


class Clock:
    def __init__(self) -> None:
        self.now = 500.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("speed", [0.5, 1.0, 60.0])
def test_real_time_is_kept_from_the_start_without_drift(speed: float) -> None:
    clock = Clock()
    source = SyntheticSource(channels=["Cz"], rate=250.0, speed=speed, clock=clock, sleep=clock.sleep)
    source.start()
    received = 0
    while clock.now < 510.0:
        chunk = source.read(0.1)
        if chunk is not None:
            np.testing.assert_allclose(chunk.times, 500.0 + (received + np.arange(len(chunk))) / 250.0)
            received += len(chunk)
    assert received == pytest.approx(10.0 * 250 * speed, abs=0.26 * 250 * max(1, speed))


@pytest.mark.parametrize(
    "options",
    [
        {"rate": 0.0},
        {"rate": float("nan")},
        {"speed": -1.0},
        {"seconds": 0.0},
        {"channels": []},
        {"channels": ["A", "A"]},
        {"seed": -1},
    ],
    ids=str,
)
def test_impossible_settings_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(SourceError, match="synthetic"):
        SyntheticSource(**options)  # type: ignore[arg-type]
