"""Published figures that stand beside a run's, with the protocol that they were obtained under."""

from __future__ import annotations

from typing import NamedTuple


class Published(NamedTuple):
    """One published accuracy.

    Attributes
    ----------
    target : str
        What was predicted.
    accuracy : float
        Share of windows that were right.
    """

    target: str
    accuracy: float


PAPER = "Li et al., IEEE Trans. Industrial Informatics 19(4), 2023 (TNAS)"
PAPER_PROTOCOL = "windows of one subject shuffled, 10-fold: as protocol paper here"
PAPER_ACCURACY = {
    "deap": (Published("valence", 0.9868), Published("arousal", 0.9866), Published("dominance", 0.9867)),
    "dreamer": (Published("valence", 0.9641), Published("arousal", 0.9695), Published("dominance", 0.9690)),
}
"""Accuracies that the paper reports, by data set."""

OTHERS = (
    "Independent benchmarks that hold out whole trials or subjects (LibEER, EEGain) find 51–66 % on these data sets, "
    "often no better than naming the majority class. A review of 101 DEAP studies found such leaks in about 87 % of "
    "them, worth up to 46 points (arXiv 2508.02417)."
)
