"""The reference that stands beside every run: log band power and logistic regression on the same windows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import DatasetError
from bci_app.preprocessing.spec import PreprocessingSpec
from offline.baselines import REFERENCE
from offline.datasets.base import Split, WindowSet
from offline.run.baselines import fold_of

REFERENCE_NAME = REFERENCE.title


def require_same_windows(windows: WindowSet, features: WindowSet) -> None:
    """Check that the windows of a baseline, which are made separately, are those of the network.

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
        fix="See that the recordings do not change meanwhile, name --subjects that can be used, and take a new --out.",
    )


def reference_preprocessing(spec: PreprocessingSpec, *, referenced: bool = True) -> PreprocessingSpec:
    """Return the reference's preprocessing: the same windows as a network's."""
    return REFERENCE.inputs(spec, referenced)


def reference_probabilities(
    features: WindowSet, splits: Sequence[Split], target: int, spec: PreprocessingSpec
) -> NDArray[np.float64]:
    """Fit the reference on each split's training and validation windows and score its test windows.

    Parameters
    ----------
    features : WindowSet
        All windows as `spec`, the reference's preprocessing, makes them.
    splits : sequence of Split
        What trains and tests.
    target : int
        Column of the labels.
    spec : PreprocessingSpec
        That of the features.

    Returns
    -------
    ndarray of float64, shape (n_windows, n_classes)
        NaN where no split tests.
    """
    probabilities = np.full((len(features), len(features.targets[target].classes)), np.nan)
    for split in splits:
        probabilities[split.test] = REFERENCE.probabilities(fold_of(features, split, target, spec))
    return probabilities
