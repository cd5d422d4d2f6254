"""The top line: source, model, steps, and what can be pressed at any time."""

from __future__ import annotations

import qtawesome
from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QFontMetrics
from PyQt6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from bci_app.gui.state import Session
from bci_app.gui.theme import GRID, Theme
from bci_app.gui.views.steps import StepsBar

_NAME = 22 * GRID


class Header(QWidget):
    """Buttons emit what is asked; nothing is decided here."""

    connect_asked = pyqtSignal()
    theme_asked = pyqtSignal()
    help_asked = pyqtSignal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("header")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(6 * GRID)
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID, 0, GRID, 0)
        row.setSpacing(GRID)
        self.source = self._button("source and model of the session (Ctrl+O)")
        self.model = self._button("model of the session (Ctrl+O)")
        self.steps = StepsBar(theme)
        self.theme = self._button("dark or light (Ctrl+T)")
        self.help = self._button("keyboard shortcuts (?)")
        self.source.clicked.connect(self.connect_asked)
        self.model.clicked.connect(self.connect_asked)
        self.theme.clicked.connect(self.theme_asked)
        self.help.clicked.connect(self.help_asked)
        row.addWidget(self.source)
        row.addWidget(self.model)
        row.addStretch(1)
        row.addWidget(self.steps)
        row.addStretch(1)
        self.actions_row = QHBoxLayout()
        self.actions_row.setSpacing(GRID)
        row.addLayout(self.actions_row)
        row.addWidget(self.theme)
        row.addWidget(self.help)
        self.show_theme(theme)
        self.show_session(None)

    def _button(self, tip: str) -> QToolButton:
        button = QToolButton()
        button.setProperty("kind", "quiet")
        button.setToolTip(tip)
        button.setIconSize(QSize(2 * GRID, 2 * GRID))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setMinimumHeight(4 * GRID)
        return button

    def show_session(self, session: Session | None) -> None:
        """Name source and model."""
        self._name(self.source, session.info.name if session else "Choose a source")
        self._name(self.model, session.bundle.title if session else "Choose a model")

    def show_opening(self, source_text: str) -> None:
        """Say that a source is being opened."""
        self._name(self.source, f"Opening {source_text or 'the source'} …")

    def _name(self, button: QToolButton, text: str) -> None:
        metrics = QFontMetrics(button.font())
        button.setText(metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, _NAME))

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self.steps.show_theme(theme)
        for button, name in (
            (self.source, "mdi6.access-point"),
            (self.model, "mdi6.graph-outline"),
            (self.theme, "mdi6.white-balance-sunny" if theme.name == "dark" else "mdi6.weather-night"),
            (self.help, "mdi6.keyboard-outline"),
        ):
            button.setIcon(qtawesome.icon(name, color=theme.muted, color_active=theme.text))
