"""How far each window is from rest: Riemannian distances of covariances, a reference that knows no direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bci_app.preprocessing.spec import BandPass, NoBaseline, PreprocessingSpec, RawToken
from offline.datasets.base import Dataset, Trial, WindowSet
from offline.datasets.windows import rest_windows, scored_windows, trial_pipeline
from offline.presets import POWER_BANDS

SHRINKAGE = 0.05
"""Towards the mean variance: recordings that were cleaned lack rank."""

Floats = NDArray[np.float64]


def rest_distances(dataset: Dataset, spec: PreprocessingSpec, windows: WindowSet) -> Floats | None:
    """Return the distance of each window from the rest baseline in each of four bands.

    The affine-invariant distance (Moakher 2005) of the window's covariance from that of the rest.

    Parameters
    ----------
    dataset : Dataset
        Where the windows came from.
    spec : PreprocessingSpec
        What made their tokens; its rest is the one that counts.
    windows : WindowSet
        The windows.

    Returns
    -------
    ndarray of float64, shape (n_windows, n_bands), or None
        None without a rest baseline.
    """
    if isinstance(spec.baseline, NoBaseline):
        return None
    bands = [_band(spec, low, high) for low, high in POWER_BANDS]
    trials = (trial for subject in windows.subjects for trial in dataset.trials(subject))  # each is read once
    found = [np.stack([_distances(trial, band) for band in bands], axis=1) for trial in trials]
    return np.concatenate(found)


def _band(spec: PreprocessingSpec, low: float, high: float) -> PreprocessingSpec:
    """Return the same windows of the signal in one band."""
    return spec.model_copy(
        update={"steps": (BandPass(low=low, high=high),), "token": RawToken(), "across_channels": False}
    )


def _distances(trial: Trial, spec: PreprocessingSpec) -> Floats:
    """Return the distance of each scored window of a trial, shape (n_windows,)."""
    scored, _ = scored_windows(trial, spec, trial_pipeline(trial, spec))
    if not scored:
        return np.empty(0)
    rest = _covariances(np.stack(rest_windows(trial, spec, trial_pipeline(trial, spec)))).mean(axis=0)
    return _from(_covariances(np.stack([window.features for window in scored])), rest)


def _covariances(signals: Floats) -> Floats:
    """Return shrunk covariances (n, channels, channels) of signals (n, channels, samples)."""
    centred = signals - signals.mean(axis=2, keepdims=True)
    covariance = centred @ centred.swapaxes(1, 2) / signals.shape[2]
    n = covariance.shape[1]
    size = np.trace(covariance, axis1=1, axis2=2)[:, None, None] / n
    return np.asarray((1 - SHRINKAGE) * covariance + (SHRINKAGE * size + 1e-12) * np.eye(n))


def _from(covariances: Floats, rest: Floats) -> Floats:
    """Return the distance of each covariance from that of rest, shape (n,)."""
    whiten = np.linalg.inv(np.linalg.cholesky(rest))
    values = np.linalg.eigvalsh(whiten @ covariances @ whiten.T)
    return np.asarray(np.sqrt((np.log(np.maximum(values, 1e-12)) ** 2).sum(axis=1)))
