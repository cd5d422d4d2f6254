"""The list of all keys, and of what the mouse does."""

from __future__ import annotations

from itertools import groupby

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from bci_app.gui.actions import ACTIONS, sections
from bci_app.gui.theme import GRID
from bci_app.gui.widgets import add_close_button, label

# What Qt does by itself, or a view by hand: keys or gesture, and what it does.
_FOCUS = (
    ("Tab", "To the next control"),
    ("Space, Enter", "Press the control that has the focus"),
    ("Enter", "On the first page: connect"),
    ("Escape", "Leave a field; back to the session"),
)
_MOUSE = (
    ("wheel", "Amplitude"),
    ("Ctrl + wheel", "Seconds"),
    ("click a name, an electrode", "Channels of the spectrum"),
    ("drag a title", "Move a panel"),
    ("right-click a title", "Hide or show panels"),
)


class HelpDialog(QDialog):
    """Two columns: the actions with their keys, and the mouse."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard and mouse")
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 3 * GRID)
        column.setSpacing(2 * GRID)
        sides = QHBoxLayout()
        sides.setSpacing(4 * GRID)
        parts = {section: key_rows(names) for section, names in sections().items()}
        parts |= {"Focus": list(_FOCUS), "Mouse": list(_MOUSE)}
        for names in (("Session", "Markers", "Signals", "Recordings"), ("Window", "Focus", "Mouse")):
            side = QVBoxLayout()
            side.setSpacing(2 * GRID)
            for name in names:
                side.addLayout(_table(name, parts[name]))
            side.addStretch()
            sides.addLayout(side)
        column.addLayout(sides)
        self.done_button = add_close_button(self, column)
        self.setModal(False)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)


def key_rows(names: list[str]) -> list[tuple[str, str]]:
    """List keys and titles of actions that have a key. Neighbours with the same title share a row."""
    bound = [ACTIONS[name] for name in names if ACTIONS[name].keys]
    rows = []
    for title, group in groupby(bound, key=lambda action: action.title):
        keys = [action.keys[0] for action in group]
        rows.append((keys[0] if len(keys) == 1 else f"{keys[0]} … {keys[-1]}", title))
    return rows


def _table(title: str, entries: list[tuple[str, str]]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(3 * GRID)
    grid.setVerticalSpacing(GRID // 2)
    grid.setColumnMinimumWidth(0, 21 * GRID)
    grid.setColumnStretch(1, 1)
    grid.addWidget(label(title, role="strong"), 0, 0, 1, 2)
    for row, (keys, text) in enumerate(entries, start=1):
        grid.addWidget(label(keys, tone="muted"), row, 0)
        grid.addWidget(label(text), row, 1)
    return grid
