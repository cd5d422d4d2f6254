"""The rest baseline, and the last steps to the input of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import PreprocessingError
from bci_app.preprocessing.spec import NoBaseline, PreprocessingSpec

# Standard deviations below this are those of a dead channel; dividing by them would make noise.
_SMALLEST_SD = 1e-6


@dataclass(frozen=True, eq=False)
class Rest:
    """What a session measured of a person's rest.

    Attributes
    ----------
    mean, sd : ndarray of float64, shape (n_channels, n_features) or (n_channels, 1)
        Subtracted from, and divided out of, every token.
    bad : tuple of int
        Channels that carried no brain signal at some time of the rest.
    """

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    bad: tuple[int, ...] = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rest):
            return NotImplemented
        return self.bad == other.bad and np.array_equal(self.mean, other.mean) and np.array_equal(self.sd, other.sd)


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
    stacked = np.stack(windows[:needed])  # (n_windows, n_channels, n_features)
    if spec.baseline.kind == "template":
        mean = stacked.mean(axis=0)
        return Rest(mean, np.ones_like(mean))
    axes = (0,) if spec.baseline.kind == "feature" else (0, 2)
    mean = stacked.mean(axis=axes, keepdims=True)[0]
    sd = stacked.std(axis=axes, keepdims=True)[0]
    return Rest(mean, np.maximum(sd, _SMALLEST_SD))


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
        features = (features - rest.mean) / rest.sd
    if spec.across_channels:
        mean = features.mean(axis=0, keepdims=True)
        sd = features.std(axis=0, keepdims=True)
        features = (features - mean) / np.maximum(sd, _SMALLEST_SD)
    return features.astype(np.float32)
