"""The steps of the session across the top; the present one is the only thing in the accent colour."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from bci_app.gui.theme import GRID, Theme, font
from bci_app.presentation.state import Step

_DOT = 4.0
_LINE = 3 * GRID


class StepsBar(QWidget):
    """Done steps are filled, the present one is in the accent colour, the rest are rings."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._steps: tuple[Step, ...] = tuple(Step)
        self._current = Step.CONNECT
        self._progress = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("steps of the session")

    @property
    def current(self) -> Step:
        """The step that is shown as the present one."""
        return self._current

    def show_step(self, steps: tuple[Step, ...], current: Step) -> None:
        """Show where the session stands."""
        if (steps, current) != (self._steps, self._current):
            resize = steps != self._steps
            self._steps, self._current = steps, current
            self.setAccessibleDescription(f"{', '.join(step.value for step in steps)}: now {current.value}")
            if resize:
                self.updateGeometry()
            self.update()

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        self.update()

    def _width(self, step: Step) -> float:
        # Measured bold, so that nothing moves when the next step begins.
        return 2 * _DOT + GRID + QFontMetricsF(font(strong=True)).horizontalAdvance(step.value)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Fit the words."""
        width = sum(self._width(step) for step in self._steps) + (len(self._steps) - 1) * (_LINE + 2 * GRID)
        return QSize(round(width) + 2, 4 * GRID)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x, y = 1.0, self.height() / 2
        position = self._steps.index(self._current) if self._current in self._steps else 0
        for index, step in enumerate(self._steps):
            now = index == position
            tint = self._theme.accent if now else self._theme.muted if index < position else self._theme.faint
            painter.setPen(QPen(QColor(tint), 1.5))
            painter.setBrush(QColor(tint) if index <= position else Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(x + _DOT, y), _DOT - 0.75, _DOT - 0.75)
            painter.setFont(font(strong=now))
            painter.setPen(QColor(tint))
            width = self._width(step)
            box = QRectF(x + 2 * _DOT + GRID - 1, 0, width, self.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, step.value)
            x += width + GRID
            if index + 1 < len(self._steps):
                painter.setPen(QPen(QColor(self._theme.line), 1))
                painter.drawLine(QPointF(x, y), QPointF(x + _LINE, y))
                x += _LINE + GRID
