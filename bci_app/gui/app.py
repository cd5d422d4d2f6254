"""Opens the session window."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence

import pyqtgraph
from PyQt6.QtCore import QSettings, QTimer
from PyQt6.QtWidgets import QApplication

from bci_app.bundle import LoadedBundle
from bci_app.gui.controller import Controller
from bci_app.gui.main_window import MainWindow
from bci_app.gui.player import LslPlayer
from bci_app.gui.theme import font, load_fonts, read_scale
from bci_app.replay import ReplayThread
from bci_app.sources.base import Source

ORGANISATION = "bci-app"


def make_application(settings: QSettings | None = None) -> QApplication:
    """Give the one QApplication, made if need be, with fonts, style and the size that is set.

    Qt aborts the process where X libraries are missing: look with `bci_app.doctor` before. What is
    given must be held: without it there is no application.
    """
    existing = QApplication.instance()
    if existing is None and settings is not None and read_scale(settings) != 1.0:
        # The only way to scale pictures, fonts and distances alike; read once, at the start.
        os.environ.setdefault("QT_SCALE_FACTOR", str(read_scale(settings)))
    app = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    app.setApplicationName("bci-app")
    app.setOrganizationName(ORGANISATION)
    app.setStyle("Fusion")
    load_fonts()
    app.setFont(font())
    # Thin lines cost a fraction of antialiased ones; plots that want them ask for them.
    pyqtgraph.setConfigOptions(antialias=False)
    return app


def run_window(
    *,
    source: Source | None,
    bundle: LoadedBundle | None,
    title: str = "bci-app",
    source_text: str = "",
    on_ready: Callable[[MainWindow], None] | None = None,
    wait_for_baseline: bool = False,
    replay: ReplayThread | None = None,
    markers: Sequence[str] = (),
    settings: QSettings | None = None,
) -> int:
    """Show the session window until it is closed.

    Parameters
    ----------
    source : Source or None
        Opened at once if there is a bundle too; else the window asks.
    bundle : LoadedBundle or None
        The model.
    title : str
        Name of the program in the window's title.
    source_text : str
        What the user calls the source, as ``--source`` takes it.
    on_ready : callable, optional
        Called with the window once it is on screen.
    wait_for_baseline : bool
        True to check contact until the user starts the rest baseline; False to begin at once.
    replay : ReplayThread, optional
        The replay behind the source, if the window is to play, pause and seek in it; its owner ends it.
    markers : sequence of str
        LSL marker streams whose events belong into recordings (see `Engine`).
    settings : QSettings, optional
        Where layout and choices are remembered; the user's own by default.

    Returns
    -------
    int
        Exit code.
    """
    settings = settings or QSettings(ORGANISATION, "bci-app")
    app = make_application(settings)
    controller = Controller(markers=markers)
    player = LslPlayer(replay, owned=False) if replay is not None else None
    window = MainWindow(controller, title=title, settings=settings)
    # Qt's loop only lets Python see Ctrl+C between events: the controller's timer gives it those.
    before = signal.signal(signal.SIGINT, lambda *_: window.close())
    window.connect_page.prefer(source=source_text, model=bundle.folder if bundle is not None else None)
    if source is not None and bundle is not None:
        controller.open(source, bundle, source_text=source_text, wait_for_baseline=wait_for_baseline, player=player)
    else:
        window.show_connect()
    window.open_up()
    if on_ready is not None:
        QTimer.singleShot(0, lambda: on_ready(window))
    try:
        return int(app.exec())
    finally:
        controller.shut_down()
        signal.signal(signal.SIGINT, before)
