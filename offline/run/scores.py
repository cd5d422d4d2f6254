"""Scores of a cross-validated run, the network beside the reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.spec import Score
from bci_app.preprocessing.spec import PreprocessingSpec
from offline.datasets.base import Split, WindowSet
from offline.metrics import (
    Predictions,
    accuracy,
    balanced_accuracy,
    expected_calibration_error,
    majority_baseline,
    rolling_mean,
    softmax,
    subject_interval,
)
from offline.presets import ROLLING_SECONDS
from offline.run.fold import FoldResult
from offline.run.reference import REFERENCE_NAME


def pooled(
    windows: WindowSet, splits: Sequence[Split], results: Sequence[FoldResult], target: int, *, which: str = "found"
) -> NDArray[np.float64]:
    """Give calibrated probabilities (n_windows, n_classes) of one target; NaN where no split tests."""
    classes = len(windows.targets[target].classes)
    probabilities = np.full((len(windows), classes), np.nan)
    for split, result in zip(splits, results, strict=True):
        logits = result.logits[which][:, target, :classes].astype(np.float64)
        probabilities[split.test] = softmax(logits / result.summary.temperatures[target])
    return probabilities


def tested(windows: WindowSet, probabilities: NDArray[np.float64], target: int) -> Predictions:
    """Take the windows that were tested, in time order within each trial."""
    index = np.flatnonzero(np.isfinite(probabilities[:, 0]))
    index = index[np.lexsort((windows.seconds[index], windows.trial[index]))]
    return Predictions(
        probabilities[index], windows.labels[index, target], windows.subject[index], windows.trial[index]
    )


def score(
    predictions: Predictions,
    target: str,
    preprocessing: PreprocessingSpec,
    *,
    reference: Predictions | None = None,
) -> Score:
    """Score one target over all tested windows."""
    probabilities, labels, subject, trial = predictions
    predicted = probabilities.argmax(axis=1)
    rolled = rolling_mean(probabilities, trial, rolling_windows(preprocessing)).argmax(axis=1)
    return Score(
        target=target,
        balanced_accuracy=balanced_accuracy(predicted, labels),
        accuracy=accuracy(predicted, labels),
        majority_baseline=majority_baseline(labels),
        n_windows=len(labels),
        rolling_balanced_accuracy=balanced_accuracy(rolled, labels),
        rolling_seconds=ROLLING_SECONDS,
        expected_calibration_error=expected_calibration_error(probabilities, labels),
        interval=subject_interval(predicted, labels, subject),
        reference_method=REFERENCE_NAME if reference else None,
        reference_balanced_accuracy=(
            balanced_accuracy(reference.probabilities.argmax(axis=1), reference.labels) if reference else None
        ),
    )


def rolling_windows(preprocessing: PreprocessingSpec) -> int:
    """Windows in a rolling mean over `ROLLING_SECONDS`."""
    return max(1, round(ROLLING_SECONDS / preprocessing.hop_seconds))
