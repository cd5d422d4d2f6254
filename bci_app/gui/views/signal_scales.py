"""What stands around the traces: so many µV up, so many seconds across."""

from __future__ import annotations

from math import ceil

from PyQt6.QtCore import QPointF, QRect, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPen

from bci_app.gui.theme import GRID, Theme

_ROOM = 8 * GRID  # right of the bar


def paint_amplitude(painter: QPainter, area: QRect, theme: Theme, *, rows: int, amplitude: int) -> None:
    """Draw so many µV up, right of an area of so many rows of `amplitude` µV."""
    row = area.height() / rows
    covered = max(1, ceil(2.5 * GRID / row))
    x, y = area.right() + GRID + 0.5, area.bottom() - GRID + 0.5
    corner, top = QPointF(x, y), QPointF(x, y - covered * row)
    painter.setPen(QPen(QColor(theme.muted), 1))
    painter.drawLine(corner, top)
    for end in (top, corner):
        painter.drawLine(end - QPointF(3, 0), end + QPointF(3, 0))
    left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
    painter.drawText(QRectF(x + GRID - 2, top.y(), _ROOM, covered * row), left, f"{covered * amplitude} µV")


def paint_time(painter: QPainter, area: QRect, theme: Theme, *, span: int) -> None:
    """Draw so many seconds across, below an area of `span` seconds."""
    painter.setPen(QPen(QColor(theme.muted), 1))
    seconds = next(step for step in (5, 2, 1, 0.5) if step <= span / 4)
    width = seconds * area.width() / span
    base = area.bottom() + GRID + 0.5
    right = area.right() + 0.5
    for end in (right, right - width):
        painter.drawLine(QPointF(end, base - 3), QPointF(end, base + 3))
    painter.drawLine(QPointF(right - width, base), QPointF(right, base))
    box = QRectF(right - width - 6 * GRID, base - 10, 6 * GRID - 6, 20)
    painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{seconds:g} s")
