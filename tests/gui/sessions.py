"""Sessions of a source that the test holds."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from bci_app.bundle import LoadedBundle
from bci_app.gui.main_window import MainWindow
from bci_app.presentation.opening import Ready
from bci_app.presentation.state import Step
from tests.gui.conftest import WAIT
from tests.gui.sources import HeldSource


def begin(qtbot: QtBot, window: MainWindow, source: HeldSource, bundle: LoadedBundle, *, wait: bool = False) -> None:
    with qtbot.waitSignal(window.controller.session_changed, timeout=WAIT):
        window.controller.prepare(lambda: Ready(source, bundle), source_text="lsl:test", wait_for_baseline=wait)


def run_to(qtbot: QtBot, window: MainWindow, step: Step) -> None:
    qtbot.waitUntil(lambda: window.header.steps.current is step, timeout=WAIT)
