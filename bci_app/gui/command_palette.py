"""Finding an action by a few letters of its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QDialog, QLineEdit, QVBoxLayout

from bci_app.gui.actions import ACTIONS, Needs
from bci_app.gui.connect.rows import Row, RowList
from bci_app.gui.keyboard import is_enter
from bci_app.gui.theme import GRID, Theme

if TYPE_CHECKING:
    from bci_app.gui.main_window import MainWindow

_ROWS = 8
# Runs the palette itself.
_SELF = "palette"


class CommandPalette(QDialog):
    """A field and the actions that hold every word typed into it. Enter runs the chosen one."""

    def __init__(self, window: MainWindow, theme: Theme) -> None:
        super().__init__(window)
        self._window = window
        self.setWindowTitle("Find an action")
        self.setModal(False)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFixedWidth(60 * GRID)
        column = QVBoxLayout(self)
        column.setContentsMargins(GRID, GRID, GRID, GRID)
        column.setSpacing(GRID)
        self.field = QLineEdit()
        self.field.setPlaceholderText("what to do, then Enter")
        self.field.setToolTip("words of the action; Up and Down choose, Enter runs, Escape closes")
        self.field.textChanged.connect(self._search)
        self.list = RowList(theme, fits=_ROWS)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.itemClicked.connect(lambda _: self._run())
        column.addWidget(self.field)
        column.addWidget(self.list)
        self._search("")

    def _search(self, text: str) -> None:
        words = text.casefold().split()
        rows = []
        for name, action in ACTIONS.items():
            title, missing = action.title_in(self._window), action.missing_in(self._window)
            if name != _SELF and all(word in f"{action.section} {title}".casefold() for word in words):
                detail = " · ".join(part for part in (action.section, " or ".join(action.keys), missing.value) if part)
                rows.append((missing is not Needs.NOTHING, Row(name, title, detail)))
        # What can be done now comes first.
        self.list.show_rows([row for _, row in sorted(rows, key=lambda pair: pair[0])])
        self.list.setCurrentRow(0)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Choose with Up and Down, run with Enter, close with Escape."""
        if event is None:
            return
        steps: dict[int, int] = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}
        if event.key() in steps and self.list.count():
            self.list.setCurrentRow((self.list.currentRow() + steps[event.key()]) % self.list.count())
        elif is_enter(event):
            self._run()
        else:
            super().keyPressEvent(event)

    def _run(self) -> None:
        name = self.list.current
        if name is not None and ACTIONS[name].missing_in(self._window) is Needs.NOTHING:
            self.close()
            self._window.run_action(name)
