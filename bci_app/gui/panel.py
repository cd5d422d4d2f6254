"""What a panel of the session window is. `panels.PANELS` lists them all."""

from __future__ import annotations

from PyQt6.QtWidgets import QWidget

from bci_app.gui.desk import Desk
from bci_app.gui.theme import Theme
from bci_app.gui.widgets import PanelTitle
from bci_app.presentation.state import LiveStatus, Session


class Panel(QWidget):
    """One view of the session. The area and the window only call the methods below.

    A panel is made with the theme. It overrides the methods that it needs.

    Attributes
    ----------
    title : PanelTitle or None
        Its title with its controls. A panel that can be moved needs one.
    """

    title: PanelTitle | None = None

    def attach(self, desk: Desk) -> None:
        """Connect to what the session reports and to the other panels. Called once."""

    def show_session(self, session: Session | None) -> None:
        """Show another session, or none."""

    def show_status(self, live: LiveStatus) -> None:
        """Show the state of the session. Called about twice a second."""

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""

    def height_for(self, width: int, column: int) -> int:
        """Return the largest useful height, in pixels, in a column of this width and height."""
        return column
