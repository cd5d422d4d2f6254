"""What a view of a model's targets is. `targets.TARGET_VIEWS` lists them all."""

from __future__ import annotations

from PyQt6.QtWidgets import QWidget

from bci_app.gui.theme import Theme
from bci_app.presentation.answers import Answers


class TargetView(QWidget):
    """Shows the answers for one or more targets.

    Attributes
    ----------
    targets : tuple of str
        The targets that it shows.
    main : bool
        Whether it gets room before the others. The others make room if a main view shows their targets.
    """

    targets: tuple[str, ...] = ()
    main = False

    def show_answers(self, answers: Answers) -> None:
        """Show the model's answers up to a moment."""

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""

    def show_last(self, last: bool) -> None:
        """Show what only the lowest of several views needs, such as the figures of the time axis."""

    def least_height(self, width: int) -> int:
        """Return the smallest height in pixels that it can be read at."""
        return self.minimumSizeHint().height()

    def most_height(self, width: int) -> int:
        """Return the largest useful height in pixels."""
        return self.maximumHeight()
