"""What a protocol holds out, and the folds that most of them share."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import DatasetError
from offline.datasets.base import Split, WindowSet
from offline.protocols.deal import contents_of, deal

Indices = NDArray[np.int64]

LEAK_WARNING = "leaks: neighbouring windows of one trial are in both training and test"
"""Stands beside every figure of a protocol that leaks."""


@dataclass(frozen=True)
class Protocol:
    """A protocol that deals whole units to folds.

    Attributes
    ----------
    name : str
        What the user calls it.
    unit : str
        What is never cut in two.
    within_subject : bool
        True if each subject has networks for that subject alone.
    folds : int or None
        Number of folds where the user asks for none; None for one fold a unit.
    description : str
        What is held out, for reports and bundles.
    leaks : bool
        True if neighbouring windows of one trial may be trained on and scored.
    stratified : bool
        True if the units of each part have the classes in like shares, as far as they allow.
    ships_tested : bool
        True if the model that ships learns from what was tested too, as all of it is of one kind.
    """

    name: str
    unit: str
    within_subject: bool
    folds: int | None
    description: str

    leaks: ClassVar[bool] = False
    stratified: ClassVar[bool] = True
    ships_tested: ClassVar[bool] = True
    least_folds: ClassVar[int] = 2

    @property
    def calibrated_apart(self) -> bool:
        """True if the model that ships is calibrated by its own validation windows, and not by what folds tested."""
        return self.within_subject or not self.ships_tested

    def units(self, windows: WindowSet) -> Indices:
        """Return the unit of every window, shape (n_windows,)."""
        raise NotImplementedError

    def split_name(self, windows: WindowSet, population: str, number: int, tested: Indices) -> str:
        """Return the name of a split, by the people that it is of, its number, and the units that are tested."""
        return f"{population}-fold{number:02d}" if population else f"fold{number:02d}"

    def make(self, windows: WindowSet, *, folds: int | None, seed: int, validation: float) -> Iterator[Split]:
        """Partition windows. Validation is cut from training by the protocol's unit."""
        units = self.units(windows)
        for name, rows in self._populations(windows):
            rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
            own, of_row = np.unique(units[rows], return_inverse=True)
            labels = windows.labels[rows] if self.stratified else windows.labels[rows, :0]
            contents = contents_of(labels, of_row, len(own))
            self._require_units(name, len(own))
            parts_of_folds = self.unit_folds(contents, folds=folds, validation=validation, rng=rng)
            for number, (train, held, test) in enumerate(parts_of_folds, start=1):
                parts = (rows[np.isin(of_row, part)] for part in (train, held, test))
                yield Split(self.split_name(windows, name, number, own[test]), *parts)

    def unit_folds(
        self, contents: NDArray[np.float64], *, folds: int | None, validation: float, rng: np.random.Generator
    ) -> Iterator[tuple[Indices, Indices, Indices]]:
        """Yield the units of train, validation and test of each fold; `contents` as `contents_of` returns them."""
        n_units = len(contents)
        # Units that are not tested train and validate: two at least are left by every fold.
        k = min(max(folds or self.folds or n_units, 3 if n_units == 3 else 2), n_units)
        fold_of = self.fold_of(contents, k, rng)
        for fold in range(int(fold_of.max()) + 1):
            test, rest = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
            part = deal(contents[rest], np.array([1 - validation, validation]), rng)
            yield rest[part == 0], rest[part == 1], test

    def fold_of(self, contents: NDArray[np.float64], k: int, rng: np.random.Generator) -> Indices:
        """Deal units to `k` folds."""
        return deal(contents, np.full(k, 1 / k), rng, most=len(contents) - 2)

    def note(self, windows: WindowSet) -> str:
        """Return what a reader of the figures has to know about these windows; empty for nothing."""
        return ""

    def check_folds(self, windows: WindowSet, folds: int | None) -> None:
        """Check a number of folds that was asked for.

        Raises
        ------
        DatasetError
            If the protocol cannot have so many.
        """
        if folds is not None and folds < self.least_folds:
            raise DatasetError("Too few folds", found=str(folds), expected="at least 2 (session: at least 1)")

    def check(self, windows: WindowSet, split: Split) -> None:
        """Check that no window and no unit is in two parts, and that no part is empty.

        Raises
        ------
        DatasetError
            If one is.
        """
        require_apart(self.unit, self.units(windows), split, ("train", "validation", "test"))

    def _populations(self, windows: WindowSet) -> Iterator[tuple[str, Indices]]:
        """Yield the name and the windows of each group of people that has its own folds."""
        if not self.within_subject:
            yield "", np.arange(len(windows), dtype=np.int64)
            return
        for code, name in enumerate(windows.subjects):
            yield name, np.flatnonzero(windows.subject == code)

    def _require_units(self, name: str, n_units: int) -> None:
        if n_units >= 3:
            return
        raise DatasetError(
            f"Protocol {self.name} needs more {self.unit}s" + (f" of {name}" if name else ""),
            found=f"{n_units}",
            expected="at least 3: one each to train, validate and test",
            fix="Choose another --protocol.",
        )


def require_apart(unit: str, groups: Indices, split: Split, parts: tuple[str, ...]) -> None:
    """Check that no group is in two of these parts of a split, and that none of them is empty.

    Raises
    ------
    DatasetError
        If one is.
    """
    seen: set[int] = set()
    for part in parts:
        rows = getattr(split, part)
        here = set(groups[rows].tolist())
        if not here or here & seen or len(np.unique(rows)) != len(rows):
            raise DatasetError(
                f"Split {split.name} is not sound",
                found=f"{part} with {len(rows)} windows, {len(here & seen)} {unit}s shared with another part",
                expected=f"every {unit} in one part only, no part empty",
            )
        seen |= here


def require_stimuli(windows: WindowSet, protocol: str) -> Indices:
    """Return the stimulus of every window.

    Raises
    ------
    DatasetError
        If a trial names none.
    """
    if windows.stimulus is None or (windows.stimulus < 0).any():
        raise DatasetError(
            f"Protocol {protocol} needs a stimulus for each trial",
            found="trials without one",
            expected="a data set whose people saw or heard the same stimuli: DEAP, DREAMER, SEED, FACED",
            fix="Choose another --protocol.",
        )
    return windows.stimulus
