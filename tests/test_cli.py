"""The command line: what it prints, and one message with exit code 1 for whatever goes wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyxdf

from bci_app import __version__
from bci_app.cli.app import main
from bci_app.recording import read_recording
from tests.bundles import unfiltered_spec, write_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "b", spec=unfiltered_spec())


class Outcome:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Run the command line in this process."""

    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["bci-app", *arguments])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


def test_version(call) -> None:  # type: ignore[no-untyped-def]
    assert call("--version").out == f"bci-app {__version__}\n"


def test_info_in_words_and_in_json(call, sample_recordings: tuple[Path, Path]) -> None:  # type: ignore[no-untyped-def]
    path = str(sample_recordings[1])
    described = json.loads(call("info", path, "--json").out)
    assert described["format"] == "EDF"
    assert described["rate"] == 500
    assert described["duration"] == 62
    assert described["channels"][0] == "EEG Fp1"
    assert set(described["units"]) == {"µV"}
    words = call("info", path).out
    assert "EDF, 62.00 s, 500 Hz" in words
    assert "21 channels" in words


def test_check_tells_what_it_compared(call, bundle: Path) -> None:  # type: ignore[no-untyped-def]
    outcome = call("check", str(bundle))
    assert outcome.code == 0
    assert "windows agree" in outcome.out


def test_run_writes_a_line_for_each_window(call, bundle: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "a.jsonl"
    source = "synthetic:?speed=max&seconds=12&channels=Fp1,Fp2,C3,C4,O1,O2"
    assert call("run", "--source", source, "--bundle", str(bundle), "--jsonl", str(out)).code == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [set(row) for row in rows] == [
        {
            "sample",
            "time",
            "valid",
            "reasons",
            "quality",
            "age_ms",
            "compute_ms",
            "distance",
            "artefact",
            "artefact_score",
            "targets",
        }
    ] * len(rows)
    assert rows[0]["reasons"] == ["warming up"]
    assert rows[0]["targets"] == {"mental_load": {"probability": None, "smoothed": None, "spread": None, "set": None}}
    assert rows[-1]["valid"]
    assert sum(rows[-1]["targets"]["mental_load"]["probability"].values()) == pytest.approx(1)
    assert np.diff([row["sample"] for row in rows]).tolist() == [125] * (len(rows) - 1)


def test_run_on_standard_output_prints_lines_only(call, bundle: Path) -> None:  # type: ignore[no-untyped-def]
    source = "synthetic:?speed=max&seconds=6"
    outcome = call("run", "--source", source, "--bundle", str(bundle), "--jsonl", "-")
    assert all(json.loads(line) for line in outcome.out.splitlines())


def start(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "bci_app", *map(str, arguments)], **options)


@pytest.mark.skipif(sys.platform != "linux", reason="sets the size of a pipe")
def test_a_reader_that_stalls_stops_neither_acquisition_nor_recording_nor_ctrl_c(bundle: Path, tmp_path: Path) -> None:
    import fcntl

    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    recording = tmp_path / "s.xdf"
    # The pipe is full within a second of real time.
    source = "synthetic:?speed=40&channels=Fp1,Fp2,C3,C4,O1,O2"
    arguments = ("run", "-s", source, "-b", bundle, "--jsonl", "-", "--record", recording)
    with start(*arguments, stdout=writing, stderr=subprocess.PIPE) as process:
        os.close(writing)
        deadline = time.monotonic() + 120
        while not recording.exists() or recording.stat().st_size < 2_000_000:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=200)[1].decode()
    os.close(reading)
    assert process.returncode == 1
    assert "Standard output has ended: its receiver has stalled" in said
    recorded = read_recording(recording)
    assert len(recorded) > 20_000
    assert recorded.breaks == ()


@pytest.mark.skipif(sys.platform != "linux", reason="sets the size of a pipe")
def test_a_stalled_reader_of_the_shown_lines_does_not_hold_the_session(bundle: Path, tmp_path: Path) -> None:
    import fcntl

    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writing, b"x" * 4096)
    source = "synthetic:?seconds=8&channels=Fp1,Fp2,C3,C4,O1,O2"
    with start("run", "-s", source, "-b", bundle, stdout=writing, stderr=writing) as process:
        assert process.wait(200) in (0, 1)
    os.close(writing)
    os.close(reading)


def test_a_fifo_that_nobody_reads_delays_nothing(bundle: Path, tmp_path: Path) -> None:
    fifo, recording = tmp_path / "fifo", tmp_path / "s.xdf"
    os.mkfifo(fifo)
    source = "synthetic:?speed=10&seconds=30&channels=Fp1,Fp2,C3,C4,O1,O2"
    with start(
        "run", "-s", source, "-b", bundle, "--jsonl", fifo, "--record", recording, stderr=subprocess.PIPE
    ) as process:
        said = process.communicate(timeout=200)[1].decode()
    assert process.returncode == 1
    assert f"{fifo} has ended: its receiver has stalled" in said
    assert len(read_recording(recording)) == 7500


def test_counts_after_a_failure_are_those_of_the_file(call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    from bci_app.recording import xdf_writer

    write, room = os.write, 200_000

    def fill(file: int, data: bytes) -> int:
        nonlocal room
        room -= len(data)
        if room < 0:
            raise OSError(28, "No space left on device")
        return write(file, data)

    monkeypatch.setattr(xdf_writer.os, "write", fill)
    outcome = call("record", "--source", "synthetic:?speed=max&seconds=60", str(tmp_path / "r.xdf"))
    monkeypatch.undo()
    assert outcome.code == 1
    count = int(outcome.out.splitlines()[-1].split()[0])
    assert 0 < count == len(read_recording(tmp_path / "r.xdf")) < 15_000


def test_recorded_session_can_be_run_again_with_the_same_result(call, bundle: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    first, again, recording = tmp_path / "1.jsonl", tmp_path / "2.jsonl", tmp_path / "s.xdf"
    source = "synthetic:?speed=max&seconds=12"
    call("run", "--source", source, "--bundle", str(bundle), "--jsonl", str(first), "--record", str(recording))
    names = {stream["info"]["name"][0] for stream in pyxdf.load_xdf(recording)[0]}
    assert {"Predictions"} < names
    call("run", "--source", f"file:{recording}?speed=max", "--bundle", str(bundle), "--jsonl", str(again))
    a, b = ([json.loads(line) for line in path.read_text().splitlines()] for path in (first, again))
    assert [(r["sample"], r["targets"]) for r in a] == [(r["sample"], r["targets"]) for r in b]
    assert any(r["valid"] for r in a)


def test_record_without_a_model(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "r.xdf"
    source = "synthetic:?speed=max&seconds=3"
    outcome = call("record", "--source", source, "--participant", "P01", "--notes", "eyes closed", str(file))
    assert outcome.code == 0
    assert "750 samples, 3.0 s" in outcome.out
    (stream,) = pyxdf.load_xdf(file, select_streams=[{"type": "Metadata"}])[0]
    metadata = json.loads(stream["time_series"][0][0])
    assert [metadata[name] for name in ("source", "participant", "notes")] == [source, "P01", "eyes closed"]


def test_what_is_for_a_recording_is_refused_without_one(call) -> None:  # type: ignore[no-untyped-def]
    outcome = call("run", "--source", "synthetic:", "--participant", "P01")
    assert outcome.code == 2
    assert "--record" in outcome.err


@pytest.mark.lsl
def test_run_announces_its_lsl_streams(bundle: Path) -> None:
    import pylsl

    source = "synthetic:?channels=Fp1,Fp2,C3,C4,O1,O2"
    command = ["run", "-s", source, "-b", str(bundle), "--lsl-out", "cli predictions", "--lsl-markers", "cli changes"]
    process = subprocess.Popen([sys.executable, "-m", "bci_app", *command], stdout=subprocess.DEVNULL)
    try:
        for name, kind in (("cli predictions", "Predictions"), ("cli changes", "Markers")):
            (found,) = pylsl.resolve_byprop("name", name, 1, 20.0)
            assert (found.type(), found.nominal_srate()) == (kind, 0.0)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(200) == 0


def test_sources_lists_boards_and_patterns(call) -> None:  # type: ignore[no-untyped-def]
    listed = {entry["source"] for entry in json.loads(call("sources", "--json").out)}
    assert {"synthetic:", "brainflow:SYNTHETIC", "file:PATH?speed=max"} <= listed


FAULTS = {
    "unknown kind of source": (["run", "-s", "bluetooth:x"], "brainflow"),
    "no such file": (["run", "-s", "file:nowhere.edf"], "nowhere.edf"),
    "no such stream": (["run", "-s", "lsl:name=nobody-sends-this"], "nobody-sends-this"),
    "unknown board": (["run", "-s", "brainflow:CYTONN"], "CYTON"),
    "unknown bundle": (["run", "-s", "synthetic:", "-b", "no-such"], "no-such"),
    "missing channels": (["run", "-s", "synthetic:?channels=Fp1,Cz"], "missing"),
    "unknown unit": (["run", "-s", "synthetic:", "--unit", "parsec"], "--unit"),
    "no unit of voltage": (["record", "-s", "brainflow:synthetic", "--unit", "parsec", "r.xdf"], "uV, mV"),
    "no rate": (["record", "-s", "brainflow:synthetic", "--rate", "0", "r.xdf"], "--rate 0"),
    "a rate that is no number": (["record", "-s", "brainflow:synthetic", "--rate", "nan", "r.xdf"], "--rate nan"),
    "the same channel twice": (["record", "-s", "synthetic:", "--channels", "T3,Cz,T7", "r.xdf"], "no name twice"),
    "a seed that is no number": (["run", "-s", "synthetic:?seed=inf"], "seed"),
    "an unknown option": (["run", "-s", "synthetic:?bogus=1"], "bogus"),
    "a recording without a name": (["record", "-s", "synthetic:?seconds=1", ""], "session.xdf"),
    "a folder that is not there": (["record", "-s", "synthetic:?seconds=1", "no/r.xdf"], "no/r.xdf"),
    "an LSL output without a name": (["run", "-s", "synthetic:", "--lsl-out", ""], "must have a name"),
    "a stream too slow for the model": (["run", "-s", "synthetic:?rate=20&channels=Fp1,Fp2,C3,C4,O1,O2"], "at least"),
    "speed of a file": (["run", "-s", "file:SAMPLE?speed=fast"], "fast"),
    "info of nothing": (["info", "nowhere.edf"], "nowhere.edf"),
    "info of a folder": (["info", "."], "folder"),
    "replay of nothing": (["replay", "nowhere.edf"], "nowhere.edf"),
    "replay too fast": (["replay", "SAMPLE", "--speed", "1000"], "0.1 to 100"),
    "replay beyond the end": (["replay", "SAMPLE", "--start", "1000"], "nothing to play"),
    "check of nothing": (["check", "no-such"], "no-such"),
    "OSC to nowhere": (["run", "-s", "synthetic:", "--osc", "here"], "here"),
    "OSC of the window to nowhere": (["gui", "--osc", "here"], "here"),
    "rest that is too short": (["run", "-s", "synthetic:", "--rest", "SHORT"], "too short"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_goes_wrong_is_one_message(
    fault: str,
    call,
    bundle: Path,
    sample_recordings: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    if fault == "rest that is too short":
        call("record", "--source", "synthetic:?speed=max&seconds=2", "--no-report", "short.xdf")
    arguments, words = FAULTS[fault]
    replaced = [a.replace("SAMPLE", str(sample_recordings[1])).replace("SHORT", "short.xdf") for a in arguments]
    if replaced[0] == "run" and "-b" not in replaced:
        replaced += ["-b", str(bundle), "--jsonl", "out.jsonl", "--seconds", "5"]
    outcome = call(*replaced)
    assert outcome.code == 1
    assert outcome.err.startswith("bci-app: ")
    assert words in outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.err.count("\n") == 1
    assert not [p for p in tmp_path.iterdir() if p.name != "short.xdf"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "-s"],
        ["nonsense"],
        ["replay"],
        ["run", "-s", "x:", "--seconds", "0"],
        ["run", "-s", "synthetic:", "--markers", "x"],
    ],
)
def test_wrong_usage_is_exit_code_2(call, arguments: list[str]) -> None:  # type: ignore[no-untyped-def]
    assert call(*arguments).code == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_a_session_with_its_files_closed(bundle: Path, tmp_path: Path, number: signal.Signals) -> None:
    out, recording = tmp_path / "a.jsonl", tmp_path / "s.xdf"
    command = ["run", "-s", "synthetic:", "-b", str(bundle), "--jsonl", str(out), "--record", str(recording)]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "bci_app", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline()  # the first plain line: predictions are being made
    process.send_signal(number)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert all(json.loads(line) for line in out.read_text().splitlines())
    streams, _ = pyxdf.load_xdf(recording)
    assert all("footer" in stream for stream in streams)
    assert f"Report: {tmp_path / 's_report.html'}" in err
    assert "What was invalid, and why" in (tmp_path / "s_report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "after"),
    [
        *((["run", "-s", "lsl:nobody-sends-this"], after) for after in (0.3, 0.8, 1.6)),
        (["doctor"], 0.2),
        (["doctor"], 0.4),
    ],
)
def test_ctrl_c_before_a_session_ends_it_at_once_without_a_word(arguments: list[str], after: float) -> None:
    """Also in the middle of imports and of calls into libraries, which may swallow a KeyboardInterrupt."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bci_app", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(after)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=200)
    assert process.returncode == -signal.SIGINT
    assert "Traceback" not in out
    assert "KeyboardInterrupt" not in out


def test_a_recording_that_fails_is_told_at_once_and_by_the_exit_code(bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "drive"
    folder.mkdir()
    command = ["run", "-s", "synthetic:", "-b", str(bundle), "--jsonl", "-", "--record", str(folder / "s.xdf")]
    process = subprocess.Popen(
        [sys.executable, "-m", "bci_app", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stderr.readline().startswith("Recording to")
    first = json.loads(process.stdout.readline())
    shutil.rmtree(folder)
    assert "has stopped" in process.stderr.readline()
    # The session goes on.
    assert json.loads(process.stdout.readline())["sample"] > first["sample"]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 1
    assert err.startswith("No report: ")
    assert err.count("\n") == 1


def test_record_ends_with_its_recording(tmp_path: Path) -> None:
    folder = tmp_path / "drive"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "bci_app", "record", "-s", "synthetic:", str(folder / "s.xdf")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Recording synthetic")
    shutil.rmtree(folder)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 1
    assert "has stopped" in err
    assert "No report: " in err
    assert err.count("\n") == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_an_output_that_fails_is_told_and_the_session_goes_on_to_its_end(call, bundle: Path) -> None:  # type: ignore[no-untyped-def]
    source = "synthetic:?speed=max&seconds=6"
    outcome = call("run", "--source", source, "--bundle", str(bundle), "--jsonl", "/dev/full")
    assert outcome.code == 1
    assert "No space left" in outcome.err
    assert outcome.err.count("\n") == 1
    assert "synthetic" in outcome.out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_answer_that_cannot_be_written_is_one_message(unbuffered: str, bundle: Path) -> None:
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "bci_app", "check", bundle],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            check=False,
        )
    assert process.returncode == 1
    assert process.stderr.startswith("bci-app: A file or the output cannot be")
    assert "No space left" in process.stderr
    assert process.stderr.count("\n") == 1


def test_an_answer_that_nobody_reads_ends_in_silence(bundle: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [sys.executable, "-m", "bci_app", "check", bundle],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (process.returncode, process.stderr) == (1, "")


def test_a_session_ends_when_nobody_reads_its_lines(bundle: Path, tmp_path: Path) -> None:
    command = ["run", "-s", "synthetic:", "-b", str(bundle), "--jsonl", "-", "--record", str(tmp_path / "s.xdf")]
    with subprocess.Popen(
        [sys.executable, "-m", "bci_app", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())
        process.stdout.close()
        err = process.stderr.read().splitlines()
        assert process.wait(200) == 1
    assert [line.split()[0] for line in err] == ["Recording", "Report:", "bci-app:"]
    assert "nothing takes its predictions" in err[2]
    assert all("footer" in stream for stream in pyxdf.load_xdf(tmp_path / "s.xdf")[0])


def test_two_sessions_that_record_to_one_name_take_two_files(bundle: Path, tmp_path: Path) -> None:
    command = ["run", "-s", "synthetic:", "-b", str(bundle), "--record", "s.xdf", "--no-report", "--seconds", "3"]
    both = [
        subprocess.Popen([sys.executable, "-m", "bci_app", *command], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=200)[1].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted(said) == ["Recording to s-1.xdf", "Recording to s.xdf"]
    for name in ("s.xdf", "s-1.xdf"):
        streams, _ = pyxdf.load_xdf(tmp_path / name)
        assert all("footer" in stream for stream in streams)


def test_info_of_one_stream_of_several(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from bci_app.recording.xdf_writer import StreamHeader, XdfChannel, XdfWriter

    with XdfWriter(tmp_path / "two.xdf") as writer:
        for name, rate in (("left", 100.0), ("right", 200.0)):
            stream = writer.add_stream(StreamHeader(name, "EEG", (XdfChannel("Cz", "µV"),), rate=rate))
            writer.write_samples(stream, np.zeros((20, 1)), np.arange(20) / rate)
    path = str(tmp_path / "two.xdf")
    assert json.loads(call("info", path, "--stream", "right", "--json").out)["rate"] == 200
    assert "left" in call("info", path).err
    assert call("info", path, "--stream", "middle").code == 1
    assert "board" in call("info", path, "--board", "CYTON").err


@pytest.mark.lsl
def test_replay_is_controlled_by_lines(sample_recordings: tuple[Path, Path]) -> None:
    command = ["replay", str(sample_recordings[1]), "--no-wait", "--prompt"]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "bci_app", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, err = process.communicate("p\nseek 50\nspeed 2\nnonsense\nq\n", timeout=200)
    assert process.returncode == 0, err
    answers = out.splitlines()[3:]
    assert answers[0].startswith("paused")
    assert "00:50.0 / 01:02.0" in answers[1]
    assert "×2" in answers[2]
    assert answers[3].startswith("Commands: ")


@pytest.mark.lsl
@pytest.mark.parametrize("option", [[], ["--prompt"]])
def test_replay_plays_without_a_standard_input(
    call,
    option: list[str],
    sample_recordings: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(sys, "stdin", None)
    outcome = call("replay", str(sample_recordings[1]), "--no-wait", "--stop", "0.1", *option)
    assert (outcome.code, outcome.err) == (0, "")


@pytest.mark.lsl
def test_signal_ends_a_replay_with_a_prompt(sample_recordings: tuple[Path, Path]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "bci_app", "replay", str(sample_recordings[1]), "--prompt"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for _ in range(3):
        assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
