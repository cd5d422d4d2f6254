"""Evaluation protocols: which windows train, validate and test.

Every protocol but `paper` keeps whole groups (trials, sessions or subjects) on one side of each
border. Brookshire et al. 2024 (*Front. Neurosci.* 18:1373515) measure what happens where that is not done.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import DatasetError
from offline.atomic import write_atomically
from offline.datasets.base import Split, WindowSet

Indices = NDArray[np.int64]
Unit = Literal["window", "trial", "session", "subject"]


@dataclass(frozen=True)
class Protocol:
    """What a protocol holds out.

    Attributes
    ----------
    name : str
        What the user calls it.
    unit : {"window", "trial", "session", "subject"}
        What is never cut in two.
    within_subject : bool
        True if each subject has a model of its own.
    folds : int or None
        Number of folds unless told otherwise; None for one a subject.
    description : str
        For reports and bundles.
    """

    name: str
    unit: Unit
    within_subject: bool
    folds: int | None
    description: str

    @property
    def leaks(self) -> bool:
        """True if neighbouring windows of one trial may be trained on and scored."""
        return self.unit == "window"


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "paper", "window", within_subject=True, folds=10,
            description="Windows of one subject shuffled, then k-fold, as in the TNAS paper. Neighbouring seconds of a "
            "trial are trained on and scored: the figures say little about new data.",
        ),
        Protocol(
            "trial", "trial", within_subject=True, folds=5,
            description="Whole trials of one subject held out, k-fold, stratified as well as trials allow.",
        ),
        Protocol(
            "loso", "subject", within_subject=False, folds=None,
            description="Leave one subject out: scored on a person whom training never met.",
        ),
        Protocol(
            "subjects", "subject", within_subject=False, folds=5,
            description="Whole subjects held out, k-fold: scored on people whom training never met.",
        ),
        Protocol(
            "session", "session", within_subject=True, folds=1,
            description="Chronological: trained on a subject's earlier sessions, scored on a later one.",
        ),
    )
}  # fmt: skip
"""The known protocols."""

LEAK_WARNING = "leaks: neighbouring windows of one trial are in both training and test"
"""Stands beside every figure of a protocol that leaks."""


def protocol_named(name: str) -> Protocol:
    """Give a protocol by name.

    Raises
    ------
    DatasetError
        If it is unknown.
    """
    try:
        return PROTOCOLS[name]
    except KeyError:
        raise DatasetError("Unknown protocol", found=repr(name), expected=", ".join(PROTOCOLS)) from None


def leaks(protocol: str) -> bool:
    """Tell whether scores under a protocol are inflated by shared trials."""
    return protocol_named(protocol).leaks


def make_splits(
    windows: WindowSet, protocol: str, *, folds: int | None = None, seed: int = 0, validation: float = 0.2
) -> list[Split]:
    """Partition windows into training, validation and test parts.

    Validation is cut from training by the protocol's own unit. A subject's folds depend on its name,
    the seed and its windows, not on who else is in the set.

    Parameters
    ----------
    windows : WindowSet
        What to partition.
    protocol : str
        ``paper``, ``trial``, ``loso``, ``subjects`` or ``session``.
    folds : int, optional
        Number of folds (a subject); the protocol's own by default, fewer where there are fewer
        units, and three where there are three: every part of every fold has a unit. For ``session``
        the number of last sessions that are tested in turn.
    seed : int
        Of the shuffling.
    validation : float
        Share of the training units that becomes validation; at least one unit.

    Returns
    -------
    list of Split
        Indices ascend. Every window is tested at most once, and exactly once but under ``session``.

    Raises
    ------
    DatasetError
        If the protocol is unknown or there are too few units for it.
    """
    chosen = protocol_named(protocol)
    if not 0 < validation < 1:
        raise DatasetError("The validation share is out of range", found=f"{validation:g}", expected="between 0 and 1")
    if folds is not None and folds < (1 if chosen.unit == "session" else 2):
        raise DatasetError("Too few folds", found=str(folds), expected="at least 2 (session: at least 1)")
    if folds is not None and chosen.name == "loso" and folds != len(windows.subjects):
        raise DatasetError(
            "Protocol loso has one fold a subject",
            found=f"{folds} folds",
            fix="Choose protocol subjects for fewer folds.",
        )
    splits = []
    for name, rows in _populations(windows, chosen):
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        units, of_row = np.unique(_groups(windows, chosen)[rows], return_inverse=True)
        # Windows are shuffled whatever their labels, as in the paper; groups are stratified.
        labels = windows.labels[rows, :0] if chosen.unit == "window" else windows.labels[rows]
        contents = _contents(labels, of_row, len(units))
        unit_folds = _unit_folds(contents, chosen, name, folds=folds, validation=validation, rng=rng)
        for number, (train, held, test) in enumerate(unit_folds, start=1):
            parts = (rows[np.isin(of_row, part)] for part in (train, held, test))
            splits.append(Split(_split_name(windows, chosen, name, number, units[test]), *parts))
    for split in splits:
        check_split(windows, split, protocol)
    return splits


def check_split(windows: WindowSet, split: Split, protocol: str) -> None:
    """Assert that no window, and no group but under ``paper``, is in two parts.

    Raises
    ------
    DatasetError
        If one is, or a part is empty.
    """
    chosen = protocol_named(protocol)
    groups = _groups(windows, chosen)
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    seen: set[int] = set()
    for part, rows in parts.items():
        here = set(groups[rows].tolist())
        if not here or here & seen or len(np.unique(rows)) != len(rows):
            raise DatasetError(
                f"Split {split.name} is not sound",
                found=f"{part} with {len(rows)} windows, {len(here & seen)} {chosen.unit}s shared with another part",
                expected=f"every {chosen.unit} in one part only, no part empty",
            )
        seen |= here


def _groups(windows: WindowSet, protocol: Protocol) -> Indices:
    if protocol.unit == "window":
        return np.arange(len(windows), dtype=np.int64)
    return {"trial": windows.trial, "session": windows.session, "subject": windows.subject}[protocol.unit]


def _populations(windows: WindowSet, protocol: Protocol) -> Iterator[tuple[str, Indices]]:
    """Give the name and the windows of each group of people that has folds of its own."""
    if not protocol.within_subject:
        yield "", np.arange(len(windows), dtype=np.int64)
        return
    for code, name in enumerate(windows.subjects):
        yield name, np.flatnonzero(windows.subject == code)


def _split_name(windows: WindowSet, protocol: Protocol, population: str, number: int, tested: Indices) -> str:
    if protocol.name == "loso":
        return windows.subjects[int(tested[0])]
    if protocol.unit == "session":
        own = np.unique(windows.session[windows.subject == windows.subjects.index(population)])
        return f"{population}-session{int(np.searchsorted(own, tested[0])) + 1:02d}"
    return f"{population}-fold{number:02d}" if population else f"fold{number:02d}"


def _unit_folds(
    contents: NDArray[np.float64],
    protocol: Protocol,
    name: str,
    *,
    folds: int | None,
    validation: float,
    rng: np.random.Generator,
) -> Iterator[tuple[Indices, Indices, Indices]]:
    """Give the units of train, validation and test of each fold; `contents` as `_contents` gives them."""
    n_units = len(contents)
    if n_units < 3:
        raise DatasetError(
            f"Protocol {protocol.name} needs more {protocol.unit}s" + (f" of {name}" if name else ""),
            found=f"{n_units}",
            expected="at least 3: one each to train, validate and test",
            fix=f"Choose another protocol: {', '.join(other for other in PROTOCOLS if other != protocol.name)}.",
        )
    if protocol.unit == "session":
        yield from _chronological(n_units, folds or 1, validation)
        return
    # Who is not tested trains and validates: two units at least are left by every fold.
    k = min(max(folds or protocol.folds or n_units, 3 if n_units == 3 else 2), n_units)
    loso = protocol.name == "loso"
    fold_of = np.arange(n_units) if loso else _deal(contents, np.full(k, 1 / k), rng, most=n_units - 2)
    for fold in range(int(fold_of.max()) + 1):
        test, rest = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
        part = _deal(contents[rest], np.array([1 - validation, validation]), rng)
        yield rest[part == 0], rest[part == 1], test


def _chronological(n_units: int, folds: int, validation: float) -> Iterator[tuple[Indices, Indices, Indices]]:
    """Test each of the last `folds` sessions on those before it; validation is the latest of these."""
    order = np.arange(n_units, dtype=np.int64)
    for tested in range(max(2, n_units - folds), n_units):
        held = min(max(1, round(validation * tested)), tested - 1)
        yield order[: tested - held], order[tested - held : tested], order[tested : tested + 1]


def _contents(labels: Indices, of_row: NDArray[np.intp], n_units: int) -> NDArray[np.float64]:
    """Count the windows, and those of each class of each target, in every unit: (n_units, 1 + n_classes)."""
    columns = [np.ones(len(labels))]
    for target in labels.T:
        columns += [(target == label).astype(np.float64) for label in np.unique(target)]
    return np.stack([np.bincount(of_row, weights=column, minlength=n_units) for column in columns], axis=1)


def _deal(
    contents: NDArray[np.float64], shares: NDArray[np.float64], rng: np.random.Generator, *, most: int | None = None
) -> Indices:
    """Deal units to parts so that each part comes close to its share of every column.

    Parameters
    ----------
    contents : ndarray of float64, shape (n_units, n_columns)
        What a unit holds.
    shares : ndarray of float64, shape (n_parts,)
        Add up to 1. No part stays empty.
    most : int, optional
        Units that a part takes at most; any number by default.

    Returns
    -------
    ndarray of int64, shape (n_units,)
        The part of each unit.
    """
    n_units = len(contents)
    if contents.shape[1] == 1 and np.ptp(contents) == 0:
        # Nothing to balance: equal units, shuffled.
        sizes = np.maximum(1, np.diff(np.round(np.cumsum([0, *shares]) * n_units))).astype(int)
        sizes[np.argmax(sizes)] += n_units - sizes.sum()
        return rng.permutation(np.repeat(np.arange(len(shares)), sizes)).astype(np.int64)
    total = contents.sum(axis=0)
    contents, total = contents[:, total > 0], total[total > 0]
    relative = contents / total
    # Large units first, the others fill up; equal ones in random order.
    order = rng.permutation(n_units)
    order = order[np.argsort(-contents[order, 0], kind="stable")]
    filled = np.zeros((len(shares), len(total)))
    sizes = np.zeros(len(shares), dtype=np.int64)
    part_of = np.empty(n_units, dtype=np.int64)
    for done, unit in enumerate(order):
        # The fall of the squared distance to the shares, weighed so that small parts count as much.
        lack = (shares[:, None] - filled) / shares[:, None]
        step = relative[unit] / shares[:, None]
        gain = (lack**2 - (lack - step) ** 2).sum(axis=1)
        if n_units - done <= (sizes == 0).sum():
            gain[sizes > 0] = -np.inf
        if most is not None:
            gain[sizes >= most] = -np.inf
        part = int(np.argmax(gain))
        filled[part] += relative[unit]
        sizes[part] += 1
        part_of[unit] = part
    return part_of


def write_splits(
    path: Path, windows: WindowSet, splits: Sequence[Split], *, protocol: str, seed: int, validation: float
) -> None:
    """Write splits as JSON, whole or not at all.

    Indices are written as half-open ranges ``[start, stop]``.
    """
    chosen = protocol_named(protocol)
    record = {
        "protocol": chosen.name,
        "description": chosen.description,
        "unit": chosen.unit,
        "leaks": chosen.leaks,
        "seed": seed,
        "validation": validation,
        "windows": len(windows),
        "digest": windows.digest,
        "subjects": list(windows.subjects),
        "targets": [target.name for target in windows.targets],
        "splits": [
            {
                "name": split.name,
                "train": _ranges(split.train),
                "validation": _ranges(split.validation),
                "test": _ranges(split.test),
            }
            for split in splits
        ],
    }
    write_atomically(path, json.dumps(record, separators=(",", ":")) + "\n")


def read_splits(path: Path, windows: WindowSet) -> list[Split]:
    """Read splits back and assert that they are those of these windows.

    Raises
    ------
    DatasetError
        If the file is damaged, or was made for other windows or data.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        splits = [
            Split(str(s["name"]), *(_indices(s[part]) for part in ("train", "validation", "test")))
            for s in record["splits"]
        ]
        made_for = (record["windows"], record["subjects"], record["digest"])
        protocol = str(record["protocol"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"Cannot read {path}",
            found=str(error),
            expected="splits written by this version of bci-app",
            fix="Start a new run with another --out.",
        ) from error
    here = (len(windows), list(windows.subjects), windows.digest)
    if made_for != here:
        raise DatasetError(
            f"{path} was made for other windows",
            found=_windows_text(*here),
            expected=_windows_text(*made_for),
            fix="Give the data of that run as --root, or start a new run with another --out.",
        )
    for split in splits:
        check_split(windows, split, protocol)
    return splits


def _windows_text(n: int, subjects: Sequence[str], digest: str) -> str:
    return f"{n} windows of {len(subjects)} subjects" + (f" with sha256 {digest[:12]}…" if digest else "")


def _ranges(indices: Indices) -> list[list[int]]:
    """Write ascending indices as half-open ranges."""
    breaks = np.flatnonzero(np.diff(indices) != 1) + 1
    return [[int(run[0]), int(run[-1]) + 1] for run in np.split(indices, breaks) if len(run)]


def _indices(ranges: list[Any]) -> Indices:
    runs = [np.arange(start, stop, dtype=np.int64) for start, stop in ranges]
    return np.concatenate(runs) if runs else np.empty(0, dtype=np.int64)
