"""How much of a score jaw, eyelid and mere distance from rest could explain: logistic regression on their features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from offline.baselines.linear import logistic
from offline.datasets.base import Split, WindowSet
from offline.metrics import Floats, balanced_accuracy, mean_over, scored_apart
from offline.presets import POWER_BANDS

ARTEFACTS_ONLY = "muscle and eye features only"
ARTEFACTS_REMOVED = "without muscle and eye features"

RIM = frozenset(
    (
        *("FP1", "FPZ", "FP2", "AF7", "AF8", "F7", "F8", "F9", "F10", "FT7", "FT8", "FT9", "FT10", "T7", "T8", "T9"),
        *("T10", "TP7", "TP8", "TP9", "TP10", "P7", "P8", "PO7", "PO8", "O1", "O2"),
    )
)
"""Electrodes above the muscles of forehead, jaw and neck."""

FRONT = frozenset(["FP1", "FPZ", "FP2", "AF7", "AF3", "AFZ", "AF4", "AF8", "F7", "F8"])
"""Electrodes that see blinks and eye movements."""


def artefact_scores(
    features: WindowSet, splits: Sequence[Split], target: int, channels: Sequence[str], *, within_subject: bool
) -> dict[str, float]:
    """Score the features of muscles and eyes alone, and all others without them.

    Muscles: power from 30 Hz on at the rim. Eyes: power up to 8 Hz at the front.

    Parameters
    ----------
    features : WindowSet
        Windows as the reference sees them: four bands of each channel.
    splits : sequence of Split
        Of the protocol.
    target : int
        Column of the labels.
    channels : sequence of str
        Names of the channels.
    within_subject : bool
        Whether each subject is scored apart.

    Returns
    -------
    dict of str to float
        Balanced accuracy over all tested windows; empty where no channel is at the rim or the front.
    """
    names = [name.upper() for name in channels]
    mask = np.zeros((len(names), len(POWER_BANDS)), dtype=np.bool_)
    for band, (low, high) in enumerate(POWER_BANDS):
        for place, name in enumerate(names):
            mask[place, band] = (name in RIM and low >= 30) or (name in FRONT and high <= 8)
    if not mask.any() or mask.all():
        return {}
    flat = np.clip(features.tokens.reshape(len(features), -1), -5, 5).astype(np.float64)
    return {
        ARTEFACTS_ONLY: _score(features, flat[:, mask.ravel()], splits, target, within_subject=within_subject),
        ARTEFACTS_REMOVED: _score(features, flat[:, ~mask.ravel()], splits, target, within_subject=within_subject),
    }


def mean_z_score(windows: WindowSet, splits: Sequence[Split], target: int, *, within_subject: bool) -> float:
    """Score one number: the logarithm of the mean distance from rest, in standard deviations of rest."""
    distance = np.log(np.abs(windows.tokens).mean(axis=(1, 2)) + 1e-9)
    return _score(windows, distance[:, None].astype(np.float64), splits, target, within_subject=within_subject)


def distance_score(
    windows: WindowSet, distances: Floats, splits: Sequence[Split], target: int, *, within_subject: bool
) -> float:
    """Score the Riemannian distances from rest, (n_windows, n_bands), alone."""
    return _score(windows, np.log(distances + 1e-9), splits, target, within_subject=within_subject)


def _score(windows: WindowSet, values: Floats, splits: Sequence[Split], target: int, *, within_subject: bool) -> float:
    labels = windows.labels[:, target]
    predicted = np.full(len(windows), -1, dtype=np.int64)
    for split in splits:
        known: NDArray[np.int64] = np.concatenate([split.train, split.validation])
        if len(np.unique(labels[known])) < 2:
            predicted[split.test] = labels[known[0]]
            continue
        model = make_pipeline(StandardScaler(), logistic()).fit(values[known], labels[known])
        predicted[split.test] = model.predict(values[split.test])
    tested = predicted >= 0
    apart = scored_apart(labels[tested], windows.subject[tested], within_subject=within_subject)
    return mean_over(apart, balanced_accuracy, predicted[tested], labels[tested])
