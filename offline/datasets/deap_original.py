"""DEAP's original recordings: BioSemi BDF at 512 Hz, one file a subject, with the ratings in a table.

Subjects 1 to 22 (Twente) and 23 to 32 (Geneva) have their channels in different orders: they are found
by name. Trials are in the order of presentation; the table names the video of each one.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import DatasetError
from bci_app.recording import Recording
from offline.datasets.base import DatasetInfo, Trial
from offline.datasets.deap import CHANNELS, OBTAIN, PUBLISHED, SCALE, TARGETS, THRESHOLD, deap_info
from offline.datasets.entry import DatasetEntry
from offline.datasets.files import marked
from offline.datasets.labels import Threshold, require_ratings
from offline.datasets.recorded import eeg_microvolts, open_recording

FIXATION_SECONDS = 5
VIDEO_SECONDS = 60
VIDEO_CODE = 4

RATINGS = "participant_ratings.csv"
_FILE = re.compile(r"^s(\d{2,})\.bdf$", re.IGNORECASE)
_FOLDERS = ("", "data_original")
_TABLES = ("", "metadata_csv", "..", "../metadata_csv")
_EXPECTED = f"s01.bdf … s32.bdf (data_original) and {RATINGS} (metadata_csv)"


def _info(threshold: Threshold) -> DatasetInfo:
    return replace(
        deap_info(threshold),
        name="deap-original",
        title="DEAP, original recordings (512 Hz, unfiltered, no reference)",
        expected_files=_EXPECTED,
        rate=512.0,
        rest_seconds=float(FIXATION_SECONDS),
        referenced=False,
    )


@dataclass(frozen=True)
class DeapOriginal:
    """The BDF files of a folder, or of ``data_original`` in it. A file is read whole, about 1 GB of memory.

    A trial is 65 s: 5 s of fixation, which are filtered and may be the rest baseline but are not
    scored, then the video.
    """

    root: Path
    threshold: Threshold = THRESHOLD

    @property
    def info(self) -> DatasetInfo:
        """Its description."""
        return marked(_info(self.threshold), self.root)

    @cached_property
    def _files(self) -> dict[str, Path]:
        for folder in _FOLDERS:
            if not (self.root / folder).is_dir():
                continue
            found = {int(m[1]): path for path in (self.root / folder).iterdir() if (m := _FILE.match(path.name))}
            if found:
                return {f"s{number:02d}": found[number] for number in sorted(found)}
        raise DatasetError("No original file of DEAP is there", found=str(self.root), expected=_EXPECTED, fix=OBTAIN)

    @cached_property
    def _table(self) -> Path:
        folder = next(iter(self._files.values())).parent
        for place in _TABLES:
            if (folder / place / RATINGS).is_file():
                return (folder / place / RATINGS).resolve()
        raise DatasetError(
            "DEAP lacks the table of ratings", found=str(folder), expected=f"{RATINGS} there or beside it", fix=OBTAIN
        )

    @cached_property
    def _ratings(self) -> dict[str, list[tuple[int, dict[str, float]]]]:
        """Video number and ratings of each trial in the order of presentation, by subject."""
        rows: dict[str, list[tuple[int, int, dict[str, float]]]] = {}
        try:
            with self._table.open(newline="", encoding="utf-8-sig") as file:
                for line in csv.DictReader(file):
                    ratings = {name: float(line[name.capitalize()]) for name in TARGETS}
                    row = (int(line["Trial"]), int(line["Experiment_id"]), ratings)
                    rows.setdefault(f"s{int(line['Participant_id']):02d}", []).append(row)
        except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
            raise DatasetError(
                f"Cannot read {RATINGS}",
                found=str(error),
                expected="columns Participant_id, Trial, Experiment_id, Valence, Arousal, Dominance, Liking",
                fix=OBTAIN,
            ) from error
        return {
            subject: [(video, ratings) for _, video, ratings in sorted(trials, key=lambda row: row[0])]
            for subject, trials in rows.items()
        }

    def subjects(self) -> list[str]:
        """Subjects that are there, in natural order."""
        return list(self._files)

    def files(self, subject: str) -> tuple[Path, ...]:
        """Files that hold a subject."""
        return (self._files[subject], self._table)

    def trials(self, subject: str) -> Iterator[Trial]:
        """Trials of one subject, in the order of presentation; `trial` is the video's number."""
        path = self._files[subject]
        rated = self._ratings.get(subject, [])
        recording = open_recording(path)
        rate = recording.info.rate
        starts = _video_starts(recording)
        if len(starts) != len(rated) or not rated:
            raise DatasetError(
                f"{path.name} does not hold the trials that were rated",
                found=f"{len(starts)} videos (status code {VIDEO_CODE})",
                expected=f"{len(rated)}, as listed in {RATINGS}",
            )
        for start, (video, ratings) in zip(starts, rated, strict=True):
            where = f"video {video} of {path.name}"
            require_ratings(ratings, SCALE, where)
            first, end = max(0, start - round(FIXATION_SECONDS * rate)), start + round(VIDEO_SECONDS * rate)
            if end > len(recording):
                raise DatasetError(
                    f"{path.name} ends within a trial",
                    found=f"{(len(recording) - start) / rate:.1f} s of video {video}",
                    expected=f"{VIDEO_SECONDS} s",
                    fix="Obtain the file again, or leave this subject out.",
                )
            yield Trial(
                subject=subject,
                session="1",
                trial=f"{video:02d}",
                stimulus=f"{video:02d}",
                data=eeg_microvolts(recording, CHANNELS, slice(first, end), where),
                rate=rate,
                channels=CHANNELS,
                labels=self.threshold.labels(ratings),
                ratings=ratings,
                scored_from=start - first,
            )


def _video_starts(recording: Recording) -> list[int]:
    """Return the first sample of each video.

    The upper bits of the status channel hold the state of the amplifier; the lower eight are codes.
    """
    names = [name.strip().lower() for name in recording.info.channels]
    # In some files the status channel has lost its name; it is the last one in all of them.
    column = names.index("status") if "status" in names else len(names) - 1
    status = recording.data[:, column]
    codes: NDArray[np.int64] = np.where(np.isfinite(status), status, 0).astype(np.int64) & 0xFF
    video = codes == VIDEO_CODE
    return [int(at) for at in np.flatnonzero(video & ~np.concatenate([[False], video[:-1]]))]


ENTRY = DatasetEntry(info=_info(THRESHOLD), open=DeapOriginal, threshold=THRESHOLD, published=PUBLISHED)
