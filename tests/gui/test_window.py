"""The window on screens of all sizes."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt6.QtCore import QEvent, QPoint, QRect, QSettings, QSize, Qt
from PyQt6.QtGui import QHelpEvent
from PyQt6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from bci_app.bundle import LoadedBundle
from bci_app.bundle.spec import Bundle
from bci_app.gui.actions import sections
from bci_app.gui.controller import Controller
from bci_app.gui.header import Header
from bci_app.gui.help_dialog import key_rows
from bci_app.gui.main_window import MainWindow
from bci_app.gui.theme import DARK
from bci_app.gui.views.replay_strip import OverviewBar
from bci_app.gui.widgets import clock
from bci_app.presentation.player import Playback
from bci_app.presentation.recording_control import RecordingState
from bci_app.presentation.state import Session
from tests.gui.conftest import WAIT
from tests.gui.sessions import begin
from tests.gui.sources import INFO, HeldSource, stream


@pytest.mark.parametrize(
    ("screen", "size"),
    [
        (QRect(0, 0, 1366, 768), QSize(1366, 768)),
        (QRect(0, 30, 1366, 700), QSize(1366, 700)),
        (QRect(1366, 0, 2560, 1440), QSize(1440, 860)),
        (QRect(0, 0, 911, 512), QSize(911, 512)),
    ],
    ids=["laptop", "with a bar", "large and second", "laptop at 150 %"],
)
def test_the_window_fits_the_screen(window: MainWindow, screen: QRect, size: QSize) -> None:
    window.fit_into(screen)
    assert window.size() == size
    assert screen.contains(window.geometry())


def test_a_new_window_fits_its_own_screen(qtbot: QtBot, settings: QSettings) -> None:
    window = MainWindow(Controller(), title="bci-app", settings=settings)
    qtbot.addWidget(window)
    screen = window.screen()
    assert screen is not None
    assert screen.availableGeometry().contains(window.geometry())


def session(bundle: Bundle, title: str) -> Session:
    return Session(INFO, bundle.model_copy(update={"title": title}), "lsl:test")


@pytest.mark.parametrize("width", [1024, 1366, 2560])
def test_long_names_end_in_dots_and_are_whole_on_hover(qtbot: QtBot, bundle: LoadedBundle, width: int) -> None:
    header = Header(DARK)
    qtbot.addWidget(header)
    header.resize(width, header.height())
    header.show()
    header.show_session(session(bundle.spec, "Mental load"))
    assert header.model.text() == "Mental load"
    long = "Valence, arousal and dominance of thirty-two people who watched music videos " * 4
    header.show_session(session(bundle.spec, long))
    shown = header.model.text()
    assert shown.endswith("…")
    assert long.startswith(shown[:-1])
    assert long in header.model.toolTip()
    assert header.minimumSizeHint().width() <= width


@pytest.mark.parametrize("width", [1024, 1366, 2560])
def test_a_recording_moves_nothing_in_the_header(qtbot: QtBot, bundle: LoadedBundle, width: int) -> None:
    header = Header(DARK)
    qtbot.addWidget(header)
    header.resize(width, header.height())
    header.show()
    header.show_session(session(bundle.spec, "Mental load"))

    def places() -> list[int]:
        qtbot.waitUntil(lambda: header.layout() is not None and header.layout().activate() is False, timeout=WAIT)
        return [part.x() for part in (header.source, header.model, header.steps, header.record, header.mark)]

    before = places()
    for size in (0.2e6, 9.9e6, 480e6, 14_800e6):
        for free in (82_000_000_000, None):
            header.show_recording(RecordingState(Path("x.xdf"), 7384.0, int(size), free))
            assert places() == before
            assert header.record.text().startswith("02:03:04")
            assert header.record.sizeHint().width() <= header.record.width()
    header.show_recording(None)
    assert places() == before


def test_side_columns_grow_and_shrink_with_the_window_unless_they_were_moved(qtbot: QtBot, window: MainWindow) -> None:
    window.pages.setCurrentWidget(window.area)
    docks = [window.area.docks[name] for name in ("Contact", "Prediction")]

    def widths(width: int, height: int) -> list[int]:
        window.resize(width, height)
        qtbot.wait(20)
        return [dock.width() for dock in docks]

    qtbot.wait(20)  # the first layout
    small, large = widths(1440, 860), widths(2560, 1440)
    assert small == [288, 396]
    assert large == [416, 704]
    assert widths(1440, 860) == small
    window.area.resizeDocks(docks, [300, 500], Qt.Orientation.Horizontal)
    assert widths(2560, 1440) == [300, 500]


def without_tip(root: QWidget) -> list[str]:
    kinds = (QAbstractButton, QLineEdit, QComboBox)
    found = [widget for kind in kinds for widget in root.findChildren(kind) if widget.isVisible()]
    return [f"{type(widget).__name__} {widget.objectName()}" for widget in found if not widget.toolTip()]


def test_every_control_tells_on_hover_what_it_is_for(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle) -> None:
    begin(qtbot, window, HeldSource(stream(5)), bundle)
    assert without_tip(window) == []
    window.show_connect()
    page = window.connect_page
    qtbot.waitUntil(lambda: page.model.choice is not None and page.source.boards.board.count() > 30, timeout=WAIT)
    page.source.boards.board.setCurrentText("CYTON")
    page.source.stated.show()
    for tab in range(4):
        page.source.show_tab(tab)
        assert without_tip(page) == []
    window.discovery.stop()


def test_the_overview_of_a_recording_tells_the_time_under_the_mouse(qtbot: QtBot) -> None:
    bar = OverviewBar(DARK)
    qtbot.addWidget(bar)
    bar.resize(400, bar.height())
    bar.show()
    bar.show_playback(Playback(10.0, 7200.0, 1.0, paused=False, ended=False, file="x.edf"))
    QApplication.sendEvent(bar, QHelpEvent(QEvent.Type.ToolTip, QPoint(300, 5), bar.mapToGlobal(QPoint(300, 5))))
    assert QToolTip.text().startswith("1:30:00\n")
    QToolTip.hideText()


def test_durations_have_hours_where_there_are_any() -> None:
    assert [clock(seconds) for seconds in (0, 71.9, 3599, 3600, 7384)] == [
        "00:00",
        "01:11",
        "59:59",
        "1:00:00",
        "2:03:04",
    ]
    assert clock(7384, hours=True) == "02:03:04"


def test_every_key_stands_in_the_docs(project_root: Path) -> None:
    page = (project_root / "docs" / "window.md").read_text(encoding="utf-8")
    keys = [row[0] for names in sections().values() for row in key_rows(names)]
    assert [key for key in keys if f"`{key}`" not in page] == []
