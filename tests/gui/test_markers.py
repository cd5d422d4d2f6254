"""Marker streams named on the command line go into the window's recordings."""

from __future__ import annotations

from pathlib import Path

import pytest
import pyxdf
from pytestqt.qtbot import QtBot

from bci_app.bundle import LoadedBundle
from bci_app.gui.controller import Controller
from tests.gui.sources import HeldSource, stream
from tests.lsl_marker_outlet import marker_outlet
from tests.lsl_outlet import unique

WAIT = 10_000


@pytest.mark.lsl
def test_events_of_a_marker_stream_are_in_the_recording(qtbot: QtBot, bundle: LoadedBundle, tmp_path: Path) -> None:
    name = unique("psychopy")
    controller = Controller(markers=[name])
    with qtbot.waitSignal(controller.session_changed, timeout=WAIT):
        controller.open(HeldSource(stream(5)), bundle, source_text="lsl:test", wait_for_baseline=False)
    controller.start_recording(tmp_path, participant="P01")
    with marker_outlet(name, name) as running:
        running.wait_for_receiver()
        time = running.send("trial 1")
        (path,) = tmp_path.glob("*.xdf")
        qtbot.waitUntil(lambda: b"trial 1" in path.read_bytes(), timeout=WAIT)
        controller.shut_down()
    streams, _ = pyxdf.load_xdf(str(path), dejitter_timestamps=False)
    (events,) = [found for found in streams if found["info"]["name"] == [name]]
    assert events["time_series"] == [["trial 1"]]
    assert events["time_stamps"].tolist() == [time]
