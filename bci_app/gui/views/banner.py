"""Trouble: what happened and what to do, above the data and never over it."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from bci_app.gui.state import Trouble
from bci_app.gui.theme import GRID
from bci_app.gui.widgets import label, set_property


class Banner(QWidget):
    """Hidden while all is well; `action_asked` carries the name of an action."""

    action_asked = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        row.setSpacing(GRID)
        words = QVBoxLayout()
        words.setSpacing(2)
        self.summary = label(role="strong", wrap=True)
        self.advice = label(tone="muted", wrap=True)
        words.addWidget(self.summary)
        words.addWidget(self.advice)
        row.addLayout(words, 1)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(GRID)
        row.addLayout(self._buttons)
        self._trouble: Trouble | None = None
        self.hide()

    @property
    def trouble(self) -> Trouble | None:
        """What is shown."""
        return self._trouble

    def show_trouble(self, trouble: Trouble | None) -> None:
        """Show trouble, or hide."""
        self._trouble = trouble
        self.setVisible(trouble is not None)
        if trouble is None:
            return
        set_property(self, "level", trouble.level.value)
        self.summary.setText(trouble.summary)
        self.advice.setText(trouble.advice)
        self.advice.setVisible(bool(trouble.advice))
        while (item := self._buttons.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for action in trouble.actions:
            button = QPushButton(action)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, action=action: self.action_asked.emit(action))
            self._buttons.addWidget(button)
