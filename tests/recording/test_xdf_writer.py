"""What is written is what pyxdf reads, to the last bit; and a crash costs nothing that was written."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyxdf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bci_app.errors import FileError
from bci_app.recording import read_recording
from bci_app.recording.xdf_chunks import check_xdf
from bci_app.recording.xdf_writer import StreamHeader, XdfChannel, XdfWriter

EEG = StreamHeader("Amp", "EEG", (XdfChannel("Fp1", "µV", "EEG"), XdfChannel("Fp2", "µV", "EEG")), rate=100.0)
MARKERS = StreamHeader("Events", "Markers", (XdfChannel("marker"),), format="string")
DTYPES: dict[str, Any] = {
    "double64": np.float64,
    "float32": np.float32,
    "int64": np.int64,
    "int32": np.int32,
    "int16": np.int16,
    "int8": np.int8,
}


def load(path: Path, **options: Any) -> dict[str, dict[str, Any]]:
    with np.errstate(all="ignore"):  # pyxdf divides by the duration of the stamps
        streams, _ = pyxdf.load_xdf(path, **options)
    return {stream["info"]["name"][0]: stream for stream in streams}


def whole(path: Path) -> bool:
    content = path.read_bytes()
    return check_xdf(content, path).n_dropped == 0


@settings(max_examples=50, deadline=None)
@given(
    data=st.data(),
    kind=st.sampled_from(sorted(DTYPES)),
    n_channels=st.integers(1, 5),
    cuts=st.lists(st.integers(0, 40), max_size=6),
)
def test_numbers_come_back_exactly(
    data: st.DataObject, kind: str, n_channels: int, cuts: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("xdf") / "a.xdf"
    chunks = [data.draw(hnp.arrays(DTYPES[kind], (n, n_channels))) for n in cuts]
    stamps = [data.draw(hnp.arrays(np.float64, n, elements=st.floats(-1e9, 1e9))) for n in cuts]
    header = StreamHeader("S", "EEG", tuple(XdfChannel(f"c{i}") for i in range(n_channels)), format=kind, rate=100.0)
    with XdfWriter(path) as writer:
        stream = writer.add_stream(header)
        for chunk, times in zip(chunks, stamps, strict=True):
            writer.write_samples(stream, chunk, times)

    loaded = load(path, synchronize_clocks=False, dejitter_timestamps=False)["S"]

    expected = np.concatenate([np.empty((0, n_channels), DTYPES[kind]), *chunks])
    assert loaded["time_series"].tobytes() == expected.tobytes()
    np.testing.assert_array_equal(loaded["time_stamps"], np.concatenate([np.empty(0), *stamps]))
    assert loaded["footer"]["info"]["sample_count"] == [str(len(expected))]
    assert whole(path)


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=300), max_size=20))
def test_texts_come_back_exactly(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("xdf") / "a.xdf"
    with XdfWriter(path) as writer:
        writer.write_markers(writer.add_stream(MARKERS), texts, np.arange(len(texts)) / 3)

    loaded = load(path)["Events"]

    assert [row[0] for row in loaded["time_series"]] == texts
    np.testing.assert_array_equal(loaded["time_stamps"], np.arange(len(texts)) / 3)


@settings(max_examples=50, deadline=None)
@given(name=st.text(min_size=1, max_size=50), label=st.text(max_size=20))
def test_any_name_and_label_can_be_written(name: str, label: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("xdf") / "a.xdf"
    header = StreamHeader(name, "EEG", (XdfChannel(label),), rate=10.0, description={"note": name})
    with XdfWriter(path, header={"session": name}) as writer:
        writer.add_stream(header)
    (stream,), file_header = pyxdf.load_xdf(path)
    clean = all(c.isprintable() for c in name) and name.strip() == name
    if clean:
        assert stream["info"]["name"] == file_header["info"]["session"] == [name]


def test_stamps_stay_exact_under_synchronisation_and_straight_under_dejitter(tmp_path: Path) -> None:
    stamps = 12345.678901 + np.arange(3000) / 100
    path = tmp_path / "a.xdf"
    with XdfWriter(path) as writer:
        stream = writer.add_stream(EEG)
        for start in range(0, 3000, 30):
            part = slice(start, start + 30)
            writer.write_samples(stream, np.zeros((30, 2)), stamps[part])
            if start % 510 == 0:
                writer.write_clock_offset(stream, stamps[part][-1], 0.0)

    for synchronise in (False, True):
        exact = load(path, synchronize_clocks=synchronise, dejitter_timestamps=False)["Amp"]
        np.testing.assert_array_equal(exact["time_stamps"], stamps)
        smooth = load(path, synchronize_clocks=synchronise, dejitter_timestamps=True)["Amp"]
        np.testing.assert_allclose(smooth["time_stamps"], stamps, atol=1e-9)
        assert smooth["info"]["effective_srate"] == pytest.approx(100.0)


def test_a_clock_offset_moves_the_stamps(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    with XdfWriter(path) as writer:
        stream = writer.add_stream(EEG)
        writer.write_samples(stream, np.zeros((100, 2)), np.arange(100) / 100)
        writer.write_clock_offset(stream, 0.5, 2.25)
    assert read_recording(path).start == 2.25


def test_several_streams_interleave(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    fast = StreamHeader("Motion", "Accel", (XdfChannel("x"),), format="float32", rate=50.0)
    with XdfWriter(path, header={"application": "test"}) as writer:
        eeg, motion = writer.add_stream(EEG), writer.add_stream(fast)
        for second in range(5):
            writer.write_samples(eeg, np.full((100, 2), second, float), second + np.arange(100) / 100)
            writer.write_samples(motion, np.full((50, 1), second, np.float32), second + np.arange(50) / 50)
            if second == 2:  # a stream may join late
                events = writer.add_stream(MARKERS)
                writer.write_markers(events, ["start", "µ – ☃"], [2.5, 2.75])
        assert writer.size == path.stat().st_size

    streams = load(path)
    assert [len(streams[name]["time_stamps"]) for name in ("Amp", "Motion", "Events")] == [500, 250, 2]
    channels = streams["Amp"]["info"]["desc"][0]["channels"][0]["channel"]
    described = [(c["label"][0], c["unit"][0], c["type"][0]) for c in channels]
    assert described == [("Fp1", "µV", "EEG"), ("Fp2", "µV", "EEG")]
    recording = read_recording(path)
    assert (recording.info.channels, recording.info.units) == (("Fp1", "Fp2"), ("µV", "µV"))
    assert [(a.onset, a.text) for a in recording.annotations] == [(2.5, "start"), (2.75, "µ – ☃")]
    assert recording.notes == ()


def test_boundary_chunks_come_every_ten_seconds(tmp_path: Path) -> None:
    now = [0.0]
    path = tmp_path / "a.xdf"
    with XdfWriter(path, monotonic=lambda: now[0]) as writer:
        stream = writer.add_stream(EEG)
        for step in range(450):
            now[0] = step / 10
            writer.write_samples(stream, np.zeros((10, 2)), step / 10 + np.arange(10) / 100)
    assert path.read_bytes().count(bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")) == 4


def test_an_existing_file_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "a.xdf").write_text("mine")
    paths = []
    for _ in range(3):
        with XdfWriter(tmp_path / "a.xdf") as writer:
            paths.append(writer.path.name)
    assert paths == ["a-1.xdf", "a-2.xdf", "a-3.xdf"]
    assert (tmp_path / "a.xdf").read_text() == "mine"
    with XdfWriter(tmp_path / "session.1") as writer:
        assert writer.path.name == "session.1.xdf"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"cannot be written.*Create the folder"):
        XdfWriter(tmp_path / "none" / "a.xdf")


def test_wrong_use_is_an_error_and_writes_nothing(tmp_path: Path) -> None:
    with XdfWriter(tmp_path / "a.xdf") as writer:
        eeg, events = writer.add_stream(EEG), writer.add_stream(MARKERS)
        narrow = writer.add_stream(StreamHeader("N", "EEG", (XdfChannel("a"),), format="float32"))
        size = writer.size
        for call in (
            lambda: writer.write_samples(eeg, np.zeros((3, 3)), np.zeros(3)),
            lambda: writer.write_samples(eeg, np.zeros((3, 2)), np.zeros(2)),
            lambda: writer.write_samples(eeg, np.zeros(2), np.zeros(1)),
            lambda: writer.write_samples(narrow, np.zeros((3, 1)), np.zeros(3)),  # float64 would be rounded
            lambda: writer.write_samples(events, np.zeros((3, 1)), np.zeros(3)),
            lambda: writer.write_markers(eeg, ["a"], [0.0]),
            lambda: writer.write_markers(events, ["a"], [0.0, 1.0]),
            lambda: writer.add_stream(StreamHeader("S", "EEG", ())),
            lambda: writer.add_stream(StreamHeader("", "EEG", (XdfChannel("a"),))),
            lambda: writer.add_stream(StreamHeader("S", "EEG", (XdfChannel("a"),), format="float64")),
        ):
            with pytest.raises(ValueError):
                call()
        assert writer.size == size
    with pytest.raises(ValueError, match="is closed"):
        writer.write_samples(eeg, np.zeros((1, 2)), np.zeros(1))
    writer.close()


KILLED = """
import sys, time
import numpy as np
from bci_app.recording.xdf_writer import StreamHeader, XdfChannel, XdfWriter
writer = XdfWriter(sys.argv[1])
eeg = writer.add_stream(StreamHeader("Amp", "EEG", (XdfChannel("Fp1", "µV"), XdfChannel("Fp2", "µV")), rate=1000.0))
events = writer.add_stream(StreamHeader("Events", "Markers", (XdfChannel("m"),), format="string"))
start = time.monotonic()
row = 0
while True:
    due = int((time.monotonic() - start) * 1000)
    index = np.arange(row, due, dtype=float)
    if len(index):
        writer.write_samples(eeg, np.column_stack([index, -index]), index / 1000)
        writer.write_markers(events, [f"row {due}"], [due / 1000])
        row = due
        print(row, flush=True)
    time.sleep(0.004)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 here")
@pytest.mark.parametrize("after", [0.35, 0.8, 1.3])
def test_kill_9_costs_nothing_that_was_written(tmp_path: Path, project_root: Path, after: float) -> None:
    path = tmp_path / "a.xdf"
    command = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(command, cwd=project_root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        written = int(process.stdout.readline())
        deadline = time.monotonic() + after
        while time.monotonic() < deadline:
            written = int(process.stdout.readline())
        process.kill()
        written = max([written, *(int(row) for row in process.stdout.read().split())])

    stream = load(path)["Amp"]
    assert len(stream["time_series"]) >= written  # what `write_samples` took, pyxdf gives
    index = np.arange(len(stream["time_series"]), dtype=float)
    np.testing.assert_array_equal(stream["time_series"], np.column_stack([index, -index]))
    recording = read_recording(path)
    np.testing.assert_array_equal(recording.data, stream["time_series"])
    assert any("as after a crash" in note for note in recording.notes)


@settings(max_examples=60, deadline=None)
@given(keep=st.floats(0.3, 1.0))
def test_a_file_cut_anywhere_reads_up_to_its_last_whole_chunk(
    keep: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("xdf")
    ends = []
    with XdfWriter(folder / "a.xdf") as writer:
        stream = writer.add_stream(EEG)
        for start in range(0, 2000, 20):
            index = np.arange(start, start + 20, dtype=float)
            writer.write_samples(stream, np.column_stack([index, -index]), index / 100)
            ends.append(writer.size)
    content = (folder / "a.xdf").read_bytes()
    cut = max(round(len(content) * keep), ends[0])
    (folder / "cut.xdf").write_bytes(content[:cut])

    recording = read_recording(folder / "cut.xdf")

    index = np.arange(20 * sum(end <= cut for end in ends), dtype=float)
    np.testing.assert_array_equal(recording.data, np.column_stack([index, -index]))


LIMITED = """
import resource, signal, sys
import numpy as np
from bci_app.errors import FileError
from bci_app.recording.xdf_writer import StreamHeader, XdfChannel, XdfWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
writer = XdfWriter(sys.argv[1])
stream = writer.add_stream(StreamHeader("Amp", "EEG", (XdfChannel("a"),), rate=100.0))
for second in range(1000):
    try:
        writer.write_samples(stream, np.full((100, 1), second, float), second + np.arange(100) / 100)
    except FileError as error:
        first = error
        print(second, error, sep="\\n")
        break
try:
    writer.write_samples(stream, np.zeros((1, 1)), np.zeros(1))
except FileError as again:
    print(again is first)
writer.close()
"""


@pytest.mark.skipif(os.name == "nt", reason="there are no file size limits here")
def test_a_full_disk_ends_the_recording_and_leaves_it_valid(tmp_path: Path, project_root: Path) -> None:
    path = tmp_path / "a.xdf"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)],
        cwd=project_root,
        capture_output=True,
        text=True,
        check=True,
        timeout=250,
    )
    seconds, message, again = done.stdout.splitlines()

    assert "has stopped" in message
    assert "are valid and stay" in message
    assert again == "True"
    assert whole(path)
    assert len(read_recording(path)) == 100 * int(seconds)
    assert path.stat().st_size <= 100_000


def test_a_folder_that_vanishes_is_noticed(tmp_path: Path) -> None:
    now = [0.0]
    path = tmp_path / "folder" / "a.xdf"
    path.parent.mkdir()
    writer = XdfWriter(path, monotonic=lambda: now[0])
    stream = writer.add_stream(EEG)
    path.unlink()
    path.parent.rmdir()
    now[0] = 1.5
    with pytest.raises(FileError, match=r"has stopped.*What was written is gone"):
        writer.write_samples(stream, np.zeros((10, 2)), np.arange(10) / 100)
    writer.close()


def test_the_bytes_follow_the_specification(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    with XdfWriter(path) as writer:
        stream = writer.add_stream(StreamHeader("S", "EEG", (XdfChannel("a"),), format="int16", rate=1.0))
        before = writer.size
        writer.write_samples(stream, np.array([[258], [-1]], dtype=np.int16), [1.0, 2.0])
        after = writer.size
    chunk = path.read_bytes()[before:after]
    one, two = struct.pack("<d", 1.0), struct.pack("<d", 2.0)
    content = b"\x01\x02" + b"\x08" + one + b"\x02\x01" + b"\x08" + two + b"\xff\xff"
    assert chunk == bytes([1, 6 + len(content)]) + b"\x03\x00" + b"\x01\x00\x00\x00" + content
