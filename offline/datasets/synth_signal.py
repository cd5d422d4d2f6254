"""What synthetic files need beside the simulated participant: a publisher's filter, and pulse and breath."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def band_limited(x: Array, rate: float, low: float, high: float) -> Array:
    """Keep `low` to `high` Hz of signals (n_samples, n_channels), without delay, as publishers of data sets filter."""
    spectrum = np.fft.rfft(x, axis=0)
    frequency = np.fft.rfftfreq(len(x), 1 / rate)
    edge = 0.5  # Hz of soft flank
    keep = np.clip((frequency - low) / edge + 0.5, 0, 1) * np.clip((high - frequency) / edge + 0.5, 0, 1)
    return np.fft.irfft(spectrum * keep[:, None], n=len(x), axis=0)


def course(n: int, rate: float, frequency: float, rng: np.random.Generator, *, wander: float = 0.1) -> Array:
    """Make a quasi-periodic course (pulse, breath), shape (n,), with a rate that wanders."""
    steps = np.cumsum(rng.normal(scale=wander / np.sqrt(rate), size=n))
    phase = 2 * np.pi * np.cumsum(frequency * np.exp(0.3 * np.tanh(steps))) / rate
    return np.sin(phase + rng.uniform(0, 2 * np.pi))
