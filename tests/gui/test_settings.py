"""What the user sets holds at once, is remembered, and touches neither model nor recording."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt6.QtCore import QSettings, Qt
from PyQt6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from bci_app.bundle import LoadedBundle
from bci_app.gui.main_window import MainWindow
from bci_app.gui.preferences import Preferences, read_texts
from bci_app.gui.settings_dialog import SettingsDialog
from bci_app.preprocessing.steps import cascade
from bci_app.presentation.opening import Ready
from bci_app.presentation.traces import FILTERS, DisplayFilter
from tests.gui.conftest import WAIT, OpenWindow
from tests.gui.sources import RATE, HeldSource, stream


def dialog_of(window: MainWindow) -> SettingsDialog:
    window.header.settings.click()
    (dialog,) = window.findChildren(SettingsDialog)
    return dialog


def close(qtbot: QtBot, dialog: SettingsDialog, window: MainWindow) -> None:
    """Close the dialog; no window manager gives the keyboard back."""
    dialog.done_button.click()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=WAIT)


def begin(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle) -> None:
    source = HeldSource(stream(10))
    with qtbot.waitSignal(window.controller.session_changed, timeout=WAIT):
        window.controller.prepare(lambda: Ready(source, bundle), source_text="lsl:test", wait_for_baseline=False)
    source.allow()
    traces = window.controller.feed.traces
    assert traces is not None
    qtbot.waitUntil(lambda: traces.end == 10 * RATE, timeout=WAIT)


def test_texts_of_the_marker_keys_are_marked_told_and_remembered(
    qtbot: QtBot, open_window: OpenWindow, bundle: LoadedBundle
) -> None:
    window = open_window()
    dialog = dialog_of(window)
    qtbot.keyClicks(dialog.texts[1], "eyes open")
    close(qtbot, dialog, window)
    begin(qtbot, window, bundle)
    qtbot.keyClick(window, Qt.Key.Key_F2)
    qtbot.keyClick(window, Qt.Key.Key_F3)
    assert [mark.text for mark in window.controller.log.markers] == ["eyes open", "F3"]
    assert "F2  eyes open" in window.header.mark.toolTip()
    window.close()
    again = open_window()
    assert again.preferences.marker_texts[:3] == ("F1", "eyes open", "F3")
    assert again.header.mark.toolTip() == "needs an open session"


def test_an_own_display_filter_is_shown_offered_and_remembered(
    qtbot: QtBot, open_window: OpenWindow, bundle: LoadedBundle
) -> None:
    window = open_window()
    begin(qtbot, window, bundle)
    traces = window.controller.feed.traces
    assert traces is not None
    before = traces.rows(1000, 2500)
    dialog = dialog_of(window)
    dialog.low.setValue(8.0)
    dialog.high.setValue(12.0)
    dialog.notch.setCurrentIndex(1)
    qtbot.mouseClick(dialog.use, Qt.MouseButton.LeftButton)
    close(qtbot, dialog, window)
    assert window.area.signals.filter.text() == "8–12 Hz, notch 50 Hz"
    assert traces.rows(1000, 2500).std() < 0.6 * before.std()
    qtbot.keyClick(window, Qt.Key.Key_F)
    assert window.area.signals.filter.text() == FILTERS[0].title
    window.preferences.own_filter = DisplayFilter.own(8.0, 12.0, 50.0)
    window.close()
    again = open_window()
    assert again.controller.feed.display_filter == DisplayFilter.own(8.0, 12.0, 50.0)
    assert again.area.signals.filter.text() == "8–12 Hz, notch 50 Hz"


def test_the_menu_of_filters_leads_to_an_own_one(qtbot: QtBot, window: MainWindow) -> None:
    menu = window.area.signals.filter.menu()
    assert menu is not None
    menu.actions()[-1].trigger()
    assert len(window.findChildren(SettingsDialog)) == 1


def test_a_band_that_is_upside_down_cannot_be_entered(qtbot: QtBot, window: MainWindow) -> None:
    dialog = dialog_of(window)
    dialog.low.setValue(30.0)
    dialog.high.setValue(10.0)
    assert dialog.high.value() > dialog.low.value()


@pytest.mark.parametrize("stored", [[], ["one"], ["one", "two"]])
def test_lists_of_any_length_come_back_from_the_settings(settings: QSettings, stored: list[str]) -> None:
    assert read_texts(settings, "list", ["default"]) == ["default"]
    settings.setValue("list", stored)
    settings.sync()
    again = QSettings(settings.fileName(), QSettings.Format.IniFormat)
    assert read_texts(again, "list", ["default"]) == stored


@pytest.mark.parametrize("stored", ["", ["x", "y", "z"], ["40", "1", "0"], ["1", "40"]])
def test_a_filter_that_cannot_be_read_is_forgotten(settings: QSettings, stored: object) -> None:
    settings.setValue("own filter", stored)
    assert Preferences(settings).filters == FILTERS


def test_a_filter_above_the_reach_of_a_slow_stream_is_brought_within_it() -> None:
    assert cascade(DisplayFilter.own(80.0, 120.0, 50.0).steps(100.0), 100.0).shape[1] == 6


def test_recordings_go_where_the_user_says(
    qtbot: QtBot, open_window: OpenWindow, bundle: LoadedBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window()
    chosen = tmp_path / "study 3"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(chosen))
    dialog = dialog_of(window)
    qtbot.mouseClick(dialog.browse, Qt.MouseButton.LeftButton)
    assert dialog.folder.text() == str(chosen)
    close(qtbot, dialog, window)
    begin(qtbot, window, bundle)
    window.toggle_recording()
    window.toggle_recording()
    assert len(list(chosen.glob("*.xdf"))) == 1
    window.close()
    assert open_window().preferences.recordings == chosen


def test_the_size_is_stored_for_the_next_start(qtbot: QtBot, window: MainWindow, settings: QSettings) -> None:
    dialog = dialog_of(window)
    dialog.size_choice.setCurrentIndex(3)
    dialog.size_choice.activated.emit(3)
    close(qtbot, dialog, window)
    assert Preferences(settings).scale == 1.5
    qtbot.keyClick(window, Qt.Key.Key_Minus, Qt.KeyboardModifier.ControlModifier)
    assert Preferences(settings).scale == 1.25
