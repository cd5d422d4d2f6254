"""What a simple method reaches on the same windows: log band power and logistic regression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import DatasetError
from bci_app.preprocessing.spec import LogBandPowerToken, PreprocessingSpec, RestBaseline
from offline.datasets.base import Split, WindowSet

REFERENCE_NAME = "log band power (4 bands) and logistic regression"
_BANDS = ((4, 8), (8, 13), (13, 30), (30, 45))


def reference_preprocessing(spec: PreprocessingSpec, *, referenced: bool = True) -> PreprocessingSpec:
    """Give the reference's preprocessing: the same windows as a network's.

    Theta, alpha, beta and gamma power. Where the rest baseline has several windows and the network's is not their
    mean alone, each feature is z-scored against it; else it is the log ratio to the mean, or the power itself.
    Recordings that are `referenced` stay so: the common average makes this method worse (docs/compact-preset.md).
    """
    baseline = spec.baseline
    if isinstance(baseline, RestBaseline) and baseline.kind != "template" and spec.baseline_windows >= 2:
        baseline = RestBaseline(kind="feature", samples=baseline.samples)
    return spec.model_copy(
        update={
            "steps": tuple(step for step in spec.steps if not (referenced and step.mixes_channels)),
            "token": LogBandPowerToken(bands=_BANDS),
            "baseline": baseline,
            "across_channels": False,
        }
    )


def require_same_windows(windows: WindowSet, features: WindowSet) -> None:
    """Check that the reference's windows, which are made by themselves, are those of the network.

    Raises
    ------
    DatasetError
        If subjects, trials or times differ.
    """
    if windows.subjects != features.subjects:
        differ = sorted(set(windows.subjects) ^ set(features.subjects)) or ["their order"]
        found = f"subjects that one of them lacks: {', '.join(differ)}"
    elif len(windows) != len(features):
        found = f"{len(features)} windows for the network's {len(windows)}"
    elif not (
        np.array_equal(windows.subject, features.subject)
        and np.array_equal(windows.trial, features.trial)
        and np.array_equal(windows.last, features.last)
    ):
        found = "windows of other trials or times"
    else:
        return
    raise DatasetError(
        "The reference cannot stand beside the network",
        found=found,
        expected="the same windows of the same subjects for both",
        fix="See that the recordings do not change meanwhile, name --subjects that can be used, and give a new --out.",
    )


def reference_probabilities(windows: WindowSet, splits: Sequence[Split], target: int) -> NDArray[np.float64]:
    """Fit the reference on each split's training and validation windows and score its test windows.

    Features beyond five (standard deviations of rest, or units of log power) are limited to it; classes count the
    same. A class that training lacks is never named.

    Returns
    -------
    ndarray of float64, shape (n_windows, n_classes)
        NaN where no split tests.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features = np.clip(windows.tokens.reshape(len(windows), -1), -5, 5).astype(np.float64)
    labels = windows.labels[:, target]
    probabilities = np.full((len(windows), len(windows.targets[target].classes)), np.nan)
    for split in splits:
        known = np.concatenate([split.train, split.validation])
        if len(np.unique(labels[known])) < 2:
            probabilities[split.test] = np.eye(probabilities.shape[1])[labels[known[0]]]
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000))
        model.fit(features[known], labels[known])
        found = np.zeros((len(split.test), probabilities.shape[1]))
        found[:, model.classes_] = model.predict_proba(features[split.test])
        probabilities[split.test] = found
    return probabilities
