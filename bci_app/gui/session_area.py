"""The session's panels in their places. They can be moved, and put back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from PyQt6.QtCore import QByteArray, Qt, QTimer
from PyQt6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
from PyQt6.QtWidgets import QDockWidget, QMainWindow, QSizePolicy, QVBoxLayout, QWidget

from bci_app.gui.desk import Desk
from bci_app.gui.keyboard import press_focused
from bci_app.gui.panel import Panel
from bci_app.gui.panels import PANELS, Place
from bci_app.gui.theme import GRID, Theme
from bci_app.gui.views.contact import ContactPanel
from bci_app.gui.views.prediction import PredictionPanel
from bci_app.gui.views.replay_strip import ReplayStrip
from bci_app.gui.views.session_panel import SessionPanel
from bci_app.gui.views.signals_panel import SignalsPanel
from bci_app.gui.views.spectrum import SpectrumPanel
from bci_app.presentation.state import LiveStatus, Session

P = TypeVar("P", bound=Panel)

_SIDES = {Place.LEFT: Qt.DockWidgetArea.LeftDockWidgetArea, Place.RIGHT: Qt.DockWidgetArea.RightDockWidgetArea}
# Shares of the width for the side columns, with limits in pixels.
_WIDTHS = {Place.LEFT: (0.2, 33 * GRID, 52 * GRID), Place.RIGHT: (0.275, 40 * GRID, 100 * GRID)}


class _Dock(QDockWidget):
    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Press what has the focus with Enter too. A floating panel is a separate window."""
        if not press_focused(event):
            super().keyPressEvent(event)


class SessionArea(QMainWindow):
    """Three columns of `PANELS`: is the signal good, what is the signal, what does the model say.

    Parameters
    ----------
    theme : Theme
        Colours.
    desk : Desk
        What the panels share.

    Attributes
    ----------
    panels : dict of str to Panel
        All of them by name.
    docks : dict of str to QDockWidget
        Those at the sides.
    """

    contact: ContactPanel
    spectrum: SpectrumPanel
    signals: SignalsPanel
    strip: ReplayStrip
    prediction: PredictionPanel
    session_panel: SessionPanel

    def __init__(self, theme: Theme, desk: Desk) -> None:
        super().__init__(flags=Qt.WindowType.Widget)
        self.setDockNestingEnabled(True)
        # A click beside the controls takes the keyboard from them.
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.panels: dict[str, Panel] = {}
        self.docks: dict[str, QDockWidget] = {}
        for name, entry in PANELS.items():
            panel = self.panels[name] = entry.make(theme)
            if entry.place is Place.MIDDLE:
                column.addWidget(panel, round(entry.share))
            else:
                self.docks[name] = self._dock(name, panel, _SIDES[entry.place])
        self.setCentralWidget(middle)
        self.contact = self._find(ContactPanel)
        self.spectrum = self._find(SpectrumPanel)
        self.signals = self._find(SignalsPanel)
        self.strip = self._find(ReplayStrip)
        self.prediction = self._find(PredictionPanel)
        self.session_panel = self._find(SessionPanel)
        for panel in self.panels.values():
            panel.attach(desk)
        self.session_panel.rating.connect(self._make_room)
        self._heights: list[int] = []  # of the right column before a self-report
        self._default = self.saveState()
        self._fresh = True

    def _find(self, kind: type[P]) -> P:
        return next(panel for panel in self.panels.values() if isinstance(panel, kind))

    def _dock(self, name: str, panel: Panel, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = _Dock(name, self)
        dock.setObjectName(name)
        dock.setTitleBarWidget(panel.title)
        dock.setWidget(panel)
        panel.setMinimumWidth(30 * GRID)
        panel.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.addDockWidget(area, dock)
        return dock

    @property
    def seen(self) -> bool:
        """Whether any panel can be seen. A floating one stays when another page is shown."""
        return self.isVisible() or any(dock.isFloating() and dock.isVisible() for dock in self.docks.values())

    # What every panel gets ---------------------------------------------------------------------

    def show_session(self, session: Session | None) -> None:
        """Show another session, or none."""
        for panel in self.panels.values():
            panel.show_session(session)

    def show_status(self, live: LiveStatus) -> None:
        """Show the state of the session."""
        for panel in self.panels.values():
            panel.show_status(live)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        for panel in self.panels.values():
            panel.show_theme(theme)

    # Layout ------------------------------------------------------------------------------------

    def reset_layout(self) -> None:
        """Put every panel back in its place."""
        self.restoreState(self._default)
        self._share_out()

    def restore_layout(self, state: QByteArray) -> None:
        """Restore what `saveState` returned."""
        self._fresh = not self.restoreState(state)

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802
        """Share out the room once it is known."""
        super().showEvent(event)
        if self._fresh:
            self._fresh = False
            # Docks take sizes only after the first layout.
            QTimer.singleShot(0, self._share_out)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Let the side columns grow and shrink with the window, unless somebody has moved them."""
        super().resizeEvent(event)
        middle = self.centralWidget()
        if event is None or middle is None:
            return
        columns = {place: self.docks[names[0]] for place, names in self._columns()}
        more = [dock.width() - _width(place, event.oldSize().width()) for place, dock in columns.items()]
        # A window that gets much smaller takes room from the columns once the middle has no more.
        least = -self.width() if middle.width() <= middle.minimumSizeHint().width() else -GRID
        if all(least < each < GRID for each in more):
            widths = [_width(place, self.width()) for place in columns]
            self.resizeDocks(list(columns.values()), widths, Qt.Orientation.Horizontal)

    def _columns(self) -> Iterator[tuple[Place, list[str]]]:
        """List the names of the docked panels in each side column, from top to bottom."""
        for place in _SIDES:
            yield place, [name for name, entry in PANELS.items() if entry.place is place]

    def _make_room(self, rating: bool) -> None:
        """Put the right column back as it was once a self-report, which needs more room than events, is over."""
        right = [self.docks[name] for name, entry in PANELS.items() if entry.place is Place.RIGHT]
        docks = [dock for dock in right if dock.isVisible() and not dock.isFloating()]
        if rating and not self._heights:
            self._heights = [dock.height() for dock in docks]
        elif not rating and self._heights:
            heights, self._heights = self._heights, []
            if len(heights) != len(docks):  # moved meanwhile
                return

            def restore() -> None:
                self.resizeDocks(docks, heights, Qt.Orientation.Vertical)
                layout = self.layout()
                assert layout is not None
                layout.invalidate()  # else the sizes wait for whatever is laid out next
                layout.activate()

            QTimer.singleShot(0, restore)

    def _share_out(self) -> None:
        """Set the widths of the side columns and the heights in them."""
        first, widths = [], []
        for place, names in self._columns():
            width, column = _width(place, self.width()), self.height()
            heights = [
                min(round(PANELS[name].share * column), self.panels[name].height_for(width, column)) for name in names
            ]
            heights[-1] = max(column - sum(heights[:-1]), 1)
            self.resizeDocks([self.docks[name] for name in names], heights, Qt.Orientation.Vertical)
            first.append(self.docks[names[0]])
            widths.append(width)
        self.resizeDocks(first, widths, Qt.Orientation.Horizontal)


def _width(place: Place, window: int) -> int:
    """Return the width of a side column in a window of this width."""
    share, low, high = _WIDTHS[place]
    return min(max(round(share * window), low), high)
