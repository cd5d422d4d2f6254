"""Real keys, sent to whatever has the focus: controls, views and the session each get those that are theirs."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt6.QtCore import QEvent, QSettings, Qt, QTimer
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QApplication, QMenu, QPushButton, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from bci_app.bundle import LoadedBundle
from bci_app.gui.connect.page import ConnectPage
from bci_app.gui.help_dialog import HelpDialog
from bci_app.gui.keyboard import press_focused
from bci_app.gui.main_window import MainWindow
from bci_app.gui.settings_dialog import SettingsDialog
from bci_app.presentation.state import Step
from tests.gui.conftest import WAIT, OpenWindow
from tests.gui.sessions import begin, run_to
from tests.gui.sources import HeldSource, stream

CTRL = Qt.KeyboardModifier.ControlModifier
NONE = Qt.KeyboardModifier.NoModifier
TABS = 40  # more than there are controls


def activate(qtbot: QtBot, window: QWidget) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=WAIT)


def press(qtbot: QtBot, key: Qt.Key, modifier: Qt.KeyboardModifier = NONE) -> None:
    focus = QApplication.focusWidget()
    assert focus is not None
    qtbot.keyClick(focus, key, modifier)


def tab_to(qtbot: QtBot, wanted: QWidget) -> None:
    """Press Tab until a control has the focus."""
    for _ in range(TABS):
        if QApplication.focusWidget() is wanted:
            return
        press(qtbot, Qt.Key.Key_Tab)
    raise AssertionError(f"Tab does not reach {wanted}")


def popup(qtbot: QtBot, key: Qt.Key, then: tuple[Qt.Key, ...]) -> list[QMenu]:
    """Press a key that opens a menu, and these in the menu."""
    found: list[QMenu] = []

    def act() -> None:
        menu = QApplication.activePopupWidget()
        if not isinstance(menu, QMenu):
            QTimer.singleShot(20, act)
            return
        found.append(menu)
        for each in then:
            qtbot.keyClick(menu, each)
        menu.close()

    QTimer.singleShot(20, act)
    window = QApplication.activeWindow()
    assert window is not None
    press(qtbot, key)
    activate(qtbot, window)  # no window manager gives the keyboard back
    return found


@pytest.fixture
def running(
    qtbot: QtBot, open_window: OpenWindow, bundle: LoadedBundle, settings: QSettings, tmp_path: Path
) -> MainWindow:
    settings.setValue("recordings", str(tmp_path / "recordings"))
    window = open_window()
    activate(qtbot, window)
    source = HeldSource(stream(20))
    begin(qtbot, window, source, bundle)
    source.allow(300)
    run_to(qtbot, window, Step.RUN)
    return window


@pytest.mark.parametrize("key", [Qt.Key.Key_Space, Qt.Key.Key_Return])
def test_a_button_is_reached_by_tab_and_pressed(qtbot: QtBot, running: MainWindow, key: Qt.Key) -> None:
    tab_to(qtbot, running.header.record)
    press(qtbot, key)
    assert running.controller.recorder.running
    press(qtbot, key)
    assert not running.controller.recorder.running


@pytest.mark.parametrize("key", [Qt.Key.Key_Space, Qt.Key.Key_Return])
def test_channels_are_ticked_in_their_menu_which_stays(qtbot: QtBot, running: MainWindow, key: Qt.Key) -> None:
    signals = running.area.signals
    tab_to(qtbot, signals.channels)
    down, space = Qt.Key.Key_Down, Qt.Key.Key_Space
    menus = popup(qtbot, key, (down, space, down, space))
    assert menus == [signals.channels.menu()]
    assert signals.channels.text() == "4 of 7 channels"


def test_the_band_of_the_map_and_the_channels_of_the_spectrum_are_chosen(qtbot: QtBot, running: MainWindow) -> None:
    area = running.area
    tab_to(qtbot, area.contact.shown)
    popup(qtbot, Qt.Key.Key_Space, (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Return))
    assert area.contact.shown.text() == "δ power"
    tab_to(qtbot, area.spectrum.of)
    popup(qtbot, Qt.Key.Key_Space, (Qt.Key.Key_Down, Qt.Key.Key_Space))
    assert area.spectrum.of.text() == "Fp1"
    assert area.signals.selected_names == {"Fp1"}


def test_keys_of_the_views_hold_while_a_button_or_what_scrolls_has_the_focus(qtbot: QtBot, running: MainWindow) -> None:
    signals = running.area.signals
    signals.set_amplitude(4)
    tab_to(qtbot, signals.channels)
    press(qtbot, Qt.Key.Key_Up)
    assert signals.amplitude.text() == "50 µV a row"
    tab_to(qtbot, running.area.prediction.findChild(QScrollArea))
    press(qtbot, Qt.Key.Key_Up)
    assert signals.amplitude.text() == "20 µV a row"


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Escape])
def test_a_typed_marker_gives_the_keyboard_back(qtbot: QtBot, running: MainWindow, key: Qt.Key) -> None:
    signals, entry = running.area.signals, running.area.session_panel.entry
    press(qtbot, Qt.Key.Key_M, CTRL)
    assert QApplication.focusWidget() is entry
    qtbot.keyClicks(entry, "eyes closed")
    press(qtbot, Qt.Key.Key_Up)
    amplitude = signals.amplitude.text()
    press(qtbot, key)
    texts = [mark.text for mark in running.controller.log.markers]
    assert texts == (["eyes closed"] if key == Qt.Key.Key_Return else [])
    before = signals.filter.text()
    press(qtbot, Qt.Key.Key_F)
    assert signals.filter.text() != before
    assert "f" not in entry.text()
    press(qtbot, Qt.Key.Key_Up)
    assert signals.amplitude.text() != amplitude


def test_a_panel_that_floats_has_the_same_keys(qtbot: QtBot, running: MainWindow) -> None:
    dock, record = running.area.docks["Session"], running.area.session_panel
    dock.setFloating(True)
    activate(qtbot, dock)
    record.report_button.setFocus()
    press(qtbot, Qt.Key.Key_Return)
    assert record.report.isVisible()
    press(qtbot, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: QApplication.focusWidget() is running.area, timeout=WAIT)
    activate(qtbot, dock)
    record.entry.setFocus()
    qtbot.keyClicks(record.entry, "note")
    press(qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: QApplication.focusWidget() is running.area, timeout=WAIT)


def test_a_participant_code_gives_the_keyboard_back(qtbot: QtBot, running: MainWindow) -> None:
    field = running.area.session_panel.participant
    tab_to(qtbot, field)
    qtbot.keyClicks(field, "P07")
    press(qtbot, Qt.Key.Key_Return)
    before = running.area.signals.filter.text()
    press(qtbot, Qt.Key.Key_F)
    assert field.text() == "P07"
    assert running.area.signals.filter.text() != before


def test_a_self_report_gives_the_keyboard_back(qtbot: QtBot, running: MainWindow) -> None:
    press(qtbot, Qt.Key.Key_R, CTRL)
    for key in (Qt.Key.Key_7, Qt.Key.Key_3, Qt.Key.Key_5, Qt.Key.Key_Return):
        press(qtbot, key)
    assert [mark.text for mark in running.controller.log.markers][-1].startswith("self-report valence=7")
    assert QApplication.focusWidget() is running.area


def test_markers_are_set_while_the_help_is_in_front_and_not_while_text_is_typed_in_the_settings(
    qtbot: QtBot, running: MainWindow
) -> None:
    def marks() -> list[str]:
        return [mark.text for mark in running.controller.log.markers]

    qtbot.keyClicks(QApplication.focusWidget(), "?")
    (dialog,) = running.findChildren(HelpDialog)
    activate(qtbot, dialog)
    press(qtbot, Qt.Key.Key_F1)
    assert marks() == ["F1"]
    activate(qtbot, running)
    qtbot.keyClicks(QApplication.focusWidget(), "?")
    assert running.findChildren(HelpDialog) == [dialog]
    activate(qtbot, dialog)
    qtbot.mouseClick(dialog.done_button, Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()
    activate(qtbot, running)
    press(qtbot, Qt.Key.Key_Comma, CTRL)
    (settings,) = running.findChildren(SettingsDialog)
    activate(qtbot, settings)
    settings.texts[0].setFocus()
    press(qtbot, Qt.Key.Key_F2)
    assert marks() == ["F1"]
    settings.close()


def test_the_rest_baseline_begins_by_key_only_where_its_button_can_be_pressed(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle
) -> None:
    pieces = stream(20)
    for piece in pieces[:100]:
        piece.data[:, 2] = 7.0
    activate(qtbot, window)
    source = HeldSource(pieces)
    begin(qtbot, window, source, bundle, wait=True)
    source.allow(100)
    run_to(qtbot, window, Step.CONTACT)
    preparing = window.area.prediction.preparing
    qtbot.waitUntil(lambda: "Fix C3" in preparing.advice.text(), timeout=WAIT)
    press(qtbot, Qt.Key.Key_B, CTRL)
    source.allow(100)
    qtbot.waitUntil(preparing.button.isEnabled, timeout=WAIT)
    assert window.header.steps.current is Step.CONTACT
    press(qtbot, Qt.Key.Key_B, CTRL)
    source.allow()
    run_to(qtbot, window, Step.RUN)


# Choosing source and model ---------------------------------------------------------------------


@pytest.fixture
def choosing(qtbot: QtBot, page: ConnectPage) -> ConnectPage:
    activate(qtbot, page.window())
    page.source.show_tab(3)
    qtbot.waitUntil(page.fit.watch.isEnabled, timeout=WAIT)
    return page


def test_a_tick_is_set_by_space_and_tabs_are_changed_by_arrows(qtbot: QtBot, choosing: ConnectPage) -> None:
    tab_to(qtbot, choosing.fit.check)
    press(qtbot, Qt.Key.Key_Space)
    assert not choosing.fit.check.isChecked()
    tab = choosing.source.tabs.checkedButton()
    assert tab is not None
    tab_to(qtbot, tab)
    press(qtbot, Qt.Key.Key_Left)
    assert choosing.source.stack.currentIndex() == 2


def test_arrows_in_the_list_of_models_choose_a_model(qtbot: QtBot, choosing: ConnectPage) -> None:
    main = choosing.window()
    assert isinstance(main, MainWindow)
    before, amplitude = choosing.model.list.currentRow(), main.area.signals.amplitude.text()
    tab_to(qtbot, choosing.model.list)
    press(qtbot, Qt.Key.Key_Up)
    assert choosing.model.list.currentRow() == before - 1
    assert main.area.signals.amplitude.text() == amplitude


def test_enter_presses_the_button_that_has_the_focus(qtbot: QtBot, choosing: ConnectPage) -> None:
    main = choosing.window()
    assert isinstance(main, MainWindow)
    tab_to(qtbot, choosing.fit.watch)
    with qtbot.waitSignal(main.controller.session_changed, timeout=WAIT):
        press(qtbot, Qt.Key.Key_Return)
    assert main.controller.session is not None
    assert main.controller.session.title == "signals only"


def test_enter_that_is_held_down_presses_once(qtbot: QtBot) -> None:
    button = QPushButton("Record")
    qtbot.addWidget(button)
    clicks: list[bool] = []
    button.clicked.connect(clicks.append)
    button.show()
    activate(qtbot, button)
    button.setFocus()
    for repeated in (False, True, True):
        assert press_focused(QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Return, NONE, "\r", repeated))
    assert len(clicks) == 1


def test_enter_connects_and_escape_goes_back(
    qtbot: QtBot, choosing: ConnectPage, models: dict[str, LoadedBundle]
) -> None:
    main = choosing.window()
    assert isinstance(main, MainWindow)
    choosing.model.choose(str(models["sample"].folder))
    qtbot.waitUntil(choosing.fit.button.isEnabled, timeout=WAIT)
    with qtbot.waitSignal(main.controller.session_changed, timeout=WAIT):
        press(qtbot, Qt.Key.Key_Return)
    assert main.pages.currentWidget() is main.area
    press(qtbot, Qt.Key.Key_O, CTRL)
    assert main.pages.currentWidget() is choosing
    press(qtbot, Qt.Key.Key_Escape)
    assert main.pages.currentWidget() is main.area
