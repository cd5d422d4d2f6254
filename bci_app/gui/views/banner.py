"""The notice that is shown: what happened and what to do, above the data and never over it."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from bci_app.gui.theme import GRID
from bci_app.gui.widgets import label, set_property
from bci_app.presentation.state import Notice


class Banner(QWidget):
    """Hidden while there is no notice. `action_asked` carries the name of a button."""

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
        self._notice: Notice | None = None
        self.hide()

    @property
    def notice(self) -> Notice | None:
        """What is shown."""
        return self._notice

    def show_notice(self, notice: Notice | None) -> None:
        """Show a notice, or hide."""
        self._notice = notice
        self.setVisible(notice is not None)
        if notice is None:
            return
        set_property(self, "level", notice.level.value)
        self.summary.setText(notice.summary)
        self.advice.setText(notice.advice)
        self.advice.setVisible(bool(notice.advice))
        while (item := self._buttons.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for action in notice.actions:
            button = QPushButton(action)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, action=action: self.action_asked.emit(action))
            self._buttons.addWidget(button)
