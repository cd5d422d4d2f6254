"""The session window: puts the views together and passes what they ask for to the controller."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QSettings, QSize, Qt
from PyQt6.QtGui import QCloseEvent, QHideEvent, QShowEvent
from PyQt6.QtWidgets import QApplication, QDockWidget, QMainWindow, QSizePolicy, QVBoxLayout, QWidget

from bci_app.gui.controller import Controller
from bci_app.gui.header import Header
from bci_app.gui.state import LiveStatus, Session, Step
from bci_app.gui.theme import GRID, LIGHT, THEMES, Theme, palette, style_sheet
from bci_app.gui.traces import FILTERS
from bci_app.gui.views.banner import Banner
from bci_app.gui.views.contact import ContactPanel
from bci_app.gui.views.prediction import PredictionPanel
from bci_app.gui.views.signals_panel import SignalsPanel
from bci_app.gui.views.spectrum import SpectrumPanel
from bci_app.gui.views.status_line import StatusLine

_SIDE = 36 * GRID
_SMALLEST = QSize(1024, 600)


class MainWindow(QMainWindow):
    """Three columns: is the signal good, what is the signal, what does the model say.

    Parameters
    ----------
    controller : Controller
        The session.
    title : str
        Name of the program in the window's title.
    settings : QSettings
        Where layout and theme are remembered.
    """

    def __init__(self, controller: Controller, *, title: str, settings: QSettings) -> None:
        super().__init__()
        self.controller = controller
        self._title = title
        self._settings = settings
        self._theme = THEMES.get(str(settings.value("theme", "dark")), THEMES["dark"])
        self.setMinimumSize(_SMALLEST)
        self.header = Header(self._theme)
        self.banner = Banner()
        self.contact = ContactPanel(self._theme)
        self.spectrum = SpectrumPanel(self._theme)
        self.signals = SignalsPanel(self._theme)
        self.prediction = PredictionPanel(self._theme)
        self.status = StatusLine()
        self._arrange()
        self._connect()
        self.show_theme(self._theme)
        self._show_session(controller.session)
        self.resize(1440, 860)
        self._default_layout = self.saveState()
        self._restore()

    # Layout ------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        self.setDockNestingEnabled(True)
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self.banner)
        self.setMenuWidget(top)
        self.setCentralWidget(self.signals)
        self.signals.canvas.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        self._docks = {
            "contact": self._dock("Contact", self.contact, left),
            "spectrum": self._dock("Spectrum", self.spectrum, left),
            "prediction": self._dock("Prediction", self.prediction, right),
        }
        docks = list(self._docks.values())
        self.resizeDocks(docks[:1] + docks[2:], [_SIDE, _SIDE + 4 * GRID], Qt.Orientation.Horizontal)
        self.resizeDocks(docks[:2], [420, 300], Qt.Orientation.Vertical)
        bar = self.statusBar()
        assert bar is not None
        bar.setSizeGripEnabled(False)
        bar.addWidget(self.status, 1)

    def _dock(self, title: str, view: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(title)
        dock.setTitleBarWidget(QWidget())
        dock.setWidget(view)
        view.setMinimumWidth(30 * GRID)
        view.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.addDockWidget(area, dock)
        return dock

    def _restore(self) -> None:
        geometry, state = self._settings.value("geometry"), self._settings.value("layout")
        if geometry is not None:
            self.restoreGeometry(geometry)
        if state is not None:
            self.restoreState(state)

    def reset_layout(self) -> None:
        """Put every view back to its place."""
        self.restoreState(self._default_layout)

    # Wiring ------------------------------------------------------------------------------------

    def _connect(self) -> None:
        controller = self.controller
        controller.session_changed.connect(self._show_session)
        controller.status_changed.connect(self._show_status)
        controller.trouble_changed.connect(self.banner.show_trouble)
        controller.traces_extended.connect(lambda: self.signals.extend(controller.newest))
        controller.traces_replaced.connect(self.signals.canvas.rebuild)
        controller.spectrum_changed.connect(self.spectrum.show_spectrum)
        controller.predictions_added.connect(lambda _: self.prediction.refresh(controller.now()))
        controller.opening.connect(self.header.show_opening)
        self.prediction.baseline_asked.connect(controller.start_baseline)
        self.signals.filter_asked.connect(self._choose_filter)
        self.signals.channels_changed.connect(self.spectrum.show_channels)
        self.contact.head.electrode_clicked.connect(self.signals.select_electrode)
        self.header.theme_asked.connect(self.toggle_theme)

    def _choose_filter(self, index: int) -> None:
        self.signals.filter.show_choice(index)
        self.controller.set_display_filter(FILTERS[index])

    def _show_session(self, session: Session | None) -> None:
        log = self.controller.log
        self.header.show_session(session)
        self.signals.show_session(session, self.controller.traces, log)
        self.spectrum.show_spectrum(None)
        self.contact.show_contacts(())
        self.prediction.show_session(session, log)
        self.status.show_session(session)
        caution = " · not for use on people" if session and session.bundle.not_for_people else ""
        self.setWindowTitle(f"{session.bundle.title}{caution} – {self._title}" if session else self._title)
        if session is None:
            self.header.steps.show_step(tuple(Step), Step.CONNECT)

    def _show_status(self, live: LiveStatus) -> None:
        session = self.controller.session
        if session is None:
            return
        self.header.steps.show_step(session.steps, live.step)
        self.contact.show_contacts(live.status.contacts)
        self.signals.show_status(live)
        self.prediction.show_status(live)
        self.status.show_status(live)

    # Themes ------------------------------------------------------------------------------------

    @property
    def theme(self) -> Theme:
        """The theme now."""
        return self._theme

    def toggle_theme(self) -> None:
        """Change between dark and light."""
        self.show_theme(THEMES["dark" if self._theme is LIGHT else "light"])
        self._settings.setValue("theme", self._theme.name)

    def show_theme(self, theme: Theme) -> None:
        """Change colours everywhere."""
        self._theme = theme
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.setPalette(palette(theme))
        app.setStyleSheet(style_sheet(theme))
        for view in (self.header, self.contact, self.spectrum, self.signals, self.prediction):
            view.show_theme(theme)

    # Life --------------------------------------------------------------------------------------

    def _watch_visibility(self) -> None:
        self.controller.set_drawing(self.isVisible() and not self.isMinimized())

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802
        """Stop drawing while minimised."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.WindowStateChange:
            self._watch_visibility()

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802
        """Draw again."""
        super().showEvent(event)
        self._watch_visibility()
        self.signals.canvas.setFocus()

    def hideEvent(self, event: QHideEvent | None) -> None:  # noqa: N802
        """Stop drawing."""
        super().hideEvent(event)
        self._watch_visibility()

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802
        """Remember the layout and end the session."""
        self._settings.setValue("geometry", self.saveGeometry())
        self._settings.setValue("layout", self.saveState())
        self.controller.shut_down()
        super().closeEvent(event)
