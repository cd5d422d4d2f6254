"""Ridge classification over trials, for many labellings at once.

What a fold needs of its training trials are sums over their windows: counts, sums and second moments. They do not
depend on the labels, so that one eigendecomposition serves every penalty and every permutation of the labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PENALTIES = (0.01, 0.1, 1.0, 10.0)
"""Penalties that are tried, as shares of a standardised feature's variance."""

_SMALLEST_SD = 1e-9


@dataclass(frozen=True)
class Head:
    """A linear classifier of two classes.

    Attributes
    ----------
    weights : ndarray, shape (n_features,)
        Of the features as they are.
    bias : float
        The score of a window is ``features @ weights + bias``; above 0 for the second class.
    """

    weights: Array
    bias: float

    def scores(self, features: Array) -> Array:
        """Return the scores of windows, (n_windows, n_features) to (n_windows,)."""
        return np.asarray(features @ self.weights + self.bias)


@dataclass(frozen=True)
class TrialSums:
    """Sums over the windows of each trial.

    Attributes
    ----------
    count : ndarray, shape (n_trials,)
        Windows.
    first : ndarray, shape (n_trials, n_features)
        Sums of the features.
    second : ndarray, shape (n_trials, n_features, n_features)
        Sums of their products.
    """

    count: Array
    first: Array
    second: Array

    @classmethod
    def of(cls, features: Array, trial: NDArray[np.int64], n_trials: int) -> TrialSums:
        """Sum windows (n_windows, n_features), each of the trial that `trial` names, every trial counted as one.

        A trial has the weight 1 however many windows it has, so that long trials do not outvote short ones.
        """
        parts = [features[trial == number] for number in range(n_trials)]
        return cls(
            count=np.ones(n_trials),
            first=np.stack([part.mean(axis=0) for part in parts]),
            second=np.stack([part.T @ part / len(part) for part in parts]),
        )


class TrainedFold:
    """The label-free part of ridge classification on some training trials.

    Parameters
    ----------
    trials : ndarray, shape (n_train, n_features)
        Mean of each trial that is learnt from.
    covariance : ndarray, shape (n_features, n_features)
        Of all their windows.
    """

    def __init__(self, trials: Array, covariance: Array) -> None:
        sd = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        self._scale = np.where(sd > _SMALLEST_SD, 1 / np.maximum(sd, _SMALLEST_SD), 0.0)
        values, vectors = np.linalg.eigh(covariance * np.outer(self._scale, self._scale))
        self._values, self._vectors = np.maximum(values, 0.0), vectors
        self._trials = trials
        self._rotated = vectors.T @ (self._scale[:, None] * self._trials.T)  # (n_features, n_train)

    @classmethod
    def among(cls, sums: TrialSums, train: NDArray[np.int64]) -> TrainedFold:
        """Learn from some of the trials."""
        n = sums.count[train].sum()
        mean = sums.first[train].sum(axis=0) / n
        return cls(sums.first[train], sums.second[train].sum(axis=0) / n - np.outer(mean, mean))

    def head(self, labels: Array, penalty: float) -> Head:
        """Fit one labelling, (n_train,) of -1 and 1, with one penalty."""
        difference, middle = _contrasts(labels[:, None])
        weights = (self._inverse(penalty) @ difference)[:, 0]
        return Head(weights, float(-weights @ (self._trials.T @ middle)[:, 0]))

    def scores(self, features: Array, labels: Array, penalties: Sequence[float] = PENALTIES) -> Array:
        """Fit every labelling with every penalty and score windows by each.

        A head is a combination of the training trials, so that what costs time does not grow with the labellings.

        Parameters
        ----------
        features : ndarray, shape (n_windows, n_features)
            Windows to be scored.
        labels : ndarray, shape (n_train, n_labellings)
            -1 or 1 for each training trial. Both classes weigh the same, however many trials they have.
        penalties : sequence of float
            Ridge penalties.

        Returns
        -------
        ndarray, shape (n_penalties, n_windows, n_labellings)
            Above 0 for the second class.
        """
        difference, middle = _contrasts(labels)
        found = np.empty((len(penalties), len(features), labels.shape[1]))
        for number, penalty in enumerate(penalties):
            inverse = self._inverse(penalty)
            between = self._trials @ inverse  # (n_train, n_train)
            bias = -np.einsum("tl,tl->l", middle, between @ difference)
            found[number] = (features @ inverse) @ difference + bias
        return found

    def _inverse(self, penalty: float) -> Array:
        """Return the training trials through the inverse of the penalised covariance, (n_features, n_train)."""
        shrunk = self._vectors @ (self._rotated / (self._values + penalty)[:, None])
        return np.asarray(self._scale[:, None] * shrunk)


def _contrasts(labels: Array) -> tuple[Array, Array]:
    """Return the weights of trials in the difference and in the middle of the class means, (n_train, n_labellings)."""
    high, low = (labels > 0).astype(np.float64), (labels < 0).astype(np.float64)
    high /= np.maximum(high.sum(axis=0), 1)
    low /= np.maximum(low.sum(axis=0), 1)
    return high - low, (high + low) / 2


def balanced_accuracy(scores: Array, high: NDArray[np.bool_], weight: Array) -> Array:
    """Return the balanced accuracy of scores, for many labellings at once.

    Parameters
    ----------
    scores : ndarray, shape (n_windows, n_labellings)
        Above 0 for the second class.
    high : ndarray of bool, shape (n_windows, n_labellings)
        The class.
    weight : ndarray, shape (n_windows,)
        Of each window.

    Returns
    -------
    ndarray, shape (n_labellings,)
        nan where a class has no window.
    """
    right = (scores > 0) == high
    with np.errstate(invalid="ignore"):
        sensitivity = (weight[:, None] * (right & high)).sum(axis=0) / (weight[:, None] * high).sum(axis=0)
        specificity = (weight[:, None] * (right & ~high)).sum(axis=0) / (weight[:, None] * ~high).sum(axis=0)
    return np.asarray((sensitivity + specificity) / 2)
