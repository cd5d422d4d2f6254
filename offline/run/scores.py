"""Scores of a cross-validated run, the network beside the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.spec import TargetScore
from bci_app.preprocessing.spec import PreprocessingSpec
from offline.datasets.base import Split, WindowSet
from offline.metrics import (
    Predictions,
    accuracy,
    balanced_accuracy,
    expected_calibration_error,
    fit_temperature,
    grouped_interval,
    macro_f1,
    majority_baseline,
    mean_over,
    rolling_mean,
    scored_apart,
    softmax,
)
from offline.presets import ROLLING_SECONDS
from offline.run.fold import SUBNET, FoldResult
from offline.run.record import REFERENCE, ScoredWindows
from offline.run.reference import REFERENCE_NAME

Floats = NDArray[np.float64]

HOW_SCORED = {
    True: "Each subject has separate networks and is scored apart: balanced accuracy (single, rolling, interval) and "
    "macro-F1 are means over the subjects’ own; the majority baseline names each subject’s own most frequent class. A "
    "subject whose tested windows lack a class counts in accuracy, baseline and calibration error alone.",
    False: "Figures are over the tested windows of all subjects together.",
}
"""How figures come from windows, by whether a protocol is within subjects."""

CALIBRATION = (
    "Every network that is scored has one temperature a target, fitted on validation windows through weights that were "
    "not trained on them. "
)
SHIPPED_CALIBRATION = {
    True: "The exported model’s is fitted in the same way.",
    False: "The exported model’s is fitted in the end on the test windows of all folds, as the folds’ networks predict "
    "them; it is in no score.",
}
"""How probabilities are calibrated, by whether the exported model answers for a protocol within subjects."""


def pooled(windows: WindowSet, results: Sequence[tuple[Split, FoldResult]], target: int, kind: str) -> Floats:
    """Return calibrated probabilities (n_windows, n_classes) of one target; NaN where no split tests."""
    name, classes = windows.targets[target].name, len(windows.targets[target].classes)
    probabilities = np.full((len(windows), classes), np.nan)
    for split, result in results:
        if name not in result.summary.targets:
            continue
        column = result.summary.targets.index(name)
        logits = result.logits[kind][:, column, :classes].astype(np.float64)
        probabilities[split.test] = softmax(logits / result.summary.temperatures[kind][column])
    return probabilities


def with_tested_temperatures(
    windows: WindowSet, result: FoldResult, folds: Sequence[tuple[Split, FoldResult]]
) -> FoldResult:
    """Calibrate the found subnet of a network by what the same subnets of folds say of all their test windows.

    For a network without test windows: those of all folds say more than its few for validation. A line that answers
    in its place was calibrated on all of its windows, each by a line without it.
    """
    temperatures = list(result.summary.temperatures["found"])
    for t, name in enumerate(result.summary.targets):
        if name in result.summary.lines:
            continue
        target = [each.name for each in windows.targets].index(name)
        logits = np.full((len(windows), len(windows.targets[target].classes)), np.nan)
        for split, fold in folds:
            if name in fold.summary.targets:
                column = fold.summary.targets.index(name)
                logits[split.test] = fold.logits[SUBNET][:, column, : logits.shape[1]]
        known = np.isfinite(logits[:, 0])
        temperatures[t] = fit_temperature(logits[known], windows.labels[known, target], windows.trial[known])
    summary = replace(result.summary, temperatures=result.summary.temperatures | {"found": tuple(temperatures)})
    return replace(result, summary=summary)


def tested(windows: WindowSet, probabilities: Mapping[str, Sequence[Floats]]) -> ScoredWindows:
    """Take the windows that were tested, in time order within each trial.

    Parameters
    ----------
    windows : WindowSet
        All windows.
    probabilities : mapping of str to sequence of ndarray
        For each kind of prediction one array (n_windows, n_classes) a target, NaN where nothing was tested.
    """
    first = next(iter(probabilities.values()))[0]
    index = np.flatnonzero(np.isfinite(first[:, 0]))
    index = index[np.lexsort((windows.seconds[index], windows.trial[index]))]
    return ScoredWindows(
        labels=windows.labels[index],
        subject=windows.subject[index],
        trial=windows.trial[index],
        seconds=windows.seconds[index],
        # Rounded as they are kept: the report's figures are those of the run to the last digit.
        probabilities={
            kind: tuple(column[index].astype(np.float32).astype(np.float64) for column in columns)
            for kind, columns in probabilities.items()
        },
    )


def predictions_of(tested: ScoredWindows, kind: str, target: int, *, within_subject: bool) -> Predictions:
    """Take the predictions of one kind for one target."""
    probabilities = tested.probabilities[kind][target]
    return Predictions(probabilities, tested.labels[:, target], tested.subject, tested.trial, within_subject)


def protocol_scores(
    tested: ScoredWindows, targets: Sequence[str], preprocessing: PreprocessingSpec, *, within_subject: bool
) -> dict[str, tuple[TargetScore, ...]]:
    """Score every kind of prediction for every target; the reference stands beside what may ship."""

    def of(kind: str, target: int) -> Predictions:
        return predictions_of(tested, kind, target, within_subject=within_subject)

    scores = {}
    for kind in tested.probabilities:
        beside = REFERENCE if kind in ("found", "int8") else None
        scores[kind] = tuple(
            score(of(kind, t), target, preprocessing, reference=of(beside, t) if beside else None)
            for t, target in enumerate(targets)
        )
    return scores


def score(
    predictions: Predictions,
    target: str,
    preprocessing: PreprocessingSpec,
    *,
    reference: Predictions | None = None,
) -> TargetScore:
    """Score one target over all tested windows, in the way of `HOW_SCORED`."""
    probabilities, labels, subject, trial, within = predictions
    predicted = probabilities.argmax(axis=1)
    rolled = rolling_mean(probabilities, trial, rolling_windows(preprocessing)).argmax(axis=1)
    apart = scored_apart(labels, subject, within_subject=within)
    beside = None
    if reference:
        beside = mean_over(apart, balanced_accuracy, reference.probabilities.argmax(axis=1), labels)
    return TargetScore(
        target=target,
        balanced_accuracy=mean_over(apart, balanced_accuracy, predicted, labels),
        accuracy=accuracy(predicted, labels),
        majority_baseline=majority_baseline(labels, subject if within else None),
        n_windows=len(labels),
        rolling_balanced_accuracy=mean_over(apart, balanced_accuracy, rolled, labels),
        rolling_seconds=ROLLING_SECONDS,
        expected_calibration_error=expected_calibration_error(probabilities, labels),
        interval=grouped_interval(predicted, labels, subject, trial, within_subject=within),
        macro_f1=mean_over(apart, macro_f1, predicted, labels),
        reference_method=REFERENCE_NAME if reference else None,
        reference_balanced_accuracy=beside,
    )


def rolling_windows(preprocessing: PreprocessingSpec) -> int:
    """Windows in a rolling mean over `ROLLING_SECONDS`."""
    return max(1, round(ROLLING_SECONDS / preprocessing.hop_seconds))
