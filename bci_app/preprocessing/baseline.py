"""The rest baseline: what a session measures of a person's rest, and how tokens are referred to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from bci_app.preprocessing.base import Frozen

SMALLEST_SD = 1e-6
"""Smaller standard deviations are those of a dead channel; dividing by them would turn rounding into a signal."""


@dataclass(frozen=True, eq=False)
class Rest:
    """What a session measured of a person's rest.

    Attributes
    ----------
    mean, sd : ndarray of float64, shape (n_channels, n_features) or (n_channels, 1)
        Subtracted from, and divided out of, every token.
    bad : tuple of int
        Channels that carried no brain signal at some time of the rest.
    powers : ndarray of float64, shape (n_bands, n_channels), or None
        Log powers that artefacts are judged against (`bci_app.engine.artefact`); None where too little of the rest
        was there to measure them. No prediction depends on them.
    """

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    bad: tuple[int, ...] = ()
    powers: NDArray[np.float64] | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rest):
            return NotImplemented
        return self.bad == other.bad and np.array_equal(self.mean, other.mean) and np.array_equal(self.sd, other.sd)


class NoBaseline(Frozen):
    """Tokens are used as they are."""

    kind: Literal["none"] = "none"

    def describe(self, rate: float) -> str:
        """Return nothing: no step is taken."""
        return ""


class RestBaseline(Frozen):
    """Tokens are referred to the same person's rest.

    Attributes
    ----------
    kind : {"template", "channel", "feature"}
        ``template``: subtract the mean baseline window (the segment mean of the TNAS paper).
        ``channel``: z-score with one mean and standard deviation a channel.
        ``feature``: z-score with a mean and standard deviation for each feature of each channel.
    samples : int
        Length of the rest period at the model rate, from the first sample, warm-up included.
    shape : bool
        Append the shape of the spectrum to each token: its features less their mean, not referred to rest. What is
        like rest is then known to be like whose rest.
    """

    kind: Literal["template", "channel", "feature"]
    samples: Annotated[int, Field(gt=0)]
    shape: bool = False

    def measure(self, windows: Sequence[NDArray[np.float64]]) -> Rest:
        """Measure the baseline from the features of rest windows, each of shape (n_channels, n_features)."""
        stacked = np.stack(windows)  # (n_windows, n_channels, n_features)
        if self.kind == "template":
            mean = stacked.mean(axis=0)
            return Rest(mean, np.ones_like(mean))
        axes = (0,) if self.kind == "feature" else (0, 2)
        mean = stacked.mean(axis=axes, keepdims=True)[0]
        sd = stacked.std(axis=axes, keepdims=True)[0]
        return Rest(mean, np.maximum(sd, SMALLEST_SD))

    def describe(self, rate: float) -> str:
        """Return how tokens are referred to rest, as a part of a sentence; `rate` is the model's in Hz."""
        how = {
            "template": "less the mean window",
            "channel": "z-scored per channel against the windows",
            "feature": "z-scored per feature against the windows",
        }[self.kind]
        beside = ", beside the shape of the spectrum" if self.shape else ""
        return f"{how} of {self.samples / rate:g} s of rest{beside}"


Baseline = Annotated[NoBaseline | RestBaseline, Field(discriminator="kind")]
