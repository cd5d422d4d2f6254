"""Two streams of samples and one of markers, on three clocks: together again in every reader of the recording."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyxdf

from bci_app.engine import Engine
from bci_app.recording.recorder import Recorder, Split
from bci_app.sources.lsl.header import LslSelector
from bci_app.sources.lsl.library import local_clock
from bci_app.sources.lsl.source import LslSource
from tests.lsl_outlet import outlet, unique

# Another computer, whose LSL clock is 5000 s ahead.
ELSEWHERE = ("unshare", "--time", "--monotonic", "5000")
AHEAD = 5000.0
EEG_RATE, ACC_RATE = 250.0, 100.0


@pytest.fixture
def elsewhere() -> tuple[str, ...]:
    if shutil.which("unshare") is None or subprocess.run([*ELSEWHERE, "true"], check=False).returncode:
        pytest.skip("this machine has no time namespaces")
    return ELSEWHERE


@pytest.mark.lsl
@pytest.mark.parametrize(
    ("seconds", "parts"),
    [(8, 2), pytest.param(600, 4, marks=[pytest.mark.long, pytest.mark.timeout(900)])],
    ids=["8 s", "10 min"],
)
def test_streams_with_known_offsets_and_drifts_lie_within_5_ms_and_split_files_join(
    tmp_path: Path, elsewhere: tuple[str, ...], record_property: Any, seconds: int, parts: int
) -> None:
    eeg, acc, path = unique("eeg"), unique("acc"), tmp_path / "s.xdf"
    epoch = local_clock()
    main = outlet(eeg, name=eeg, rate=EEG_RATE, epoch=epoch + AHEAD, markers=f"{eeg} marks", through=elsewhere)
    # Seconds since the device was switched on, by a clock 80 millionths too fast.
    beside = outlet(acc, name=acc, rate=ACC_RATE, type="ACC", epoch=epoch, device=77.0, drift=80.0, block=0.003)
    with main, beside:
        source = LslSource(LslSelector(name=eeg))
        engine = Engine(source, None, markers=[f"{eeg} marks"], beside=[f"lsl:{acc}"])
        with engine:
            assert engine.beside is not None
            assert engine.marker_streams is not None
            while not (engine.beside.connected and engine.marker_streams.connected):
                engine.step(0.05)
            recorder = Recorder(path, engine.info, split=Split(seconds=seconds / parts))
            engine.start_recording(recorder)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                engine.step(0.05)
            assert engine.status().lost == 0
    files = [{s["info"]["name"][0]: s for s in pyxdf.load_xdf(str(file))[0]} for file in recorder.paths]
    assert len(files) in (parts, parts + 1)
    worst = {}
    for name, rate in ((eeg, EEG_RATE), (acc, ACC_RATE)):
        index = np.concatenate([streams[name]["time_series"][:, 0] for streams in files])
        np.testing.assert_array_equal(np.diff(index), 1)  # whole across files
        stamps = np.concatenate([streams[name]["time_stamps"] for streams in files])
        worst[name.split("-")[0]] = float(np.abs(stamps - epoch - index / rate).max())
    texts = [text for streams in files for (text,) in streams[f"{eeg} marks"]["time_series"]]
    moments = np.concatenate([streams[f"{eeg} marks"]["time_stamps"] for streams in files])
    np.testing.assert_array_equal(np.diff(np.array(texts, dtype=int)), 100)
    worst["markers"] = float(np.abs(moments - epoch - np.array(texts, dtype=int) / EEG_RATE).max())
    record_property("worst", worst)
    assert max(worst.values()) < 0.005, worst
