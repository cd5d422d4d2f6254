"""Sessions of bci-app as a data set, with no table written by hand."""

from __future__ import annotations

import json
import threading
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from bci_app.bids.export import export_bids
from bci_app.errors import FileError
from bci_app.recording import read_recording
from bci_app.recording.recorder import Recorder
from bci_app.sources.registry import open_source
from bci_app.stream import Chunk, Marker, StreamInfo
from bci_app.study.headless import study_without_window
from bci_app.study.opening import StudyOptions
from bci_app.study.trials import read_study
from offline.datasets.registry import open_dataset
from tests.study.protocols import write


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    for participant in (4, 5):
        study_without_window(
            str(write(folder)),
            open_source(f"synthetic:?participant={participant}&speed=max&rate=128"),
            StudyOptions(out=folder / "S", source="synthetic:"),
            stopped=threading.Event(),
            on_stage=lambda _stage, _sample: None,
        )
    return folder / "S"


def test_a_study_gives_the_trials_and_labels_of_its_protocol_to_the_sample(study: Path) -> None:
    dataset = open_dataset("recordings", study)
    assert dataset.subjects() == ["sim4", "sim5"]
    targets = {target.name: target.classes for target in dataset.info.targets}
    assert targets["valence"] == targets["intended_valence"] == ("low", "high")
    assert dataset.info.rest_seconds == pytest.approx(10.0, abs=0.3)
    (path,) = study.glob("sub-sim4/**/*.xdf")
    recording = read_recording(path)
    recorded = read_study((note.onset, note.text) for note in recording.annotations)
    assert recorded is not None
    trials = list(dataset.trials("sim4"))
    assert len(trials) == len(recorded.trials) == 6
    for trial, found in zip(trials, recorded.trials, strict=True):
        first = round(found.span.onset * recording.info.rate)
        scored = trial.data[trial.scored_from :]
        np.testing.assert_array_equal(scored, recording.data[first : first + len(scored)])
        assert len(scored) == round(found.span.seconds * recording.info.rate)
        assert trial.labels["intended_valence"] == (found.condition == "happy")
        assert trial.labels["valence"] == (int(found.ratings["valence"]) > 5)
        assert trial.ratings["valence"] == int(found.ratings["valence"])
        assert trial.rest is not None


def test_free_self_reports_label_what_came_before_them(tmp_path: Path) -> None:
    info = StreamInfo("amp", ("Fp1", "Fp2", "O1", "O2"), 128.0, ("uV",) * 4)
    rng = np.random.default_rng(0)
    n = 128 * 120
    with Recorder(tmp_path / "sub-P01_ses-01_task-free_eeg.xdf", info, threaded=False) as recorder:
        recorder.on_chunk(Chunk(rng.normal(0, 10, (n, 4)), 100.0 + np.arange(n) / 128, 0))
        for second, valence in ((50.0, 8), (60.0, 2), (110.0, 7)):
            recorder.on_marker(Marker(100.0 + second, f"self-report valence={valence} arousal=5 dominance=4"))
        recorder.step()
    trials = list(open_dataset("recordings", tmp_path).trials("P01"))
    assert [trial.labels["valence"] for trial in trials] == [1, 0, 1]
    # 30 s before each report, and never before the one before it.
    assert [len(trial.data) - trial.scored_from for trial in trials] == [30 * 128, 10 * 128, 30 * 128]


def test_an_exported_study_is_read_from_bids_with_the_same_samples_and_labels(study: Path, tmp_path: Path) -> None:
    done = export_bids(study, tmp_path / "bids")
    assert (done.participants, done.recordings) == (2, 2)
    exported = open_dataset("bids?labels=valence,intended_valence", done.folder)
    direct = open_dataset("recordings", study)
    assert exported.subjects() == direct.subjects()
    assert exported.info.channels == direct.info.channels
    for subject in direct.subjects():
        pairs = list(zip(exported.trials(subject), direct.trials(subject), strict=True))
        assert len(pairs) == 6
        for there, here in pairs:
            np.testing.assert_array_equal(
                there.data[there.scored_from :].astype(np.float32), here.data[here.scored_from :].astype(np.float32)
            )
            assert there.rest is not None
            assert here.rest is not None
            np.testing.assert_array_equal(there.rest.astype(np.float32), here.rest.astype(np.float32))
            assert {name: here.labels[name] for name in there.labels} == there.labels
    again = export_bids(next(study.rglob("*.xdf")), tmp_path / "one")
    assert again.recordings == 1
    with pytest.raises(FileError, match="is in use"):
        export_bids(study, tmp_path / "bids")


def test_what_a_recording_lost_and_noted_is_in_its_bids_tables(tmp_path: Path) -> None:
    info = StreamInfo("amp", ("Fp1", "Fp2", "O1", "Count"), 128.0, ("uV", "uV", "uV", "n/a"))
    rng = np.random.default_rng(0)
    with Recorder(tmp_path / "night.xdf", info, threaded=False, metadata={"participant": "P 7"}) as recorder:
        recorder.on_chunk(Chunk(rng.normal(0, 10, (1280, 4)), 100.0 + np.arange(1280) / 128, 0))
        recorder.on_chunk(Chunk(rng.normal(0, 10, (1280, 4)), 112.0 + np.arange(1280) / 128, 1536, lost=256))
        for second, text in ((5.0, "a\tdoor, 2"), (118.0 - 100.0, "self-report valence=8")):
            recorder.on_marker(Marker(100.0 + second, text))
        recorder.step()
    done = export_bids(tmp_path / "night.xdf", tmp_path / "bids")
    (table,) = done.folder.rglob("*_events.tsv")
    assert table.parent.parts[-3:-1] == ("sub-P7", f"ses-{date.today():%Y%m%d}")
    header, *rows = [line.split("\t") for line in table.read_text().splitlines()]
    cells = [dict(zip(header, row, strict=True)) for row in rows]
    assert [(cell["trial_type"], cell["value"]) for cell in cells] == [
        ("self-report", "n/a"), ("marker", "a door, 2"), ("boundary", "256"),
    ]  # fmt: skip
    assert int(cells[2]["sample"]) == 1280  # rows are those of the file, which leaves out what was lost
    (sidecar,) = done.folder.rglob("*_eeg.json")
    found = json.loads(sidecar.read_text())
    assert (found["RecordingType"], found["EEGChannelCount"], found["MiscChannelCount"]) == ("discontinuous", 3, 1)
    again = read_recording(next(done.folder.rglob("*.vhdr")))
    recorded = read_recording(tmp_path / "night.xdf")
    np.testing.assert_array_equal(again.data.astype(np.float32), recorded.data.astype(np.float32))
    with Recorder(tmp_path / "nobody.xdf", info, threaded=False) as recorder:
        recorder.on_chunk(Chunk(np.zeros((10, 4)), 100.0 + np.arange(10) / 128, 0))
        recorder.step()
    with pytest.raises(FileError, match="does not say whose recording it is"):
        export_bids(tmp_path / "nobody.xdf", tmp_path / "b")
    assert not (tmp_path / "b").exists()
