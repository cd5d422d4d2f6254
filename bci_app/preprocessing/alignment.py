"""Session alignment: a person's tokens recentred and rescaled over a session, without labels.

What differs most between people and laboratories is the offset and the scale of their tokens. Both are estimated
over the windows of the session so far (exponentially weighted moments, Finch 2009, *Incremental calculation of
weighted mean and variance*) and taken out. Live sessions and offline evaluation run this code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from bci_app.preprocessing.base import Frozen


class NoAlignment(Frozen):
    """Tokens stay as they are."""

    kind: Literal["none"] = "none"

    def describe(self, hop_seconds: float) -> str:
        """Return nothing: no step is taken."""
        return ""


class RunningAlignment(Frozen):
    """Tokens are recentred, and on request rescaled, on the session so far.

    Attributes
    ----------
    windows : int
        Memory in windows: older ones are forgotten exponentially.
    prior : float
        Windows that the start counts for: mean 0 and standard deviation 1 as after a rest baseline. More make the
        beginning of a session change less.
    rescale : bool
        Divide by the standard deviation too.
    max_shift : float
        Largest offset that is subtracted, in units of the tokens.
    max_scale : float
        Largest factor by which tokens are made larger or smaller.
    """

    kind: Literal["running"] = "running"
    windows: Annotated[int, Field(ge=2)]
    prior: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30.0
    rescale: bool = True
    max_shift: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 5.0
    max_scale: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 5.0

    def describe(self, hop_seconds: float) -> str:
        """Return what is taken out and over how long, as a part of a sentence."""
        what = "recentred and rescaled" if self.rescale else "recentred"
        return f"{what} on the session's last {self.windows * hop_seconds:g} s"


Alignment = Annotated[NoAlignment | RunningAlignment, Field(discriminator="kind")]


@dataclass(frozen=True, eq=False)
class AlignmentState:
    """What an alignment has learnt of a session.

    Attributes
    ----------
    mean, variance : ndarray of float64, shape (n_channels, n_features)
        Moments of the tokens so far.
    weight : ndarray of float64, shape (n_channels, 1)
        Windows that they count for.
    """

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    weight: NDArray[np.float64]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AlignmentState):
            return NotImplemented
        pairs = ((self.mean, other.mean), (self.variance, other.variance), (self.weight, other.weight))
        return all(np.array_equal(mine, theirs) for mine, theirs in pairs)


class Aligner:
    """The alignment of one session.

    Parameters
    ----------
    settings : NoAlignment or RunningAlignment
        What is aligned.
    n_channels, n_features : int
        Shape of a window's tokens.
    """

    def __init__(self, settings: NoAlignment | RunningAlignment, n_channels: int, n_features: int) -> None:
        self._settings = settings
        self._shape = n_channels, n_features
        self.reset()

    def reset(self) -> None:
        """Forget the session: another person, or another rest baseline."""
        self._mean = np.zeros(self._shape)
        self._variance = np.ones(self._shape)
        prior = self._settings.prior if isinstance(self._settings, RunningAlignment) else 1.0
        self._weight = np.full((self._shape[0], 1), prior)

    @property
    def state(self) -> AlignmentState | None:
        """What is known of the session; None where nothing is aligned."""
        if isinstance(self._settings, NoAlignment):
            return None
        return AlignmentState(self._mean.copy(), self._variance.copy(), self._weight.copy())

    def restore(self, state: AlignmentState) -> None:
        """Go on from what was known of the session at another time."""
        self._mean, self._variance, self._weight = state.mean.copy(), state.variance.copy(), state.weight.copy()

    def process(self, tokens: NDArray[np.float32], use: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Align a window's tokens on the windows so far, this one included.

        Parameters
        ----------
        tokens : ndarray of float32, shape (n_channels, n_features)
            Tokens after the rest baseline.
        use : ndarray of bool, shape (n_channels,), optional
            Channels whose tokens are remembered; all by default.

        Returns
        -------
        ndarray of float32, shape (n_channels, n_features)
        """
        settings = self._settings
        if isinstance(settings, NoAlignment):
            return tokens
        remembered = np.ones(self._shape[0], dtype=np.bool_) if use is None else use
        self._remember(tokens.astype(np.float64), remembered, settings.windows)
        aligned = tokens - np.clip(self._mean, -settings.max_shift, settings.max_shift)
        if settings.rescale:
            scale = np.sqrt(self._variance)
            aligned = aligned / np.clip(scale, 1 / settings.max_scale, settings.max_scale)
        return aligned.astype(np.float32)

    def _remember(self, tokens: NDArray[np.float64], use: NDArray[np.bool_], windows: int) -> None:
        weight = np.minimum(self._weight[use] + 1, windows)  # (n_used, 1)
        self._weight[use] = weight
        difference = tokens[use] - self._mean[use]
        step = difference / weight
        self._mean[use] += step
        self._variance[use] = (1 - 1 / weight) * (self._variance[use] + difference * step)
