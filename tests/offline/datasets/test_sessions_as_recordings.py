"""Sessions of bci-app as a data set, with no table written by hand."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

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
