"""Recording, markers, self-report and the keyboard."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import pyxdf
from PyQt6.QtCore import QSettings, Qt, QTimer
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtWidgets import QApplication, QButtonGroup, QMessageBox
from pytestqt.qtbot import QtBot

from bci_app.bundle import LoadedBundle
from bci_app.gui.actions import ACTIONS
from bci_app.gui.help_dialog import HelpDialog
from bci_app.gui.main_window import MainWindow
from bci_app.presentation.opening import Ready
from tests.gui.conftest import WAIT, OpenWindow
from tests.gui.sources import RATE, HeldSource, stream

PART = 1200  # samples in a hundred chunks


@pytest.fixture
def folder(tmp_path: Path, settings: QSettings) -> Path:
    place = tmp_path / "recordings"
    settings.setValue("recordings", str(place))
    return place


@pytest.fixture
def source() -> HeldSource:
    return HeldSource(stream(20))


@pytest.fixture
def main(qtbot: QtBot, folder: Path, open_window: OpenWindow, source: HeldSource, bundle: LoadedBundle) -> MainWindow:
    """A window with a session of which a part has come."""
    window = open_window()
    with qtbot.waitSignal(window.controller.session_changed, timeout=WAIT):
        window.controller.prepare(lambda: Ready(source, bundle), source_text="lsl:test", wait_for_baseline=False)
    source.allow(100)
    traces = window.controller.feed.traces
    assert traces is not None
    qtbot.waitUntil(lambda: traces.end == PART, timeout=WAIT)
    return window


def events(window: MainWindow) -> list[str]:
    rows = window.area.session_panel.list
    return [item.text() for row in range(rows.count()) if (item := rows.item(row)) is not None]


def read(path: Path) -> dict[str, dict[str, object]]:
    streams, _ = pyxdf.load_xdf(str(path), dejitter_timestamps=False)
    return {found["info"]["name"][0]: found for found in streams}


def test_a_session_is_recorded_with_its_markers_and_self_report_and_then_reported(
    qtbot: QtBot, main: MainWindow, source: HeldSource, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bci_app.gui.reports.SMALL", 0)  # reported in another process
    qtbot.keyClicks(main.area.session_panel.participant, "P 07/b")
    qtbot.mouseClick(main.header.record, Qt.MouseButton.LeftButton)
    assert main.controller.recorder.running
    source.allow(100)
    traces = main.controller.feed.traces
    assert traces is not None
    qtbot.waitUntil(lambda: traces.end == 2 * PART, timeout=WAIT)
    qtbot.keyClick(main, Qt.Key.Key_F3)
    qtbot.keyClicks(main.area.session_panel.entry, "eyes closed")
    qtbot.keyClick(main.area.session_panel.entry, Qt.Key.Key_Return)
    main.run_action("report")
    for key in (Qt.Key.Key_7, Qt.Key.Key_3, Qt.Key.Key_5, Qt.Key.Key_Return):
        qtbot.keyClick(main.area.session_panel.report, key)
    qtbot.waitUntil(lambda: "MB" in main.header.record.text(), timeout=WAIT)
    qtbot.mouseClick(main.header.record, Qt.MouseButton.LeftButton)
    assert not main.controller.recorder.running
    assert main.header.record.text() == "Record"
    (path,) = folder.glob("*.xdf")
    assert path.name.startswith("P-07-b_")
    streams = read(path)
    assert np.asarray(streams["Test stream"]["time_series"]).shape == (PART, 7)
    marks = [row[0] for row in streams["Markers"]["time_series"]]  # type: ignore[attr-defined]
    assert marks == ["F3", "eyes closed", "self-report valence=7 arousal=3 dominance=5"]
    assert any("recording stopped" in event for event in events(main))
    assert sum("eyes closed" in event for event in events(main)) == 1
    panel = main.area.session_panel
    qtbot.waitUntil(panel.open_page.isVisible, timeout=WAIT)
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    qtbot.mouseClick(panel.open_page, Qt.MouseButton.LeftButton)
    assert opened == [str(folder / f"{path.stem}_report.html")]
    assert "self-report" in Path(opened[0]).read_text()
    main.toggle_recording()
    assert not panel.open_page.isVisible()
    monkeypatch.setattr("bci_app.report.LARGEST", 10)
    main.toggle_recording()
    qtbot.waitUntil(main.banner.isVisible, timeout=WAIT)
    assert "too large to be reported" in main.banner.summary.text()
    assert any("no report written" in event for event in events(main))


def test_the_metadata_of_a_recording_say_who_from_what_and_with_which_model(
    qtbot: QtBot, main: MainWindow, folder: Path, bundle: LoadedBundle
) -> None:
    qtbot.keyClicks(main.area.session_panel.participant, "P07")
    main.toggle_recording()
    main.toggle_recording()
    (path,) = folder.glob("*.xdf")
    (row,) = read(path)["Session"]["time_series"]  # type: ignore[misc]
    metadata = json.loads(row[0])
    assert (metadata["participant"], metadata["source"]) == ("P07", "lsl:test")
    assert (metadata["bundle"], metadata["model_sha256"]) == (bundle.spec.name, bundle.spec.model_sha256)
    assert metadata["targets"] == {target.name: list(target.classes) for target in bundle.spec.targets}
    assert metadata["started"]


def test_a_participant_code_that_comes_after_the_beginning_is_a_marker_of_the_recording(
    qtbot: QtBot, main: MainWindow, folder: Path
) -> None:
    field = main.area.session_panel.participant
    qtbot.keyClicks(field, "P01")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    main.toggle_recording()
    field.clear()
    qtbot.keyClicks(field, "P02")
    for _ in range(2):
        qtbot.keyClick(field, Qt.Key.Key_Return)
    main.toggle_recording()
    field.clear()
    qtbot.keyClick(field, Qt.Key.Key_Return)
    (path,) = folder.glob("P01_*.xdf")
    assert [row[0] for row in read(path)["Markers"]["time_series"]] == ["participant P02"]  # type: ignore[attr-defined]


def test_the_end_of_a_playback_is_no_end_of_the_own_recording_and_playing_again_asks(
    qtbot: QtBot, main: MainWindow, source: HeldSource
) -> None:
    main.toggle_recording()
    source.end()
    source.allow()
    qtbot.waitUntil(main.banner.isVisible, timeout=WAIT)
    assert main.banner.summary.text() == "The playback has ended."
    assert "Your own recording is still open" in main.banner.advice.text()
    asked: list[str] = []
    answer("Go on recording", asked)
    main.banner.action_asked.emit("Play again")
    assert asked == ["Playing again stops it; what was recorded is kept."]
    assert main.controller.recorder.running
    assert not any("recording ended" in event for event in events(main))
    main.toggle_recording()


def test_a_folder_that_cannot_be_written_is_told_and_the_session_goes_on(
    qtbot: QtBot, main: MainWindow, source: HeldSource, folder: Path
) -> None:
    folder.write_text("in the way")
    main.toggle_recording()
    assert not main.controller.recorder.running
    assert main.banner.isVisible()
    assert "Cannot record" in main.banner.summary.text()
    source.allow(100)
    traces = main.controller.feed.traces
    assert traces is not None
    qtbot.waitUntil(lambda: traces.end == 2 * PART, timeout=WAIT)


def answer(text: str, asked: list[str]) -> None:
    """Press a button of the question that is going to appear."""

    def press() -> None:
        box = QApplication.activeModalWidget()
        if not isinstance(box, QMessageBox):
            QTimer.singleShot(20, press)
            return
        buttons = {button.text(): button for button in box.buttons()}
        if text not in buttons:  # a question that stays open would wait for ever
            asked.append(f"found {sorted(buttons)}")
            box.reject()
            return
        asked.append(box.informativeText())
        buttons[text].click()

    QTimer.singleShot(20, press)


def test_quitting_while_recording_asks(qtbot: QtBot, main: MainWindow, folder: Path) -> None:
    main.toggle_recording()
    asked: list[str] = []
    answer("Go on recording", asked)
    assert not main.close()
    assert main.controller.recorder.running
    answer("Stop recording", asked)
    assert main.close()
    assert asked == ["Quitting stops it; what was recorded is kept."] * 2
    (path,) = folder.glob("*.xdf")
    assert "Test stream" in read(path)


def test_quitting_without_a_recording_does_not_ask(main: MainWindow) -> None:
    assert main.close()


def test_mark_button_counts(qtbot: QtBot, main: MainWindow) -> None:
    for _ in range(2):
        qtbot.mouseClick(main.header.mark, Qt.MouseButton.LeftButton)
    assert [event.split("   ")[1] for event in events(main)][-2:] == ["mark 1", "mark 2"]
    assert [mark.text for mark in main.controller.log.markers] == ["mark 1", "mark 2"]
    assert main.controller.log.markers[0].sample == pytest.approx(PART, abs=RATE)


def test_self_report_by_mouse_wants_all_three_and_can_be_left(qtbot: QtBot, main: MainWindow) -> None:
    main.area.session_panel.report_button.click()
    report = main.area.session_panel.report
    assert report.isVisible()
    report.findChildren(QButtonGroup)[0].button(9).click()
    assert not report.store.isEnabled()
    qtbot.keyClick(report, Qt.Key.Key_4)
    assert report.anchors.text().startswith("dominance: ")
    qtbot.keyClick(report, Qt.Key.Key_Backspace)
    assert report.ratings == {"valence": 9}
    assert report.anchors.text().startswith("arousal: ")
    qtbot.keyClick(report, Qt.Key.Key_Backspace)
    assert report.ratings == {}
    qtbot.keyClick(report, Qt.Key.Key_Escape)
    assert not report.isVisible()
    assert main.area.session_panel.entry.isVisible()


def test_typing_a_marker_triggers_no_shortcut(qtbot: QtBot, main: MainWindow) -> None:
    before = (main.area.signals.filter.text(), main.area.signals.span.text())
    entry = main.area.session_panel.entry
    main.run_action("note")
    qtbot.keyClicks(entry, "f ? +-")
    assert entry.text() == "f ? +-"
    assert (main.area.signals.filter.text(), main.area.signals.span.text()) == before


def test_keys_change_scales_filter_and_theme(qtbot: QtBot, main: MainWindow) -> None:
    signals = main.area.signals
    signals.set_amplitude(4)
    for key, widget, expected in (
        (Qt.Key.Key_Up, signals.amplitude, "50 µV a row"),
        (Qt.Key.Key_Down, signals.amplitude, "100 µV a row"),
        (Qt.Key.Key_Right, signals.span, "15 s"),
        (Qt.Key.Key_Left, signals.span, "10 s"),
        (Qt.Key.Key_F, signals.filter, "1–40 Hz, notch 50 Hz"),
    ):
        qtbot.keyClick(main, key)
        assert widget.text() == expected
    qtbot.keyClick(main, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    assert main.theme.name == "light"


def test_every_key_of_the_help_is_bound_once(qtbot: QtBot, main: MainWindow) -> None:
    keys = [key for action in ACTIONS.values() for key in action.keys]
    assert len(set(keys)) == len(keys)
    qtbot.keyClicks(main, "?")
    dialogs = main.findChildren(HelpDialog)
    assert len(dialogs) == 1
    dialogs[0].close()


def test_a_picture_of_the_window_is_saved(main: MainWindow, folder: Path) -> None:
    main.save_picture()
    (path,) = folder.glob("*.png")
    assert path.stat().st_size > 10_000


def test_a_picture_that_cannot_be_saved_is_told(qtbot: QtBot, main: MainWindow, folder: Path) -> None:
    folder.write_text("in the way")
    qtbot.keyClick(main, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    assert main.banner.isVisible()
    assert "Cannot save a picture" in main.banner.summary.text()
    assert "Choose another folder" in main.banner.advice.text()


def test_a_recording_whose_folder_goes_away_is_told_and_goes_on(
    qtbot: QtBot, main: MainWindow, source: HeldSource, folder: Path
) -> None:
    main.toggle_recording()
    moved = folder.rename(folder.with_name("renamed"))
    source.allow(100)
    qtbot.waitUntil(main.banner.isVisible, timeout=WAIT)
    assert main.banner.summary.text() == "The folder of the recording is out of reach."
    assert "free disk unknown" in main.header.record.toolTip()
    moved.rename(folder)
    qtbot.waitUntil(lambda: not main.banner.isVisible(), timeout=WAIT)
    assert "GB free" in main.header.record.toolTip()
    traces = main.controller.feed.traces
    assert traces is not None
    qtbot.waitUntil(lambda: traces.end == 2 * PART, timeout=WAIT)
    main.toggle_recording()
    (path,) = folder.glob("*.xdf")
    assert np.asarray(read(path)["Test stream"]["time_series"]).shape == (PART, 7)


def test_layout_is_remembered_and_can_be_reset(qtbot: QtBot, main: MainWindow, open_window: OpenWindow) -> None:
    main.area.docks["Spectrum"].hide()
    main.close()
    again = open_window()
    assert again.area.docks["Spectrum"].isHidden()
    again.area.reset_layout()
    assert not again.area.docks["Spectrum"].isHidden()
