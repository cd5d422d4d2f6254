"""The session's views in their places; they can be moved, and put back."""

from __future__ import annotations

from PyQt6.QtCore import QByteArray, Qt, QTimer
from PyQt6.QtGui import QKeyEvent, QShowEvent
from PyQt6.QtWidgets import QDockWidget, QMainWindow, QSizePolicy, QVBoxLayout, QWidget

from bci_app.gui.keyboard import press_focused
from bci_app.gui.theme import GRID, Theme
from bci_app.gui.views.contact import ContactPanel
from bci_app.gui.views.prediction import PredictionPanel
from bci_app.gui.views.replay_strip import ReplayStrip
from bci_app.gui.views.session_panel import SessionPanel
from bci_app.gui.views.signals_panel import SignalsPanel
from bci_app.gui.views.spectrum import SpectrumPanel
from bci_app.gui.widgets import PanelTitle

# Shares of the width for the side columns, within limits in pixels.
_LEFT, _RIGHT = (0.2, 33 * GRID, 52 * GRID), (0.24, 40 * GRID, 64 * GRID)


class _Dock(QDockWidget):
    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Press what has the focus with Enter too; a panel that floats is a window of its own."""
        if not press_focused(event):
            super().keyPressEvent(event)


class SessionArea(QMainWindow):
    """Three columns: is the signal good, what is the signal, what does the model say."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(flags=Qt.WindowType.Widget)
        self.setDockNestingEnabled(True)
        # A click beside the controls takes the keyboard from them.
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.contact = ContactPanel(theme)
        self.spectrum = SpectrumPanel(theme)
        self.signals = SignalsPanel(theme)
        self.strip = ReplayStrip(theme)
        self.prediction = PredictionPanel(theme)
        self.record = SessionPanel(theme)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.signals, 1)
        column.addWidget(self.strip)
        self.setCentralWidget(middle)
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        self._docks = [
            self._dock("Contact", self.contact, self.contact.title, left),
            self._dock("Spectrum", self.spectrum, self.spectrum.title, left),
            self._dock("Prediction", self.prediction, self.prediction.title, right),
            self._dock("Session", self.record, self.record.title, right),
        ]
        self._default = self.saveState()
        self._fresh = True

    def _dock(self, name: str, view: QWidget, title: PanelTitle, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = _Dock(name, self)
        dock.setObjectName(name)
        dock.setTitleBarWidget(title)
        dock.setWidget(view)
        view.setMinimumWidth(30 * GRID)
        view.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.addDockWidget(area, dock)
        return dock

    @property
    def seen(self) -> bool:
        """Whether any view can be seen; one that floats stays when another page is shown."""
        return self.isVisible() or any(dock.isFloating() and dock.isVisible() for dock in self._docks)

    def show_opening(self, opening: bool) -> None:
        """Say that a source is being opened, or no longer."""
        for view in (self.signals, self.prediction):
            view.empty.show_opening(opening)

    def reset_layout(self) -> None:
        """Put every view back to its place."""
        self.restoreState(self._default)
        self._share_out()

    def restore_layout(self, state: QByteArray) -> None:
        """Bring back what `saveState` gave."""
        self._fresh = not self.restoreState(state)

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802
        """Share out the room once it is known."""
        super().showEvent(event)
        if self._fresh:
            self._fresh = False
            # Docks take sizes only after the first layout.
            QTimer.singleShot(0, self._share_out)

    def _share_out(self) -> None:
        widths = [min(max(round(share * self.width()), low), high) for share, low, high in (_LEFT, _RIGHT)]
        contact, spectrum, prediction, record = self._docks
        height = self.height()
        head = min(widths[0] + 15 * GRID, round(0.6 * height))
        self.resizeDocks([contact, prediction], widths, Qt.Orientation.Horizontal)
        self.resizeDocks([contact, spectrum], [head, height - head], Qt.Orientation.Vertical)
        self.resizeDocks([prediction, record], [round(0.76 * height), round(0.24 * height)], Qt.Orientation.Vertical)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        for view in (self.contact, self.spectrum, self.signals, self.prediction, self.record):
            view.show_theme(theme)
        self.strip.show_theme(theme)
