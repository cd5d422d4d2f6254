"""The notice that is shown: what happened and what to do. It covers a part of the top line and moves nothing."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QObject, QRect, Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QWidget
from superqt import QElidingLabel

from bci_app.gui.theme import GRID
from bci_app.gui.widgets import label, set_property
from bci_app.presentation.state import Notice


class Banner(QWidget):
    """Lies over the source, the model and the steps. `action_asked` carries the name of a button.

    Parameters
    ----------
    over : QWidget
        The top line. Nothing in it or below it moves when a notice comes or goes.
    until : QWidget
        The first control of the top line that must stay free.
    """

    action_asked = pyqtSignal(str)

    def __init__(self, over: QWidget, until: QWidget) -> None:
        super().__init__(over)
        self._over, self._until = over, until
        self.setObjectName("banner")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, 0, GRID, 0)
        row.setSpacing(2 * GRID)
        self.summary = label(role="strong", wrap=True)
        self.summary.setMaximumWidth(28 * GRID)
        self.advice = QElidingLabel()
        self.advice.setTextFormat(Qt.TextFormat.PlainText)
        self.advice.setProperty("tone", "muted")
        self.advice.setWordWrap(True)
        row.addWidget(self.summary, 2)
        row.addWidget(self.advice, 3)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(GRID)
        row.addLayout(self._buttons)
        self._notice: Notice | None = None
        over.installEventFilter(self)
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
        self.setToolTip(f"{notice.summary}\n{notice.advice}".strip())
        while (item := self._buttons.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for action in notice.actions:
            button = QPushButton(action)
            button.setToolTip(action)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, action=action: self.action_asked.emit(action))
            self._buttons.addWidget(button)
        self._place()
        self.raise_()

    def _place(self) -> None:
        """Cover the top line up to the first control that must stay free."""
        self.setGeometry(QRect(0, 0, self._until.x() - GRID, self._over.height() - 1))

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Follow the size of the top line."""
        if event is not None and event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest) and self.isVisible():
            self._place()
        return False
