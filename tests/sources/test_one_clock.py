"""Samples and markers of every sender lie on one clock: in the session, and in the recording for other readers."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import pyxdf

from bci_app.bundle import load_bundle
from bci_app.engine import Engine
from bci_app.engine.rate import ArrivalCheck
from bci_app.events import Prediction, Reason, Status
from bci_app.recording import read_recording
from bci_app.recording.recorder import Recorder
from bci_app.sources.lsl.header import LslSelector
from bci_app.sources.lsl.library import local_clock
from bci_app.sources.lsl.source import LslSource
from tests.bundles import small_spec, write_bundle
from tests.lsl_outlet import outlet, unique

pytestmark = pytest.mark.lsl
RATE = 250.0
# A second computer whose clock is elsewhere, with the name of this one, as a cloned one has.
ELSEWHERE = ("unshare", "--time", "--monotonic", "5000")


@pytest.fixture
def another_clock() -> Sequence[str]:
    """The command that runs a program on a computer of our name with another clock."""
    if (
        shutil.which("unshare") is None
        or subprocess.run([*ELSEWHERE, "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("this machine has no time namespaces")
    return ELSEWHERE


def record(path: Path, seconds: float, *, through: Sequence[str] = (), **options: object) -> Status:
    """Record an outlet and its markers. Returns the last status."""
    source_id = unique("clock")
    with outlet(source_id, through=through, rate=RATE, markers=f"{source_id} marks", **options):
        engine = Engine(LslSource(LslSelector(source_id=source_id)), None, markers=[f"{source_id} marks"])
        with engine:
            engine.start_recording(Recorder(path, engine.info))
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                engine.step(0.05)
            status = engine.status()
            assert abs(local_clock() - engine.signal(1).time) < 5
    return status


def worst_distance(path: Path, *, dejitter: bool) -> float:
    """How far a marker lies from the sample that it names, at most, as pyxdf reads the file."""
    streams, _ = pyxdf.load_xdf(path, dejitter_timestamps=dejitter)
    (eeg,) = (s for s in streams if s["info"]["type"] == ["EEG"])
    (marks,) = (s for s in streams if s["info"]["name"][0].endswith(" marks"))
    index = eeg["time_series"][:, 0].astype(int)
    assert len(marks["time_stamps"]) > 5
    when = dict(zip(index.tolist(), eeg["time_stamps"].tolist(), strict=True))
    named = [int(text) for (text,) in marks["time_series"]]
    pairs = [(when[k], stamp) for k, stamp in zip(named, marks["time_stamps"], strict=True) if k in when]
    assert len(pairs) > 5
    return float(np.abs(np.diff(pairs, axis=1)).max())


@pytest.mark.parametrize("step", ["", "600:3600", "600:-3600", "600:0.5", "600:-0.5"])
def test_a_sender_that_stamps_in_unix_time_lies_beside_markers_and_loses_nothing(tmp_path: Path, step: str) -> None:
    path = tmp_path / "s.xdf"
    status = record(path, 5.0, unix=True, **({"step": step} if step else {}))
    assert "is stamped in Unix time" in status.clock
    assert ("That clock was set by" in status.clock) is bool(step)
    assert (status.lost, status.age_s < 0.5) == (0, True)
    recording = read_recording(path)
    assert recording.breaks == ()
    assert any("is stamped in Unix time" in note for note in recording.notes)
    eegs = [a for a in recording.annotations if a.text.isdigit()]
    index = recording.data[:, 0].astype(int)
    near = [abs(recording.times[np.searchsorted(index, int(a.text))] - a.onset) for a in eegs if int(a.text) in index]
    assert max(near) < 0.005
    for dejitter in (False, True):
        assert worst_distance(path, dejitter=dejitter) < 0.005


def test_a_computer_of_our_name_with_another_clock_is_corrected(tmp_path: Path, another_clock: Sequence[str]) -> None:
    path = tmp_path / "s.xdf"
    status = record(path, 4.0, through=another_clock)
    assert (status.lost, status.clock) == (0, "")
    assert status.age_s < 0.5
    assert worst_distance(path, dejitter=True) < 0.005
    raw, _ = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)
    (eeg,) = (s for s in raw if s["info"]["type"] == ["EEG"])
    # As LabRecorder does: the sender's stamps, and the offset beside them.
    assert eeg["time_stamps"][-1] - local_clock() == pytest.approx(5000, abs=10)
    assert eeg["clock_values"][-1] == pytest.approx(-5000, abs=1)


def test_samples_that_arrive_slower_or_faster_than_their_stamps_say_are_of_a_wrong_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bci_app.engine.rate.ARRIVAL_SECONDS", 1.0)
    bundle = load_bundle(write_bundle(tmp_path / "b", spec=small_spec(channels=("Fp1", "Fp2", "Cz", "Pz"))))
    paces = {unique("slow"): 0.8, unique("fast"): 1.2, unique("true"): 1.0}
    with ExitStack() as stack:
        for source_id, pace in paces.items():
            stack.enter_context(outlet(source_id, rate=256.0, pace=pace))
        engines = [stack.enter_context(Engine(LslSource(LslSelector(source_id=id_)), bundle)) for id_ in paces]
        newest: dict[int, Prediction] = {}
        expected, notices = [True, True, False], [""]
        deadline = time.monotonic() + 120
        while [Reason.WRONG_RATE in p.reasons for _, p in sorted(newest.items())] != expected or notices[-1]:
            assert time.monotonic() < deadline, notices
            for number, engine in enumerate(engines):
                for prediction in engine.step(0.02).predictions:
                    newest[number] = prediction
            notices = [engine.status().notice for engine in engines]
    assert [int(notice[18:21]) for notice in notices[:2]] == [pytest.approx(205, abs=20), pytest.approx(307, abs=20)]


def arrivals(delay: Callable[[float], float], *, seconds: float = 60, speed: float = 1.0) -> list[bool]:
    """Whether the rate counts as wrong after each block of 20 ms, whose delay is that at its moment."""
    check, verdicts = ArrivalCheck(250.0, 0.05), []
    moments = sorted((stamp + delay(stamp), stamp) for stamp in np.arange(0, seconds * speed, 0.02))
    for now, stamp in moments:
        check.add(stamp, now)
        verdicts.append(check.wrong)
    return verdicts


def test_bursts_hiccups_and_catching_up_are_no_wrong_rate() -> None:
    rng = np.random.default_rng(0)
    assert not any(arrivals(lambda t: 1.0 - t % 1.0))  # a burst a second
    assert not any(arrivals(lambda t: max(0.0, 33.0 - t) if t > 30 else 0.01))  # nothing for 3 s, then all at once
    assert not any(arrivals(lambda t: 0.01 if t < 30 else 0.8))  # a longer way from then on
    assert not any(arrivals(lambda _: rng.exponential(0.1)))
    # 10 s without anything, then at 1.2 times the speed until nothing is left.
    assert not any(arrivals(lambda t: 0.0 if t < 20 else max(0.0, 10 - 0.2 * (t - 20)), seconds=100)[1000:])
    assert any(arrivals(lambda t: 0.1 * t))
    assert any(arrivals(lambda t: -0.1 * t))


@pytest.mark.parametrize("true_rate", [200.0, 300.0])
def test_a_rate_that_is_off_is_a_reason_of_its_own_and_no_loss(tmp_path: Path, true_rate: float) -> None:
    bundle = load_bundle(write_bundle(tmp_path / "b", spec=small_spec(channels=("Fp1", "Fp2", "Cz", "Pz"))))
    source_id = unique("rate")
    with outlet(source_id, rate=true_rate, nominal=250.0):
        engine = Engine(LslSource(LslSelector(source_id=source_id)), bundle)
        with engine:
            predictions = list(engine.predictions(seconds=8))
            status = engine.status()
    assert status.lost == 0
    assert Reason.WRONG_RATE in predictions[-1].reasons
    assert not predictions[-1].valid
    assert "Hz that it states" in status.notice
