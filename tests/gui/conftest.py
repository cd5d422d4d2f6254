"""A window on the offscreen platform, with its own settings, closed at the end of every test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Before Qt is loaded: no test of this folder needs a display.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PyQt6.QtCore import QRect, QSettings
from pytestqt.qtbot import QtBot

from bci_app.bundle import LoadedBundle, load_bundle
from bci_app.gui.app import make_application
from bci_app.gui.connect.page import ConnectPage
from bci_app.gui.controller import Controller
from bci_app.gui.main_window import MainWindow
from bci_app.sources.lsl.library import use_loopback
from tests.bundles import LOAD, VALENCE, small_spec, write_bundle

OpenWindow = Callable[[], MainWindow]

# The offscreen platform's own screen is smaller than any that people use.
SCREEN = QRect(0, 0, 1920, 1080)
WAIT = 120_000
BOARD = ("Fz", "C3", "Cz", "C4", "Pz", "PO7", "Oz", "PO8")  # of BrainFlow's synthetic board


class Clock:
    """Time that passes when the test says so: how slow the machine is must not be seen in a stream's silence."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def passes(self, seconds: float) -> bool:
        """Let time pass, in a condition that is waited for."""
        self.now += seconds
        return True


@pytest.fixture(scope="session")
def qapp_cls() -> Callable[..., object]:
    """Make the application as the program makes it."""
    return lambda _arguments: make_application()


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> LoadedBundle:
    return load_bundle(write_bundle(tmp_path_factory.mktemp("bundles") / "b", targets=(LOAD, VALENCE)))


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    settings.setValue("recordings", str(tmp_path / "recordings"))
    return settings


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_window(qtbot: QtBot, settings: QSettings, clock: Clock) -> Iterator[OpenWindow]:
    windows: list[MainWindow] = []

    def make() -> MainWindow:
        window = MainWindow(Controller(clock=clock), title="bci-app", settings=settings)
        windows.append(window)
        window.fit_into(SCREEN)
        window.show()
        return window

    yield make
    for window in windows:
        window.close()
        window.deleteLater()


@pytest.fixture
def window(open_window: OpenWindow) -> MainWindow:
    return open_window()


@pytest.fixture(scope="session", autouse=True)
def loopback() -> None:
    use_loopback()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LoadedBundle]:
    """A model for the sample recordings, and one for BrainFlow's synthetic board."""
    folder = tmp_path_factory.mktemp("models")
    return {
        "sample": load_bundle(write_bundle(folder / "sample", title="Sample model")),
        "board": load_bundle(write_bundle(folder / "board", title="Board model", spec=small_spec(channels=BOARD))),
    }


@pytest.fixture
def page(
    qtbot: QtBot, open_window: OpenWindow, settings: QSettings, models: dict[str, LoadedBundle]
) -> Iterator[ConnectPage]:
    settings.setValue("models", [str(model.folder) for model in models.values()])
    settings.setValue("model", str(models["sample"].folder))
    window = open_window()
    window.show_connect()
    shown = window.connect_page
    qtbot.waitUntil(lambda: shown.model.choice is not None, timeout=WAIT)
    yield shown
    window.discovery.stop()
