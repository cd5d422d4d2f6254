"""A whole run of the app: killed while it records, and counted sample by sample."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyxdf

from bci_app.bundle import LoadedBundle, load_bundle
from bci_app.preprocessing.spec import NoBaseline
from bci_app.recording import read_recording
from bci_app.sources.lsl.library import local_clock
from tests.bundles import CHANNELS, unfiltered_spec, write_bundle
from tests.faults.outlet import INDEX, Stream, sending, spoilt
from tests.lsl_outlet import unique

pytestmark = pytest.mark.lsl
long = (pytest.mark.soak, pytest.mark.timeout(1500))
WIDE = (*CHANNELS, *(f"E{number}" for number in range(25)), INDEX)


def app(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "bci_app", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> LoadedBundle:
    """A small model without a rest baseline, in processes that start quickly."""
    folder = tmp_path_factory.mktemp("bundles") / "b"
    return load_bundle(write_bundle(folder, spec=unfiltered_spec(baseline=NoBaseline())))


def load(path: Path, *, synchronize_clocks: bool = True) -> dict[str, dict]:
    streams, _ = pyxdf.load_xdf(path, dejitter_timestamps=False, synchronize_clocks=synchronize_clocks)
    return {s["info"]["name"][0]: s for s in streams}


def test_recording_without_a_model_goes_on_when_the_stream_returns(tmp_path: Path) -> None:
    stream, file = replace(Stream(unique("record")), epoch=local_clock(), wait=False), tmp_path / "r.xdf"
    with sending(stream):
        process = app("record", "-s", f"lsl:source_id={stream.source_id}", str(file))
        assert process.stdout is not None
        assert "Recording" in process.stdout.readline()
        time.sleep(2.0)
    assert process.stderr is not None
    assert "is lost" in process.stderr.readline()
    with sending(stream):
        assert process.stderr.readline() == "Samples again.\n"
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    recording = read_recording(file)
    ((row, lost),) = [(found.row, found.lost) for found in recording.breaks]
    index = recording.data[:, recording.info.channels.index(INDEX)]
    assert lost == index[row] - index[row - 1] - 1
    assert f"{len(recording)} samples" in out
    assert f"{lost} lost" in out


def test_a_recording_keeps_the_stamps_as_they_were_sent(tmp_path: Path) -> None:
    stream = replace(Stream(unique("stamps")), epoch=local_clock(), wait=False, stamps="backward")
    file = tmp_path / "r.xdf"
    with sending(stream):
        process = app("record", "-s", f"lsl:source_id={stream.source_id}", "--seconds", "3", str(file))
        _, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    loaded = load(file, synchronize_clocks=False)
    rows = loaded["faulty"]["time_series"][:, -1].astype(int)
    sent = spoilt(stream, rows, stream.epoch + rows / stream.true_rate)
    assert np.diff(sent).min() < 0
    np.testing.assert_array_equal(loaded["faulty"]["time_stamps"], sent)
    assert np.diff(loaded["faulty app time"]["time_series"][:, 0]).min() >= 0


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=long)])
def test_kill_9_while_recording_costs_a_second_at_most(
    bundle: LoadedBundle, tmp_path: Path, times: int, report: Callable[..., None]
) -> None:
    """Compared with what had been sent at the kill, and with the last line that the app printed before it."""
    rng = np.random.default_rng(3)
    missing, missing_windows = [], []
    for number in range(times):
        stream, file = replace(Stream(unique("kill9")), epoch=local_clock(), wait=False), tmp_path / f"{number}.xdf"
        source = f"lsl:source_id={stream.source_id}"
        with sending(stream):
            process = app("run", "-s", source, "-b", str(bundle.folder), "--jsonl", "-", "--record", str(file))
            assert process.stdout is not None
            last = {"sample": -1}
            end = time.monotonic() + rng.uniform(3, 5)
            while time.monotonic() < end or not last.get("valid"):
                last = json.loads(process.stdout.readline())
            time.sleep(rng.uniform(0, 0.5))  # a prediction hands over what was read
            sent = (local_clock() - stream.epoch) * stream.true_rate
            process.send_signal(signal.SIGKILL)
            rest = process.communicate(timeout=200)[0]
        seen = [last, *(json.loads(line) for line in rest.splitlines() if line.endswith("}"))]
        loaded = load(file)
        index = loaded["faulty"]["time_series"][:, -1].astype(int)
        np.testing.assert_array_equal(index, index[0] + np.arange(len(index)))
        missing.append((sent - int(index[-1])) / 250)
        missing_windows.append(seen[-1]["sample"] - int(loaded["Predictions"]["time_series"][-1, 0]))
    report(
        "kill -9 while recording",
        tried=f"{times}",
        lost=f"{max(missing):.2f} s of samples at most; every file opens in pyxdf",
        recovered="–",
    )
    assert max(missing) <= 1.0
    assert max(missing_windows) / 250 <= 1.0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("times", [pytest.param(10, marks=long)])
def test_signal_closes_the_files(
    bundle: LoadedBundle, tmp_path: Path, number: signal.Signals, times: int, report: Callable[..., None]
) -> None:
    """The suite's short version is in tests/test_cli.py."""
    rng = np.random.default_rng(4)
    for attempt in range(times):
        file, out = tmp_path / f"{attempt}.xdf", tmp_path / f"{attempt}.jsonl"
        process = app("run", "-s", "synthetic:", "-b", str(bundle.folder), "--jsonl", str(out), "--record", str(file))
        assert process.stdout is not None
        assert process.stdout.readline()
        time.sleep(rng.uniform(0, 1.5))
        process.send_signal(number)
        _, err = process.communicate(timeout=200)
        assert process.returncode == 0, err
        assert all(json.loads(line) for line in out.read_text().splitlines())
        assert all("footer" in stream for stream in load(file).values())
    report(f"{number.name} while recording", tried=f"{times}", lost="nothing; files closed, exit code 0", recovered="–")


@pytest.mark.parametrize("seconds", [10, pytest.param(600, marks=long)])
def test_no_sample_is_lost_doubled_or_reordered(
    bundle: LoadedBundle, tmp_path: Path, seconds: int, report: Callable[..., None]
) -> None:
    """32 channels at 128 Hz through source, engine and recorder, counted in the recording."""
    stream, file, out = Stream(unique("index"), channels=WIDE, rate=128.0, true_rate=128.0), tmp_path / "s.xdf", "-"
    source = f"lsl:source_id={stream.source_id}"
    arguments = ["--jsonl", out, "--record", str(file), "--seconds", str(seconds)]
    with sending(stream):
        process = app("run", "-s", source, "-b", str(bundle.folder), *arguments)
        lines, err = process.communicate(timeout=seconds + 60)
    assert process.returncode == 0, err
    loaded = load(file)
    index = loaded["faulty"]["time_series"][:, -1].astype(int)
    np.testing.assert_array_equal(index, np.arange(len(index)))
    assert len(index) >= (seconds - 1) * 128
    windows = [json.loads(line) for line in lines.splitlines()]
    assert [w["sample"] for w in windows] == list(range(63, 64 * len(windows), 64))
    assert windows[-1]["sample"] >= len(index) - 1 - 64
    assert all(window["valid"] for window in windows[2:])
    np.testing.assert_array_equal(loaded["Predictions"]["time_series"][:, 0], [w["sample"] for w in windows])
    report(
        f"{seconds} s at 32 × 128 Hz, index channel",
        tried=f"{len(index)} samples, {len(windows)} windows",
        lost="0 lost, 0 doubled, 0 reordered",
        recovered="–",
    )
