"""What a baseline is, and what it learns from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bci_app.preprocessing.spec import PreprocessingSpec
from offline.datasets.base import Split
from offline.presets import PRESETS, Preset

Floats = NDArray[np.float64]
Inputs = Callable[[PreprocessingSpec, bool], PreprocessingSpec]
"""From the preprocessing of the network, and whether recordings have a reference, to that of a baseline."""


@dataclass(frozen=True)
class Fold:
    """One target of one fold, in a baseline's own features.

    Attributes
    ----------
    tokens : ndarray of float32, shape (n_windows, n_channels, n_features)
        All windows of the run.
    labels, trial : ndarray of int64, shape (n_windows,)
        Class index and recording of each.
    n_classes : int
        Classes of the target.
    split : Split
        What trains, validates and tests. A baseline never sees the labels of what is tested.
    preprocessing : PreprocessingSpec
        What made the tokens.
    seed : int
        The only source of randomness.
    preset : Preset
        That of the run: its recipe says for how many epochs to train.
    """

    tokens: NDArray[np.float32]
    labels: NDArray[np.int64]
    trial: NDArray[np.int64]
    n_classes: int
    split: Split
    preprocessing: PreprocessingSpec
    seed: int = 0
    preset: Preset = PRESETS["compact"]

    @property
    def known(self) -> NDArray[np.int64]:
        """The windows whose labels may be used: of training and validation."""
        return np.concatenate([self.split.train, self.split.validation])


@dataclass(frozen=True)
class Baseline(ABC):
    """A method to compare with.

    Attributes
    ----------
    name : str
        What the command line calls it.
    title : str
        For tables.
    source : str
        The paper or library that it follows.
    inputs : callable
        Its preprocessing: windows are always those of the network.
    """

    name: str
    title: str
    source: str
    inputs: Inputs

    @abstractmethod
    def predict(self, fold: Fold) -> Floats:
        """Learn from the fold's training and validation windows.

        Returns
        -------
        ndarray of float64, shape (n_test, n_classes)
            Probabilities of the tested windows.
        """

    def probabilities(self, fold: Fold) -> Floats:
        """Predict as `predict` does, or name the only class where training has no other."""
        known = fold.labels[fold.known]
        if len(np.unique(known)) < 2:
            return np.tile(np.eye(fold.n_classes)[known[0]], (len(fold.split.test), 1))
        return self.predict(fold)
