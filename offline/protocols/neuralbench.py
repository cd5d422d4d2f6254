"""People held out as a benchmark held them out, so that figures can stand beside its own.

NeuralBench 2026 (facebookresearch/neuroai, ``neuralbench/tasks/eeg/*/config.yaml``) draws a fifth of the people of
EEGMAT and of FACED for the test and a fifth for validation, by scikit-learn's ``train_test_split`` with seed 33 over
people in the order of their numbers. ``neuralbench.csv`` holds who that is. Its reader leaves out Subject00 of EEGMAT.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from bci_app.errors import DatasetError
from offline.datasets.base import Split, WindowSet
from offline.protocols.base import Protocol
from offline.protocols.subjects import WholeSubjects

_PARTS = ("train", "validation", "test")


class ListedPeople(WholeSubjects):
    """One fold: who trains, validates and is tested stands in a file, by the target of the data set."""

    least_folds: ClassVar[int] = 1

    def make(self, windows: WindowSet, *, folds: int | None, seed: int, validation: float) -> Iterator[Split]:
        """Partition windows by the list. People whom it does not name are left out."""
        listed = _listed(windows)
        part = np.array([listed.get(name, "") for name in windows.subjects])[windows.subject]
        parts = [np.flatnonzero(part == name) for name in _PARTS]
        if missing := [name for name, rows in zip(_PARTS, parts, strict=True) if not len(rows)]:
            raise DatasetError(
                f"Protocol {self.name} lists none of these people",
                found=f"nobody for {', '.join(missing)} among {', '.join(windows.subjects[:5])} …",
                expected="people of EEGMAT (mental_load) or FACED (emotion_label)",
                fix="Choose protocol subjects, or more people with --subjects.",
            )
        yield Split(self.name, *parts)

    def note(self, windows: WindowSet) -> str:
        """Return who is missing, or in no list."""
        listed, here = _listed(windows), set(windows.subjects)
        absent = sorted(listed.keys() - here)
        unlisted = sorted(here - listed.keys())
        notes = []
        if absent:
            tested = sum(listed[name] == "test" for name in absent)
            notes.append(f"{len(absent)} listed people are not here, {tested} of them to be tested.")
        if unlisted:
            notes.append(f"In no list, and left out: {', '.join(unlisted)}.")
        return " ".join([*notes, super().note(windows)]).strip()


def _listed(windows: WindowSet) -> Mapping[str, str]:
    """Return the part of each person by name; nobody where no target has a list."""
    return next((_lists()[target.name] for target in windows.targets if target.name in _lists()), {})


@cache
def _lists() -> Mapping[str, Mapping[str, str]]:
    lists: dict[str, dict[str, str]] = {}
    with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            lists.setdefault(row["target"], {})[row["subject"]] = row["part"]
    return lists


NEURALBENCH: Protocol = ListedPeople(
    "neuralbench",
    "subject",
    within_subject=False,
    folds=1,
    description="Whole subjects held out, as NeuralBench 2026 lists them for EEGMAT and FACED.",
)
