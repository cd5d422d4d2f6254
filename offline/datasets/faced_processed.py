"""FACED's processed files: one pickle a person, the last 30 s of each of 28 clips at 250 Hz.

Chen et al. 2023, *Scientific Data* 10:740. The authors cut, filtered (0.05-47 Hz), cleaned by ICA and
re-referenced these signals. A pickle can run code when it is loaded: the restricted reader takes arrays only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from bci_app.errors import DatasetError
from offline.datasets.base import DatasetInfo, Trial
from offline.datasets.entry import DatasetEntry
from offline.datasets.faced import CHANNELS, EMOTION_OF_CLIP, EMOTIONS, SOURCE
from offline.datasets.faced import INFO as FACED
from offline.datasets.files import FileDataset, require_finite, require_shape
from offline.datasets.labels import Threshold
from offline.datasets.mat import as_float
from offline.datasets.restricted_pickle import read_array

RATE = 250
SAMPLES = 30 * RATE
ROWS = 32
"""30 electrodes on the scalp, then two mastoids, which are not read."""

_FOLDERS = ("", "Processed_data")
_FILE = re.compile(r"^sub(\d{3})\.pkl$", re.IGNORECASE)
_TARGET = FACED.targets[0].name

INFO = replace(
    FACED,
    name="faced-processed",
    title="FACED, processed files (250 Hz, last 30 s of each clip)",
    source=f"{SOURCE}; Synapse syn50614194",
    licence="terms of Synapse syn50614194",
    obtain="Synapse gives access to registered people: https://www.synapse.org/Synapse:syn50614194",
    expected_files="sub000.pkl … sub122.pkl (Processed_data)",
    rate=float(RATE),
    rest_seconds=0.0,
)


@dataclass(frozen=True)
class FacedProcessed:
    """The pickles of a folder, or of ``Processed_data`` in it."""

    root: Path

    @property
    def info(self) -> DatasetInfo:
        """Its description."""
        return INFO

    @cached_property
    def _files(self) -> dict[str, Path]:
        for folder in _FOLDERS:
            if not (self.root / folder).is_dir():
                continue
            found = {m[1]: path for path in sorted((self.root / folder).iterdir()) if (m := _FILE.match(path.name))}
            if found:
                return found
        raise DatasetError(
            "No processed file of FACED is there",
            found=str(self.root),
            expected=INFO.expected_files,
            fix=INFO.obtain,
        )

    def subjects(self) -> list[str]:
        """Subjects that are there, in natural order."""
        return list(self._files)

    def files(self, subject: str) -> tuple[Path, ...]:
        """Files that hold a subject."""
        return (self._files[subject],)

    def trials(self, subject: str) -> Iterator[Trial]:
        """Trials of one subject, in the order of the clips."""
        path = self._files[subject]
        signals = read_array(path)
        require_shape(signals.shape, (len(EMOTION_OF_CLIP), ROWS, SAMPLES), path.name)
        for number, (clip, emotion) in enumerate(zip(signals, EMOTION_OF_CLIP, strict=True), start=1):
            where = f"clip {number} of {path.name}"
            # (channels, samples) → (samples, channels)
            data = as_float(clip[: len(CHANNELS)], where).T
            yield Trial(
                subject=subject,
                session="1",
                trial=str(number),
                stimulus=str(number),
                data=require_finite(data, where),
                rate=float(RATE),
                channels=CHANNELS,
                labels={_TARGET: EMOTIONS.index(emotion)},
            )


def _open(root: Path, _: Threshold) -> FileDataset:
    return FacedProcessed(root)


ENTRY = DatasetEntry(info=INFO, open=_open)
