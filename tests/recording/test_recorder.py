"""A recorded session holds all that is needed to have it again."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pytest
import pyxdf

from bci_app.errors import FileError
from bci_app.events import Prediction, Reason, TargetPrediction
from bci_app.preprocessing import Pipeline, PreprocessingSpec, Window
from bci_app.preprocessing.spec import AverageReference, BandPass
from bci_app.recording import Annotation, Break, read_recording
from bci_app.recording.recorder import Recorder, Split
from bci_app.recording.state import ModelState
from bci_app.recording.xdf_writer import XdfWriter
from bci_app.sources.file import FileSource
from bci_app.stream import Chunk, DeviceState, Marker, StreamInfo

RATE = 250.0
INFO = StreamInfo(
    "Amp", ("Fp1", "Fp2", "Cz", "AUX"), RATE, ("µV", "µV", "mV", "n/a"), kind="lsl", source_id="abc", host="lab"
)


def session(seed: int = 0) -> list[Chunk]:
    """Chunks of any length, with jittering stamps, a gap of 100 samples, a reset and nan."""
    rng = np.random.default_rng(seed)
    chunks, index, shift = [], 0, 5000.0
    for number in range(200):
        n = int(rng.integers(1, 40))
        lost = 100 if number == 60 else 0
        reset = number == 120
        index += lost
        shift += 3.0 if reset else 0.0
        data = rng.normal(size=(n, 4)) * 30
        if number == 90:
            data[0, 1] = np.nan
        times = shift + (index + np.arange(n)) / RATE + rng.uniform(0, 0.002)
        markers = (Marker(float(times[0]), "S 1"),) if number == 30 else ()
        chunks.append(Chunk(data, times, index, lost=lost, reset=reset, markers=markers))
        index += n
    return chunks


def prediction(sample: int, when: float, *, valid: bool = True) -> Prediction:
    targets = (
        TargetPrediction("valence", ("low", "high"), (0.25, 0.75) if valid else None, (0.5, 0.5) if valid else None),
        TargetPrediction("emotion", ("a", "b", "c"), (0.1, 0.2, 0.7) if valid else None, None),
    )
    reasons = () if valid else (Reason.GAP, Reason.BAD_CONTACT)
    return Prediction(sample, when, valid, reasons, 0.75, 12.0, 1.5, targets)


def load(path: Path) -> dict[str, Any]:
    streams, header = pyxdf.load_xdf(path, dejitter_timestamps=False)
    return {"header": header, **{stream["info"]["name"][0]: stream for stream in streams}}


def test_samples_come_back_to_the_last_bit_with_stamps_and_places(tmp_path: Path) -> None:
    chunks = session()
    with Recorder(tmp_path / "s.xdf", INFO) as recorder:
        for chunk in chunks:
            recorder.on_chunk(chunk)

    loaded = load(tmp_path / "s.xdf")

    data, times = np.concatenate([c.data for c in chunks]), np.concatenate([c.times for c in chunks])
    assert loaded["Amp"]["time_series"].tobytes() == data.tobytes()
    assert loaded["Amp"]["time_stamps"].tobytes() == times.tobytes()
    assert loaded["Amp index"]["time_series"].tolist() == [[c.first, len(c), c.lost, c.reset] for c in chunks]
    assert loaded["header"]["info"]["application"][0].startswith("bci-app ")
    assert loaded["Amp"]["info"]["source_id"] == ["abc"]
    assert loaded["Amp"]["info"]["hostname"] == ["lab"]
    assert loaded["Amp"]["footer"]["info"]["sample_count"] == [str(len(data))]
    assert len(loaded["Amp"]["clock_times"]) >= (times[-1] - times[0]) / 5 - 1


def test_the_metadata_are_a_stream_of_one_sample(tmp_path: Path) -> None:
    chunks = session()
    with Recorder(tmp_path / "s.xdf", INFO, metadata={"participant": "P01", "notes": "«ü» & <b>"}) as recorder:
        recorder.describe({"bundle": "mental-load"})
        for chunk in chunks:
            recorder.on_chunk(chunk)
    stream = load(tmp_path / "s.xdf")["Session"]
    assert stream["info"]["type"] == ["Metadata"]
    assert stream["time_stamps"].tolist() == [chunks[0].times[0]]
    found = json.loads(stream["time_series"][0][0])
    assert found.pop("application").startswith("bci-app ")
    assert datetime.fromisoformat(found.pop("started")).tzinfo is not None
    device = {"name": "Amp", "kind": "lsl", "source_id": "abc", "host": "lab", "rate": 250.0}
    assert found.pop("device") == device
    assert found == {"participant": "P01", "notes": "«ü» & <b>", "bundle": "mental-load"}
    assert read_recording(tmp_path / "s.xdf").annotations == (
        Annotation(chunks[30].times[0] - chunks[0].times[0], 0.0, "S 1"),
    )


def test_metadata_that_json_cannot_hold_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="JSON"):
        Recorder(tmp_path / "s.xdf", INFO, metadata={"participant": object()})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("seconds", [0.0, 1.0, 12.0])
def test_pyxdf_has_nothing_to_say_of_a_recording(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, seconds: float
) -> None:
    with Recorder(tmp_path / "s.xdf", INFO) as recorder:
        recorder.on_state(ModelState("b", "", 0, 0, None), 5000.0)
        for first in range(0, round(seconds * RATE), 25):
            times = 5000 + (first + np.arange(25)) / RATE
            recorder.on_chunk(Chunk(np.ones((25, 4)), times, first, markers=(Marker(times[0], "S 1"),)))
            if first == 100:
                recorder.on_prediction(prediction(100, 5000.4))
                recorder.on_marker(Marker(5000.3, "button"))
            recorder.on_state(ModelState("b", "", first, 0, None), float(times[-1]))
    for dejitter in (True, False):
        with caplog.at_level(logging.WARNING):
            streams, _ = pyxdf.load_xdf(tmp_path / "s.xdf", dejitter_timestamps=dejitter)
        assert caplog.messages == []
    assert len(streams) == (7 if seconds else 4)


def test_the_app_reads_its_own_recording(tmp_path: Path) -> None:
    chunks = session()
    with Recorder(tmp_path / "s.xdf", INFO) as recorder:
        for chunk in chunks:
            recorder.on_chunk(chunk)
        recorder.on_marker(Marker(float(chunks[50].times[0]), "eyes closed"))
        recorder.on_prediction(prediction(100, 5000.4))

    recording = read_recording(tmp_path / "s.xdf")

    assert recording.notes == ()
    assert recording.info.channels == INFO.channels
    assert recording.info.units == ("µV", "µV", "µV", "n/a")
    data = np.concatenate([c.data for c in chunks])
    np.testing.assert_array_equal(recording.data, data * [1, 1, 1e3, 1])
    rows = np.cumsum([0, *map(len, chunks)])
    assert recording.breaks == (Break(int(rows[60]), 100), Break(int(rows[120]), 0))
    assert recording.start == chunks[0].times[0]
    assert {a.text for a in recording.annotations} == {"S 1", "eyes closed"}


def features(chunks: list[Chunk], units: tuple[str, ...]) -> list[tuple[int, Window]]:
    """What preprocessing makes of a stream: index in the stream, and features."""
    spec = PreprocessingSpec(
        channels=("Fp1", "Fp2", "Cz"), rate=128, band_pass=BandPass(low=1, high=45), reference=AverageReference(),
        warm_up=32, window=128, hop=16,
    )  # fmt: skip
    pipeline = Pipeline(spec, channels=INFO.channels, rate=RATE, units=units)
    found, origin = [], 0
    for chunk in chunks:
        if chunk.lost or chunk.reset:
            pipeline.reset()
            origin = chunk.first
        found += [(origin + window.last, window) for window in pipeline.process(np.nan_to_num(chunk.data))]
    return found


def test_features_of_the_recording_equal_those_of_the_session(tmp_path: Path) -> None:
    chunks = session()
    with Recorder(tmp_path / "s.xdf", INFO) as recorder:
        for chunk in chunks:
            recorder.on_chunk(chunk)
    source = FileSource(tmp_path / "s.xdf", speed=None)
    info = source.start()
    replayed = []
    while not source.finished:
        chunk = source.read()
        assert chunk is not None
        replayed.append(chunk)

    live, again = features(chunks, INFO.units), features(replayed, info.units)

    assert len(live) == len(again) > 100
    for (index, window), (index_again, window_again) in zip(live, again, strict=True):
        assert index == index_again
        np.testing.assert_array_equal(window.features, window_again.features)


def test_predictions_are_numbers_with_names(tmp_path: Path) -> None:
    with Recorder(tmp_path / "s.xdf", INFO) as recorder:
        recorder.on_chunk(session()[0])
        recorder.on_prediction(prediction(250, 5001.0))
        recorder.on_prediction(prediction(282, 5001.128, valid=False))

    stream = load(tmp_path / "s.xdf")["Predictions"]

    labels = [c["label"][0] for c in stream["info"]["desc"][0]["channels"][0]["channel"]]
    first, second = (dict(zip(labels, row.tolist(), strict=True)) for row in stream["time_series"])
    assert stream["time_stamps"].tolist() == [5001.0, 5001.128]
    assert (first["sample"], first["valid"], first["quality"], first["age"], first["compute"]) == (
        250,
        1,
        0.75,
        12,
        1.5,
    )
    assert (first["valence: high"], first["valence: high, smoothed"], first["emotion: c"]) == (0.75, 0.5, 0.7)
    assert np.isnan(first["emotion: c, smoothed"])
    assert (second["sample"], second["valid"]) == (282, 0)
    assert [r.value for r in Reason if second[f"invalid: {r.value}"]] == ["gap", "bad contact"]
    assert np.isnan(second["valence: low"])


def test_markers_keep_their_origin(tmp_path: Path) -> None:
    with Recorder(tmp_path / "s.xdf", INFO) as recorder:
        for chunk in session():
            recorder.on_chunk(chunk)
        recorder.on_marker(Marker(5000.5, "F1"))
        recorder.on_marker(Marker(5000.6, "stimulus 7"), origin="PsychoPy")

    loaded = load(tmp_path / "s.xdf")

    assert loaded["Markers"]["time_series"] == [["F1"]]
    assert loaded["PsychoPy"]["time_series"] == [["stimulus 7"]]
    assert loaded["Amp markers"]["time_series"] == [["S 1"]]
    assert loaded["Markers"]["info"]["type"] == ["Markers"]


def test_what_the_device_tells_is_a_stream_with_units(tmp_path: Path) -> None:
    with Recorder(tmp_path / "s.xdf", INFO) as recorder:
        for chunk in session():
            recorder.on_chunk(chunk)
        recorder.on_device(DeviceState(81.0, (("Fp1", 12e3), ("reference", float("nan")))), 5000.5)
        recorder.on_device(DeviceState(80.0, (("Fp1", 9e3), ("reference", 2e3))), 5005.5)

    device = load(tmp_path / "s.xdf")["Amp device"]

    np.testing.assert_array_equal(device["time_series"], [[81, 12e3, np.nan], [80, 9e3, 2e3]])
    assert device["time_stamps"].tolist() == [5000.5, 5005.5]
    channels = device["info"]["desc"][0]["channels"][0]["channel"]
    assert [(channel["label"][0], channel["unit"][0]) for channel in channels] == [
        ("battery", "percent"),
        ("Fp1", "ohm"),
        ("reference", "ohm"),
    ]
    assert read_recording(tmp_path / "s.xdf").info.channels == INFO.channels


def test_a_recording_opens_in_mne_through_pyxdf(tmp_path: Path) -> None:
    chunks = session()
    with Recorder(tmp_path / "s.xdf", INFO) as recorder:
        for chunk in chunks:
            recorder.on_chunk(chunk)
    stream = load(tmp_path / "s.xdf")["Amp"]
    channels = stream["info"]["desc"][0]["channels"][0]["channel"]
    info = mne.create_info(
        [c["label"][0] for c in channels],
        float(stream["info"]["nominal_srate"][0]),
        [c["type"][0].lower() for c in channels],
    )
    raw = mne.io.RawArray(stream["time_series"].T * 1e-6, info, verbose="error")
    assert raw.get_channel_types() == ["eeg", "eeg", "eeg", "misc"]
    assert raw.n_times == sum(map(len, chunks))


def test_a_caller_may_step_by_itself(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "s.xdf", INFO, threaded=False)
    before = recorder.size
    recorder.on_chunk(session()[0])
    assert recorder.size == before
    assert recorder.step() == 1
    assert recorder.size > before
    assert recorder.step() == 0
    recorder.on_marker(Marker(1.0, "last"))
    recorder.close()
    recorder.close()
    assert load(recorder.path)["Markers"]["time_series"] == [["last"]]


def test_a_chunk_of_another_layout_is_refused(tmp_path: Path) -> None:
    with Recorder(tmp_path / "s.xdf", INFO) as recorder, pytest.raises(ValueError, match="from 4 channels"):
        recorder.on_chunk(Chunk(np.zeros((3, 2)), np.zeros(3), 0))


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "nothing happened within 120 s"
        time.sleep(0.005)


@pytest.mark.parametrize("split", [Split(bytes=30_000), Split(seconds=2.0)])
def test_split_files_join_without_a_lost_sample(tmp_path: Path, split: Split) -> None:
    chunks = session()
    with Recorder(tmp_path / "s.xdf", INFO, split=split) as recorder:
        recorder.on_state(ModelState("b", "digest", 0, 0, None), float(chunks[0].times[0]))
        for chunk in chunks:
            recorder.on_chunk(chunk)
    assert len(recorder.paths) > 2
    assert [path.name for path in recorder.paths[:2]] == ["s.xdf", "s-part2.xdf"]
    parts = [read_recording(path) for path in recorder.paths]
    np.testing.assert_array_equal(
        np.concatenate([load(path)["Amp"]["time_series"] for path in recorder.paths]),
        np.concatenate([chunk.data for chunk in chunks]),
    )
    times = np.concatenate([part.start + part.times for part in parts])
    np.testing.assert_allclose(times, np.concatenate([chunk.times for chunk in chunks]), rtol=0, atol=1e-9)
    assert [part.first for part in parts] == [
        next(chunk.first for chunk in chunks if chunk.times[0] >= part.start - 1e-9) for part in parts
    ]
    assert all(part.states for part in parts)
    assert recorder.samples == sum(map(len, chunks))


def test_a_failure_ends_the_recording_and_reaches_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = session()
    recorder = Recorder(tmp_path / "s.xdf", INFO)
    recorder.on_chunk(chunks[0])
    wait_for(lambda: recorder.size > 1000 and recorder.samples == len(chunks[0]))

    def full(file: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bci_app.recording.xdf_writer.os.write", full)
    recorder.on_chunk(chunks[1])
    wait_for(lambda: recorder.failure is not None)
    monkeypatch.undo()

    with pytest.raises(FileError, match="No space left on device"):
        recorder.on_chunk(chunks[2])
    with pytest.raises(FileError, match="has stopped"):
        recorder.close()
    recorder.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "recorder"]
    np.testing.assert_array_equal(read_recording(tmp_path / "s.xdf").data[:, 0], chunks[0].data[:, 0])


def test_a_disk_that_is_too_slow_ends_the_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bci_app.recording.recorder.MAX_BACKLOG", 10_000)
    recorder = Recorder(tmp_path / "s.xdf", INFO, threaded=False)
    first, second = Chunk(np.zeros((300, 4)), np.arange(300) / RATE, 0), Chunk(np.zeros((300, 4)), np.zeros(300), 300)
    recorder.on_chunk(first)
    with pytest.raises(FileError, match="too slow"):
        recorder.on_chunk(second)
    with pytest.raises(FileError, match="too slow"):
        recorder.close()


def test_a_fault_in_the_recorder_is_reported_and_keeps_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = session()
    recorder = Recorder(tmp_path / "s.xdf", INFO)
    recorder.on_chunk(chunks[0])
    wait_for(lambda: recorder.samples == len(chunks[0]))
    monkeypatch.setattr(XdfWriter, "write_samples", lambda *_: 1 / 0)
    recorder.on_chunk(chunks[1])
    wait_for(lambda: recorder.failure is not None)
    monkeypatch.undo()
    with pytest.raises(FileError, match="a fault in the program: found ZeroDivisionError"):
        recorder.on_chunk(chunks[2])
    with pytest.raises(FileError, match="a fault in the program"):
        recorder.close()
    assert recorder.samples == len(read_recording(tmp_path / "s.xdf")) == len(chunks[0])


def test_a_disk_that_hangs_does_not_hold_the_end_of_a_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr("bci_app.recording.recorder.STALLED_SECONDS", 0.2)
    monkeypatch.setattr(XdfWriter, "write_samples", lambda *_: release.wait(60))
    recorder = Recorder(tmp_path / "s.xdf", INFO)
    recorder.on_chunk(session()[0])
    begun = time.monotonic()
    with pytest.raises(FileError, match="does not answer"):
        recorder.close()
    assert time.monotonic() - begun < 30
    release.set()
    wait_for(lambda: not [thread for thread in threading.enumerate() if thread.name == "recorder"])


def test_a_slow_disk_does_not_hold_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    write = XdfWriter.write_samples

    def slow(self: XdfWriter, *args: Any) -> None:
        assert release.wait(10)
        write(self, *args)

    monkeypatch.setattr(XdfWriter, "write_samples", slow)
    chunks = session()
    recorder = Recorder(tmp_path / "s.xdf", INFO)
    for chunk in chunks:
        recorder.on_chunk(chunk)  # returns although nothing can be written
    release.set()
    recorder.close()
    assert len(read_recording(tmp_path / "s.xdf")) == sum(map(len, chunks))


KILLED = """
import sys, time
import numpy as np
from bci_app.recording.recorder import Recorder, Split
from bci_app.stream import Chunk, Marker, StreamInfo
recorder = Recorder(sys.argv[1], StreamInfo("Amp", ("Fp1",), 500.0, ("µV",)))
start, row = time.monotonic(), 0
while True:
    due = int((time.monotonic() - start) * 500)
    if due > row:
        index = np.arange(row, due, dtype=float)
        recorder.on_chunk(Chunk(index[:, None], 100 + index / 500, row))
        row = due
        print(row, flush=True)
    time.sleep(0.004)
"""


def test_kill_9_costs_less_than_the_last_second(tmp_path: Path, project_root: Path) -> None:
    path = tmp_path / "s.xdf"
    command = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(command, cwd=project_root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        row = 0
        while row < 800:
            row = int(process.stdout.readline())
        process.kill()
        row = max([row, *(int(text) for text in process.stdout.read().split())])

    stream = load(path)["Amp"]
    assert row - len(stream["time_series"]) <= 500
    np.testing.assert_array_equal(stream["time_series"][:, 0], np.arange(len(stream["time_series"])))
    recording = read_recording(path)
    assert len(recording) == len(stream["time_series"])
    assert recording.breaks == ()
