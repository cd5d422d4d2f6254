"""The baselines of a run: one task for each method and split, with its result kept for a resume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bci_app.atomic import write_arrays_atomically
from bci_app.preprocessing.spec import PreprocessingSpec
from offline.baselines import BASELINES, Fold
from offline.datasets.base import Split, WindowSet
from offline.presets import PRESETS, Preset
from offline.run.settings import network_seed
from offline.run.watch import DONE, Progress, Report

FOLDER = "baselines"
Probabilities = tuple[NDArray[np.float32], ...]
"""Of the tested windows of a split, one array (n_test, n_classes) for each target."""


@dataclass(frozen=True)
class BaselineTask:
    """One method on one split.

    Attributes
    ----------
    baseline : str
        Its name.
    split : Split
        What trains, validates and tests.
    seed : int
        The only source of randomness.
    file : Path
        Where the result goes.
    """

    baseline: str
    split: Split
    seed: int
    file: Path


@dataclass(frozen=True)
class BaselineFrame:
    """What the baselines of a run have in common.

    Attributes
    ----------
    preset : Preset
        That of the run.
    features : mapping of str to tuple of WindowSet and PreprocessingSpec
        For each baseline all windows as it sees them, and what made them so.
    """

    preset: Preset
    features: Mapping[str, tuple[WindowSet, PreprocessingSpec]]

    def run(self, task: BaselineTask, report: Report) -> Probabilities:
        """Run one method on one split, for every target; a result that is there is read."""
        title = BASELINES[task.baseline].title
        windows, spec = self.features[task.baseline]
        n_targets = len(windows.targets)
        found = _read(task.file, n_targets)
        if found is None:
            report(Progress(f"{title}, {task.split.name}", "baseline", 0, n_targets))
            found = tuple(
                BASELINES[task.baseline]
                .probabilities(fold_of(windows, task.split, t, spec, seed=task.seed, preset=self.preset))
                .astype(np.float32)
                for t in range(n_targets)
            )
            write_arrays_atomically(task.file, {str(t): values for t, values in enumerate(found)})
        report(Progress(f"{title}, {task.split.name}", DONE, n_targets, n_targets))
        return found


def fold_of(
    features: WindowSet,
    split: Split,
    target: int,
    spec: PreprocessingSpec,
    *,
    seed: int = 0,
    preset: Preset = PRESETS["compact"],
) -> Fold:
    """Return what a baseline learns from in one split; `spec` made the features."""
    return Fold(
        tokens=features.tokens,
        labels=features.labels[:, target],
        trial=features.trial,
        n_classes=len(features.targets[target].classes),
        split=split,
        preprocessing=spec,
        seed=seed,
        preset=preset,
    )


def baseline_tasks(names: Sequence[str], splits: Sequence[Split], folder: Path, *, seed: int) -> list[BaselineTask]:
    """List the tasks of a protocol: every method on every split, each in the split's folder."""
    return [
        BaselineTask(name, split, network_seed(seed, number), folder / split.name / FOLDER / f"{name}.npz")
        for name in names
        for number, split in enumerate(splits)
    ]


def over_all_windows(
    windows: WindowSet, results: Sequence[tuple[BaselineTask, Probabilities]]
) -> dict[str, list[NDArray[np.float64]]]:
    """Put the results of the splits together.

    Returns
    -------
    dict of str to list of ndarray of float64, each of shape (n_windows, n_classes)
        For each method one array a target; NaN where no split tests.
    """
    together: dict[str, list[NDArray[np.float64]]] = {}
    for task, found in results:
        if task.baseline not in together:
            shapes = [(len(windows), len(target.classes)) for target in windows.targets]
            together[task.baseline] = [np.full(shape, np.nan) for shape in shapes]
        for column, values in zip(together[task.baseline], found, strict=True):
            column[task.split.test] = values
    return together


def _read(path: Path, n_targets: int) -> Probabilities | None:
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            return tuple(archive[str(t)] for t in range(n_targets))
    except (OSError, ValueError, KeyError, BadZipFile):  # of another version: made again
        return None
