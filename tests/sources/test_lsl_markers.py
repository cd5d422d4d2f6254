"""LSL marker streams: every event once, in order, with its time, also after the sender came back."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
import pyxdf

from bci_app.errors import SourceError
from bci_app.sources.lsl.markers import MarkerStreams
from bci_app.stream import Marker
from tests.lsl_marker_outlet import marker_outlet
from tests.lsl_outlet import outlet, unique

pytestmark = pytest.mark.lsl


class Inbox:
    """Collects what is delivered."""

    def __init__(self) -> None:
        self.events: list[tuple[str, float, str]] = []
        self._changed = threading.Condition()

    def deliver(self, marker: Marker, origin: str) -> None:
        with self._changed:
            self.events.append((origin, marker.time, marker.text))
            self._changed.notify_all()

    def wait_for(self, n: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.events) >= n, 10), self.events


def test_events_of_text_and_number_streams_arrive_once_in_order_with_their_times() -> None:
    words, numbers = unique("words"), unique("numbers")
    inbox = Inbox()
    streams = MarkerStreams([words, f"source_id={numbers}", "never there"], inbox.deliver)
    streams.start()
    with marker_outlet(words, words) as a, marker_outlet("codes", numbers, numbers=True) as b:
        a.wait_for_receiver()
        b.wait_for_receiver()
        expected = [(words, a.send(f"trial {i} größer"), f"trial {i} größer") for i in range(20)]
        codes = [("codes", b.send(str(i)), str(i)) for i in (1, 255, -3, 1234567)]
        inbox.wait_for(24)
        assert streams.connected == tuple(sorted(("codes", words)))
        streams.stop()
    assert [event for event in inbox.events if event[0] == words] == expected
    assert [event for event in inbox.events if event[0] == "codes"] == codes
    assert streams.never_seen == ("never there",)
    assert streams.connected == ()


@pytest.mark.parametrize(
    ("starts", "n_events", "leaves"), [(3, 1, False), (3, 10, True)], ids=["restarted", "ends with its last events"]
)
def test_a_sender_that_ends_and_returns_under_its_name_loses_no_event(starts: int, n_events: int, leaves: bool) -> None:
    name = unique("restarted")
    inbox = Inbox()
    streams = MarkerStreams([name], inbox.deliver)
    streams.start()
    expected = []
    for start in range(starts):
        with marker_outlet(name, name) as running:
            running.wait_for_receiver()
            expected += [(name, running.send(f"{start} {i}"), f"{start} {i}") for i in range(n_events)]
            if leaves:
                running.leave()
            inbox.wait_for(len(expected))
    streams.stop()
    assert inbox.events == expected


def test_a_sender_that_is_slow_to_connect_loses_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    name = unique("slow")
    inbox = Inbox()
    streams = MarkerStreams([name], inbox.deliver)
    opened = streams.open_stream
    with marker_outlet(name, name) as running:

        def open_frozen(*arguments: Any) -> Any:
            running.freeze()
            threading.Timer(3.0, running.thaw).start()
            monkeypatch.setattr(streams, "open_stream", opened)
            return opened(*arguments)

        monkeypatch.setattr(streams, "open_stream", open_frozen)
        streams.start()
        running.wait_for_receiver()
        expected = [(name, running.send(f"{number}"), f"{number}") for number in range(50)]
        inbox.wait_for(50)
        streams.stop()
    assert inbox.events == expected


def test_streams_of_one_name_are_told_apart_and_streams_of_samples_are_left_alone() -> None:
    name = unique("same")
    first, second = unique("first"), unique("second")
    inbox = Inbox()
    streams = MarkerStreams([name], inbox.deliver)
    streams.start()
    with outlet(unique("samples"), name=name), marker_outlet(name, first) as a, marker_outlet(name, second) as b:
        a.wait_for_receiver()
        b.wait_for_receiver()
        a.send("a")
        b.send("b")
        inbox.wait_for(2)
        streams.stop()
    assert sorted(text for _, _, text in inbox.events) == ["a", "b"]
    origins = {origin for origin, _, _ in inbox.events}
    assert origins == {name, f"{name} ({first})"} or origins == {name, f"{name} ({second})"}


@pytest.mark.parametrize("text", ["", " ", "nonsense=1"])
def test_selector_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(SourceError):
        MarkerStreams([text], Inbox().deliver)


def test_recorded_session_holds_each_marker_stream_beside_its_own(tmp_path: Path) -> None:
    import signal
    import subprocess
    import sys

    name, file = unique("psychopy"), tmp_path / "s.xdf"
    command = ["record", "-s", "synthetic:", str(file), "--markers", name, "--markers", "absent"]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "bci_app", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Recording")
    with marker_outlet(name, name) as running:
        running.wait_for_receiver()
        times = [running.send(f"trial {i}") for i in range(5)]
        deadline = time.monotonic() + 120
        while b"trial 4" not in file.read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert "'absent' has appeared" in err
    loaded = {s["info"]["name"][0]: s for s in pyxdf.load_xdf(file, dejitter_timestamps=False)[0]}
    assert [row[0] for row in loaded[name]["time_series"]] == [f"trial {i}" for i in range(5)]
    assert loaded[name]["time_stamps"].tolist() == times
    assert loaded[name]["info"]["type"] == ["Markers"]
    truth = {"simulated participant, truth", "simulated participant, truth index"}
    assert set(loaded) == {"synthetic", "synthetic index", "Session", name} | truth
