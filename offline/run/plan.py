"""Which networks a run trains: protocols, their splits, and the networks of each split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import DatasetError
from offline.datasets.base import Split, WindowSet
from offline.metrics import whole_subjects
from offline.protocols import Protocol, make_splits, read_splits, write_splits, write_splits_csv
from offline.run.fold import Task
from offline.run.record import Exclusion
from offline.run.settings import RunSettings, network_seed

SPLITS_FILE = "splits.json"
SPLITS_CSV = "splits.csv"
FINAL = "final"
VALIDATION_SHARE = 0.2


@dataclass(frozen=True)
class Plan:
    """A protocol, its splits, and its folder."""

    protocol: Protocol
    splits: tuple[Split, ...]
    folder: Path

    @property
    def tested(self) -> NDArray[np.int64]:
        """The windows that are tested."""
        return np.concatenate([split.test for split in self.splits])


def make_plan(windows: WindowSet, protocol: Protocol, settings: RunSettings, out: Path) -> Plan:
    """Make the splits of a protocol and write them before anything is trained.

    Raises
    ------
    DatasetError
        If there are too few units for the protocol, or the folder has splits of other windows.
    """
    first_only = settings.folds == 1 and protocol.unit != "session"
    folds = None if first_only else settings.folds
    if folds is None and protocol.name == settings.preset.protocol and protocol.folds is not None:
        folds = settings.preset.folds
    splits = make_splits(windows, protocol.name, folds=folds, seed=settings.seed, validation=VALIDATION_SHARE)
    if first_only:
        splits = _first_of_each(windows, splits, protocol)
    plan = Plan(protocol, tuple(splits), out / protocol.name)
    require_classes(windows, plan)
    path = plan.folder / SPLITS_FILE
    if path.exists():
        _require_same(path, read_splits(path, windows), splits)
    else:
        seed = settings.seed
        write_splits(path, windows, splits, protocol=protocol.name, seed=seed, validation=VALIDATION_SHARE)
        write_splits_csv(plan.folder / SPLITS_CSV, windows, splits)
    return plan


def _require_same(path: Path, known: Sequence[Split], splits: Sequence[Split]) -> None:
    """Check that networks trained on the splits of a file are those of these splits."""
    parts = ("train", "validation", "test")
    same = [split.name for split in known] == [split.name for split in splits] and all(
        np.array_equal(getattr(a, part), getattr(b, part)) for a, b in zip(known, splits, strict=True) for part in parts
    )
    if not same:
        raise DatasetError(
            f"{path} divides the windows otherwise",
            found=f"{len(splits)} splits",
            expected=f"the {len(known)} splits that networks were trained on",
            fix="Go on with the version of bci-app that began this run, or start a new one with another --out.",
        )


def require_classes(windows: WindowSet, plan: Plan) -> None:
    """Check that test windows can separate a network that knows something from one that names one class only.

    Raises
    ------
    DatasetError
        If the test windows of a target are of one class, or, where subjects are scored apart, everybody lacks one.
    """
    tested, protocol = plan.tested, plan.protocol
    for target, labels in zip(windows.targets, windows.labels.T, strict=True):
        classes = np.unique(labels[tested])
        if len(classes) < 2:
            those = "" if len(np.unique(labels)) < 2 else f" that protocol {protocol.name} tests"
            found = f"all windows{those} are {target.classes[classes[0]]}"
        elif protocol.within_subject and not whole_subjects(labels[tested], windows.subject[tested]):
            found = f"every subject lacks a class among the windows that protocol {protocol.name} tests"
        else:
            continue
        raise DatasetError(
            f"Target {target.name} cannot be scored",
            found=found,
            expected=f"windows of {' and '.join(target.classes)}"
            + (f" ({target.description})" if target.description else ""),
            fix="Leave it out by --targets, divide ratings elsewhere by --threshold, or take more --subjects or "
            "--folds, or another --protocol.",
        )


def uncounted(windows: WindowSet, plans: Sequence[Plan]) -> tuple[Exclusion, ...]:
    """Say which subjects balanced figures leave out, where subjects are scored apart, since they lack a class."""
    found: dict[tuple[str, str], list[str]] = {}
    for plan in plans:
        if not plan.protocol.within_subject:
            continue
        subject = windows.subject[plan.tested]
        for target, labels in zip(windows.targets, windows.labels[plan.tested].T, strict=True):
            for code in np.setdiff1d(subject, whole_subjects(labels, subject)):
                lacking = np.setdiff1d(labels, labels[subject == code])
                why = f"no tested window is {' or '.join(target.classes[c] for c in lacking)}"
                found.setdefault((f"{windows.subjects[code]} ({target.name})", why), []).append(plan.protocol.name)
    return tuple(
        Exclusion(what=what, why=f"from balanced figures of protocol {', '.join(names)}: {why}")
        for (what, why), names in found.items()
    )


def _first_of_each(windows: WindowSet, splits: Sequence[Split], protocol: Protocol) -> list[Split]:
    """Take the first split of each group of people that has its own splits."""
    firsts: dict[int, Split] = {}
    for split in splits:
        firsts.setdefault(int(windows.subject[split.test[0]]) if protocol.within_subject else 0, split)
    return list(firsts.values())


def final_plan(windows: WindowSet, plans: Sequence[Plan], settings: RunSettings, out: Path) -> Plan:
    """Plan the networks that ship, by the folds of the run's primary protocol."""
    primary = next(plan for plan in plans if plan.protocol.name == settings.primary)
    return Plan(primary.protocol, (final_split(windows, primary.splits, primary.protocol),), out)


def final_split(windows: WindowSet, splits: Sequence[Split], protocol: Protocol) -> Split:
    """Return the split of the model that ships: nothing is tested, and the first fold's test part validates.

    Where each subject has its own folds, the first of each subject does. A protocol that holds out another data set
    keeps it out of the model.
    """
    nothing = np.empty(0, dtype=np.int64)
    if not protocol.ships_tested:
        return Split(FINAL, splits[0].train, splits[0].validation, nothing)
    firsts = _first_of_each(windows, splits, protocol)
    validation = np.sort(np.concatenate([split.test for split in firsts]))
    train = np.setdiff1d(np.arange(len(windows), dtype=np.int64), validation)
    return Split(FINAL, train, validation, nothing)


def make_tasks(plan: Plan, groups: Mapping[str, tuple[str, ...]], seed: int, *, several: bool) -> list[Task]:
    """List the networks of a plan: one for each split and group of targets."""
    tasks = []
    for number, split in enumerate(plan.splits):
        for group, targets in groups.items():
            words = [plan.protocol.name if several else "", split.name, group if len(groups) > 1 else ""]
            tasks.append(
                Task(
                    name=" ".join(word for word in words if word),
                    split=split,
                    targets=targets,
                    seed=network_seed(seed, None if split.name == FINAL else number),
                    subnet_seed=seed,
                    folder=plan.folder / split.name / group,
                )
            )
    return tasks
