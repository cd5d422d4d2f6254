"""The domain check: how far a window lies from those that the model was trained on.

The distance is that of Mahalanobis (1936) from the mean of the training windows, per dimension, so that a typical
training window has a distance near 1. It is stated over a threshold, so that more than 1 is unlike the training data.
Offline evaluation and live sessions call this code.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from bci_app.preprocessing.base import Frozen, PositiveFloat

Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Space = Literal["embedding", "tokens"]


class DomainStatistics(Frozen):
    """Where the windows of training lie.

    Attributes
    ----------
    of : {"embedding", "tokens"}
        What is looked at: the network's embedding, or the mean of its tokens over the channels.
    mean : tuple of float
        Mean of the training windows, shape (n_dimensions,).
    precision : tuple of tuple of float
        Inverse of their covariance, shape (n_dimensions, n_dimensions).
    quantiles : tuple of (float, float)
        Shares of held-out windows, and the distances (before the threshold) that they stay within.
    threshold : float
        Distance from which a window is unlike the training data.
    montage : str or None
        Montage that they hold for, a name among the scores per montage; None for every other one.
    """

    of: Space
    mean: tuple[float, ...]
    precision: tuple[tuple[float, ...], ...]
    quantiles: tuple[tuple[Fraction, float], ...] = ()
    threshold: PositiveFloat
    montage: str | None = None

    @model_validator(mode="after")
    def _square(self) -> Self:
        n = len(self.mean)
        if not n or len(self.precision) != n or any(len(row) != n for row in self.precision):
            raise ValueError(f"a precision that is not {n} by {n}")
        if not np.isfinite(self.mean).all() or not np.isfinite(self.precision).all():
            raise ValueError("domain statistics that are not finite")
        return self


class DomainCheck:
    """The distances of windows from the training data."""

    def __init__(self, statistics: DomainStatistics) -> None:
        self.statistics = statistics
        self._mean = np.array(statistics.mean)
        self._precision = np.array(statistics.precision)

    def distance(self, tokens: NDArray[np.float32], embedding: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the distance of each window over the threshold.

        Parameters
        ----------
        tokens : ndarray of float32, shape (n_windows, n_channels, n_features)
            Network input.
        embedding : ndarray of float32, shape (n_windows, embedding_dim)
            What the network computed from it.

        Returns
        -------
        ndarray of float64, shape (n_windows,)
            More than 1 is unlike the training data.
        """
        points = domain_points(self.statistics.of, tokens, embedding)
        return mahalanobis(points, self._mean, self._precision) / self.statistics.threshold


def domain_points(of: Space, tokens: NDArray[np.float32], embedding: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return what the domain check looks at, shape (n_windows, n_dimensions)."""
    return (embedding if of == "embedding" else tokens.mean(axis=1)).astype(np.float64)


def mahalanobis(
    points: NDArray[np.float64], mean: NDArray[np.float64], precision: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the root mean square distance per dimension.

    Parameters
    ----------
    points : ndarray of float64, shape (n_points, n_dimensions)
        Points.
    mean, precision : ndarray of float64, shapes (n_dimensions,) and (n_dimensions, n_dimensions)
        Centre and inverse covariance.

    Returns
    -------
    ndarray of float64, shape (n_points,)
    """
    centred = points - mean
    squared: NDArray[np.float64] = np.einsum("pi,ij,pj->p", centred, precision, centred) / len(mean)
    distances: NDArray[np.float64] = np.sqrt(np.maximum(squared, 0.0))
    return distances


def fit_domain(
    training: NDArray[np.float64],
    held_out: NDArray[np.float64],
    *,
    of: Space,
    share: float = 0.95,
    shrinkage: float = 0.1,
    montage: str | None = None,
) -> DomainStatistics:
    """Measure where the training windows lie, and how far people lie from them whom training never saw.

    Parameters
    ----------
    training, held_out : ndarray of float64, shape (n_windows, n_dimensions)
        As `domain_points` returns them.
    of, montage
        As in `DomainStatistics`.
    share : float
        Share of the held-out windows that lie within the threshold.
    shrinkage : float
        Weight of the diagonal in the covariance, 0 to 1 (Ledoit & Wolf 2004 use the same form).
    """
    mean = training.mean(axis=0)
    covariance = np.atleast_2d(np.cov(training, rowvar=False))
    scale = float(np.trace(covariance)) / len(mean)
    shrunk = (1 - shrinkage) * covariance + shrinkage * max(scale, 1e-12) * np.eye(len(mean))
    precision = np.linalg.inv(shrunk).astype(np.float64)
    distances = mahalanobis(held_out, mean, precision)
    shares = sorted({0.5, 0.9, 0.95, 0.99, share})
    return DomainStatistics(
        of=of,
        mean=tuple(mean.tolist()),
        precision=tuple(tuple(row) for row in precision.tolist()),
        quantiles=tuple((part, float(np.quantile(distances, part))) for part in shares),
        threshold=float(np.quantile(distances, share)),
        montage=montage,
    )
