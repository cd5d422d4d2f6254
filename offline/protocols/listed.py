"""People held out as a benchmark held them out, so that figures can stand beside its own.

Each benchmark has a file of its name that says who trains, validates and is tested. Both draw a fifth of the people for
the test and a fifth for validation, over people in the order of their numbers.

NeuralBench 2026 (facebookresearch/neuroai, ``neuralbench/tasks/eeg/*/config.yaml``): EEGMAT and FACED, by
scikit-learn's ``train_test_split`` with seed 33. Its reader leaves out Subject00 of EEGMAT.

LibEER 2024 (``data_utils/split.py``, the settings ``…_sub_independent_train_val_test``): DEAP, SEED and FACED, by
``random.shuffle`` with seed 2024, which the commands in its code state.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from bci_app.bundle.spec import Target
from bci_app.errors import DatasetError
from offline.datasets.base import Split, WindowSet
from offline.datasets.labels import rating_rule
from offline.protocols.base import Protocol
from offline.protocols.subjects import WholeSubjects

_PARTS = ("train", "validation", "test")


class ListedPeople(WholeSubjects):
    """One fold: who trains, validates and is tested stands in a file, by the target of the data set."""

    least_folds: ClassVar[int] = 1

    def make(self, windows: WindowSet, *, folds: int | None, seed: int, validation: float) -> Iterator[Split]:
        """Partition windows by the list. People whom it does not name are left out."""
        listed = self._listed(windows)
        part = np.array([listed.get(name, "") for name in windows.subjects])[windows.subject]
        parts = [np.flatnonzero(part == name) for name in _PARTS]
        if missing := [name for name, rows in zip(_PARTS, parts, strict=True) if not len(rows)]:
            raise DatasetError(
                f"Protocol {self.name} lists none of these people",
                found=f"nobody for {', '.join(missing)} among {', '.join(windows.subjects[:5])} …",
                expected=f"people and targets of {_list_of(self.name).name}",
                fix="Choose protocol subjects, or more people with --subjects.",
            )
        yield Split(self.name, *parts)

    def note(self, windows: WindowSet) -> str:
        """Return who is missing, or in no list."""
        listed, here = self._listed(windows), set(windows.subjects)
        absent = sorted(listed.keys() - here)
        unlisted = sorted(here - listed.keys())
        notes = []
        if absent:
            tested = sum(listed[name] == "test" for name in absent)
            notes.append(f"{len(absent)} listed people are not here, {tested} of them to be tested.")
        if unlisted:
            notes.append(f"In no list, and left out: {', '.join(unlisted)}.")
        return " ".join([*notes, super().note(windows)]).strip()

    def _listed(self, windows: WindowSet) -> Mapping[str, str]:
        """Return the part of each person by name; nobody where no target has a list."""
        lists = _lists(self.name)
        keys = [(target.name, _scale(target)) for target in windows.targets]
        return next((lists[key] for key in keys if key in lists), {})


def _scale(target: Target) -> str:
    """Return the scale of a target of ratings in words; empty for other targets. It keeps DREAMER apart from DEAP."""
    rule = rating_rule(target)
    return "" if rule is None else rule[0].partition(" ")[2]


def _list_of(name: str) -> Path:
    return Path(__file__).with_name(f"{name}.csv")


@cache
def _lists(name: str) -> Mapping[tuple[str, str], Mapping[str, str]]:
    lists: dict[tuple[str, str], dict[str, str]] = {}
    with _list_of(name).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            lists.setdefault((row["target"], row["scale"]), {})[row["subject"]] = row["part"]
    return lists


def _benchmark(name: str, description: str) -> Protocol:
    return ListedPeople(name, "subject", within_subject=False, folds=1, description=description)


NEURALBENCH = _benchmark("neuralbench", "Whole subjects held out, as NeuralBench 2026 lists them for EEGMAT and FACED.")
LIBEER = _benchmark("libeer", "Whole subjects held out, as LibEER 2024 draws them for DEAP, SEED and FACED.")
