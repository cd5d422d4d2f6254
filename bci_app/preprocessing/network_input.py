"""From the features of a window to the input of a network: rest baseline, then normalisation across channels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import PreprocessingError
from bci_app.preprocessing.baseline import SMALLEST_SD, NoBaseline, Rest
from bci_app.preprocessing.spec import PreprocessingSpec


def measure_rest(spec: PreprocessingSpec, windows: Sequence[NDArray[np.float64]]) -> Rest | None:
    """Measure the rest baseline.

    Parameters
    ----------
    spec : PreprocessingSpec
        Says what is measured.
    windows : sequence of ndarray, shape (n_channels, n_features)
        Features of the first `spec.baseline_windows` windows of a rest recording; further ones are
        ignored, so that everyone spends the same seconds.

    Returns
    -------
    Rest or None
        None where the model needs no baseline.

    Raises
    ------
    PreprocessingError
        If the recording is too short.
    """
    if isinstance(spec.baseline, NoBaseline):
        return None
    needed = spec.baseline_windows
    if len(windows) < needed:
        raise PreprocessingError(
            "The rest recording is too short for the baseline",
            found=f"{len(windows)} windows",
            expected=f"{needed} windows ({spec.baseline.samples / spec.rate:g} s)",
            fix="Record a longer rest.",
        )
    return spec.baseline.measure(windows[:needed])


def network_input(spec: PreprocessingSpec, features: NDArray[np.float64], rest: Rest | None) -> NDArray[np.float32]:
    """Refer features to rest and normalise them: the input of the network.

    Parameters
    ----------
    spec : PreprocessingSpec
        The model's preprocessing.
    features : ndarray of float64, shape (n_channels, n_features)
        Features of one window.
    rest : Rest or None
        The session's baseline, where the model needs one.

    Returns
    -------
    ndarray of float32, shape (n_channels, n_features)
        Twice as many features as given where the baseline adds the shape of the spectrum.

    Raises
    ------
    PreprocessingError
        If the model needs a baseline and there is none.
    """
    if not isinstance(spec.baseline, NoBaseline):
        if rest is None:
            raise PreprocessingError(
                "The model needs a rest baseline", found="none", expected="one measured in this session"
            )
        referred = (features - rest.mean) / rest.sd
        if spec.baseline.shape:
            shape = features - features.mean(axis=1, keepdims=True)
            referred = np.concatenate([referred, shape], axis=1)
        features = referred
    if spec.across_channels:
        mean = features.mean(axis=0)
        sd = features.std(axis=0)
        features = (features - mean) / np.maximum(sd, SMALLEST_SD)
    return features.astype(np.float32)
