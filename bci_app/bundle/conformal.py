"""Conformal prediction: the set of classes that a window may belong to, with a stated coverage.

Sadinle, Lei & Wasserman 2019, *Least ambiguous set-valued classifiers with bounded error levels*, JASA 114. The score
of a class is one minus its probability; a class is in the set if its score is at most a threshold, which is a quantile
of the scores of the true classes of people held out. Offline evaluation and live sessions call this code.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from bci_app.preprocessing.base import Frozen

Coverage = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]


class Conformal(Frozen):
    """How the sets of one target are made.

    Attributes
    ----------
    coverage : float
        Share of the windows whose set is stated to hold the true class.
    thresholds : tuple of float
        Largest score of each class that is in the set; all the same where they are marginal.
    kind : {"class", "marginal"}
        Whether the coverage is stated for every class by itself, or for all windows together.
    of : {"window", "smoothed"}
        Which probabilities the sets are made of.
    n_windows : int
        Windows that the thresholds were found on.
    montage : str or None
        Montage that they hold for, a name among the scores per montage; None for every other one.
    """

    coverage: Coverage
    thresholds: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    kind: Literal["class", "marginal"] = "class"
    of: Literal["window", "smoothed"] = "smoothed"
    n_windows: Annotated[int, Field(ge=1)]
    montage: str | None = None


def fit_conformal(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int64],
    *,
    coverage: float,
    kind: Literal["class", "marginal"] = "class",
    of: Literal["window", "smoothed"] = "smoothed",
    montage: str | None = None,
) -> Conformal:
    """Find the thresholds on windows that the model was not trained on.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n_windows, n_classes)
        Calibrated probabilities, smoothed over time where `of` says so.
    labels : ndarray of int64, shape (n_windows,)
        True classes.
    coverage : float
        Share of the windows whose set should hold the true class.
    kind, of, montage
        As in `Conformal`.

    Returns
    -------
    Conformal
        A class without windows has the threshold 1: it is in every set.
    """
    scores = 1 - probabilities[np.arange(len(labels)), labels]
    groups = [labels == index if kind == "class" else labels >= 0 for index in range(probabilities.shape[1])]
    thresholds = tuple(_quantile(scores[group], coverage) for group in groups)
    return Conformal(coverage=coverage, thresholds=thresholds, kind=kind, of=of, n_windows=len(labels), montage=montage)


def _quantile(scores: NDArray[np.float64], coverage: float) -> float:
    """Return the quantile that covers a new score with this probability, 1 if there are too few."""
    rank = int(np.ceil((len(scores) + 1) * coverage))
    return 1.0 if rank > len(scores) else float(np.clip(np.sort(scores)[rank - 1], 0.0, 1.0))


def prediction_sets(probabilities: NDArray[np.float64], conformal: Conformal) -> NDArray[np.bool_]:
    """Return which classes are in the set of each window.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (..., n_classes)
        Calibrated probabilities.
    conformal : Conformal
        The thresholds.

    Returns
    -------
    ndarray of bool, shape (..., n_classes)
        A row with exactly one True is an answer. Any other is "I don't know".
    """
    return 1 - probabilities <= np.array(conformal.thresholds)
