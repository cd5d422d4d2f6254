"""DREAMER: 23 people, 18 film clips, rated for valence, arousal and dominance.

Katsigiannis & Ramzan 2018, *IEEE J. Biomedical and Health Informatics* 22(1):98. One MAT file.
"""

from __future__ import annotations

from collections.abc import Iterator
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

CHANNELS = (
    "AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4",
)  # fmt: skip
"""Emotiv EPOC."""

TARGETS = {"valence": "ScoreValence", "arousal": "ScoreArousal", "dominance": "ScoreDominance"}
SCALE = (1.0, 5.0)
THRESHOLD = Threshold(3.0)
"""High if the score is greater than 3; some papers count 3 as high."""
REST_SECONDS = 61
SCORED_SECONDS = 60
"""The end of each film that is scored, as is common; what lies before it settles the filters."""

FILE = "DREAMER.mat"
RATE = 128
_EXPECTED = "the struct DREAMER with Data, EEG_SamplingRate and EEG_Electrodes"
OBTAIN = "Zenodo gives access on request: https://zenodo.org/records/546113"


def _info(threshold: Threshold) -> DatasetInfo:
    return DatasetInfo(
        name="dreamer",
        title="DREAMER (Emotiv EPOC, 128 Hz, unfiltered)",
        source="Katsigiannis & Ramzan 2018, doi 10.1109/JBHI.2017.2688239",
        licence="DREAMER end-user licence: non-commercial research, no redistribution",
        obtain=OBTAIN,
        expected_files=FILE,
        targets=tuple(threshold.target(name, SCALE) for name in TARGETS),
        channels=CHANNELS,
        rate=float(RATE),
        rest_seconds=float(REST_SECONDS),
    )


@dataclass(frozen=True)
class Dreamer:
    """DREAMER.mat, which is read whole: about 2 GB of memory for the published file.

    A trial is a film clip, of which the last 60 s are scored. Its rest is the neutral clip before it.
    """

    root: Path
    threshold: Threshold = THRESHOLD

    @property
    def info(self) -> DatasetInfo:
        """Its description."""
        return marked(_info(self.threshold), self.root.parent if self.root.is_file() else self.root)

    @cached_property
    def _path(self) -> Path:
        path = self.root if self.root.is_file() else self.root / FILE
        if not path.is_file():
            raise DatasetError("DREAMER is not there", found=str(self.root), expected=FILE, fix=OBTAIN)
        return path

    @cached_property
    def _data(self) -> list[NDArray[Any]]:
        """One (1, 1) struct a subject."""
        top = read_mat(self._path, ("DREAMER",), expected=_EXPECTED)["DREAMER"]
        rate = as_float(_field(top, "EEG_SamplingRate", FILE), "EEG_SamplingRate")
        electrodes = [str(np.squeeze(cell)) for cell in _cells(_field(top, "EEG_Electrodes", FILE), "EEG_Electrodes")]
        if rate.tolist() != [[RATE]] or tuple(electrodes) != CHANNELS:
            raise DatasetError(
                f"{self._path.name} was recorded otherwise than documented",
                found=f"{rate.ravel().tolist()} Hz, {', '.join(electrodes)}",
                expected=f"{RATE} Hz, {', '.join(CHANNELS)}",
            )
        return _cells(_field(top, "Data", FILE), "Data")

    def subjects(self) -> list[str]:
        """Subjects that are there, in natural order."""
        return [f"s{number:02d}" for number in range(1, len(self._data) + 1)]

    def files(self, subject: str) -> tuple[Path, ...]:
        """Files that hold a subject."""
        return (self._path,)

    def trials(self, subject: str) -> Iterator[Trial]:
        """Trials of one subject, in the order of the film clips."""
        person = self._data[self.subjects().index(subject)]
        eeg = _field(person, "EEG", subject)
        stimuli = _cells(_field(eeg, "stimuli", subject), f"stimuli of {subject}")
        baselines = _cells(_field(eeg, "baseline", subject), f"baseline of {subject}")
        scores = {name: as_float(_field(person, score, subject), score) for name, score in TARGETS.items()}
        for name, score in scores.items():
            require_shape(score.shape, (len(stimuli), 1), f"{name} of {subject}")
        if len(baselines) != len(stimuli):
            raise DatasetError(
                f"{subject} lacks baselines", found=str(len(baselines)), expected=f"{len(stimuli)}, one a film"
            )
        for number, (stimulus, baseline) in enumerate(zip(stimuli, baselines, strict=True), 1):
            where = f"film {number} of {subject} in {self._path.name}"
            ratings = {name: float(score[number - 1, 0]) for name, score in scores.items()}
            require_ratings(ratings, SCALE, where)
            data = _samples(stimulus, where)
            yield Trial(
                subject=subject,
                session="1",
                trial=f"{number:02d}",
                stimulus=f"{number:02d}",
                data=data,
                rate=float(RATE),
                channels=CHANNELS,
                labels=self.threshold.labels(ratings),
                ratings=ratings,
                scored_from=max(0, len(data) - SCORED_SECONDS * RATE),
                rest=_samples(baseline, f"baseline of {where}"),
            )


def _field(struct: object, name: str, where: str) -> Any:
    """Return a field of a 1 x 1 struct."""
    if not isinstance(struct, np.ndarray) or struct.shape != (1, 1) or name not in (struct.dtype.names or ()):
        raise DatasetError(f"{where} is not built as documented", found=f"no {name}", expected=_EXPECTED)
    return struct[0, 0][name]


def _cells(value: object, where: str) -> list[Any]:
    """Return the cells of a row or column of cells."""
    if not isinstance(value, np.ndarray) or value.dtype != object or value.ndim != 2 or 1 not in value.shape:
        raise DatasetError(f"{where} is not built as documented", found="no cells", expected="a row or column of cells")
    return list(value.ravel())


def _samples(cell: object, where: str) -> NDArray[np.float64]:
    data = as_float(cell, where)
    require_shape(data.shape, (None, len(CHANNELS)), where)
    return require_finite(data, where)


ENTRY = DatasetEntry(
    info=_info(THRESHOLD),
    open=Dreamer,
    threshold=THRESHOLD,
    published={"valence": 0.9641, "arousal": 0.9695, "dominance": 0.9690},
)
