"""Made-up rest and arithmetic of a few people, as arrays in the npz layout of data set `eegmat`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from offline.datasets.eegmat import CHANNELS

RATE = 128


def write_npz(path: Path, *, subjects: int = 6, seconds: int = 60, seed: int = 0, **changes: object) -> Path:
    """Write Subject01, Subject02 …; arithmetic has less power at 10 Hz than rest."""
    rng = np.random.default_rng(seed)
    time = np.arange(seconds * RATE) / RATE
    y = np.tile(np.array([0, 1], dtype=np.int8), subjects)
    X = 100 * rng.normal(size=(2 * subjects, len(CHANNELS), len(time)))
    X += np.where(y, 80, 160)[:, None, None] * np.sin(2 * np.pi * 10 * time)
    arrays: dict[str, object] = {
        "X": X.round().astype(np.int16),
        "y": y,
        "subject": np.repeat(np.arange(1, subjects + 1), 2),
        "ch_names": np.array(CHANNELS),
        "sfreq": RATE,
        "scale_uV": np.float32(0.1),
    }
    np.savez(path, **{key: value for key, value in (arrays | changes).items() if value is not None})  # type: ignore[arg-type]
    return path
