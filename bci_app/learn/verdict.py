"""What a personal model is worth, before it is used."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bci_app.learn.folds import Array, balanced_accuracy
from bci_app.learn.validation import Trials

LEVEL = 0.01
"""Largest p at which a head is above chance. Stricter than 0.05: it is asked of every participant and target."""

FEWEST_CHANGES = 3
"""Changes of the class from trial to trial that a verdict needs: neighbours share more than their class."""

_BOOTSTRAPS = 2000
# Quantiles of the normal distribution for LEVEL (one-sided) and a power of 0.8.
_QUANTILES = 2.326 + 0.842
_SMALLEST_EFFECT = 0.02
_FEWEST = 6


@dataclass(frozen=True)
class Verdict:
    """What nested leave-trials-out says of a person's head.

    Attributes
    ----------
    target : str
        What it predicts.
    trials : int
        Labelled trials.
    balanced_accuracy : float
        On trials left out.
    interval : tuple of (float, float)
        95 %, by resampling trials.
    chance : tuple of (float, float)
        Central 95 % of what permuted labels reach.
    p : float
        Share of permuted labels that reach as much.
    general_balanced_accuracy : float or None
        Of the bundle's own predictions on the same trials; None if it has no such target.
    artefact_balanced_accuracy : float or None
        Of the same procedure on power of muscle and eyes alone; None where that cannot be measured.
    calibration_error : float
        Expected calibration error on trials left out.
    trials_needed : int or None
        Trials in all that would be needed to be sure, if it goes on like this; None if there is nothing to be seen.
    features, labels : str
        What the head reads, and where the labels come from.
    changes : int
        How often the class changed from one trial to the next of a session.
    """

    target: str
    trials: int
    balanced_accuracy: float
    interval: tuple[float, float]
    chance: tuple[float, float]
    p: float
    general_balanced_accuracy: float | None
    artefact_balanced_accuracy: float | None
    calibration_error: float
    trials_needed: int | None
    features: str
    labels: str
    changes: int

    @property
    def above_chance(self) -> bool:
        """Whether the head is surely better than chance."""
        return self.alternated and self.p <= LEVEL and self.interval[0] > 0.5

    @property
    def alternated(self) -> bool:
        """Whether both classes came again and again: else whatever drifts in a session would separate them."""
        return self.changes >= FEWEST_CHANGES

    @property
    def adopted(self) -> bool:
        """Whether the head is worth using: above chance, and better than the general model."""
        general = self.general_balanced_accuracy
        return self.above_chance and (general is None or self.balanced_accuracy > general)

    @property
    def sentence(self) -> str:
        """The verdict in one plain sentence."""
        name = self.target.replace("_", " ")
        figure = f"{self.balanced_accuracy:.2f} of the time (chance is 0.5)"
        if not self.alternated:
            return (
                f"These {self.trials} trials cannot show whether your {name} is recognised: one class came after the "
                "other, so that anything that changes with time would do. Mix the conditions."
            )
        if not self.above_chance:
            if self.trials_needed is None:
                more = ""
            elif self.trials_needed > self.trials:
                more = f" About {self.trials_needed} trials in all would be needed to be sure."
            else:
                more = (
                    f" It was right {figure}, which may still be luck (p {self.p:.3f}); a few more trials can decide."
                )
            return f"Your {name} cannot be recognised from these {self.trials} trials.{more}"
        if not self.adopted:
            return (
                f"Your own model recognises your {name} {figure}, but the general model does as well or better on the "
                f"same trials ({self.general_balanced_accuracy:.2f})."
            )
        suspicion = (
            " Muscle and eye movements alone reach as much, so it may not be your brain that it reads."
            if self.artefact_balanced_accuracy is not None
            and self.artefact_balanced_accuracy >= self.balanced_accuracy - 0.02
            else ""
        )
        return f"Your own model recognises your {name} {figure} on trials that it has not seen.{suspicion}"

    def as_dict(self) -> dict[str, Any]:
        """Return values that JSON can hold."""
        return {**asdict(self), "adopted": self.adopted, "sentence": self.sentence}


def class_changes(trials: Trials) -> int:
    """Count how often the class changes from one trial to the next of the same session."""
    same_session = np.diff(trials.group) == 0
    return int((np.diff(trials.high.astype(int)) != 0)[same_session].sum())


def interval(trials: Trials, scores: Array, *, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % interval of the balanced accuracy, by resampling trials within each class."""
    rng = np.random.default_rng(seed)
    share = share_right(trials, scores)
    low, high = share[~trials.high], share[trials.high]
    drawn = (
        rng.choice(low, (_BOOTSTRAPS, len(low))).mean(axis=1) + rng.choice(high, (_BOOTSTRAPS, len(high))).mean(axis=1)
    ) / 2
    first, last = np.quantile(drawn, (0.025, 0.975))
    return float(first), float(last)


def share_right(trials: Trials, scores: Array) -> Array:
    """Return the share of each trial's windows that is right, shape (n_trials,)."""
    right = (scores > 0) == trials.high[trials.trial]
    return np.asarray(np.bincount(trials.trial, weights=right * trials.weight, minlength=len(trials.high)))


def trials_needed(trials: Trials, scores: Array) -> int | None:
    """Return how many trials would be needed for a clear answer, None if what is seen is too small to matter."""
    share = share_right(trials, scores)
    effect = (share[trials.high].mean() + share[~trials.high].mean()) / 2 - 0.5
    if effect < _SMALLEST_EFFECT:
        return None
    spread = np.sqrt((share[trials.high].var(ddof=1) + share[~trials.high].var(ddof=1)) / 2)
    return int(max(_FEWEST, ceil((_QUANTILES * max(spread, 0.05) / effect) ** 2)))


def general_accuracy(trials: Trials, probability_high: Array | None) -> float | None:
    """Return the balanced accuracy of the bundle's own predictions on the same windows."""
    if probability_high is None:
        return None
    high: NDArray[np.bool_] = trials.high[trials.trial][:, None]
    return float(balanced_accuracy(probability_high[:, None] - 0.5, high, trials.weight)[0])
