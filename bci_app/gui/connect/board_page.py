"""Choosing a BrainFlow board, and what it is reached by."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import quote

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QFormLayout, QLineEdit, QVBoxLayout, QWidget
from superqt import QSearchableComboBox

from bci_app.errors import BciError
from bci_app.gui.connect.rows import field_name
from bci_app.gui.theme import GRID
from bci_app.gui.widgets import label
from bci_app.sources.brainflow.boards import find_board
from bci_app.sources.kind import split_options

_EXAMPLES = {
    "serial_port": "/dev/ttyUSB0 or COM3",
    "mac_address": "empty: the first one found",
    "serial_number": "empty: the first one found",
    "ip_address": "192.168.4.1",
    "ip_port": "3000",
    "file": "path of the file",
    "master_board": "CYTON",
}


class BoardPage(QWidget):
    """The name of a board, with a field for each of its parameters. `changed` comes with every choice."""

    changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self._boards: dict[str, tuple[str, ...]] = {}
        self.fields: dict[str, QLineEdit] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        column.setSpacing(GRID)
        self.board = QSearchableComboBox()
        self.board.setToolTip("the board, by its name in BrainFlow")
        entry = self.board.lineEdit()
        if entry is not None:
            entry.setPlaceholderText("choose a board, or type its name")
            entry.setToolTip(self.board.toolTip())
            entry.returnPressed.connect(self._choose_match)
        completer = self.board.completer()
        popup = completer.popup() if completer is not None else None
        if popup is not None:
            popup.setProperty("kind", "popup")
        self.board.currentTextChanged.connect(self._show_fields)
        column.addWidget(self.board)
        self._form = QFormLayout()
        self._form.setHorizontalSpacing(2 * GRID)
        self._form.setVerticalSpacing(GRID)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        column.addLayout(self._form)
        self.note = label("", tone="muted", wrap=True)
        column.addWidget(self.note)
        column.addStretch()

    def show_boards(self, boards: Sequence[tuple[str, tuple[str, ...]]]) -> None:
        """List the boards, each with its parameters."""
        self._boards = dict(boards)
        self.board.blockSignals(True)
        self.board.clear()
        self.board.addItems(sorted(self._boards))
        self.board.setCurrentIndex(-1)
        self.board.blockSignals(False)

    def choose(self, what: str) -> None:
        """Choose a board with its parameters, by what follows ``brainflow:``."""
        board, options = split_options(what)
        with suppress(BciError):  # of an unknown board the field shows what was typed
            board = find_board(board)[0]
        self.board.setCurrentText(board)
        for key, value in options.items():
            if key in self.fields:
                self.fields[key].setText(value)

    @property
    def text(self) -> str | None:
        """The source that is chosen, or None."""
        board = self.board.currentText()
        if board not in self._boards:
            return None
        given = [f"{key}={quote(field.text().strip())}" for key, field in self.fields.items() if field.text().strip()]
        return f"brainflow:{board}{'?' + '&'.join(given) if given else ''}"

    def _choose_match(self) -> None:
        """Take the board that a part of a name means, where it means one or is the beginning of one."""
        typed = self.board.currentText().strip().upper()
        found = sorted(board for board in self._boards if typed in board)
        beginning = [board for board in found if board.startswith(typed)]
        if typed not in self._boards and (beginning or len(found) == 1):
            self.board.setCurrentText((beginning or found)[0])

    def _show_fields(self, board: str) -> None:
        while self._form.rowCount():
            self._form.removeRow(0)
        self.fields = {}
        for name in self._boards.get(board, ()):
            field = QLineEdit()
            field.setPlaceholderText(_EXAMPLES.get(name, ""))
            field.setToolTip(f"{name.replace('_', ' ')} of the board, as BrainFlow takes it")
            field.editingFinished.connect(self.changed)
            self._form.addRow(field_name(name.replace("_", " ")), field)
            self.fields[name] = field
        needs = bool(self.fields) or board not in self._boards
        self.note.setText("" if needs else "This board needs nothing more.")
        self.changed.emit()
