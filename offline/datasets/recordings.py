"""Your own recordings: files of any readable format, each with a BIDS events table beside it.

Sessions of `bci-app study`, and sessions with self-reports, need no table: their own markers say what was shown
and rated.

``sub-01_ses-1_task-films_eeg.edf`` (or ``.xdf``, ``.bdf``, …) goes with ``sub-01_ses-1_task-films_events.tsv``, in one
folder or in BIDS subfolders. Columns of the table (BIDS 1.10, task events):

``onset``, ``duration``
    Seconds from the first sample.
``trial``
    Name of the trial, unique in its file; the number of the row if there is no such column.
``valence``, ``arousal``, ``dominance``, ``liking``
    Self-ratings, made low or high by the threshold.
any other column of words
    Classes of a target of that name. Columns that BIDS defines and columns of numbers are not read.
``trial_type``
    ``rest`` or ``baseline`` marks the rest baseline of the trials after it in the file. Without one
    it is what was recorded before the first trial. A row of rest that is labelled is a trial too: its
    first half, at most, is its baseline, and what follows that is scored.

Sessions of a subject follow each other as their files say that they were begun, or by their names where
a file does not say or two say the same.

Rows whose labels are all ``n/a`` are events of another kind.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.spec import Target
from bci_app.errors import ChannelError, DatasetError
from bci_app.montage.names import canonical, is_electrode
from bci_app.recording import FORMATS, Recording
from bci_app.stream import microvolts_per
from offline.datasets.base import DatasetInfo, Trial
from offline.datasets.entry import DatasetEntry
from offline.datasets.event_rows import RATINGS, EventRow, read_events, rows_of_session
from offline.datasets.files import natural
from offline.datasets.labels import Threshold, require_ratings
from offline.datasets.recorded import eeg_microvolts, open_recording
from offline.datasets.tables import classes_of, parse_number

SCALE = (1.0, 9.0)
THRESHOLD = Threshold(5.0)
LEAD_SECONDS = 10.0
"""What is kept of the recording before a trial, unscored, for filters to settle on."""

_ENTITY = re.compile(r"(?:^|_)(sub|ses)-([A-Za-z0-9]+)(?=_|$)")
EXPECTED = "sub-<who>[_ses-<when>]…_eeg.<edf|bdf|xdf|vhdr|…> and …_events.tsv beside it"
OBTAIN = "Name the files as in BIDS. The table needs the columns onset, duration and one for each label."

INFO = DatasetInfo(
    name="recordings",
    title="Your own recordings with BIDS events tables",
    source="your own recordings",
    licence="the consent of your participants",
    obtain=OBTAIN,
    expected_files=EXPECTED,
    targets=(),
    channels=(),
    rate=0.0,
)


@dataclass(frozen=True)
class _File:
    """A recording and its events. `events` is the recording itself if its own markers hold them."""

    path: Path
    events: Path
    subject: str
    session: str
    rows: tuple[EventRow, ...]


@dataclass(frozen=True)
class _Scan:
    """What is known of a recording that can be read."""

    electrodes: tuple[str, ...]
    rate: float
    rest: float
    begun: datetime | None


@dataclass(frozen=True)
class Recordings:
    """The recordings of a folder."""

    root: Path
    threshold: Threshold = THRESHOLD

    @cached_property
    def _files(self) -> list[_File]:
        files = [_read_file(path) for path in self.root.rglob("*_events.tsv")]
        described = {file.path for file in files}
        files += [file for path in self.root.rglob("*.xdf") if path not in described for file in _read_session(path)]
        if not files:
            raise DatasetError("No events table is there", found=str(self.root), expected=EXPECTED, fix=OBTAIN)
        return sorted(files, key=lambda file: natural(file.path.name))

    @cached_property
    def _targets(self) -> tuple[Target, ...]:
        values: dict[str, set[str]] = {}
        for file in self._files:
            for row in file.rows:
                for name, word in row.words.items():
                    values.setdefault(name, set()).add(word)
        targets = [
            self.threshold.target(name, SCALE)
            if name in RATINGS
            else Target(name=name, classes=classes_of(name, words))
            for name, words in sorted(values.items(), key=lambda item: _rank(item[0]))
        ]
        if not targets:
            raise DatasetError(
                "The recordings hold no labels",
                found=", ".join(file.events.name for file in self._files),
                expected="ratings or intended classes of a study, self-reports, or events tables with such columns",
                fix=OBTAIN,
            )
        return tuple(targets)

    @cached_property
    def _scans(self) -> dict[Path, _Scan]:
        """What the recordings are, without those that cannot be read: `trials` reports these."""
        scans: dict[Path, _Scan] = {}
        damaged: list[DatasetError] = []
        for file in self._files:
            try:
                recording = open_recording(file.path)
            except DatasetError as error:
                damaged.append(error)
                continue
            rest = _rest_seconds(file.rows, recording)
            scans[file.path] = _Scan(tuple(_electrodes(recording)), recording.info.rate, rest, recording.begun)
        if not scans:
            raise damaged[0]
        return scans

    @cached_property
    def _common(self) -> tuple[tuple[str, ...], float, float]:
        """Electrodes that every recording has, the first one's rate, and the shortest rest before a trial in s."""
        first, *others = self._scans.values()
        common = [name for name in first.electrodes if all(name in scan.electrodes for scan in others)]
        if not common:
            raise DatasetError(
                "The recordings have no electrode in common",
                found=f"{len(self._files)} recordings",
                expected="channels named as in the 10-20 system, in a unit of voltage",
            )
        rest = min(scan.rest for scan in (first, *others))
        return tuple(common), first.rate, rest if math.isfinite(rest) else 0.0

    @property
    def info(self) -> DatasetInfo:
        """Its description; reads every recording once."""
        channels, rate, rest = self._common
        return replace(
            INFO,
            title=f"Recordings in {self.root.name}",
            targets=self._targets,
            channels=channels,
            rate=rate,
            rest_seconds=rest,
        )

    def subjects(self) -> list[str]:
        """Subjects that are there, in natural order."""
        _ = self._targets  # tables without usable labels are found before any recording is read
        return sorted({file.subject for file in self._files}, key=natural)

    def files(self, subject: str) -> tuple[Path, ...]:
        """Files that hold a subject."""
        return tuple(path for file in self._of(subject) for path in (file.path, file.events))

    def _of(self, subject: str) -> list[_File]:
        """Return the files of a subject, session by session."""
        files = [file for file in self._files if file.subject == subject]
        begun: dict[str, datetime] = {}
        for file in files:
            scan = self._scans.get(file.path)
            if scan is not None and scan.begun is not None:
                begun[file.session] = min(scan.begun, begun.get(file.session, scan.begun))
        if len(set(begun.values())) == len({file.session for file in files}):
            return sorted(files, key=lambda file: begun[file.session])
        return sorted(files, key=lambda file: natural(file.session))

    def trials(self, subject: str) -> Iterator[Trial]:
        """Trials of one subject, session by session, in the order of their onsets."""
        files = self._of(subject)
        for number, file in enumerate(files, start=1):
            several = sum(other.session == file.session for other in files) > 1
            yield from self._file_trials(file, f"{number}." if several else "")

    def _file_trials(self, file: _File, prefix: str) -> Iterator[Trial]:
        recording = open_recording(file.path)
        channels, _, _ = self._common
        labelled = [row for row in file.rows if row.words]
        rest: NDArray[np.float64] | None = None
        if labelled and not any(row.rest and row.onset < labelled[0].onset for row in file.rows):
            rest = _before(recording, channels, labelled[0], f"start of {file.path.name}")
        for row in file.rows:
            where = f"row {row.line} of {file.events.name}"
            if row.rest:
                first, end = _span(recording, row, where)
                rest = eeg_microvolts(recording, channels, slice(first, end), where)
            if not row.words:
                continue
            first, end = _span(recording, row, where)
            # A trial of rest begins with its own baseline, which stands for what lies before others.
            lead = 0 if row.rest else round(LEAD_SECONDS * recording.info.rate)
            start = max(_segment(recording, first).start, first - lead)
            labels, ratings = self._labels(row, where)
            yield Trial(
                subject=file.subject,
                session=file.session,
                trial=prefix + row.trial,
                data=eeg_microvolts(recording, channels, slice(start, end), where),
                rate=recording.info.rate,
                channels=channels,
                labels=labels,
                ratings=ratings,
                scored_from=first - start,
                rest=None if row.rest else rest,
            )

    def _labels(self, row: EventRow, where: str) -> tuple[dict[str, int], dict[str, float]]:
        missing = [target.name for target in self._targets if target.name not in row.words]
        if missing:
            raise DatasetError(
                f"{where} is labelled in part",
                found=f"no {', '.join(missing)}",
                expected=", ".join(target.name for target in self._targets),
                fix="Complete the row, or write n/a in all its label columns.",
            )
        ratings = {name: parse_number(word, name, where) for name, word in row.words.items() if name in RATINGS}
        require_ratings(ratings, SCALE, where)
        labels = {
            target.name: target.classes.index(row.words[target.name])
            for target in self._targets
            if target.name not in RATINGS
        }
        return labels | self.threshold.labels(ratings), ratings


def _rank(name: str) -> tuple[int, str]:
    return (RATINGS.index(name), "") if name in RATINGS else (len(RATINGS), name)


def _read_file(events: Path) -> _File:
    stem = events.name.removesuffix("_events.tsv")
    entities = dict(_ENTITY.findall(stem))
    if "sub" not in entities:
        raise DatasetError(f"The name of {events.name} does not name the subject", expected=EXPECTED, fix=OBTAIN)
    known = {extension for found in FORMATS.values() for extension in found.extensions}
    beside = sorted(
        path
        for path in events.parent.iterdir()
        if path.suffix.lower() in known and path.name.removesuffix(path.suffix) in (stem, f"{stem}_eeg")
    )
    if len(beside) != 1:
        raise DatasetError(
            f"{events.name} needs one recording beside it",
            found=", ".join(path.name for path in beside) or "none",
            expected=f"{stem}_eeg with one of {' '.join(sorted(known))}",
            fix=OBTAIN,
        )
    return _File(beside[0], events, entities["sub"], entities.get("ses", "1"), read_events(events, OBTAIN))


def _read_session(path: Path) -> list[_File]:
    """Read the trials of a session that bci-app recorded from its own markers; nothing of any other recording."""
    entities = dict(_ENTITY.findall(path.stem))
    if "sub" not in entities:
        return []
    rows = rows_of_session(open_recording(path))
    return [_File(path, path, entities["sub"], entities.get("ses", "1"), rows)] if rows else []


def _electrodes(recording: Recording) -> list[str]:
    names = []
    for name, unit in zip(recording.info.channels, recording.info.units, strict=True):
        try:
            microvolts_per(unit)
        except ChannelError:
            continue
        if is_electrode(name):
            names.append(canonical(name))
    return names


def _segment(recording: Recording, row: int) -> slice:
    """Return the stretch without a break that holds a row."""
    return next(segment for segment in recording.segments if segment.start <= row < segment.stop)


def _span(recording: Recording, row: EventRow, where: str) -> tuple[int, int]:
    """Return the first row of the data in an event and the one after its last."""
    n = round(row.duration * recording.info.rate)
    first = int(np.searchsorted(recording.times, row.onset - 0.5 / recording.info.rate))
    if n < 1 or row.onset < 0 or first + n > len(recording):
        raise DatasetError(
            f"{where} lies outside its recording",
            found=f"{row.onset:g} s to {row.onset + row.duration:g} s",
            expected=f"a duration above 0, within 0 s to {recording.duration:g} s",
        )
    if first + n > _segment(recording, first).stop:
        raise DatasetError(
            f"The recording is interrupted within {where}",
            found=f"a gap between {row.onset:g} s and {row.onset + row.duration:g} s",
            expected="trials without gaps",
            fix="Write n/a in all label columns of this row.",
        )
    return first, first + n


def _rest_seconds(rows: tuple[EventRow, ...], recording: Recording) -> float:
    """Return the length of the shortest rest before a trial of a recording, infinite without trials."""
    shortest, rest = math.inf, 0.0
    labelled = [row for row in rows if row.words]
    if labelled and recording.segments:
        first = recording.segments[0]
        rest = min(labelled[0].onset, (first.stop - first.start) / recording.info.rate)
    for row in rows:
        if row.rest:
            rest = row.duration
        if row.words:
            shortest = min(shortest, rest / 2 if row.rest else rest)
    return shortest


def _before(
    recording: Recording, channels: tuple[str, ...], row: EventRow, where: str
) -> NDArray[np.float64] | None:  # fmt: skip
    """Return what was recorded before the first trial, from the first sample to the first break."""
    first = int(np.searchsorted(recording.times, row.onset - 0.5 / recording.info.rate))
    end = min(first, recording.segments[0].stop)
    return eeg_microvolts(recording, channels, slice(0, end), where) if end > 0 else None


ENTRY = DatasetEntry(info=INFO, open=Recordings, threshold=THRESHOLD)
