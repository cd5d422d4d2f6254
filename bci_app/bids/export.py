"""Writing a folder of sessions as a BIDS data set: BrainVision files and their tables.

Every recording becomes a run of its participant and session. The data set is complete or not there at all.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bci_app import __version__
from bci_app.bids.brainvision import FileMarker, write_brainvision
from bci_app.bids.events import BOUNDARY, Event, describe_columns, events_of
from bci_app.errors import FileError
from bci_app.learn.learn import find_recordings
from bci_app.montage.names import is_electrode
from bci_app.montage.positions import electrode_positions
from bci_app.recording import Recording, read_recording
from bci_app.study.trials import read_study

BIDS_VERSION = "1.10.0"
_ENTITY = re.compile(r"(?:^|_)(sub|ses|task|run)-([A-Za-z0-9]+)(?=_|$|-part)")
_HEAD_RADIUS = 0.095  # m
_MISSING = "n/a"


@dataclass(frozen=True, slots=True)
class Run:
    """Where a recording goes: its BIDS labels."""

    subject: str
    session: str
    task: str
    run: int

    @property
    def folder(self) -> Path:
        """Folder of the session's files, below that of the data set."""
        return Path(f"sub-{self.subject}", f"ses-{self.session}", "eeg")

    @property
    def stem(self) -> str:
        """Beginning of the run's file names."""
        return f"sub-{self.subject}_ses-{self.session}_task-{self.task}_run-{self.run:02d}"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    participants: int
    recordings: int
    folder: Path


def export_bids(folder: Path, out: Path) -> Exported:
    """Write the recordings of a folder as a BIDS data set.

    Parameters
    ----------
    folder : Path
        A study's folder, any folder of XDF recordings, or one of them.
    out : Path
        The data set: not there yet, or an empty folder.

    Raises
    ------
    StudyError
        If there is no recording.
    FileError
        If a recording cannot be read or does not name its participant, `out` is in use, or it cannot be written.
    """
    paths = find_recordings(folder)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileError(
            f"{out} is in use",
            found="a folder with files in it" if out.is_dir() else "a file",
            expected="a new or empty folder",
            fix="Choose another folder for the data set.",
        )
    partial = out.with_name(f".{out.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        runs = _write_runs(partial, paths)
        _write_top(partial, runs)
        if out.exists():
            out.rmdir()
        partial.rename(out)
    except OSError as error:
        raise FileError(
            f"Cannot write the data set to {out}",
            found=error.strerror or str(error),
            expected="a folder on a disk with free space",
            fix="Choose another folder.",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Exported(len({run.subject for run in runs}), len(runs), out)


def _write_runs(root: Path, paths: Sequence[Path]) -> list[Run]:
    runs: list[Run] = []
    for path in paths:
        recording = read_recording(path)
        run = _labels(recording)
        while run in runs:
            run = replace(run, run=run.run + 1)
        runs.append(run)
        _write_run(root / run.folder, run, recording)
    return runs


def _labels(recording: Recording) -> Run:
    """Return the labels of a recording: of its name, or else of what it says about itself."""
    named = dict(_ENTITY.findall(recording.path.stem))
    study = read_study((note.onset, note.text) for note in recording.annotations)
    details = {} if study is None else study.details
    session = recording.session
    subject = _label(named.get("sub") or session.get("participant") or details.get("participant"))
    if not subject:
        raise FileError(
            f"{recording.path.name} does not say whose recording it is",
            found="no participant in its name or in it",
            expected="a recording with --participant, or a name such as sub-01_ses-01_task-rest_eeg.xdf",
            fix="Rename the file.",
        )
    begun = recording.session.get("started") or recording.begun
    day = str(begun)[:10] if begun else ""
    number = _label(named.get("run")) or "1"
    return Run(
        subject=subject,
        session=_label(named.get("ses") or session.get("session") or details.get("session") or day) or "01",
        task=_label(named.get("task") or session.get("task") or details.get("protocol")) or "session",
        run=int(number) if number.isdecimal() else 1,
    )


def _label(value: object) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", str(value or ""))


def _write_run(folder: Path, run: Run, recording: Recording) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    info, events = recording.info, events_of(recording)
    markers = [FileMarker(event.row, event.rows, event.kind, new_segment=event.kind == BOUNDARY) for event in events]
    header = folder / f"{run.stem}_eeg.vhdr"
    write_brainvision(header, recording.data, channels=info.channels, units=info.units, rate=info.rate, markers=markers)
    _write_json(folder / f"{run.stem}_eeg.json", _sidecar(run, recording))
    _write_table(
        folder / f"{run.stem}_channels.tsv",
        ("name", "type", "units", "sampling_frequency"),
        [(name, _kind(name), unit, f"{info.rate:g}") for name, unit in zip(info.channels, info.units, strict=True)],
    )
    _write_events(folder, run, recording, events)
    _write_electrodes(folder, run, info.channels)


def _sidecar(run: Run, recording: Recording) -> dict[str, Any]:
    kinds = [_kind(name) for name in recording.info.channels]
    device = recording.session.get("device")
    facts: dict[str, Any] = {
        "TaskName": run.task,
        "SamplingFrequency": recording.info.rate,
        "EEGReference": _MISSING,
        "PowerLineFrequency": _MISSING,
        "SoftwareFilters": _MISSING,
        "EEGChannelCount": kinds.count("EEG"),
        "MiscChannelCount": kinds.count("MISC"),
        "RecordingDuration": len(recording) / recording.info.rate,
        "RecordingType": "discontinuous" if recording.breaks else "continuous",
        "SoftwareVersions": str(recording.session.get("application", "")),
        "ManufacturersModelName": str(device.get("name", "")) if isinstance(device, Mapping) else "",
        "TaskDescription": str(recording.session.get("notes", "")),
    }
    return {name: value for name, value in facts.items() if value != ""}


def _kind(name: str) -> str:
    return "EEG" if is_electrode(name) else "MISC"


def _write_events(folder: Path, run: Run, recording: Recording, events: tuple[Event, ...]) -> None:
    described = describe_columns(events)
    columns = tuple(described)
    rate = recording.info.rate
    rows = []
    for event in events:
        cells = {
            "onset": f"{event.row / rate:.6f}",
            "duration": f"{event.rows / rate:.6f}",
            "sample": str(event.row),
            "trial_type": event.kind,
            **event.cells,
        }
        rows.append([cells.get(name, "") for name in columns])
    _write_table(folder / f"{run.stem}_events.tsv", columns, rows)
    shown = {"StimulusPresentation": {"SoftwareName": "bci-app", "SoftwareVersion": __version__}}
    _write_json(folder / f"{run.stem}_events.json", described | (shown if "study" in recording.session else {}))


def _write_electrodes(folder: Path, run: Run, channels: Sequence[str]) -> None:
    """Write where the electrodes of a session would be on an ideal head; those of other runs are the same."""
    stem = f"sub-{run.subject}_ses-{run.session}"
    names = [name for name in channels if is_electrode(name)]
    places = electrode_positions(names)
    if not any(place is not None for place in places):
        return
    _write_table(
        folder / f"{stem}_electrodes.tsv",
        ("name", "x", "y", "z"),
        [
            (name, *([_MISSING] * 3 if place is None else [f"{value * _HEAD_RADIUS:.6f}" for value in place]))
            for name, place in zip(names, places, strict=True)
        ],
    )
    _write_json(
        folder / f"{stem}_coordsystem.json",
        {
            "EEGCoordinateSystem": "Other",
            "EEGCoordinateSystemDescription": (
                "Ideal places of the 10-05 system on a sphere around the centre of the head: x to the right, y to the "
                "front, z up. Nothing was measured on the participant."
            ),
            "EEGCoordinateUnits": "m",
        },
    )


def _write_top(root: Path, runs: Sequence[Run]) -> None:
    subjects = sorted({run.subject for run in runs})
    tasks = ", ".join(sorted({run.task for run in runs}))
    _write_json(
        root / "dataset_description.json",
        {
            "Name": f"EEG sessions: {tasks}",
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "raw",
            "GeneratedBy": [{"Name": "bci-app", "Version": __version__}],
        },
    )
    (root / "README.md").write_text(
        f"# EEG sessions: {tasks}\n\nRecordings: {len(runs)}; people: {len(subjects)}. Written by bci-app "
        f"{__version__}.\nSamples are as recorded, without filters. Trials, ratings and rests are in the tables of "
        "events;\ntheir columns are described in the JSON files beside them.\n",
        encoding="utf-8",
    )
    _write_table(root / "participants.tsv", ("participant_id",), [(f"sub-{subject}",) for subject in subjects])
    _write_json(root / "participants.json", {"participant_id": {"Description": "Code of the participant."}})


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    lines = ["\t".join(columns)]
    lines += ["\t".join(" ".join(cell.split()) or _MISSING for cell in row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
