"""Marker streams: named, found or chosen, their events are drawn, listed and recorded."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
import pyxdf
from PyQt6.QtCore import QSettings
from PyQt6.QtWidgets import QCheckBox
from pytestqt.qtbot import QtBot

from bci_app.bundle import LoadedBundle
from bci_app.gui.connect.page import ConnectPage
from bci_app.gui.controller import Controller
from bci_app.gui.main_window import MainWindow
from bci_app.presentation.choices import SourceChoice
from bci_app.presentation.opening import Ready
from tests.gui.conftest import WAIT, OpenWindow
from tests.gui.sources import HeldSource, stream
from tests.lsl_marker_outlet import marker_outlet
from tests.lsl_outlet import unique


@pytest.mark.lsl
def test_events_of_a_marker_stream_are_in_the_recording(qtbot: QtBot, bundle: LoadedBundle, tmp_path: Path) -> None:
    name = unique("psychopy")
    controller = Controller(markers=[name])
    with qtbot.waitSignal(controller.session_changed, timeout=WAIT):
        controller.prepare(
            lambda: Ready(HeldSource(stream(5)), bundle), source_text="lsl:test", wait_for_baseline=False
        )
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


def test_events_of_lsl_marker_streams_are_drawn_and_listed(
    qtbot: QtBot, page: ConnectPage, models: dict[str, LoadedBundle]
) -> None:
    main = page.window()
    assert isinstance(main, MainWindow)
    page.source.show_tab(3)
    qtbot.waitUntil(page.fit.button.isEnabled, timeout=WAIT)
    assert page.source.markers.every.isChecked()
    with marker_outlet("Experiment", uuid.uuid4().hex) as outlet:
        with qtbot.waitSignal(main.controller.session_changed, timeout=WAIT):
            page.fit.button.click()
        traces = main.controller.feed.traces
        assert traces is not None
        outlet.wait_for_receiver()
        qtbot.waitUntil(lambda: traces.end > 250, timeout=WAIT)
        outlet.send("picture 7")
        log = main.controller.log
        qtbot.waitUntil(lambda: "picture 7" in [mark.text for mark in log.markers], timeout=WAIT)
    rows = main.area.session_panel.list
    assert any("picture 7" in rows.item(row).text() for row in range(rows.count()))  # type: ignore[union-attr]
    assert 0 < log.markers[-1].sample < traces.end + traces.rate


def test_marker_streams_are_listed_live_chosen_one_by_one_and_remembered(
    qtbot: QtBot, page: ConnectPage, settings: QSettings
) -> None:
    markers = page.source.markers
    name, other = (f"{kind} {uuid.uuid4().hex[:6]}" for kind in ("PsychoPy", "Buttons"))

    def box_of(wanted: str) -> QCheckBox | None:
        return next((box for box in markers.boxes.values() if wanted in box.text()), None)

    with marker_outlet(name, name), marker_outlet(other, other):
        qtbot.waitUntil(lambda: box_of(name) is not None and box_of(other) is not None, timeout=WAIT)
        box = box_of(name)
        assert box is not None
        # All of them are taken, this one too.
        assert box.isChecked()
        assert not box.isEnabled()
        markers.every.click()
        box, not_wanted = box_of(name), box_of(other)
        assert box is not None
        assert not_wanted is not None
        assert not box.isChecked()
        box.click()
        assert not not_wanted.isChecked()
        (chosen,) = markers.choice
        assert name in chosen
        assert settings.value("marker streams") == chosen or settings.value("marker streams") == [chosen]
    # What was chosen stays listed while it is away, and is awaited.
    qtbot.waitUntil(lambda: (box := box_of(name)) is not None and "not there now" in box.text(), timeout=WAIT)
    assert markers.choice == (chosen,)


def test_only_the_chosen_marker_streams_are_taken_and_the_session_names_them(
    qtbot: QtBot, page: ConnectPage, sample_recordings: tuple[Path, Path]
) -> None:
    main = page.window()
    assert isinstance(main, MainWindow)
    name, other = (f"{kind} {uuid.uuid4().hex[:6]}" for kind in ("PsychoPy", "Buttons"))
    page.source.choose(SourceChoice(f"file:{sample_recordings[1]}"))
    page.source.markers.choose([f"name={name}", "name=never there"])
    qtbot.waitUntil(page.fit.button.isEnabled, timeout=WAIT)
    with marker_outlet(name, name) as wanted, marker_outlet(other, other) as unwanted:
        with qtbot.waitSignal(main.controller.session_changed, timeout=WAIT):
            page.fit.button.click()
        wanted.wait_for_receiver()
        panel = main.area.session_panel
        # The recording's own events come too.
        text = f"events of {name}, Subject01_2 markers · waiting for never there"
        qtbot.waitUntil(lambda: panel.streams.text() == text, timeout=WAIT)
        unwanted.send("button 1")
        wanted.send("picture 7")
        log = main.controller.log
        qtbot.waitUntil(lambda: "picture 7" in [mark.text for mark in log.markers], timeout=WAIT)
        assert "button 1" not in [mark.text for mark in log.markers]
    rows = [panel.list.item(row).text() for row in range(panel.list.count())]  # type: ignore[union-attr]
    assert any(f"connected: {name}" in row for row in rows)


def test_marker_streams_of_the_command_line_are_listed_as_asked_for(qtbot: QtBot, page: ConnectPage) -> None:
    page.prefer(markers=["Stimuli"])
    page.source.markers.every.setChecked(False)
    box = page.source.markers.boxes["Stimuli"]
    assert box.text() == "Stimuli: asked for by --markers, not there yet"
    assert not box.isEnabled()


@pytest.mark.parametrize("stored", [[], ["name=PsychoPy"], ["name=PsychoPy,nonsense=1", "name=PsychoPy", ""]])
def test_the_choice_of_marker_streams_is_remembered_as_far_as_it_can_be_read(
    settings: QSettings, open_window: OpenWindow, stored: list[str]
) -> None:
    settings.setValue("marker streams", stored)
    settings.sync()
    expected = ("name=PsychoPy",) if stored else ()
    assert open_window().connect_page.source.markers.choice == expected
