"""BrainFlow's boards: the synthetic one and the playback of a Cyton session, for real."""

from __future__ import annotations

import builtins
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyxdf

from bci_app.engine import Engine
from bci_app.errors import DependencyError, SourceError, StreamLostError
from bci_app.recording.recorder import Recorder
from bci_app.sources.brainflow.beside import preset_streams
from bci_app.sources.brainflow.boards import (
    PARAMETERS,
    board_ids,
    find_board,
    layout_of,
    load_brainflow,
    parameters_of,
    way_of,
)
from bci_app.sources.brainflow.source import BrainFlowSource
from bci_app.sources.lsl.library import local_clock
from bci_app.sources.registry import list_sources
from bci_app.stream import Chunk


def receive(source: BrainFlowSource, n_samples: int, limit: float = 120.0) -> list[Chunk]:
    chunks: list[Chunk] = []
    deadline = time.monotonic() + limit
    while sum(map(len, chunks)) < n_samples and not source.finished:
        assert time.monotonic() < deadline
        if (chunk := source.read(0.1)) is not None:
            chunks.append(chunk)
    return chunks


def test_synthetic_board_is_received_whole_and_on_lsl_time() -> None:
    source = BrainFlowSource("synthetic_board")
    info = source.start()
    try:
        assert info.rate == 250.0
        assert len(info.channels) == 16
        assert info.channels[:2] == ("Fz", "C3")
        assert set(info.units) == {"uV"}
        chunks = receive(source, 1000)
        age = local_clock() - chunks[-1].times[-1]
        assert source.device is not None
        assert source.device.battery is not None
        assert [name for name, _ in source.device.resistances] == ["1", "2"]
    finally:
        source.stop()
        source.stop()
    assert -0.05 < age < 0.5
    assert [chunk.first for chunk in chunks] == list(np.cumsum([0, *map(len, chunks)])[:-1])
    assert not any(chunk.lost or chunk.reset for chunk in chunks)
    assert all(chunk.data.flags.c_contiguous and chunk.data.shape[1] == 16 for chunk in chunks)


def test_playback_gives_the_file_exactly_and_notices_its_end(shared_data: Path, tmp_path: Path) -> None:
    lines = (shared_data / "openbci" / "brainflow_cyton.csv").read_text().splitlines()[:1000]
    file = tmp_path / "cyton.csv"
    file.write_text("\n".join(lines) + "\n")
    source = BrainFlowSource("playback_file", {"file": str(file), "master_board": "cyton"})
    info = source.start()
    assert info.channels == ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")
    assert info.n_samples == 1000
    chunks = receive(source, 2000)
    assert source.finished
    assert source.read(0.05) is None
    source.stop()
    expected = np.array([[float(value) for value in line.split("\t")] for line in lines])
    np.testing.assert_array_equal(np.concatenate([chunk.data for chunk in chunks]), expected[:, 1:9])
    assert not any(chunk.lost for chunk in chunks)


def test_packages_missing_from_a_played_back_file_are_counted(shared_data: Path, tmp_path: Path) -> None:
    lines = (shared_data / "openbci" / "brainflow_cyton.csv").read_text().splitlines()[:1500]
    kept = lines[:600] + lines[607:900] + lines[1156:]  # 7 packages, then one whole cycle of 256
    file = tmp_path / "cyton.csv"
    file.write_text("\n".join(kept) + "\n")
    source = BrainFlowSource("playback_file", {"file": str(file), "master_board": "CYTON_BOARD"})
    source.start()
    chunks = receive(source, 2000)
    source.stop()
    assert [chunk.lost for chunk in chunks if chunk.lost] == [7, 256]
    assert [chunk.first for chunk in chunks if chunk.lost] == [607, 1156]


def test_silent_board_is_told_as_lost_once_and_listened_to_further(monkeypatch: pytest.MonkeyPatch) -> None:
    source = BrainFlowSource("synthetic", lost_after=0.3)
    source.start()
    before = receive(source, 500)
    board: Any = source.board
    read, empty = board.get_board_data, np.empty((32, 0))
    with monkeypatch.context() as context:
        context.setattr(board, "get_board_data", lambda **_: empty)
        with pytest.raises(StreamLostError, match="silent"):
            receive(source, 10**6, limit=3)
        assert source.read(0.05) is None
        read()  # what the board sent meanwhile is gone
    (after,) = receive(source, 1)
    source.stop()
    assert after.reset
    assert after.lost > 50
    last = before[-1]
    elapsed = (after.times[0] - last.times[-1]) * 250
    assert after.first - (last.first + len(last) - 1) == pytest.approx(elapsed, abs=6)


@pytest.mark.parametrize("step", [5.0, -5.0])
def test_unix_time_that_is_set_in_a_session_is_no_loss_and_moves_no_stamp(
    step: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_at = float("inf")

    def unix_clock() -> float:
        now = time.time()
        return now + step if now >= set_at else now

    source = BrainFlowSource("synthetic", unix_clock=unix_clock)
    source.start()
    board: Any = source.board
    assert source.layout is not None
    read, stamp = board.get_board_data, source.layout.stamp

    def read_stepped(**preset: int) -> np.ndarray:
        data = read(**preset)
        if preset:
            return data
        data[stamp] += np.where(data[stamp] >= set_at, step, 0.0)
        return data

    monkeypatch.setattr(board, "get_board_data", read_stepped)
    chunks = receive(source, 500)
    set_at = time.time()
    chunks += receive(source, 750)
    age = local_clock() - chunks[-1].times[-1]
    source.stop()
    assert not any(chunk.lost or chunk.reset for chunk in chunks)
    steps = np.diff(np.concatenate([chunk.times for chunk in chunks]))
    assert steps.min() >= 0
    assert steps.max() < 0.2
    assert -0.05 < age < 0.5


def test_every_board_has_a_name_that_finds_it_and_eeg_boards_a_layout() -> None:
    library = load_brainflow()
    ids = board_ids()
    assert len(ids) == len(set(ids.values())) == len(library.board_shim.BoardIds) - 1
    for name, board_id in ids.items():
        assert find_board(name.lower()) == (name, board_id)
        assert find_board(library.board_shim.BoardIds(board_id).name) == (name, board_id)
        assert set(parameters_of(name)) <= set(PARAMETERS)
        if any(
            word in name for word in ("PLAYBACK", "STREAMING", "EMG", "ECG", "GFORCE", "EMOTIBIT", "EE_410", "SHIMMER")
        ):
            with pytest.raises(SourceError, match="no EEG"):
                layout_of(name, board_id)
        else:
            layout = layout_of(name, board_id)
            assert len(layout.names) == len(layout.eeg) == len(set(layout.names))
            assert layout.rate > 0


def test_contact_resistances_are_named_where_the_board_measures_them_beside_eeg() -> None:
    assert layout_of("BRAINBIT", find_board("brainbit")[1]).contacts == ("T3", "T4", "O1", "O2")
    assert layout_of("GANGLION", 1).contacts == ("EXG1", "EXG2", "EXG3", "EXG4", "reference")
    # Measures resistances in place of EEG.
    assert layout_of("ANT_NEURO_EE_411", find_board("ANT_NEURO_EE_411")[1]).resistances == ()


def test_board_without_electrode_names_gets_numbers() -> None:
    assert layout_of("GANGLION", 1).names == ("EXG1", "EXG2", "EXG3", "EXG4")


@pytest.mark.parametrize(
    ("board", "parameters", "message"),
    [
        ("cytn", {}, "Did you mean CYTON"),
        ("nothing like it", {}, "CYTON, GANGLION"),
        ("cyton", {"port": "x"}, "usually reached by: serial_port"),
        ("cyton", {"timeout": "soon"}, "timeout must be a number"),
        ("playback_file", {"file": "x.csv"}, "master_board=BOARD"),
        ("playback_file", {"file": "not-there.csv", "master_board": "cyton"}, "not-there.csv"),
        ("playback_file", {"master_board": "cyton"}, "needs a file"),
        ("galea", {"ip_protocol": "smoke"}, "udp"),
    ],
)
def test_impossible_wishes_are_answered(board: str, parameters: dict[str, str], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        BrainFlowSource(board, parameters)


def test_board_that_is_not_there_is_told_with_what_it_needs() -> None:
    source = BrainFlowSource("cyton", {"serial_port": "/dev/not-there"})
    with pytest.raises(
        SourceError, match=r"UNABLE_TO_OPEN_PORT.*=/dev/not-there.*reached by serial port with serial_port"
    ):
        source.start()


def test_board_without_eeg_is_refused() -> None:
    with pytest.raises(SourceError, match="no EEG"):
        BrainFlowSource("callibri_ecg").start()


def test_file_of_another_board_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("1\t2\t3\n")
    with pytest.raises(SourceError, match="24 values a line"):
        BrainFlowSource("playback_file", {"file": str(file), "master_board": "cyton"}).start()


def test_channel_names_are_overridden_and_must_fit() -> None:
    names = [f"E{number}" for number in range(16)]
    source = BrainFlowSource("synthetic", channels=names)
    assert source.start().channels == tuple(names)
    source.stop()
    with pytest.raises(SourceError, match="2 names"):
        BrainFlowSource("synthetic", channels=["A", "B"]).start()


def test_missing_library_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name == "brainflow":
            raise ModuleNotFoundError("No module named 'pkg_resources'")
        return original(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(DependencyError, match="pip install"):
        load_brainflow()


def test_listed_boards_are_none_that_are_refused() -> None:
    listed = [entry.text for entry in list_sources() if entry.kind == "brainflow"]
    names = [text.removeprefix("brainflow:").partition("?")[0] for text in listed]
    assert "CALLIBRI_EMG" not in names
    for name in set(names) - {"PLAYBACK_FILE", "STREAMING"}:
        assert layout_of(*find_board(name)).eeg


@pytest.mark.parametrize(
    ("board", "way"),
    [
        ("ANT_NEURO_EE_411_BOARD", "by USB"),
        ("MUSE_S_ATHENA", "by Bluetooth"),
        ("MUSE_2_BLED", "by the serial port of a BLED112 dongle"),
        ("CROWN", "over the network"),
        ("CYTON", "by serial port"),
        ("SYNTHETIC", "without a device"),
    ],
)
def test_a_board_says_how_it_is_reached(board: str, way: str) -> None:
    assert way_of(board) == way


def test_rows_of_other_kinds_are_streams_of_the_recording(tmp_path: Path) -> None:
    engine = Engine(BrainFlowSource("synthetic"), None)
    with engine:
        engine.start_recording(Recorder(tmp_path / "s.xdf", engine.info))
        end = time.monotonic() + 2
        while time.monotonic() < end:
            engine.step(0.05)
    streams = {s["info"]["name"][0]: s for s in pyxdf.load_xdf(tmp_path / "s.xdf", dejitter_timestamps=False)[0]}
    eeg, motion = streams["SYNTHETIC"], streams["SYNTHETIC Accelerometer"]
    assert motion["info"]["type"] == ["Accelerometer"]
    assert motion["time_series"].shape == (len(eeg["time_series"]), 3)
    assert {"SYNTHETIC PPG", "SYNTHETIC EDA", "SYNTHETIC Temperature"} <= set(streams)
    np.testing.assert_allclose(motion["time_stamps"], eeg["time_stamps"], atol=1e-6)
    assert eeg["time_series"].shape[1] == len(engine.info.channels)
    # A separate preset, as that of a Muse's motion: its own samples, on the same clock.
    apart = streams["SYNTHETIC auxiliary Accelerometer"]
    assert apart["time_series"].shape == (pytest.approx(len(eeg["time_series"]), abs=60), 3)
    assert np.abs(apart["time_stamps"][-1] - eeg["time_stamps"][-1]) < 1
    assert np.median(np.diff(apart["time_stamps"])) < 0.1


def test_a_muse_is_recorded_with_its_motion_and_ppg() -> None:
    kinds = [(stream.kinds, stream.rate) for stream in preset_streams("MUSE_2", find_board("muse_2")[1], taken=[])]
    assert kinds == [(["Accelerometer", "Gyroscope"], 52.0), (["PPG"], 64.0)]
