"""The window on screens of all sizes."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt6.QtCore import QRect, QSettings, QSize
from pytestqt.qtbot import QtBot

from bci_app.bundle import LoadedBundle
from bci_app.bundle.spec import Bundle
from bci_app.gui.controller import Controller
from bci_app.gui.header import Header
from bci_app.gui.main_window import MainWindow
from bci_app.gui.shortcuts import SECTIONS
from bci_app.gui.state import Session
from bci_app.gui.theme import DARK
from tests.gui.sources import INFO


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


def test_every_key_stands_in_the_docs(project_root: Path) -> None:
    page = (project_root / "docs" / "window.md").read_text(encoding="utf-8")
    keys = [shortcut.keys[0] for section in SECTIONS.values() for shortcut in section]
    assert [key for key in keys if f"`{key}`" not in page] == []
