"""Every step gives the same bits however the stream is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from bci_app.errors import PreprocessingError
from bci_app.preprocessing.resample import Resampler, design_resampler
from bci_app.preprocessing.steps import BandPass, Notch, SosFilter
from bci_app.preprocessing.windows import Windower

RATES = [125, 128, 160, 200, 250, 256, 500, 512, 1000, 2048]


def cuts(n: int, sizes: list[int]) -> list[slice]:
    """Cut n samples into pieces of these sizes (empty ones too), the rest in one piece."""
    pieces, start = [], 0
    for size in sizes:
        end = min(n, start + size)
        pieces.append(slice(start, end))
        start = end
    return [*pieces, slice(start, n)]


irregular = st.lists(st.integers(0, 40), max_size=60)


def noise(n: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 4200.0 + 30 * rng.standard_normal((n, channels))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("sizes", [[1] * 600, [8] * 70, [0, 1, 0, 37, 2, 0, 0, 211, 5]])
def test_resampler_is_chunk_invariant(rate: int, sizes: list[int]) -> None:
    x = noise(600)
    whole, last = Resampler(design_resampler(rate, 128)).process(x)
    step = Resampler(design_resampler(rate, 128))
    parts = [step.process(x[piece]) for piece in cuts(600, sizes)]
    assert np.array_equal(np.concatenate([p[0] for p in parts]), whole)
    assert np.array_equal(np.concatenate([p[1] for p in parts]), last)


@given(sizes=irregular, rate=st.sampled_from(RATES), channels=st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_resampler_is_chunk_invariant_for_any_cut(sizes: list[int], rate: int, channels: int) -> None:
    x = noise(700, channels)
    whole, _ = Resampler(design_resampler(rate, 128)).process(x)
    step = Resampler(design_resampler(rate, 128))
    assert np.array_equal(np.concatenate([step.process(x[p])[0] for p in cuts(700, sizes)]), whole)


@pytest.mark.parametrize("rate", RATES)
def test_resampler_uses_no_future_sample(rate: int) -> None:
    x = noise(400)
    whole, last = Resampler(design_resampler(rate, 128)).process(x)
    changed = x.copy()
    changed[300:] += 1000
    other, _ = Resampler(design_resampler(rate, 128)).process(changed)
    before = last < 300
    assert before.any()
    assert np.array_equal(other[before], whole[before])


@pytest.mark.parametrize("rate", RATES)
def test_resampler_keeps_a_rhythm_and_removes_what_would_fold_back(rate: int) -> None:
    t = np.arange(rate * 8) / rate
    tone = np.sin(2 * np.pi * 10 * t)[:, None]
    y, _ = Resampler(design_resampler(rate, 128)).process(tone)
    assert np.std(y[256:]) == pytest.approx(np.sqrt(0.5), rel=0.01)
    if rate > 200:
        fold = np.sin(2 * np.pi * 98 * t)[:, None]  # would appear at 30 Hz
        y, _ = Resampler(design_resampler(rate, 128)).process(fold)
        assert np.std(y[256:]) < 2e-3


@pytest.mark.parametrize("rate", RATES)
def test_resampler_gives_a_constant_back(rate: int) -> None:
    y, _ = Resampler(design_resampler(rate, 128)).process(np.full((300, 2), 10_000.0))
    np.testing.assert_allclose(y, 10_000.0, rtol=1e-12)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), 3e6, 0.01, 128.01])
def test_impossible_rate_is_refused_with_what_to_do(rate: float) -> None:
    with pytest.raises(PreprocessingError, match="--rate"):
        design_resampler(rate, 128)


@given(sizes=irregular, channels=st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_filter_is_chunk_invariant(sizes: list[int], channels: int) -> None:
    x = noise(700, channels)
    filters = BandPass(low=1, high=45), Notch(frequency=50)
    whole = SosFilter(filters, 128).process(x)
    step = SosFilter(filters, 128)
    assert np.array_equal(np.concatenate([step.process(x[p]) for p in cuts(700, sizes)]), whole)


def test_filter_starts_settled_on_the_first_sample() -> None:
    y = SosFilter((BandPass(low=1, high=45),), 128).process(np.full((500, 1), 10_000.0))
    assert np.abs(y).max() < 1e-6  # a 10 mV offset makes no transient


def test_filter_is_the_causal_butterworth_of_scipy() -> None:
    x = noise(300)
    band = BandPass(low=4, high=45, order=3)
    expected = signal.butter(3, (4, 45), "bandpass", fs=128, output="sos")
    np.testing.assert_array_equal(band.sections(128), expected)
    zi = signal.sosfilt_zi(expected)[:, :, None] * x[0]
    np.testing.assert_array_equal(SosFilter((band,), 128).process(x), signal.sosfilt(expected, x, axis=0, zi=zi)[0])


@given(sizes=irregular, window=st.integers(1, 50), hop=st.integers(1, 70), warm_up=st.integers(0, 90))
@settings(max_examples=150, deadline=None)
def test_windows_are_chunk_invariant_and_none_is_lost(sizes: list[int], window: int, hop: int, warm_up: int) -> None:
    x = np.arange(400, dtype=np.float64)[:, None]
    last = np.arange(400) * 2
    step = Windower(window, hop, warm_up)
    found = [w for p in cuts(400, sizes) for w in step.process(x[p], last[p])]
    starts = range(warm_up, 400 - window + 1, hop)
    assert [(first, last) for first, last, _ in found] == [(2 * s, 2 * (s + window - 1)) for s in starts]
    for start, (*_, values) in zip(starts, found, strict=True):
        assert np.array_equal(values, x[start : start + window].T)


def test_a_stream_at_the_models_rate_is_passed_on_unfiltered_and_undelayed() -> None:
    design = design_resampler(128, 128)
    assert (design.up, design.down, design.delay, design.taps.tolist()) == (1, 1, 0.0, [[1.0]])
