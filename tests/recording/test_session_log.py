"""What a person reports or marks is on disk at once, and in the recording that is begun later."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import pyxdf

from bci_app.engine import Engine
from bci_app.recording import read_recording
from bci_app.recording.recorder import Recorder, Split
from bci_app.recording.session_log import SessionLogFile
from bci_app.stream import Marker, StreamInfo
from tests.streams import ArraySource, chunks, eeg

INFO = StreamInfo("Amp", ("Fp1", "Fp2"), 250.0, ("uV",) * 2)


@pytest.fixture
def engine() -> Engine:
    """An engine at 100 s of the clock, whose source begins then."""
    now = iter(range(100, 1000))
    made = Engine(ArraySource(INFO, chunks(eeg(20, 250.0, 2), 250.0, [250])), None, clock=lambda: float(next(now)))
    made.start()
    return made


def lines(folder: Path) -> list[dict[str, object]]:
    (path,) = folder.glob("*_log.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_events_from_before_a_recording_are_in_it_with_their_times_and_only_once(
    engine: Engine, tmp_path: Path
) -> None:
    engine.keep_log(SessionLogFile(tmp_path, "P 07"))
    before = engine.mark("self-report valence=7")
    engine.note(Marker(50.0, "stimulus"), "PsychoPy")
    recorder = Recorder(tmp_path / "first.xdf", INFO, split=Split(seconds=5))
    engine.start_recording(recorder)
    for _ in range(8):
        engine.step()
    inside = engine.mark("eyes closed")
    engine.stop_recording()
    between = engine.mark("coffee")
    engine.start_recording(Recorder(tmp_path / "second.xdf", INFO))
    engine.step()
    engine.stop()

    loaded = pyxdf.load_xdf(str(tmp_path / "first.xdf"))[0]
    streams = {stream["info"]["name"][0]: stream for stream in loaded}
    assert streams["PsychoPy"]["time_series"] == [["stimulus"]]
    assert streams["PsychoPy"]["time_stamps"].tolist() == [50.0]
    first = read_recording(tmp_path / "first.xdf")
    assert [(a.text, a.onset + first.start) for a in first.annotations] == [
        ("stimulus", 50.0),
        ("self-report valence=7", before.time),
    ]
    assert len(first) == 5 * 250  # what came before the first sample does not count in the length of a part
    assert len(recorder.paths) == 2
    second = read_recording(tmp_path / "second.xdf")
    assert [(a.text, a.onset + second.start) for a in second.annotations] == [("coffee", between.time)]

    header, *entries = lines(tmp_path)
    assert header["participant"] == "P 07"
    assert next(tmp_path.glob("*_log.jsonl")).name.startswith("P-07_2")
    assert [(e.get("text"), e.get("time"), e["recording"], e.get("took")) for e in entries] == [
        ("self-report valence=7", before.time, None, None),
        ("stimulus", 50.0, None, None),
        (None, None, "first.xdf", 2),
        ("eyes closed", inside.time, "first.xdf", None),
        ("coffee", between.time, None, None),
        (None, None, "second.xdf", 1),
    ]


def test_the_next_persons_recording_holds_nothing_of_the_one_before_and_no_log_is_empty(
    engine: Engine, tmp_path: Path
) -> None:
    engine.keep_log(log := SessionLogFile(tmp_path, ""))
    engine.mark("tired")
    log.rename("P07")
    engine.keep_log(SessionLogFile(tmp_path, "P08"))
    engine.start_recording(Recorder(tmp_path / "next.xdf", INFO))
    engine.step()
    engine.stop()
    assert read_recording(tmp_path / "next.xdf").annotations == ()
    assert [entry.get("text") for entry in lines(tmp_path)] == [None, "tired"]
    assert next(tmp_path.glob("*_log.jsonl")).name.startswith("P07_")


def test_a_log_that_cannot_be_written_is_reported_and_recordings_still_get_the_events(
    engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    engine.keep_log(log := SessionLogFile(tmp_path / "file", "P07"))
    engine.mark("tired")
    engine.start_recording(Recorder(tmp_path / "s.xdf", INFO))
    engine.step()
    log.close()
    assert "no longer written to the session log" in engine.status().notice
    engine.stop()
    assert [a.text for a in read_recording(tmp_path / "s.xdf").annotations] == ["tired"]


KILLED = """
import sys, time
from pathlib import Path
from bci_app.engine import Engine
from bci_app.recording.session_log import SessionLogFile
from bci_app.sources.registry import open_source
engine = Engine(open_source("synthetic:"), None)
engine.start()
engine.keep_log(SessionLogFile(Path(sys.argv[1]), "P07"))
for number in range(1000):
    engine.mark(f"note {number}")
    time.sleep(0.02)
    print(number, flush=True)
"""


def test_kill_9_costs_no_event_that_was_logged(tmp_path: Path, project_root: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, cwd=project_root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while (number := int(process.stdout.readline())) < 20:
            pass
        time.sleep(0.1)  # a disk may be busy
        process.kill()
    assert [entry.get("text") for entry in lines(tmp_path)][1 : number + 2] == [f"note {n}" for n in range(number + 1)]
