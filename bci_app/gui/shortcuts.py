"""The keyboard: one table from which the keys are bound and the help is written."""

from __future__ import annotations

from typing import NamedTuple

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QDialog, QGridLayout, QVBoxLayout, QWidget

from bci_app.gui.theme import GRID
from bci_app.gui.widgets import label


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


class HelpDialog(QDialog):
    """The list of all keys."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard")
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 3 * GRID)
        grid = QGridLayout()
        grid.setHorizontalSpacing(3 * GRID)
        grid.setVerticalSpacing(GRID)
        column.addLayout(grid)
        for index, (section, shortcuts) in enumerate(SECTIONS.items()):
            side, row = 2 * (index % 2), 0 if index < 2 else 10
            grid.addWidget(label(section, role="strong"), row, side, 1, 2)
            entries = [(shortcut.keys[0], shortcut.text) for shortcut in shortcuts]
            if section == "Session":
                entries.insert(4, (f"{MARKER_KEYS[0]} … {MARKER_KEYS[-1]}", "mark at once"))
            for offset, (keys, text) in enumerate(entries, start=1):
                grid.addWidget(label(keys, tone="muted"), row + offset, side)
                grid.addWidget(label(text), row + offset, side + 1)
        grid.setRowMinimumHeight(9, 2 * GRID)
        self.setModal(False)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
