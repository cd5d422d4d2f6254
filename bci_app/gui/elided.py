"""A label whose text ends in dots where there is no room."""

from __future__ import annotations

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QTextLayout
from PyQt6.QtWidgets import QLabel

from bci_app.gui.theme import GRID


class ElidedLabel(QLabel):
    """Plain text on one line, or on as many as there is room for with `wrap`; the last one ends in dots.

    `text` is the whole text, for screen readers too. A label of one line gets no wider than its text, and needs a
    large stretch in its layout.
    """

    def __init__(self, text: str = "", *, tone: str = "", wrap: bool = False) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("tone", tone)
        self.setWordWrap(wrap)
        self.setText(text)

    def setText(self, text: str | None) -> None:  # noqa: N802
        """Change the text."""
        super().setText(text)
        if not self.wordWrap():
            width = self.fontMetrics().horizontalAdvance(self.text()) + 4
            self.setMinimumWidth(min(width, 6 * GRID))
            self.setMaximumWidth(width)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the size of one short line."""
        return QSize(6 * GRID, self.fontMetrics().height())

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Draw what there is room for."""
        style = self.style()
        if style is None:
            return
        room, metrics = self.contentsRect(), self.fontMetrics()
        most = max(1, room.height() // metrics.lineSpacing()) if self.wordWrap() else 1
        lines = self._lines(room.width(), most)
        lines[-1] = metrics.elidedText(lines[-1], Qt.TextElideMode.ElideRight, room.width())
        style.drawItemText(
            QPainter(self),
            room,
            int(self.alignment().value),
            self.palette(),
            self.isEnabled(),
            "\n".join(lines),
            self.foregroundRole(),
        )

    def _lines(self, width: int, most: int) -> list[str]:
        """Break the text into at most so many lines; the last one holds all that is left."""
        text = self.text()
        layout = QTextLayout(text, self.font())
        layout.beginLayout()
        starts: list[int] = []
        while len(starts) < most and (line := layout.createLine()).isValid():
            line.setLineWidth(width)
            starts.append(line.textStart())
        layout.endLayout()
        return [text[start:stop] for start, stop in zip(starts, [*starts[1:], len(text)], strict=True)] or [""]
