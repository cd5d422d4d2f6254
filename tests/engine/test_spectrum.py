"""Spectra for the eye are in true units and know no gap."""

from __future__ import annotations

import numpy as np
import pytest

from bci_app.engine.spectrum import BANDS, welch

RATE = 250.0


def test_power_of_a_sine_is_half_its_square() -> None:
    time = np.arange(2000) / RATE
    data = np.stack([20 * np.sin(2 * np.pi * 10 * time), np.zeros(2000)], axis=1)
    spectrum = welch(data, RATE)
    assert spectrum is not None
    alpha = next(band for band in BANDS if band.name == "α")
    assert spectrum.band_power(alpha) == pytest.approx([200.0, 0.0], rel=1e-6, abs=1e-9)
    assert spectrum.frequencies[spectrum.density[0].argmax()] == 10


def test_density_of_white_noise_is_its_variance_over_the_band() -> None:
    data = np.random.default_rng(0).normal(0, 5, (200_000, 1))
    spectrum = welch(data, RATE)
    assert spectrum is not None
    assert spectrum.density[0, 2:-2].mean() == pytest.approx(25 / (RATE / 2), rel=0.02)


def test_segments_with_missing_samples_are_left_out() -> None:
    data = np.random.default_rng(0).normal(0, 5, (3000, 2))
    data[100:200, 1] = np.nan
    clean = welch(data[500:], RATE)
    spectrum = welch(data, RATE)
    assert spectrum is not None
    assert clean is not None
    assert np.isfinite(spectrum.density).all()
    assert spectrum.density[1].mean() == pytest.approx(clean.density[1].mean(), rel=0.2)


def test_nothing_is_said_of_less_than_a_segment() -> None:
    assert welch(np.zeros((499, 2)), RATE) is None
    empty = welch(np.full((500, 2), np.nan), RATE)
    assert empty is not None
    assert np.isnan(empty.density).all()
