"""How much a protocol leaks: what a nearest neighbour gains from windows of the very trial that is tested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from offline.datasets.base import Split, WindowSet
from offline.metrics import Floats, Ints, balanced_accuracy

_BLOCK = 256
_MOST = 4000
_SEED = 0


class LeakMeter(NamedTuple):
    """Balanced accuracy of the nearest neighbour, which knows nothing of emotion but remembers.

    Attributes
    ----------
    nearest : float
        Over the training windows of the protocol.
    elsewhere : float
        Over those of them that share neither trial nor stimulus with the tested window.
    """

    nearest: float
    elsewhere: float

    @property
    def gain(self) -> float:
        """What remembering a trial or a stimulus is worth under the protocol."""
        return self.nearest - self.elsewhere


def measure_leak(features: WindowSet, splits: Sequence[Split], target: int) -> LeakMeter | None:
    """Measure the leak of a protocol for one target.

    Features are standardised by training windows. Of each split at most 4,000 windows train and 4,000 are tested,
    drawn at random.

    Parameters
    ----------
    features : WindowSet
        Windows as the reference sees them.
    splits : sequence of Split
        Of the protocol.
    target : int
        Column of the labels.

    Returns
    -------
    LeakMeter or None
        None where no tested window has training windows elsewhere.
    """
    rng = np.random.default_rng(_SEED)
    found: list[tuple[Ints, Ints, Ints]] = []
    for split in splits:
        train, test = (_drawn(part, rng) for part in (np.concatenate([split.train, split.validation]), split.test))
        found.append(_neighbours(features, train, test, target))
    nearest, elsewhere, labels = (np.concatenate(parts) for parts in zip(*found, strict=True))
    both = elsewhere >= 0
    if not both.any():
        return None
    return LeakMeter(balanced_accuracy(nearest[both], labels[both]), balanced_accuracy(elsewhere[both], labels[both]))


def _drawn(index: Ints, rng: np.random.Generator) -> Ints:
    return index if len(index) <= _MOST else np.sort(rng.choice(index, _MOST, replace=False))


def _neighbours(features: WindowSet, train: Ints, test: Ints, target: int) -> tuple[Ints, Ints, Ints]:
    """Return the label of the nearest training window, of the nearest one elsewhere (-1 for none), and the true one."""
    known, asked = _standardised(features, train, test)
    labels = features.labels[:, target]
    nearest, elsewhere = np.empty(len(test), np.int64), np.empty(len(test), np.int64)
    for start in range(0, len(test), _BLOCK):
        rows = test[start : start + _BLOCK]
        block = asked[start : start + _BLOCK]
        # Squared distances, less what is the same for all training windows.
        distance = (known**2).sum(axis=1) - 2 * block @ known.T
        nearest[start : start + len(rows)] = labels[train[distance.argmin(axis=1)]]
        distance[_shared(features, rows, train)] = np.inf
        place = distance.argmin(axis=1)
        missing = np.isinf(distance[np.arange(len(rows)), place])
        elsewhere[start : start + len(rows)] = np.where(missing, -1, labels[train[place]])
    return nearest, elsewhere, labels[test]


def _shared(features: WindowSet, rows: Ints, train: Ints) -> np.ndarray:
    """Return which pairs of tested and training windows are of one trial or one stimulus."""
    shared = features.trial[rows, None] == features.trial[None, train]
    if features.stimulus is not None:
        shown = features.stimulus
        shared |= (shown[rows, None] == shown[None, train]) & (shown[rows, None] >= 0)
    return shared


def _standardised(features: WindowSet, train: Ints, test: Ints) -> tuple[Floats, Floats]:
    def flat(index: Ints) -> Floats:
        return features.tokens[index].reshape(len(index), -1).astype(np.float64)

    known = flat(train)
    mean, deviation = known.mean(axis=0), np.maximum(known.std(axis=0), 1e-9)
    return (known - mean) / deviation, (flat(test) - mean) / deviation
