"""Replay: what is sent when, and that receivers get the file, sample for sample."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bci_app.errors import SourceError
from bci_app.recording import Annotation, Break, Recording, read_recording
from bci_app.recording.timeline import lay_out
from bci_app.replay import Replay, ReplayPhase, ReplaySource, ReplayThread
from bci_app.replay import player as player_module
from bci_app.replay.prompt import obey
from bci_app.replay.reception import SeamedGapDetector
from bci_app.sources.base import Source
from bci_app.sources.lsl.header import LslSelector
from bci_app.sources.lsl.library import use_loopback
from bci_app.sources.lsl.source import LslSource, list_lsl_streams
from bci_app.stream import Chunk, StreamInfo

ROOT = Path(__file__).resolve().parents[1]
RATE = 250.0


@pytest.fixture(scope="module", autouse=True)
def _loopback() -> None:
    use_loopback()


def recording(
    n: int,
    *,
    rate: float = RATE,
    name: str = "take.edf",
    times: np.ndarray | None = None,
    breaks: tuple[Break, ...] = (),
    annotations: tuple[Annotation, ...] = (),
) -> Recording:
    data = np.arange(n)[:, None] + np.array([[0.0, 0.25, 0.5]])
    info = StreamInfo(name, ("Fp1", "Cz", "Aux"), rate, ("µV", "µV", "n/a"), n_samples=n)
    stamps = np.arange(n) / rate if times is None else times
    return Recording(Path(name), "EDF", info, data, stamps, breaks=breaks, annotations=annotations)


class Outlet:
    """Takes what a replay sends."""

    def __init__(self) -> None:
        self.rows: list[float] = []
        self.stamps: list[float] = []
        self.listeners = False

    def have_consumers(self) -> bool:
        return self.listeners

    def push_chunk(self, data: np.ndarray, stamps: list[float]) -> None:
        self.rows += data[:, 0].tolist()
        self.stamps += stamps


class Markers:
    def __init__(self) -> None:
        self.sent: list[tuple[str, float]] = []

    def push_sample(self, sample: list[str], stamp: float) -> None:
        self.sent.append((sample[0], stamp))


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A replay on a clock that the test turns."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, recordings: list[Recording], **options: Any) -> None:
        self.outlet, self.markers, self.clock = Outlet(), Markers(), Clock()
        monkeypatch.setattr(player_module, "data_outlet", lambda *_: self.outlet)
        monkeypatch.setattr(player_module, "marker_outlet", lambda *_: self.markers)
        self.replay = Replay(recordings, **{"clock": self.clock, **options})
        self.replay.open()

    def run(self, seconds: float) -> None:
        """Step as a thread would, for so many seconds of the clock."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.clock.now += max(self.replay.step(), 1e-4)
        self.replay.step()


def test_nothing_is_sent_before_somebody_listens_and_then_from_sample_0(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, [recording(1000)])
    bench.run(3.0)
    assert bench.replay.status().phase is ReplayPhase.WAITING
    assert not bench.outlet.rows
    bench.outlet.listeners = True
    begin = bench.clock.now
    bench.run(1.0)
    assert bench.outlet.rows == list(range(len(bench.outlet.rows)))
    np.testing.assert_allclose(bench.outlet.stamps, begin + np.arange(len(bench.outlet.rows)) / RATE, atol=1e-2)
    np.testing.assert_allclose(np.diff(bench.outlet.stamps), 1 / RATE, atol=1e-9)


def test_schedule_does_not_drift_over_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, [recording(3600 * 128, rate=128.0)], wait=False)
    start = bench.clock.now
    bench.replay.step()
    for _ in range(3600):
        bench.clock.now += 0.99997
        bench.replay.step()
    stamps = np.array(bench.outlet.stamps)
    assert len(stamps) >= 3599.8 * 128
    np.testing.assert_allclose(stamps - start, np.arange(len(stamps)) / 128.0, rtol=0, atol=1e-9)
    # Never ahead of the clock.
    assert stamps[-1] <= bench.clock.now


def test_a_thread_that_was_held_up_sends_everything_with_the_stamps_it_was_due_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(monkeypatch, [recording(2000)], wait=False)
    bench.run(1.0)
    bench.clock.now += 3.0
    bench.run(1.0)
    np.testing.assert_array_equal(bench.outlet.rows, np.arange(len(bench.outlet.rows)))
    np.testing.assert_allclose(np.diff(bench.outlet.stamps), 1 / RATE, atol=1e-9)


@pytest.mark.parametrize("speed", [0.1, 2.5, 100.0])
def test_speed_changes_when_samples_are_sent_but_not_their_spacing(
    monkeypatch: pytest.MonkeyPatch, speed: float
) -> None:
    bench = Bench(monkeypatch, [recording(100_000)], wait=False, speed=speed)
    bench.run(2.0)
    assert len(bench.outlet.rows) == pytest.approx(2.0 * RATE * speed, rel=0.05, abs=3)
    np.testing.assert_allclose(np.diff(bench.outlet.stamps), 1 / RATE, atol=1e-9)
    bench.replay.speed = 1.0
    sent = len(bench.outlet.rows)
    bench.run(1.0)
    assert len(bench.outlet.rows) - sent == pytest.approx(RATE, abs=5)
    np.testing.assert_allclose(np.diff(bench.outlet.stamps), 1 / RATE, atol=1e-9)


def test_pause_and_seek_show_as_gaps_and_lose_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, [recording(5000)], wait=False)
    bench.run(1.0)
    bench.replay.pause()
    sent = len(bench.outlet.rows)
    bench.run(2.0)
    assert len(bench.outlet.rows) == sent
    bench.replay.resume()
    bench.run(1.0)
    assert bench.outlet.rows[sent] == sent
    assert bench.outlet.stamps[sent] - bench.outlet.stamps[sent - 1] == pytest.approx(2.0, abs=0.05)
    sought = len(bench.outlet.rows)
    bench.replay.seek(10.0)
    bench.run(1.0)
    assert bench.outlet.rows[sought] == 2500
    assert 0.2 < bench.outlet.stamps[sought] - bench.outlet.stamps[sought - 1] < 0.5
    assert bench.outlet.stamps[-1] <= bench.clock.now
    assert np.all(np.diff(bench.outlet.stamps) > 0)


def test_seek_works_while_paused_and_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, [recording(500)], wait=False)
    bench.replay.step()
    bench.replay.pause()
    bench.replay.seek(1.0)
    assert bench.replay.status().position == 1.0
    bench.replay.resume()
    bench.run(3.0)
    assert bench.replay.status().phase is ReplayPhase.FINISHED
    assert bench.outlet.rows[-1] == 499
    bench.replay.seek(1.5)
    bench.run(0.5)
    assert bench.outlet.rows[-1] > 375
    assert bench.outlet.rows.count(375) == 2


def test_stretch_is_played_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, [recording(5000)], wait=False, start=4.0, stop=5.0, loop=True, pause=0.5)
    bench.run(4.6)
    round_one = list(range(1000, 1250))
    assert bench.outlet.rows[:750] == round_one * 3
    steps = np.diff(bench.outlet.stamps)
    assert np.count_nonzero(steps > 0.1) >= 2
    np.testing.assert_allclose(steps[steps > 0.1], 0.5 + 1 / RATE, atol=0.05)


def test_files_follow_after_a_pause_and_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, [recording(250, name="one.edf"), recording(250, name="two.edf")], wait=False)
    assert bench.replay.name == "one"
    bench.run(0.5)
    assert bench.replay.status().file == "one.edf"
    bench.run(2.0)
    assert bench.replay.status().file == "two.edf"
    bench.run(1.0)
    assert bench.replay.status().phase is ReplayPhase.FINISHED
    assert bench.outlet.rows == list(range(250)) * 2
    assert bench.outlet.stamps[250] - bench.outlet.stamps[249] == pytest.approx(1.0 + 1 / RATE)


def test_gaps_and_jitter_of_a_recording_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    times = np.arange(1000) / RATE + np.random.default_rng(0).uniform(0, 1e-3, 1000)
    times -= times[0]
    times[400:] += 0.7
    bench = Bench(monkeypatch, [recording(1000, times=times, breaks=(Break(400, 175),))], wait=False)
    bench.run(6.0)
    np.testing.assert_allclose(np.diff(bench.outlet.stamps), np.diff(times), atol=1e-9)


def test_an_interruption_of_unknown_length_shows_as_a_gap() -> None:
    times = np.concatenate((np.arange(100), np.arange(100) - 5000)) / RATE
    timeline = lay_out([recording(200, times=times, breaks=(Break(100, 0),))], 1.0, jump=0.25)
    assert timeline.due[100] - timeline.due[99] == pytest.approx(0.25 + 1 / RATE)


def test_annotations_in_a_gap_and_after_the_end_keep_their_place() -> None:
    times = np.arange(200) / RATE
    times[100:] += 10.0
    events = (Annotation(0.2, 0.0, "before"), Annotation(5.0, 0.0, "in the gap"), Annotation(60.0, 0.0, "late"))
    one = recording(200, times=times, breaks=(Break(100, 2500),), annotations=events)
    two = recording(100, annotations=(Annotation(0.0, 0.0, "next"),), name="two.edf")
    timeline = lay_out([one, two], 1.0)
    assert [text for _, text in timeline.events] == ["before", "in the gap", "late", "next"]
    assert timeline.event_rows == (50, 100, 199, 200)
    np.testing.assert_allclose([time for time, _ in timeline.events], [0.2, 5.0, 10.8, 11.8])
    assert timeline.seams == (200,)
    assert timeline.events_of(100, 200) == timeline.events[1:3]


def test_annotations_before_a_later_recording_stay_in_order() -> None:
    one = recording(1000, annotations=(Annotation(3.5, 0.0, "late"),))
    two = recording(1000, annotations=(Annotation(-2.0, 0.0, "early"), Annotation(0.5, 0.0, "first")), name="two.edf")
    events = lay_out([one, two], 1.0).events
    assert [text for _, text in events] == ["late", "early", "first"]
    np.testing.assert_allclose([time for time, _ in events], [3.5, 1000 / RATE, 1000 / RATE + 1.5])


def test_annotations_become_markers_at_their_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    events = (Annotation(0.5, 0.0, "eyes closed"), Annotation(1.25, 2.0, "blink"), Annotation(2.0, 0.0, "end"))
    bench = Bench(monkeypatch, [recording(500, annotations=events)], wait=False)
    start = bench.clock.now
    bench.run(3.0)
    assert [text for text, _ in bench.markers.sent] == ["eyes closed", "blink", "end"]
    np.testing.assert_allclose([stamp - start for _, stamp in bench.markers.sent], [0.5, 1.25, 2.0], atol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speed": 0.05}, r"0\.05.*0\.1 to 100"),
        ({"speed": 101.0}, "0.1 to 100"),
        ({"speed": float("nan")}, "nan"),
        ({"start": 99.0}, "nothing to play"),
        ({"start": 2.0, "stop": 1.0}, "nothing to play"),
        ({"stop": float("nan")}, "nothing to play"),
    ],
)
def test_impossible_wishes_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        Replay([recording(1000)], **options)


def test_recordings_of_another_layout_are_refused() -> None:
    with pytest.raises(SourceError, match=r"128\.0.*250\.0"):
        lay_out([recording(10), recording(10, rate=128.0, name="other.edf")], 1.0)


def test_lines_of_text_control_a_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, [recording(250 * 100)], wait=False)
    bench.run(1.0)

    def said(line: str) -> str:
        answer = obey(bench.replay, line)
        assert answer is not None
        return answer

    assert said("s").startswith("playing · 00:01.0 / 01:40.0 · ×1 · take.edf")
    assert said("p").startswith("paused")
    assert said("seek 30").startswith("paused · 00:30.0")
    assert said("+12.5").startswith("paused · 00:42.5")
    assert said("-10").startswith("paused · 00:32.5")
    assert said("").startswith("playing")
    assert "×2.5" in said("speed 2.5")
    assert "0.1 to 100" in said("speed 1000")
    assert said("speed fast") == "speed takes a number: found 'fast'."
    assert said("seek nan") == "seek takes a number: found 'nan'."
    assert said("+x") == "seek takes a number: found '+x'."
    assert said("dance").startswith("Commands:")
    assert obey(bench.replay, "q") is None
    bench.replay.seek(99.9)
    bench.run(1.0)
    assert said("s").startswith("finished")
    assert said("p").startswith("playing · 00:00.0")


def test_failure_of_the_thread_is_a_visible_state(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, [recording(1000)], wait=False)

    def fail(*_: object) -> None:
        raise RuntimeError("the network is gone")

    monkeypatch.setattr(bench.outlet, "push_chunk", fail)
    thread = ReplayThread(bench.replay)
    thread.start()
    deadline = time.monotonic() + 120
    while bench.replay.status().phase is not ReplayPhase.FAILED:
        bench.clock.now += 0.1
        assert time.monotonic() < deadline
        time.sleep(0.01)
    thread.stop()
    assert bench.replay.status().message == "the network is gone"
    assert isinstance(thread.failure, RuntimeError)


# Over LSL --------------------------------------------------------------------------------------


def receive(source: Source, n_samples: int, limit: float = 120.0) -> list[Chunk]:
    chunks: list[Chunk] = []
    deadline = time.monotonic() + limit
    while sum(map(len, chunks)) < n_samples:
        assert time.monotonic() < deadline, f"{sum(map(len, chunks))} of {n_samples} samples within {limit} s"
        if (chunk := source.read(0.1)) is not None:
            chunks.append(chunk)
    return chunks


@pytest.mark.lsl
@pytest.mark.parametrize("speed", [1.0, 20.0])
def test_receiver_gets_the_file_exactly_from_its_first_sample(
    sample_recordings: tuple[Path, Path], speed: float
) -> None:
    original = read_recording(sample_recordings[1])
    n = 1500 if speed == 1.0 else len(original)
    thread = ReplayThread(Replay([original], speed=speed))
    thread.start()
    source = LslSource(LslSelector(source_id=thread.replay.source_id))
    info = source.start()
    assert info.channels == original.info.channels
    assert info.rate == original.info.rate
    assert set(info.units) == {"microvolts"}
    chunks = receive(source, n)
    source.stop()
    thread.stop()
    data = np.concatenate([chunk.data for chunk in chunks])
    np.testing.assert_array_equal(data, original.data[: len(data)])
    assert chunks[0].first == 0
    assert not any(chunk.lost or chunk.reset for chunk in chunks)


@pytest.mark.lsl
def test_second_file_and_seek_reach_the_receiver_as_gaps() -> None:
    thread = ReplayThread(Replay([recording(500), recording(500, name="two.edf")], pause=0.5))
    thread.start()
    source = LslSource(LslSelector(source_id=thread.replay.source_id))
    source.start()
    chunks = receive(source, 700)
    (second,) = [chunk for chunk in chunks if chunk.lost]
    assert second.lost == 125
    assert second.data[0, 0] == 0
    thread.replay.seek(0.0)
    deadline = time.monotonic() + 120
    while True:
        assert time.monotonic() < deadline
        chunk = source.read(0.1)
        if chunk is not None and chunk.lost:
            break
    assert chunk.data[0, 0] == 0
    source.stop()
    thread.stop()


def test_a_lower_speed_soon_after_a_seek_does_not_prolong_the_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, [recording(5000)], wait=False)
    bench.run(2.0)
    bench.replay.seek(10.0)
    bench.replay.speed = 0.1
    sent = bench.replay.status().sent
    bench.run(0.4)
    assert bench.outlet.rows[sent] == 2500


def test_a_seek_after_fast_play_does_not_wait_until_the_clock_has_caught_up(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, [recording(50_000)], wait=False, speed=100.0)
    bench.run(1.0)
    bench.replay.speed = 1.0
    bench.replay.seek(10.0)
    sent = bench.replay.status().sent
    bench.run(0.4)
    assert bench.outlet.rows[sent] == 2500
    assert bench.outlet.stamps[sent] - bench.outlet.stamps[sent - 1] == pytest.approx(0.25, abs=0.01)


def seams(bench: Bench) -> list[tuple[int, float]]:
    """Return the seams of what was sent: the sample before which each lies, and the seconds that it takes."""
    found = bench.replay.seams_before(np.array(bench.outlet.stamps))
    return [
        (row, after.unsent - before.unsent)
        for row, (before, after) in enumerate(pairwise(found), start=1)
        if after.number != before.number
    ]


def test_seams_are_told_where_a_pause_a_seek_or_the_next_recording_is(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, [recording(500), recording(500)], wait=False)
    bench.run(1.0)
    bench.replay.pause()
    bench.run(3.0)
    bench.replay.resume()
    paused = len(bench.outlet.rows)
    bench.run(4.0)
    bench.replay.seek(0.0)
    sought = len(bench.outlet.rows)
    bench.run(1.0)
    assert [index for index, _ in seams(bench)] == [paused, 500, sought]
    assert [seconds for _, seconds in seams(bench)] == pytest.approx([3.0, 1.0, 0.25], abs=0.05)


def test_a_loss_within_a_recording_is_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, [with_a_gap()], wait=False)
    bench.run(2.5)
    assert seams(bench) == []


def with_a_gap() -> Recording:
    """Make 500 samples, 100 of which are missing before sample 200."""
    times = np.arange(500) / RATE + np.where(np.arange(500) >= 200, 0.4, 0.0)
    return recording(500, times=times, breaks=(Break(200, 100),))


def received(bench: Bench, *missing: slice, size: int = 5) -> list[Chunk]:
    """Receive what was sent, without what went missing on the way."""
    there = np.ones(len(bench.outlet.rows), dtype=bool)
    for rows in missing:
        there[rows] = False
    data, stamps = np.array(bench.outlet.rows)[there, None], np.array(bench.outlet.stamps)[there]
    detector = SeamedGapDetector(RATE, bench.replay)
    chunks = []
    for start in range(0, len(stamps), size):
        chunks += detector.process(data[start : start + size], stamps[start : start + size])
    chunks += detector.flush()
    np.testing.assert_array_equal(np.concatenate([chunk.data for chunk in chunks]), data)
    np.testing.assert_allclose(np.concatenate([chunk.times for chunk in chunks]), stamps, rtol=0, atol=1e-9)
    assert [len(chunk.stamps) for chunk in chunks if chunk.stamps is not None] == [len(chunk) for chunk in chunks]
    np.testing.assert_allclose(np.concatenate([chunk.stamps for chunk in chunks]), stamps, rtol=0, atol=1e-9)
    return chunks


def breaks(chunks: list[Chunk]) -> list[tuple[float, int, bool]]:
    """Return the sample after each break, the number lost there and whether it is a seam."""
    return [(float(chunk.data[0, 0]), chunk.lost, chunk.reset) for chunk in chunks if chunk.lost or chunk.reset]


@pytest.mark.parametrize("size", [1, 7, 5000])
def test_pauses_of_any_length_however_soon_one_after_the_other_are_no_loss(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    bench = Bench(monkeypatch, [recording(50_000)], wait=False)
    rng = np.random.default_rng(1)
    bench.run(2.0)
    rows = []
    for _ in range(60):
        bench.replay.pause()
        bench.run(float(rng.uniform(0.001, 0.06)))
        bench.replay.resume()
        rows.append(bench.replay.status().sent)
        bench.run(float(rng.uniform(0.02, 0.5)))
    chunks = received(bench, size=size)
    assert breaks(chunks) == [(row, 0, True) for row in rows]
    assert [chunk.first for chunk in chunks] == np.cumsum([0, *map(len, chunks[:-1])]).tolist()


def test_what_is_lost_on_the_way_beside_a_seam_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, [recording(500), recording(1000)], wait=False)
    bench.run(5.5)
    chunks = received(bench, slice(460, 500), slice(700, 710))
    assert breaks(chunks) == [(0.0, 40, True), (210.0, 10, False)]
    assert [chunk.first for chunk in chunks if chunk.lost] == [500, 710]


def test_what_is_lost_in_a_recording_where_it_is_paused_stays_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, [with_a_gap()], wait=False)
    bench.run(1.0)
    assert len(bench.outlet.rows) == 200
    bench.replay.pause()
    bench.run(5.0)
    bench.replay.resume()
    bench.run(1.0)
    assert breaks(received(bench)) == [(200.0, 100, True)]


def test_recordings_without_a_pause_between_them_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, [recording(500), recording(500)], wait=False, pause=0.0)
    bench.run(4.0)
    assert breaks(received(bench)) == [(0.0, 0, True)]


@pytest.mark.parametrize("speed", [0.1, 1.0, 20.0])
def test_a_seek_keeps_a_receiver_waiting_for_a_moment_only_however_many_there_were(
    monkeypatch: pytest.MonkeyPatch, speed: float
) -> None:
    bench = Bench(monkeypatch, [recording(50_000)], wait=False, speed=speed)
    bench.run(2.0)
    for place in range(20):
        bench.replay.seek(10.0 + place)
        bench.run(0.01)
    sent = bench.replay.status().sent
    bench.run(0.3)
    assert bench.replay.status().sent > sent
    found = breaks(received(bench))
    assert found[-1] == (29 * RATE, 0, True)
    assert sum(lost for _, lost, _ in found) == 0


@pytest.mark.lsl
def test_the_next_recording_a_seek_and_quick_pauses_reach_the_window_as_resets_without_loss() -> None:
    thread = ReplayThread(Replay([recording(250), recording(250)], name="one after the other"))
    thread.start()
    source = ReplaySource(thread.replay)
    try:
        source.start()
        chunks = receive(source, 500)
        (reset,) = [chunk for chunk in chunks if chunk.reset]
        assert reset.first == 250
        thread.replay.seek(0.0)
        chunks += receive(source, 100)
        for _ in range(8):
            thread.replay.pause()
            time.sleep(0.015)
            thread.replay.resume()
            chunks += receive(source, 10)
        assert sum(chunk.lost for chunk in chunks) == 0
        assert [chunk.first for chunk in chunks] == np.cumsum([0, *map(len, chunks[:-1])]).tolist()
    finally:
        source.stop()
        thread.stop()


@pytest.mark.lsl
def test_streams_are_announced_and_withdrawn_when_stopped() -> None:
    replay = Replay([recording(100, annotations=(Annotation(0.1, 0.0, "x"),))], name="short replay")
    stopped = threading.Event()
    worker = threading.Thread(target=replay.run, args=(stopped,))
    worker.start()
    deadline = time.monotonic() + 120
    names: set[str] = set()
    while names != {"short replay", "short replay markers"}:
        assert time.monotonic() < deadline, names
        names = {stream.name for stream in list_lsl_streams() if stream.source_id.startswith(replay.source_id)}
    stopped.set()
    worker.join(30)
    assert not worker.is_alive()
    assert replay.status().phase is ReplayPhase.CLOSED


def test_run_returns_at_the_end_of_the_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, [recording(50)], wait=False, clock=time.monotonic)
    monkeypatch.setattr(player_module, "LINGER_SECONDS", 0.0)
    bench.replay.run(threading.Event())
    assert bench.outlet.rows == list(range(50))
    assert bench.replay.status().phase is ReplayPhase.CLOSED


@pytest.mark.lsl
def test_mne_lsl_receives_the_replay_sample_for_sample(sample_recordings: tuple[Path, Path], tmp_path: Path) -> None:
    original = read_recording(sample_recordings[1])
    thread = ReplayThread(Replay([original], stop=4.0))
    thread.start()
    out = tmp_path / "received.npz"
    subprocess.run(
        [sys.executable, "-m", "tests.lsl_peers", "receive", thread.replay.source_id, "2000", str(out)],
        cwd=ROOT,
        check=True,
        timeout=250,
    )
    thread.stop()
    with np.load(out, allow_pickle=False) as received:
        np.testing.assert_array_equal(received["data"], original.data[:2000])
        np.testing.assert_allclose(np.diff(received["times"]), 1 / 500, atol=1e-9)
        assert tuple(received["names"]) == original.info.channels


@pytest.mark.lsl
def test_mne_lsl_player_is_received(sample_recordings: tuple[Path, Path]) -> None:
    original = read_recording(sample_recordings[1])
    source_id = f"player-{time.monotonic_ns()}"
    command = [sys.executable, "-m", "tests.lsl_peers", "play", str(sample_recordings[1]), source_id, source_id]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as player:
        try:
            assert player.stdout is not None
            assert player.stdout.readline().strip() == "ready"
            # Its stream of annotations has the same source_id; the data are meant.
            source = LslSource(LslSelector(source_id=source_id))
            info = source.start()
            chunks = receive(source, 1000)
            source.stop()
        finally:
            player.kill()
    assert info.channels == original.info.channels
    assert info.units == ("V",) * len(info.channels)
    data = np.concatenate([chunk.data for chunk in chunks]) * 1e6
    start = int(np.argmin(np.abs(original.data[:, 0] - data[0, 0]) + np.abs(original.data[:, 5] - data[0, 5])))
    np.testing.assert_allclose(data, original.data[start : start + len(data)], atol=1e-6)
    assert not any(chunk.lost for chunk in chunks)
