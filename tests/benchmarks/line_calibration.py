"""How well the lines beside a network are calibrated under protocol ``trial``, and how well so few trials can show it.

``python -m tests.benchmarks.line_calibration FOLDER …`` prints the figures in ``docs/mental-load.md``. Each folder
holds a pair of people, made by ``bci-offline synth deap FOLDER --subjects 2 --trials 10 --seed N``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from offline.datasets import prepare
from offline.datasets.base import WindowSet
from offline.datasets.registry import open_dataset
from offline.metrics import expected_calibration_error, softmax
from offline.presets import PRESETS
from offline.protocols import make_splits
from offline.run.line import chosen_lines
from offline.supernet.model import TOKEN_LIMIT

SEEDS, DRAWS = 5, 100
TARGETS = ("valence", "arousal", "dominance")


def windows_of(folder: Path) -> WindowSet:
    """Make the windows of one pair."""
    dataset = open_dataset("deap", folder)
    with TemporaryDirectory() as cache:
        windows = prepare(dataset, PRESETS["compact"].preprocessing(dataset.info), Path(cache), targets=TARGETS)
        np.asarray(windows.tokens)
    return windows


def line_probabilities(windows: WindowSet, seed: int) -> NDArray[np.float64]:
    """Return what the lines of two folds say, (n_windows, n_targets, 2); NaN where training knows one class only."""
    tokens = np.clip(windows.tokens.reshape(len(windows), -1), -TOKEN_LIMIT, TOKEN_LIMIT).astype(np.float64)
    found = np.full((len(windows), len(TARGETS), 2), np.nan)
    for split in make_splits(windows, "trial", folds=2, seed=seed):
        wrong = -9.0 * np.eye(2)[windows.labels[split.validation]]  # a network that never takes the line's place
        for t, line in enumerate(chosen_lines(windows, split, wrong, (1.0,) * len(TARGETS), reference=True)):
            if line is not None:
                logits = tokens[split.test] @ line.weights.T + line.bias
                found[split.test, t] = softmax(logits / line.temperature)
    return found


def calibration_error(found: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the error of each target: of probabilities (n_windows, n_targets, 2), labels (n_windows, n_targets)."""
    there = np.isfinite(found[:, :, 0])
    return np.array([expected_calibration_error(found[k, t], labels[k, t]) for t, k in enumerate(there.T)])


def main() -> None:
    """Print the error of each pair, the error by chance alone, and that of all people together."""
    rng = np.random.default_rng(0)
    pairs = [windows_of(Path(folder)) for folder in sys.argv[1:]]
    found = [np.stack([line_probabilities(pair, seed) for seed in range(SEEDS)]) for pair in pairs]
    measured = np.array([[calibration_error(one, p.labels) for one in of] for of, p in zip(found, pairs, strict=True)])
    for folder, errors in zip(sys.argv[1:], measured.mean(axis=1), strict=True):
        print(Path(folder).name, *errors.round(3))
    drawn = []
    for of, pair in zip(found, pairs, strict=True):
        _, trial = np.unique(pair.trial, return_inverse=True)
        high = np.nanmean(of[..., 1], axis=0)
        chance = np.array([np.bincount(trial, column) for column in np.nan_to_num(high, nan=0.5).T]) / np.bincount(
            trial
        )
        for _ in range(DRAWS):
            labels = (rng.random(chance.shape) < chance).astype(np.int64)[:, trial].T
            drawn.append(np.mean([calibration_error(one, labels) for one in of], axis=0))
    cells, by_chance = measured.mean(axis=1), np.array(drawn)
    print(f"measured: mean {cells.mean():.3f}, above 0.10 in {(cells > 0.1).mean():.0%}")
    print(
        f"labels drawn from the probabilities, a trial at a time: mean {by_chance.mean():.3f}, above 0.10 in "
        f"{(by_chance > 0.1).mean():.0%}, one of three targets in {(by_chance > 0.1).any(axis=1).mean():.0%} of pairs"
    )
    labels = np.concatenate([pair.labels for pair in pairs])
    together = [calibration_error(np.concatenate([of[seed] for of in found]), labels) for seed in range(SEEDS)]
    print("all people together:", *np.mean(together, axis=0).round(3))


if __name__ == "__main__":
    main()
