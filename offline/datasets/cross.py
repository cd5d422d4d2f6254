"""Two data sets as one: people of the one are trained on, those of the other are tested, on the electrodes of both.

``--dataset "cross?train=NAME&train_root=A&test=NAME&test_root=B" --protocol cross-dataset``. Names of people begin
with ``train:`` or ``test:``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from bci_app.errors import DatasetError
from offline.datasets.base import DatasetInfo, Trial
from offline.datasets.entry import DatasetEntry
from offline.datasets.files import FileDataset

TRAIN, TEST = "train:", "test:"
"""How the names of people begin, by the side that they are on."""

_OBTAIN = "Name two data sets: --dataset 'cross?train=NAME&train_root=FOLDER&test=NAME&test_root=FOLDER'"

INFO = DatasetInfo(
    name="cross",
    title="Two data sets, one to train on and one to test",
    source="those of both",
    licence="those of both",
    obtain=_OBTAIN,
    expected_files="those of both",
    targets=(),
    channels=(),
    rate=0.0,
)

Open = Callable[[str, Path | None], FileDataset]
"""Opens a data set by its name, with options if it has any, and its folder."""


@dataclass(frozen=True)
class CrossDataset:
    """The people of two data sets.

    Parameters
    ----------
    train, test : FileDataset
        The two.
    """

    train: FileDataset
    test: FileDataset

    @cached_property
    def info(self) -> DatasetInfo:
        """Its description: the electrodes and the targets of both."""
        first, second = self.train.info, self.test.info
        channels = tuple(name for name in first.channels if name in second.channels)
        targets = tuple(target for target in first.targets if target in second.targets)
        for what, found in (("electrode", channels), ("target", targets)):
            if not found:
                raise DatasetError(
                    f"The data sets have no {what} in common",
                    found=f"{first.title}; {second.title}",
                    expected="the same names of electrodes, and targets with the same classes and threshold",
                )
        return replace(
            INFO,
            title=f"Trained on {first.title}; tested on {second.title}",
            source=f"{first.source}; {second.source}",
            licence=f"{first.licence}; {second.licence}",
            targets=targets,
            channels=channels,
            rate=first.rate,
            synthetic=first.synthetic or second.synthetic,
            rest_seconds=min(first.rest_seconds, second.rest_seconds),
            referenced=first.referenced and second.referenced,
            demo_subjects=tuple(f"{TRAIN}{name}" for name in first.demo_subjects),
            limitations=first.limitations,
            caution=f"{second.title}: {second.caution}" if second.caution else "",
        )

    def subjects(self) -> list[str]:
        """People of both, those that are trained on first."""
        return [f"{side}{name}" for side, part in self._parts.items() for name in part.subjects()]

    def trials(self, subject: str) -> Iterator[Trial]:
        """Trials of one person, with the targets of both."""
        part, name = self._of(subject)
        common = {target.name for target in self.info.targets}
        for trial in part.trials(name):
            labels = {target: label for target, label in trial.labels.items() if target in common}
            yield replace(trial, subject=subject, labels=labels)

    def files(self, subject: str) -> tuple[Path, ...]:
        """Files that hold a person."""
        part, name = self._of(subject)
        return part.files(name)

    @property
    def _parts(self) -> dict[str, FileDataset]:
        return {TRAIN: self.train, TEST: self.test}

    def _of(self, subject: str) -> tuple[FileDataset, str]:
        side, _, name = subject.partition(":")
        return self._parts[f"{side}:"], name


def cross_entry(opened: Open) -> DatasetEntry:
    """Return the entry, given how data sets are opened."""

    def configured(options: Mapping[str, str]) -> DatasetEntry:
        allowed = {"train", "test", "train_root", "test_root"}
        if not {"train", "test"} <= set(options) <= allowed:
            raise DatasetError(
                "Data set cross needs two others",
                found=", ".join(options) or "none",
                expected=", ".join(sorted(allowed)),
                fix=_OBTAIN,
            )

        def part(side: str) -> FileDataset:
            root = options.get(f"{side}_root")
            return opened(options[side], Path(root) if root else None)

        return DatasetEntry(
            info=INFO,
            open=lambda _root, _threshold: CrossDataset(part("train"), part("test")),
            configured=configured,
            without_files=lambda: CrossDataset(part("train"), part("test")),
        )

    def bare() -> FileDataset:
        raise DatasetError("Data set cross needs two others", found="no names", fix=_OBTAIN)

    return DatasetEntry(info=INFO, open=lambda _root, _threshold: bare(), configured=configured)
