"""The demo plays a simulated participant, says so, sends the planted truth, and ends by itself where asked to."""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from pylsl import StreamInlet, resolve_byprop

from bci_app.cli.app import main
from bci_app.demo import Session, TruthStream, replayed, simulated_session
from bci_app.download import fetch_file
from bci_app.errors import FileError


@pytest.fixture(scope="module")
def session() -> Session:
    return simulated_session()


@pytest.mark.lsl
@pytest.mark.parametrize("seconds", [None, "1"])
def test_the_demo_in_the_terminal_ends_with_its_recording_or_when_asked_and_says_so(
    session: Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seconds: str | None
) -> None:
    (recording,) = session.recordings
    info = replace(recording.info, n_samples=500)
    short = replace(recording, info=info, data=recording.data[:500], times=recording.times[:500], annotations=())
    monkeypatch.setattr("bci_app.demo.SESSIONS", {"simulated": lambda: replace(session, recordings=[short])})
    limit = [] if seconds is None else ["--seconds", seconds]
    monkeypatch.setattr(sys, "argv", ["bci-app", "demo", "--headless", *limit])
    with pytest.raises(SystemExit, match="0"):
        main()
    out, err = capsys.readouterr()
    assert "lost" not in out + err
    assert "simulated participant" in out
    assert "valence" in out
    assert "250 Hz" in out
    assert out.splitlines()[-1] == (
        "The recording was played to its end." if seconds is None else "The demo has ended."
    )


def test_everything_of_the_session_says_that_it_is_simulated(session: Session) -> None:
    (recording,) = session.recordings
    assert "simulated" in session.title
    assert "simulated" in recording.info.name
    assert [a.text for a in recording.annotations] == [
        f"simulated: {word}" for word in ("rest", "excited", "sad", "calm", "tense")
    ]


def test_the_planted_state_goes_out_as_a_second_stream_with_the_stamps_of_the_samples(session: Session) -> None:
    with replayed(session) as replay:
        source = replay.source()
        source.start()
        truth = StreamInlet(resolve_byprop("source_id", f"{replay.text.partition('=')[2]}-truth", timeout=60)[0])
        replay.thread.replay.seek(60.0)  # in the first emotion
        stamps: list[float] = []
        states: list[list[float]] = []
        last, deadline = float("nan"), time.monotonic() + 60
        while time.monotonic() < deadline and sum(state[0] > 0 for state in states) < 10:
            chunk = source.read(0.2)
            last = last if chunk is None else float(chunk.times[-1])
            rows, times = truth.pull_chunk(timeout=0.0)
            states += rows
            stamps += times
        source.stop()
        assert replay.truth is not None
        assert replay.truth.state == pytest.approx((0.9, 0.7, 0.4))
        np.testing.assert_allclose(states[-1], (0.9, 0.7, 0.4), atol=1e-6)
        np.testing.assert_allclose(np.diff(stamps[-5:]), 0.1, atol=1e-3)
        assert abs(stamps[-1] - last) < 2


def test_truth_is_sent_at_its_rate_however_samples_are_cut(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    assert session.script is not None
    sent: list[float] = []

    class Outlet:
        def push_sample(self, values: list[float], stamp: float) -> None:
            sent.append(stamp)

    stream = TruthStream(session.script, "x")
    monkeypatch.setattr(stream, "outlet", Outlet())
    times = np.arange(500) / 250.0
    for start in range(0, 500, 7):
        stream.follow(times[start : start + 7], times[start : start + 7])
    np.testing.assert_allclose(sent, np.arange(20) / 10, atol=1e-9)


def test_a_download_without_a_net_is_one_message(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(FileError, match=r"x\.edf cannot be downloaded: found \S+: no connection\. .*put the file into"):
        fetch_file("http://127.0.0.1:9/x.edf", "sha256:" + "0" * 64, "test")
