"""The keyboard: one table from which the keys are bound and the help is written."""

from __future__ import annotations

from typing import NamedTuple

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from bci_app.gui.theme import GRID
from bci_app.gui.widgets import add_close_button, label


class Shortcut(NamedTuple):
    """Keys (the first is shown) and what they do; `name` is the method, as seen from the window."""

    keys: tuple[str, ...]
    name: str
    text: str


SECTIONS: dict[str, tuple[Shortcut, ...]] = {
    "Session": (
        Shortcut(("Ctrl+O",), "show_connect", "choose source and model"),
        Shortcut(("Ctrl+B",), "start_baseline", "start or repeat the rest baseline"),
        Shortcut(("Ctrl+D",), "toggle_recording", "start or stop recording"),
        Shortcut(("Ctrl+M",), "focus_marker", "type a marker or note"),
        Shortcut(("Ctrl+R",), "open_report", "self-report"),
        Shortcut(("Ctrl+Q",), "close", "quit"),
    ),
    "Signals": (
        Shortcut(("Up", "+"), "area.signals.larger", "larger amplitude"),
        Shortcut(("Down", "-"), "area.signals.smaller", "smaller amplitude"),
        Shortcut(("Right",), "area.signals.longer", "more seconds"),
        Shortcut(("Left",), "area.signals.shorter", "fewer seconds"),
        Shortcut(("F",), "next_filter", "next display filter"),
    ),
    "Recordings": (
        Shortcut(("Space",), "transport.toggle", "play or pause"),
        Shortcut(("Ctrl+Right",), "transport.forward", "10 s forward"),
        Shortcut(("Ctrl+Left",), "transport.back", "10 s back"),
    ),
    "Window": (
        Shortcut(("Ctrl+T",), "toggle_theme", "dark or light"),
        Shortcut(("Ctrl+P", "F12"), "save_picture", "save a picture of the window"),
        Shortcut(("F11",), "toggle_full_screen", "full screen"),
        Shortcut(("Ctrl++", "Ctrl+="), "larger_window", "larger, from the next start on"),
        Shortcut(("Ctrl+-",), "smaller_window", "smaller, from the next start on"),
        Shortcut(("Ctrl+,",), "show_settings", "settings"),
        Shortcut(("Ctrl+0",), "area.reset_layout", "put every view back to its place"),
        Shortcut(("?",), "show_help", "this list"),
    ),
}
MARKER_KEYS = tuple(f"F{number}" for number in range(1, 9))
# These belong to the session's views; the others hold wherever the window has the keyboard.
VIEW_SECTIONS = ("Signals", "Recordings")

# What Qt does by itself, or a view by hand: keys or gesture, and what it does.
_FOCUS = (
    ("Tab", "to the next control"),
    ("Space, Enter", "press the control that has the focus"),
    ("Enter", "on the first page: connect"),
    ("Escape", "leave a field; back to the session"),
)
_MOUSE = (
    ("wheel", "amplitude"),
    ("Ctrl + wheel", "seconds"),
    ("click a name, an electrode", "channels of the spectrum"),
    ("drag a title", "move a panel"),
    ("right-click a title", "hide or show panels"),
)


class HelpDialog(QDialog):
    """The list of all keys, and of what the mouse does."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard and mouse")
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 3 * GRID)
        column.setSpacing(2 * GRID)
        sides = QHBoxLayout()
        sides.setSpacing(4 * GRID)
        parts = {
            section: [(shortcut.keys[0], shortcut.text) for shortcut in shortcuts]
            for section, shortcuts in SECTIONS.items()
        } | {"Focus": list(_FOCUS), "Mouse": list(_MOUSE)}
        parts["Session"].insert(4, (f"{MARKER_KEYS[0]} … {MARKER_KEYS[-1]}", "mark at once, from every window"))
        for names in (("Session", "Signals", "Recordings"), ("Window", "Focus", "Mouse")):
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
