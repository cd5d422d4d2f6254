"""SEED: 15 people, three sessions of 15 film clips, labelled negative, neutral or positive.

Zheng & Lu 2015, *IEEE Trans. Autonomous Mental Development* 7(3):162. Preprocessed MAT files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.spec import Target
from bci_app.errors import DatasetError
from offline.datasets.base import DatasetInfo, Trial
from offline.datasets.entry import DatasetEntry
from offline.datasets.files import FileDataset, marked, require_finite, require_shape
from offline.datasets.labels import Threshold
from offline.datasets.mat import as_float, mat_names, read_mat

CHANNELS = (
    "Fp1", "Fpz", "Fp2", "AF3", "AF4", "F7", "F5", "F3", "F1", "Fz", "F2", "F4", "F6", "F8", "FT7", "FC5",
    "FC3", "FC1", "FCz", "FC2", "FC4", "FC6", "FT8", "T7", "C5", "C3", "C1", "Cz", "C2", "C4", "C6", "T8",
    "TP7", "CP5", "CP3", "CP1", "CPz", "CP2", "CP4", "CP6", "TP8", "P7", "P5", "P3", "P1", "Pz", "P2", "P4",
    "P6", "P8", "PO7", "PO5", "PO3", "POz", "PO4", "PO6", "PO8", "CB1", "O1", "Oz", "O2", "CB2",
)  # fmt: skip
"""ESI NeuroScan, 62 channels; CB1 and CB2 are in no standard montage."""

RATE = 200
LABELS = (1, 0, -1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 0, 1, -1)
"""The published labels of the 15 clips."""

_FOLDERS = ("", "Preprocessed_EEG")
_FILE = re.compile(r"^(\d+)_(\d{8})\.mat$", re.IGNORECASE)
_VARIABLE = re.compile(r"_eeg(\d+)$")
_EXPECTED = "a variable *_eeg1, *_eeg2 … for each clip, (62, samples)"

INFO = DatasetInfo(
    name="seed",
    title="SEED, preprocessed (200 Hz, 0-75 Hz)",
    source="Zheng & Lu 2015, doi 10.1109/TAMD.2015.2431497",
    licence="SEED licence agreement: academic research, no redistribution",
    obtain="Shanghai Jiao Tong University (BCMI) gives access on request: https://bcmi.sjtu.edu.cn/home/seed/",
    expected_files="Preprocessed_EEG/1_20131027.mat … 15_20131105.mat (three sessions a subject) and label.mat",
    targets=(
        Target(
            name="emotion",
            classes=("negative", "neutral", "positive"),
            description="what the film clip was chosen to evoke",
        ),
    ),
    channels=CHANNELS,
    rate=float(RATE),
)


@dataclass(frozen=True)
class Seed:
    """The files of ``Preprocessed_EEG``. Clips have no baseline before them."""

    root: Path

    @property
    def info(self) -> DatasetInfo:
        """Its description."""
        return marked(INFO, self.root)

    @cached_property
    def _files(self) -> dict[int, list[tuple[str, Path]]]:
        """Date and file of each session of each subject, both in natural order."""
        for folder in _FOLDERS:
            files: dict[int, list[tuple[str, Path]]] = {}
            if not (self.root / folder).is_dir():
                continue
            for path in (self.root / folder).iterdir():
                if match := _FILE.match(path.name):
                    files.setdefault(int(match[1]), []).append((match[2], path))
            if files:
                return {number: sorted(files[number]) for number in sorted(files)}
        raise DatasetError(
            "No file of SEED is there", found=str(self.root), expected=INFO.expected_files, fix=INFO.obtain
        )

    @cached_property
    def _labels(self) -> NDArray[np.float64]:
        folder = next(iter(self._files.values()))[0][1].parent
        if not (folder / "label.mat").is_file():
            raise DatasetError("SEED lacks label.mat", found=str(folder), expected=INFO.expected_files, fix=INFO.obtain)
        value = as_float(read_mat(folder / "label.mat", ("label",), expected="label (1, clips)")["label"], "label.mat")
        require_shape(value.shape, (1, None), "label of label.mat")
        if not np.isin(value, (-1, 0, 1)).all():
            raise DatasetError("label.mat holds unknown labels", found=str(np.unique(value)), expected="-1, 0, 1")
        return value[0]

    def subjects(self) -> list[str]:
        """Subjects that are there, in natural order: 1, 2 … 10."""
        return [str(number) for number in self._files]

    def files(self, subject: str) -> tuple[Path, ...]:
        """Files that hold a subject."""
        sessions = [path for _, path in self._files[int(subject)]]
        return (*sessions, sessions[0].with_name("label.mat"))

    def trials(self, subject: str) -> Iterator[Trial]:
        """Trials of one subject, session by session; one clip is in memory at a time."""
        for date, path in self._files[int(subject)]:
            for number, name in sorted(self._variables(path).items()):
                where = f"{name} of {path.name}"
                data = as_float(read_mat(path, (name,), expected=_EXPECTED, checked=True)[name], where)
                require_shape(data.shape, (len(CHANNELS), None), where)
                yield Trial(
                    subject=subject,
                    session=date,
                    trial=f"{number:02d}",
                    stimulus=f"{number:02d}",
                    data=require_finite(data.T, where),  # (channels, samples) → (samples, channels)
                    rate=float(RATE),
                    channels=CHANNELS,
                    labels={"emotion": int(self._labels[number - 1]) + 1},
                )

    def _variables(self, path: Path) -> dict[int, str]:
        """Return the variable of each clip. The prefix of the names differs between subjects."""
        names = mat_names(path, expected=_EXPECTED)
        found = {int(match[1]): name for name in names if (match := _VARIABLE.search(name))}
        if sorted(found) != list(range(1, len(self._labels) + 1)):
            raise DatasetError(
                f"{path.name} does not hold one variable for each label",
                found=", ".join(names) or "no variables",
                expected=f"*_eeg1 … *_eeg{len(self._labels)}",
            )
        return found


def _open(root: Path, _: Threshold) -> FileDataset:
    return Seed(root)


ENTRY = DatasetEntry(info=INFO, open=_open)
