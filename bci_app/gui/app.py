"""Opens the session window."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyqtgraph
from PyQt6.QtCore import QSettings, QTimer
from PyQt6.QtWidgets import QApplication

from bci_app.gui.controller import Controller
from bci_app.gui.main_window import MainWindow
from bci_app.gui.theme import font, load_fonts, read_scale
from bci_app.presentation.choices import SourceChoice, preparation, read_model
from bci_app.presentation.opening import ProfileUse, Ready
from bci_app.presentation.output_control import OutputChoice

if TYPE_CHECKING:
    from bci_app.study.opening import OpenStudy

ORGANISATION = "bci-app"


def make_application(settings: QSettings | None = None) -> QApplication:
    """Return the one QApplication, made if need be, with fonts, style and the size that is set.

    Qt aborts the process where X libraries are missing: check with `bci_app.doctor` before. Keep a reference to the
    result: without one there is no application.
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
    # Thin lines cost a fraction of antialiased ones; a plot that needs them asks for them.
    pyqtgraph.setConfigOptions(antialias=False)
    return app


def run_window(
    *,
    source: SourceChoice | None = None,
    model: Path | None = None,
    ready: Callable[[], Ready] | None = None,
    title: str = "bci-app",
    on_ready: Callable[[MainWindow], None] | None = None,
    wait_for_baseline: bool = False,
    markers: Sequence[str] = (),
    beside: Sequence[str] = (),
    profile: Path | None = None,
    outputs: OutputChoice | None = None,
    study: OpenStudy | None = None,
    settings: QSettings | None = None,
) -> int:
    """Show the session window until it is closed.

    Parameters
    ----------
    source : SourceChoice or None
        Opened at once if there is a model too; else the window asks. A recording is played through LSL.
    model : Path or None
        Folder of the bundle.
    ready : callable, optional
        Returns the session that is opened at once, where `source` and `model` do not describe it (a replay that
        already runs).
    title : str
        Name of the program in the window's title.
    on_ready : callable, optional
        Called with the window once it is on screen.
    wait_for_baseline : bool
        True to check contact until the user starts the rest baseline; False to begin at once.
    markers : sequence of str
        LSL marker streams whose events belong to recordings (see `Engine`).
    beside : sequence of str
        LSL streams of samples that are recorded too.
    profile : Path or None
        Folder of a person's profile for the bundle.
    outputs : OutputChoice, optional
        Where predictions are sent, beside what the settings say.
    study : OpenStudy, optional
        Begins at once, from `source`.
    settings : QSettings, optional
        Where layout and choices are remembered; the user's own by default.

    Returns
    -------
    int
        Exit code.
    """
    settings = settings or QSettings(ORGANISATION, "bci-app")
    app = make_application(settings)
    controller = Controller(markers=markers, outputs=outputs)
    window = MainWindow(controller, title=title, settings=settings)
    # Python sees Ctrl+C between events of Qt's loop; the controller's timer makes events.
    before = signal.signal(signal.SIGINT, lambda *_: window.close())
    window.connect_page.prefer(source=source, model=model, markers=markers, beside=beside, profile=profile)
    use = ProfileUse(profile) if profile is not None else None
    text = source.text if source is not None else ""
    if ready is not None:
        controller.prepare(ready, source_text=text, wait_for_baseline=wait_for_baseline)
    elif source is not None and model is not None:
        controller.prepare(
            preparation(source.for_model(read_model(model).bundle), model, use),
            source_text=text,
            wait_for_baseline=wait_for_baseline,
            streams=window.connect_page.streams,
        )
    else:
        window.show_connect()
    window.open_up()
    if study is not None and source is not None:
        window.studies.show(study, source)
    if on_ready is not None:
        QTimer.singleShot(0, lambda: on_ready(window))
    try:
        return int(app.exec())
    finally:
        controller.shut_down()
        window.studies.reports.finish()
        controller.recorder.reports.finish()
        signal.signal(signal.SIGINT, before)
