"""Classifiers of scikit-learn on features of each window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from offline.baselines.base import Baseline, Floats, Fold
from offline.metrics import fit_temperature, softmax

_LIMIT = 5
_MOST_FOR_SVM = 10_000


def logistic(inverse_penalty: float = 0.01) -> Any:
    """Return a strongly regularised logistic regression; classes count the same."""
    return LogisticRegression(C=inverse_penalty, class_weight="balanced", max_iter=2000)


def discriminant() -> Any:
    """Return a linear discriminant analysis with the shrinkage of Ledoit & Wolf; classes count the same."""
    return _Balanced(solver="lsqr", shrinkage="auto")


class _Balanced(LinearDiscriminantAnalysis):
    """Linear discriminant analysis whose classes count the same, however many there are."""

    def fit(self, X: Any, y: Any) -> Any:
        self.priors = np.full(len(np.unique(y)), 1 / len(np.unique(y)))
        return super().fit(X, y)


def features(fold: Fold) -> Floats:
    """Return the features of every window, shape (n_windows, n_features).

    Those beyond five (standard deviations of rest, or units of log power) are limited to it.
    """
    return np.clip(fold.tokens.reshape(len(fold.tokens), -1), -_LIMIT, _LIMIT).astype(np.float64)


def fitted_probabilities(model: Any, fold: Fold, values: Floats) -> Floats:
    """Fit a classifier with probabilities to all windows whose labels are known, and score the tested ones.

    A class that training lacks is never named.
    """
    model.fit(values[fold.known], fold.labels[fold.known])
    found = np.zeros((len(fold.split.test), fold.n_classes))
    found[:, model.classes_] = model.predict_proba(values[fold.split.test])
    return found


@dataclass(frozen=True)
class Linear(Baseline):
    """A linear classifier on standardised features."""

    classifier: Callable[[], Any]

    def predict(self, fold: Fold) -> Floats:
        """Fit the classifier."""
        return fitted_probabilities(make_pipeline(StandardScaler(), self.classifier()), fold, features(fold))


@dataclass(frozen=True)
class SupportVectors(Baseline):
    """A support vector machine with a Gaussian kernel on standardised features.

    Distances to the border become probabilities by a temperature that is fitted on validation windows, as a network's.
    Of more than 10,000 training windows, so many are drawn.
    """

    def predict(self, fold: Fold) -> Floats:
        """Fit the machine once without validation windows for its temperature, and once with them."""
        values = features(fold)
        held = fold.split.validation
        temperature = fit_temperature(
            self._logits(fold, values, fold.split.train, held), fold.labels[held], fold.trial[held]
        )
        return softmax(self._logits(fold, values, fold.known, fold.split.test) / temperature)

    def _logits(self, fold: Fold, values: Floats, known: Any, asked: Any) -> Floats:
        if len(known) > _MOST_FOR_SVM:
            known = np.random.default_rng(fold.seed).choice(known, _MOST_FOR_SVM, replace=False)
        logits = np.full((len(asked), fold.n_classes), -1e3)
        classes = np.unique(fold.labels[known])
        if len(classes) < 2:
            logits[:, classes] = 0.0
            return logits
        model = make_pipeline(StandardScaler(), SVC(class_weight="balanced", decision_function_shape="ovr"))
        model.fit(values[known], fold.labels[known])
        distance = model.decision_function(values[asked])
        logits[:, model.classes_] = np.stack([-distance, distance], axis=1) if distance.ndim == 1 else distance
        return logits
