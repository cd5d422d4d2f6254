"""Figures of merit of predictions, from probabilities and labels alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LEAST_SUBJECTS = 5
# Of the logarithm of the temperatures that networks are expected to need.
_TEMPERATURE_SPREAD = 0.5


class Predictions(NamedTuple):
    """Probabilities of one target on windows that the network never met.

    Attributes
    ----------
    probabilities : ndarray of float64, shape (n_windows, n_classes)
        Calibrated.
    labels : ndarray of int64, shape (n_windows,)
        Class indices.
    subject, trial : ndarray of int64, shape (n_windows,)
        Groups; windows of a trial follow each other in time.
    """

    probabilities: Floats
    labels: Ints
    subject: Ints
    trial: Ints


def accuracy(predicted: Ints, labels: Ints) -> float:
    """Give the share of windows whose class is right."""
    return float((predicted == labels).mean())


def balanced_accuracy(predicted: Ints, labels: Ints) -> float:
    """Mean, over the classes that occur, of the share of their windows that are right."""
    return float(np.mean([(predicted[labels == c] == c).mean() for c in np.unique(labels)]))


def majority_baseline(labels: Ints) -> float:
    """Give the accuracy of always naming the most frequent class of these labels."""
    return float(np.bincount(labels).max() / len(labels))


def rolling_mean(probabilities: Floats, trial: Ints, windows: int) -> Floats:
    """Average each window's probabilities with those of the windows before it in its trial.

    Parameters
    ----------
    probabilities : ndarray, shape (n_windows, n_classes)
        In time order within each trial.
    trial : ndarray of int64, shape (n_windows,)
        Groups that are not averaged across.
    windows : int
        Most windows in a mean, the current one included; fewer at the beginning of a trial.
    """
    result = np.empty_like(probabilities)
    for code in np.unique(trial):
        index = np.flatnonzero(trial == code)
        total = np.concatenate([np.zeros((1, probabilities.shape[1])), np.cumsum(probabilities[index], axis=0)])
        end = np.arange(1, len(index) + 1)
        start = np.maximum(0, end - windows)
        result[index] = (total[end] - total[start]) / (end - start)[:, None]
    return result


def expected_calibration_error(probabilities: Floats, labels: Ints, *, bins: int = 10) -> float:
    """Mean distance of confidence and accuracy over evenly spaced bins of confidence (Guo et al. 2017)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    error = 0.0
    for b in np.unique(place):
        inside = place == b
        error += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    return float(error)


def macro_f1(predicted: Ints, labels: Ints) -> float:
    """Mean over the classes that occur of the harmonic mean of precision and recall."""
    scores = []
    for c in np.unique(labels):
        hit = np.sum((predicted == c) & (labels == c))
        scores.append(2 * hit / (np.sum(predicted == c) + np.sum(labels == c)))
    return float(np.mean(scores))


def confusion(predicted: Ints, labels: Ints, n_classes: int) -> Ints:
    """Count windows, shape (n_classes, n_classes): true class by row, predicted class by column."""
    return np.bincount(labels * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


def grouped_interval(
    predicted: Ints, labels: Ints, subject: Ints, trial: Ints, *, seed: int = 0
) -> tuple[float, float] | None:
    """95 % interval of the balanced accuracy under resampling of what is independent.

    Whole subjects are resampled where there are five or more of them, whole trials otherwise (percentile bootstrap,
    2000 draws). None where there are fewer than two groups of a class: their spread is unknown.
    """
    several = len(np.unique(subject)) >= _LEAST_SUBJECTS
    classes = np.unique(labels)
    groups, of_window = np.unique(subject if several else trial, return_inverse=True)
    # (groups, classes): windows, and those that are right
    total = np.zeros((len(groups), len(classes)))
    right = np.zeros_like(total)
    column = np.searchsorted(classes, labels)
    np.add.at(total, (of_window, column), 1)
    np.add.at(right, (of_window, column), predicted == labels)
    if ((total > 0).sum(axis=0) < 2).any():
        return None
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(groups), size=(2000, len(groups)))
    sums = total[draws].sum(axis=1)
    recall = np.divide(right[draws].sum(axis=1), sums, out=np.full_like(sums, np.nan), where=sums > 0)
    low, high = np.quantile(np.nanmean(recall, axis=1), (0.025, 0.975))
    return float(low), float(high)


def softmax(logits: Floats) -> Floats:
    """Softmax over the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def fit_temperature(logits: Floats, labels: Ints, groups: Ints | None = None) -> float:
    """Find the temperature that minimises the negative log likelihood (Guo et al. 2017).

    Classes count the same, however frequent. Windows of one group resemble each other, so that a few groups say
    little: a group weighs like one window, and the logarithm of the temperature is expected near 0, with a standard
    deviation of 0.5.

    Parameters
    ----------
    logits : ndarray, shape (n_windows, n_classes)
        Of data that the weights were not fitted to.
    labels : ndarray of int64, shape (n_windows,)
        Class indices.
    groups : ndarray of int64, shape (n_windows,), optional
        Recording or trial of each window; every window by itself without it.

    Returns
    -------
    float
        Between 0.05 and 20; 1 if there is one class only, which tells nothing of how sure to be.
    """
    if len(np.unique(labels)) < 2:
        return 1.0
    from scipy.optimize import minimize_scalar

    weight = 1.0 / np.bincount(labels)[labels]
    weight *= (len(labels) if groups is None else len(np.unique(groups))) / weight.sum()

    def loss(log_temperature: float) -> float:
        probability = softmax(logits / np.exp(log_temperature))[np.arange(len(labels)), labels]
        likelihood = (weight * np.log(np.maximum(probability, 1e-300))).sum()
        return float((log_temperature / _TEMPERATURE_SPREAD) ** 2 / 2 - likelihood)

    bound = np.log(20.0)
    return float(np.exp(minimize_scalar(loss, bounds=(-bound, bound), method="bounded").x))
