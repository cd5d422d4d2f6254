"""DEAP: 32 people, 40 one-minute music videos each, rated for valence, arousal, dominance and liking.

Koelstra et al. 2012, *IEEE Trans. Affective Computing* 3(1):18. Preprocessed files, Python or Matlab.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import DatasetError
from offline.datasets.base import DatasetInfo, Trial
from offline.datasets.entry import DatasetEntry
from offline.datasets.files import marked, require_finite, require_shape
from offline.datasets.labels import Threshold, require_ratings
from offline.datasets.mat import as_float, read_mat
from offline.datasets.restricted_pickle import read_arrays

CHANNELS = (
    "Fp1", "AF3", "F3", "F7", "FC5", "FC1", "C3", "T7", "CP5", "CP1", "P3", "P7", "PO3", "O1", "Oz", "Pz",
    "Fp2", "AF4", "Fz", "F4", "F8", "FC6", "FC2", "Cz", "C4", "T8", "CP6", "CP2", "P4", "P8", "PO4", "O2",
)  # fmt: skip
"""Geneva order, the order of the preprocessed files."""

TARGETS = ("valence", "arousal", "dominance", "liking")
PUBLISHED = {"valence": 0.9868, "arousal": 0.9866, "dominance": 0.9867}
SCALE = (1.0, 9.0)
THRESHOLD = Threshold(5.0)
"""High if the rating is greater than 5, as in most of the literature."""

BASELINE = 384
"""Samples before the video begins: 3 s at 128 Hz."""
SAMPLES = 8064
ROWS = 40
"""32 EEG channels and 8 of the periphery, which are not read."""

_FOLDERS = ("", "data_preprocessed_python", "data_preprocessed_matlab")
_FILE = re.compile(r"^s(\d{2,})\.(dat|mat)$", re.IGNORECASE)
_EXPECTED = "data (trials, 40, 8064) and labels (trials, 4)"
OBTAIN = (
    "Queen Mary University of London gives access after a signed end-user licence agreement: "
    "https://www.eecs.qmul.ac.uk/mmv/datasets/deap/"
)
LICENCE = "DEAP end-user licence agreement: academic research, no redistribution"


def deap_info(threshold: Threshold = THRESHOLD) -> DatasetInfo:
    """Return the description of the preprocessed files under a threshold of ratings."""
    return DatasetInfo(
        name="deap",
        title="DEAP, preprocessed (128 Hz, 4-45 Hz, average reference, EOG removed)",
        source="Koelstra et al. 2012, doi 10.1109/T-AFFC.2011.15",
        licence=LICENCE,
        obtain=OBTAIN,
        expected_files="s01.dat … s32.dat (data_preprocessed_python) or s01.mat … s32.mat (data_preprocessed_matlab)",
        targets=tuple(threshold.target(name, SCALE) for name in TARGETS),
        channels=CHANNELS,
        rate=128.0,
        rest_seconds=BASELINE / 128,
    )


@dataclass(frozen=True)
class Deap:
    """The preprocessed files of a folder, or of the publisher's subfolder in it.

    A trial is 63 s: 3 s before the video, which are filtered and may be the rest baseline but are not
    scored, then the video. Files of fewer trials than 40 are taken too.
    """

    root: Path
    threshold: Threshold = THRESHOLD

    @property
    def info(self) -> DatasetInfo:
        """Its description."""
        return marked(deap_info(self.threshold), self.root)

    @cached_property
    def _files(self) -> dict[str, Path]:
        files: dict[int, Path] = {}
        for folder in _FOLDERS:
            if not (self.root / folder).is_dir():
                continue
            # ".dat" sorts before ".mat" and wins where both are there.
            for path in sorted((self.root / folder).iterdir()):
                if match := _FILE.match(path.name):
                    files.setdefault(int(match[1]), path)
        if not files:
            raise DatasetError(
                "No file of DEAP is there", found=str(self.root), expected=self.info.expected_files, fix=OBTAIN
            )
        return {f"s{number:02d}": files[number] for number in sorted(files)}

    def subjects(self) -> list[str]:
        """Subjects that are there, in natural order."""
        return list(self._files)

    def files(self, subject: str) -> tuple[Path, ...]:
        """Files that hold a subject."""
        return (self._files[subject],)

    def trials(self, subject: str) -> Iterator[Trial]:
        """Trials of one subject, in the order of the video numbers."""
        path = self._files[subject]
        data, labels = _read(path)
        require_shape(data.shape, (None, ROWS, SAMPLES), f"data of {path.name}")
        require_shape(labels.shape, (len(data), len(TARGETS)), f"labels of {path.name}")
        for number, (signals, row) in enumerate(zip(data, as_float(labels, f"labels of {path.name}"), strict=True), 1):
            where = f"trial {number} of {path.name}"
            ratings = {name: float(rating) for name, rating in zip(TARGETS, row, strict=True)}
            require_ratings(ratings, SCALE, where)
            # (channels, samples) → (samples, channels)
            eeg = as_float(signals[: len(CHANNELS)], where).T
            yield Trial(
                subject=subject,
                session="1",
                trial=f"{number:02d}",
                stimulus=f"{number:02d}",
                data=require_finite(eeg, where),
                rate=128.0,
                channels=CHANNELS,
                labels=self.threshold.labels(ratings),
                ratings=ratings,
                scored_from=BASELINE,
            )


def _read(path: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    arrays: Mapping[str, NDArray[Any]]
    if path.suffix.lower() == ".mat":
        arrays = read_mat(path, ("data", "labels"), expected=_EXPECTED)
    else:
        arrays = read_arrays(path)
        if missing := [name for name in ("data", "labels") if name not in arrays]:
            raise DatasetError(
                f"{path.name} lacks {', '.join(missing)}", found=", ".join(arrays) or "nothing", expected=_EXPECTED
            )
    return arrays["data"], arrays["labels"]


ENTRY = DatasetEntry(info=deap_info(), open=Deap, threshold=THRESHOLD, published=PUBLISHED)
