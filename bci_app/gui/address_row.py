"""A tick and an address: one kind of output in the settings."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QWidget

from bci_app.errors import BciError
from bci_app.gui.theme import GRID
from bci_app.gui.widgets import label, set_tone
from bci_app.outputs.base import Addressed


class AddressRow(QWidget):
    """`changed` carries the address that is sent to from now on, empty for none.

    Parameters
    ----------
    title : str
        What stands beside the tick.
    tip : str
        What can be typed.
    sent : str
        Where it goes now, empty for nowhere.
    address : str
        What is proposed where it goes nowhere.
    read : callable
        Reads an address, or raises BciError.
    """

    changed = pyqtSignal(str)

    def __init__(self, title: str, tip: str, *, sent: str, address: str, read: Callable[[str], Addressed]) -> None:
        super().__init__()
        self._sent, self._read = sent, read
        self.tick = QCheckBox(title)
        self.tick.setMinimumWidth(15 * GRID)
        self.tick.setChecked(bool(sent))
        self.address = QLineEdit(sent or address)
        self.address.setToolTip(tip)
        self.address.setFixedWidth(24 * GRID)
        self.reach = label(tone="muted")
        self.tick.toggled.connect(self._store)
        self.address.textEdited.connect(self._show_reach)
        self.address.editingFinished.connect(self._store)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        for part in (self.tick, self.address, self.reach):
            row.addWidget(part)
        row.addStretch()
        self._show_reach()

    def _store(self) -> None:
        address = self.address.text().strip() if self.tick.isChecked() and self._show_reach() else ""
        if address != self._sent:
            self._sent = address
            self.changed.emit(address)

    def _show_reach(self) -> bool:
        """Show which machine is sent to or would be, and return whether the address can be read."""
        try:
            output = self._read(self.address.text())
        except BciError:
            text, readable = "not sent: HOST:PORT, or PORT", False
        else:
            text, readable = "this machine" if output.local else "another machine", True
        self.reach.setText(text)
        set_tone(self.reach, "muted" if readable else "warning")
        return readable
