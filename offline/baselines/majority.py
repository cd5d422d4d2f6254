"""The method that knows nothing: it names the most frequent class of training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from offline.baselines.base import Baseline, Floats, Fold


@dataclass(frozen=True)
class Majority(Baseline):
    """Shares of the classes in training, for every window."""

    def predict(self, fold: Fold) -> Floats:
        """Return the shares of the classes in training."""
        counts = np.bincount(fold.labels[fold.known], minlength=fold.n_classes)
        return np.tile(counts / counts.sum(), (len(fold.split.test), 1))
