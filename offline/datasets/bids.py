"""Any BIDS-EEG folder, read by MNE-BIDS.

`Layout` says what is a label, a trial and rest.

Channels that ``channels.tsv`` marks as bad are replaced by spherical splines from the others. A recording
with more than a quarter of them bad is refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.spec import Target
from bci_app.errors import DatasetError
from offline.datasets.base import DatasetInfo, Trial
from offline.datasets.bids_layout import Layout
from offline.datasets.bids_raw import (
    electrodes,
    microvolts_per_unit,
    open_raw,
    read_samples,
    repair_weights,
    require_mne_bids,
)
from offline.datasets.downloads.archives import Archive
from offline.datasets.entry import DatasetEntry
from offline.datasets.files import natural
from offline.datasets.labels import Threshold, rating_rule, require_ratings
from offline.datasets.tables import classes_of, is_missing, is_number, parse_number, read_table, target_name

_LEAD_SECONDS = 10.0
"""What is kept of the recording before a trial, unscored, for filters to settle on."""

THRESHOLD = Threshold(5.0)
INFO = DatasetInfo(
    name="bids",
    title="A BIDS-EEG folder",
    source="a BIDS folder",
    licence="that of the folder",
    obtain="Name the columns of labels: --dataset 'bids?labels=valence,arousal'",
    expected_files="sub-<who>/[ses-<when>/]eeg/…_eeg.<edf|bdf|vhdr|set>, …_events.tsv, participants.tsv",
    targets=(),
    channels=(),
    rate=0.0,
)


@dataclass(frozen=True)
class _Event:
    """A row of ``events.tsv``, in seconds; `labels` is empty for anything that is not a trial.

    `stimulus` is the name in the column that names trials, empty without one.
    """

    onset: float
    duration: float
    trial: str
    rest: bool
    labels: Mapping[str, str]
    stimulus: str = ""


@dataclass(frozen=True)
class _Recording:
    """A recording and its events, before the samples are read."""

    path: Any
    subject: str
    session: str
    files: tuple[Path, ...]
    events: tuple[_Event, ...]


@dataclass(frozen=True)
class BidsFolder:
    """The recordings of a BIDS folder.

    Parameters
    ----------
    root : Path
        The folder, with ``dataset_description.json``.
    layout : Layout
        What is a label, a trial and rest.
    threshold : Threshold
        The limit between low and high ratings.
    about : DatasetInfo
        What is known of the data set before its files are read.
    """

    root: Path
    layout: Layout
    threshold: Threshold = THRESHOLD
    about: DatasetInfo = INFO

    @property
    def info(self) -> DatasetInfo:
        """Its description; reads the header of every recording once."""
        channels, rate = self._common
        return replace(self.about, targets=self._targets, channels=channels, rate=rate, rest_seconds=self._rest_seconds)

    def subjects(self) -> list[str]:
        """Subjects that are there, in natural order."""
        _ = self._targets  # finds missing labels before any recording is read
        return list(dict.fromkeys(recording.subject for recording in self._recordings))

    def files(self, subject: str) -> tuple[Path, ...]:
        """Files that hold a subject."""
        return tuple(path for recording in self._of(subject) for path in recording.files)

    def trials(self, subject: str) -> Iterator[Trial]:
        """Trials of one subject, session by session, in the order of their onsets."""
        recordings = self._of(subject)
        for number, recording in enumerate(recordings, start=1):
            several = sum(other.session == recording.session for other in recordings) > 1
            yield from self._recording_trials(recording, f"{number}." if several else "")

    def _of(self, subject: str) -> list[_Recording]:
        return [recording for recording in self._recordings if recording.subject == subject]

    @cached_property
    def _recordings(self) -> list[_Recording]:
        if not self.layout.labels:
            raise DatasetError(
                "No columns of labels were named",
                found="no option labels",
                expected="columns of events.tsv or participants.tsv",
                fix=self.about.obtain,
            )
        mne_bids = require_mne_bids()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            paths = mne_bids.find_matching_paths(
                self.root,
                tasks=self.layout.task or None,
                suffixes="eeg",
                datatypes="eeg",
                extensions=[".edf", ".bdf", ".vhdr", ".set"],
                ignore_nosub=True,  # derivatives/ holds the same recordings again
            )
        if not paths:
            raise DatasetError(
                "No EEG recording in BIDS format is there",
                found=str(self.root),
                expected=self.about.expected_files,
                fix=self.about.obtain,
            )
        paths.sort(key=lambda path: (natural(path.subject), natural(path.session or ""), natural(path.basename)))
        return [self._read_recording(path) for path in paths]

    def _read_recording(self, path: Any) -> _Recording:
        tables = {
            suffix: path.find_matching_sidecar(suffix=suffix, extension=".tsv", on_error="ignore")
            for suffix in ("events", "channels")
        }
        events = tables["events"]
        rows = self._read_events(path.subject, Path(events)) if events else ()
        if not any(row.labels for row in rows) and (labels := self._participant_labels(path.subject)):
            rows = (_Event(0.0, 0.0, path.task or "1", False, labels),)  # the whole recording is a trial
        others = [Path(table) for table in tables.values() if table]
        participants = [self.root / "participants.tsv"] if self._participants else []
        # BrainVision and EEGLAB keep samples in another file beside the header.
        beside = sorted(other for other in path.fpath.parent.glob(f"{path.fpath.stem}.*") if other != path.fpath)
        files = (path.fpath, *beside, *others, *participants)
        return _Recording(path, path.subject, path.session or "1", files, rows)

    @cached_property
    def _participants(self) -> dict[str, dict[str, str]]:
        path = self.root / "participants.tsv"
        if not path.is_file():
            return {}
        _, rows = read_table(path)
        return {row.get("participant_id", "").removeprefix("sub-"): row for row in rows}

    def _participant_labels(self, subject: str) -> dict[str, str]:
        """Return all labels of a person if ``participants.tsv`` holds them."""
        row = self._participants.get(subject, {})
        found = {name: row[name] for name in self.layout.labels if not is_missing(row.get(name, ""))}
        return self._in_words(found) if len(found) == len(self.layout.labels) else {}

    def _in_words(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return labels by the name of their target, words in lower case."""
        return {target_name(name): self.layout.words.get(text.lower(), text.lower()) for name, text in labels.items()}

    def _read_events(self, subject: str, path: Path) -> tuple[_Event, ...]:
        _, rows = read_table(path)
        person = self._participants.get(subject, {})
        events = []
        for line, row in enumerate(rows, start=1):
            where = f"row {line} of {path.name}"
            kind = row.get("trial_type", "").lower()
            is_trial = kind in self.layout.trial_type if self.layout.trial_type else True
            of_row = [name for name in self.layout.labels if not is_missing(row.get(name, ""))]
            labels = {
                name: row.get(name, "") if name in of_row else person.get(name, "") for name in self.layout.labels
            }
            rest = kind in self.layout.rest
            # Labels of the person alone make a trial of a row only if its type says so.
            wanted = is_trial and not rest and bool(of_row or self.layout.trial_type)
            if wanted and (missing := [name for name, text in labels.items() if is_missing(text)]):
                raise DatasetError(
                    f"{where} is labelled in part",
                    found=f"no {', '.join(missing)}",
                    expected=", ".join(self.layout.labels),
                    fix="Complete the row, or name other --dataset …?labels=",
                )
            if not wanted and not rest:
                continue
            name = row.get(self.layout.trial, "")
            events.append(
                _Event(
                    onset=parse_number(row.get("onset", ""), "onset", where),
                    duration=parse_number(row.get("duration", ""), "duration", where),
                    trial=str(line) if is_missing(name) else name,
                    rest=rest,
                    labels=self._in_words(labels) if wanted else {},
                    stimulus="" if is_missing(name) else name,
                )
            )
        return tuple(sorted(events, key=lambda event: event.onset))

    @cached_property
    def _targets(self) -> tuple[Target, ...]:
        found: dict[str, set[str]] = {target_name(name): set() for name in self.layout.labels}
        for recording in self._recordings:
            for event in recording.events:
                for name, word in event.labels.items():
                    found[name].add(word)
        if missing := [name for name, words in found.items() if not words]:
            raise DatasetError(
                "The tables hold no labels of these names",
                found=f"nothing for {', '.join(missing)}",
                expected="columns of events.tsv or participants.tsv with values",
                fix=self.about.obtain,
            )
        return tuple(
            self.threshold.target(name, self.layout.scale)
            if all(map(is_number, words))
            else Target(name=name, classes=classes_of(name, words))
            for name, words in found.items()
        )

    @cached_property
    def _scans(self) -> dict[Path, tuple[tuple[str, ...], float]]:
        """Electrodes and rate of each recording that can be read; `trials` reports the others."""
        scans: dict[Path, tuple[tuple[str, ...], float]] = {}
        damaged: list[DatasetError] = []
        for recording in self._recordings:
            try:
                raw = open_raw(recording.path)
            except DatasetError as error:
                damaged.append(error)
                continue
            scans[recording.files[0]] = tuple(electrodes(raw)), float(raw.info["sfreq"])
        if not scans:
            raise damaged[0]
        return scans

    @cached_property
    def _common(self) -> tuple[tuple[str, ...], float]:
        """Electrodes that every recording has, and the first one's rate."""
        (first, rate), *others = self._scans.values()
        common = tuple(name for name in first if all(name in names for names, _ in others))
        if not common:
            raise DatasetError(
                "The recordings have no electrode in common",
                found=f"{len(self._scans)} recordings",
                expected="EEG channels named as in the 10-20 system",
            )
        return common, rate

    @cached_property
    def _rest_seconds(self) -> float:
        """The shortest rest before a trial, in s."""
        if self.layout.lead:
            return self.layout.lead
        shortest = float("inf")
        for recording in self._recordings:
            rest = next((event.onset for event in recording.events if event.labels), 0.0)
            for event in recording.events:
                rest = event.duration if event.rest else rest
                shortest = min(shortest, rest) if event.labels else shortest
        return shortest if np.isfinite(shortest) else 0.0

    def _recording_trials(self, recording: _Recording, prefix: str) -> Iterator[Trial]:
        channels, _ = self._common
        raw = open_raw(recording.path)
        rate = float(raw.info["sfreq"])
        scale = microvolts_per_unit(raw, units_vary=self.layout.units_vary)
        repair = repair_weights(raw, channels, recording.files[0].name)
        rest: NDArray[np.float64] | None = None
        first_trial = next((event.onset for event in recording.events if event.labels), 0.0)
        if first_trial and not self.layout.lead:
            rest = read_samples(raw, channels, 0, round(first_trial * rate), scale, repair, "the start")
        for event in recording.events:
            start = round(event.onset * rate)
            end = start + round(event.duration * rate) if event.duration else raw.n_times
            where = f"{event.onset:g} s to {end / rate:g} s of {recording.files[0].name}"
            if not 0 <= start < end <= raw.n_times:
                raise DatasetError(
                    f"An event lies outside {recording.files[0].name}",
                    found=f"{event.onset:g} s to {end / rate:g} s",
                    expected=f"0 s to {raw.n_times / rate:g} s",
                )
            if event.rest:
                rest = read_samples(raw, channels, start, end, scale, repair, where)
                continue
            before = round((self.layout.lead or _LEAD_SECONDS) * rate)
            if self.layout.lead and before > start:
                continue  # recorded without its baseline
            begin = max(0, start - before)
            labels, ratings = self._labels(event, where)
            yield Trial(
                subject=recording.subject,
                session=recording.session,
                trial=prefix + event.trial,
                stimulus=event.stimulus,
                data=read_samples(raw, channels, begin, end, scale, repair, where),
                rate=rate,
                channels=channels,
                labels=labels,
                ratings=ratings,
                scored_from=start - begin,
                rest=None if self.layout.lead else rest,
            )

    def _labels(self, event: _Event, where: str) -> tuple[dict[str, int], dict[str, float]]:
        rated = [target.name for target in self._targets if rating_rule(target)]
        ratings = {name: parse_number(event.labels[name], name, where) for name in rated}
        require_ratings(ratings, self.layout.scale, where)
        classes = {
            target.name: target.classes.index(event.labels[target.name])
            for target in self._targets
            if target.name not in ratings
        }
        return classes | self.threshold.labels(ratings), ratings


def bids_entry(
    about: DatasetInfo, layout: Layout, threshold: Threshold, archive: Archive | None = None
) -> DatasetEntry:
    """Return the entry of a data set in BIDS format.

    Parameters
    ----------
    about : DatasetInfo
        What is known of it before its files are read.
    layout : Layout
        What is a label, a trial and rest; options of the command line change it.
    threshold : Threshold
        The limit between low and high ratings.
    archive : Archive, optional
        Where it is downloaded from.
    """
    return DatasetEntry(
        info=about,
        open=lambda root, limit: BidsFolder(root, layout, limit, about),
        threshold=threshold,
        archive=archive,
        configured=lambda options: bids_entry(about, layout.changed(options), threshold, archive),
    )


ENTRY = bids_entry(INFO, Layout(), THRESHOLD)
