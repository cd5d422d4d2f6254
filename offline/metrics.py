"""Figures of merit of predictions, from probabilities and labels alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, f1_score

from bci_app.errors import DatasetError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LEAST_SUBJECTS = 5
_DRAWS = 2000
_BINS = 10


class Predictions(NamedTuple):
    """Probabilities of one target on windows that the network was not trained on.

    Attributes
    ----------
    probabilities : ndarray of float64, shape (n_windows, n_classes)
        Calibrated.
    labels : ndarray of int64, shape (n_windows,)
        Class indices.
    subject, trial : ndarray of int64, shape (n_windows,)
        Groups; windows of a trial follow each other in time.
    within_subject : bool
        True if each subject has a separate network.
    """

    probabilities: Floats
    labels: Ints
    subject: Ints
    trial: Ints
    within_subject: bool

    def of_subject(self, code: int) -> Predictions:
        """Take the windows of one subject."""
        one = self.subject == code
        return Predictions(self.probabilities[one], self.labels[one], self.subject[one], self.trial[one], False)


def whole_subjects(labels: Ints, subject: Ints) -> list[int]:
    """Return the codes of the subjects who have windows of every class that occurs."""
    classes = len(np.unique(labels))
    return [int(code) for code in np.unique(subject) if len(np.unique(labels[subject == code])) == classes]


def scored_apart(labels: Ints, subject: Ints, *, within_subject: bool) -> list[Ints]:
    """Return the indices of windows that are scored together; a figure is the mean over these groups.

    Where each subject has a separate network, it knows from training which class is the more frequent one of this
    person. Over the windows of several people that alone is better than chance, so each is scored apart. A subject
    who lacks a class has nothing to separate and is left out: chance is then the same for all.

    Raises
    ------
    DatasetError
        If no subject is left, or there is one class only where subjects are scored apart.
    """
    if not within_subject:
        return [np.arange(len(labels), dtype=np.int64)]
    whole = whole_subjects(labels, subject) if len(np.unique(labels)) > 1 else []
    if not whole:
        raise DatasetError(
            "Nobody can be scored apart",
            found=f"{len(np.unique(subject))} subjects, each with tested windows of some classes only",
            expected="a subject with tested windows of every class",
        )
    return [np.flatnonzero(subject == code) for code in whole]


def mean_over(groups: Sequence[Ints], figure: Callable[[Ints, Ints], float], predicted: Ints, labels: Ints) -> float:
    """Return the mean over groups of windows of a figure of predicted classes and labels."""
    return float(np.mean([figure(predicted[group], labels[group]) for group in groups]))


def accuracy(predicted: Ints, labels: Ints) -> float:
    """Return the share of windows whose class is right."""
    return float((predicted == labels).mean())


def balanced_accuracy(predicted: Ints, labels: Ints) -> float:
    """Return the mean, over the classes that occur, of the share of their windows that are right."""
    windows = np.bincount(labels)
    right = np.bincount(labels, weights=predicted == labels)
    return float((right[windows > 0] / windows[windows > 0]).mean())


def majority_baseline(labels: Ints, subject: Ints | None = None) -> float:
    """Return the accuracy of always naming the most frequent class of these labels, or of each subject's own labels."""
    own = [labels] if subject is None else [labels[subject == code] for code in np.unique(subject)]
    return float(sum(np.bincount(some).max() for some in own) / len(labels))


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


@dataclass(frozen=True)
class ConfidenceBin:
    """Windows of like confidence: its mean, how often the predicted class was right, and their share of all."""

    confidence: float
    accuracy: float
    share: float


def confidence_bins(probabilities: Floats, labels: Ints) -> list[ConfidenceBin]:
    """Sort windows into ten evenly spaced bins of confidence; those without windows are left out."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * _BINS).astype(int) - 1, 0, _BINS - 1)
    return [
        ConfidenceBin(float(confidence[inside].mean()), float(right[inside].mean()), float(inside.mean()))
        for inside in (place == b for b in np.unique(place))
    ]


def expected_calibration_error(probabilities: Floats, labels: Ints) -> float:
    """Mean distance of confidence and accuracy over the windows' bins of confidence (Guo et al. 2017)."""
    return float(sum(b.share * abs(b.confidence - b.accuracy) for b in confidence_bins(probabilities, labels)))


def macro_f1(predicted: Ints, labels: Ints) -> float:
    """Mean over the classes that occur of the harmonic mean of precision and recall."""
    return float(f1_score(labels, predicted, labels=np.unique(labels), average="macro", zero_division=0))


def confusion(predicted: Ints, labels: Ints, n_classes: int) -> Ints:
    """Count windows, shape (n_classes, n_classes): true class by row, predicted class by column."""
    return np.asarray(confusion_matrix(labels, predicted, labels=np.arange(n_classes)))


def grouped_interval(
    predicted: Ints, labels: Ints, subject: Ints, trial: Ints, *, within_subject: bool = False, seed: int = 0
) -> tuple[float, float] | None:
    """95 % interval of the balanced accuracy under resampling of what is independent.

    Whole subjects are resampled where there are five or more of them, whole trials otherwise (percentile bootstrap,
    2000 draws). Where subjects are scored apart it is their own balanced accuracies that are resampled, or the trials
    within each. None where there are fewer than two groups of a class: their spread is unknown.
    """
    rng = np.random.default_rng(seed)
    apart = scored_apart(labels, subject, within_subject=within_subject)
    if within_subject and len(apart) >= _LEAST_SUBJECTS:
        own = np.array([balanced_accuracy(predicted[group], labels[group]) for group in apart])
        drawn = own[rng.integers(len(own), size=(_DRAWS, len(own)))].mean(axis=1)
    else:
        several = not within_subject and len(np.unique(subject)) >= _LEAST_SUBJECTS
        unit = subject if several else trial
        each = [_resampled(predicted[group], labels[group], unit[group], rng) for group in apart]
        drawn = np.mean(each, axis=0)
        if np.isnan(drawn).any():
            return None
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def _resampled(predicted: Ints, labels: Ints, unit: Ints, rng: np.random.Generator) -> Floats:
    """Return the balanced accuracy of each draw of whole units; NaN if a class has fewer than two of them.

    A draw that lacks a class has no balanced accuracy and is drawn again.
    """
    classes = np.unique(labels)
    units, of_window = np.unique(unit, return_inverse=True)
    # (units, classes): windows, and those that are right
    total = np.zeros((len(units), len(classes)))
    right = np.zeros_like(total)
    column = np.searchsorted(classes, labels)
    np.add.at(total, (of_window, column), 1)
    np.add.at(right, (of_window, column), predicted == labels)
    if ((total > 0).sum(axis=0) < 2).any():
        return np.full(_DRAWS, np.nan)
    draws = np.empty((_DRAWS, len(units)), dtype=np.int64)
    sums = np.zeros((_DRAWS, len(classes)))
    while (lacking := (sums == 0).any(axis=1)).any():
        draws[lacking] = rng.integers(len(units), size=(int(lacking.sum()), len(units)))
        sums[lacking] = total[draws[lacking]].sum(axis=1)
    return np.asarray((right[draws].sum(axis=1) / sums).mean(axis=1))


def softmax(logits: Floats) -> Floats:
    """Softmax over the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def fit_temperature(
    logits: Floats, labels: Ints, groups: Ints | None = None, *, centre: float = 1.0, spread: float = 0.5
) -> float:
    """Find the temperature that minimises the negative log likelihood (Guo et al. 2017).

    Classes count the same, however frequent. Windows of one group resemble each other, so that a few groups say
    little: a group weighs like one window, and the temperature is expected near `centre`.

    Parameters
    ----------
    logits : ndarray, shape (n_windows, n_classes)
        Of data that the weights were not fitted to.
    labels : ndarray of int64, shape (n_windows,)
        Class indices.
    groups : ndarray of int64, shape (n_windows,), optional
        Recording or trial of each window; every window by itself without it.
    centre, spread : float
        What the temperature is expected to be before anything is known, and the standard deviation of its logarithm.

    Returns
    -------
    float
        From a twentieth of the smaller of 1 and `centre` to twenty times the larger. It is `centre` if there is one
        class only, which says nothing about how sure to be.
    """
    if len(np.unique(labels)) < 2:
        return centre
    from scipy.optimize import minimize_scalar

    weight = 1.0 / np.bincount(labels)[labels]
    weight *= (len(labels) if groups is None else len(np.unique(groups))) / weight.sum()
    expected = np.log(centre)

    def loss(log_temperature: float) -> float:
        probability = softmax(logits / np.exp(log_temperature))[np.arange(len(labels)), labels]
        likelihood = (weight * np.log(np.maximum(probability, 1e-300))).sum()
        return float(((log_temperature - expected) / spread) ** 2 / 2 - likelihood)

    bounds = min(expected, 0) - np.log(20.0), max(expected, 0) + np.log(20.0)
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))
