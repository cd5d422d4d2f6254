"""From a head's scores to probabilities (Platt 1999, *Advances in Large Margin Classifiers*) and sets of classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.conformal import Conformal
from bci_app.learn.folds import Array

_PRIOR = 0.1
"""Weight of the prior that draws the slope towards 0, in trials: few trials make cautious probabilities."""
_BINS = 10
_COVERAGE = 0.9


@dataclass(frozen=True)
class Calibration:
    """Probability of the second class: ``1 / (1 + exp(-(slope * score + offset)))``."""

    slope: float
    offset: float

    def probability(self, scores: Array) -> Array:
        """Return the probability of the second class for scores of any shape."""
        from scipy.special import expit  # SciPy takes a moment to load, which the window does not wait for

        return np.asarray(expit(self.slope * scores + self.offset))


def calibrate(scores: Array, high: NDArray[np.bool_], weight: Array) -> Calibration:
    """Fit a calibration to scores of windows that the head has not seen.

    Parameters
    ----------
    scores : ndarray, shape (n_windows,)
        Of trials left out.
    high : ndarray of bool, shape (n_windows,)
        Class.
    weight : ndarray, shape (n_windows,)
        Of each window; those of a trial sum to 1. Classes are made to weigh the same.
    """
    from scipy import optimize

    scale = float(np.std(scores)) or 1.0
    weights = weight * np.where(high, 0.5 / max(weight[high].sum(), 1e-9), 0.5 / max(weight[~high].sum(), 1e-9))
    weights *= weight.sum()
    signs = np.where(high, 1.0, -1.0)

    def loss(parameters: Array) -> float:
        margin = signs * (parameters[0] * scores / scale + parameters[1])
        return float(np.sum(weights * np.logaddexp(0.0, -margin)) + _PRIOR * np.sum(parameters**2) / 2)

    slope, offset = optimize.minimize(loss, np.array([1.0, 0.0]), method="BFGS").x
    # A head that is wrong more often than right is not turned round: it says nothing.
    return Calibration(max(0.0, float(slope)) / scale, float(offset))


def calibration_error(probability: Array, high: NDArray[np.bool_], weight: Array) -> float:
    """Return the expected calibration error over ten bins of the more probable class's probability."""
    confidence = np.maximum(probability, 1 - probability)
    right = (probability > 0.5) == high
    bins = np.minimum(((confidence - 0.5) * 2 * _BINS).astype(int), _BINS - 1)
    total = 0.0
    for number in range(_BINS):
        inside = bins == number
        if inside.any():
            share = weight[inside]
            total += abs(np.sum(share * (right[inside] - confidence[inside])))
    return float(total / weight.sum())


def fit_sets(probability: Array, high: NDArray[np.bool_], trial: NDArray[np.int64]) -> Conformal | None:
    """Find the thresholds with which a window of a new trial has its true class in the set, nine times in ten.

    Windows of a trial are alike, so that a trial counts as one however many it has, and one trial more is taken to be
    worse than all (Lee, Barber & Willett 2023, *Distribution-free inference with hierarchical data*, arXiv 2306.06342).

    Parameters
    ----------
    probability : ndarray, shape (n_windows,)
        Of the second class, for windows of trials left out.
    high : ndarray of bool, shape (n_windows,)
        Class.
    trial : ndarray of int64, shape (n_windows,)
        Index of each window's trial, from 0 on.

    Returns
    -------
    Conformal or None
        None where there are too few trials for that coverage.
    """
    counts = np.bincount(trial)
    scores = np.where(high, 1 - probability, probability)
    order = np.argsort(scores)
    mass = np.cumsum(1 / counts[trial[order]]) / (len(counts) + 1)
    enough = int(np.searchsorted(mass, _COVERAGE - 1e-9))
    if enough == len(scores):
        return None
    threshold = float(scores[order[enough]])
    return Conformal(
        coverage=_COVERAGE, thresholds=(threshold, threshold), kind="marginal", of="window", n_windows=len(scores)
    )
