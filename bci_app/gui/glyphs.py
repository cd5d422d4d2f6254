"""Marks for contact: a shape and a colour for each level, so that either is enough."""

from __future__ import annotations

from math import floor

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPen, QPolygonF

from bci_app.events import ContactLevel
from bci_app.gui.theme import GRID, Theme

_HATCH = 6.0

# Lines of the classes of one target, which share its colour: dash and gap in line widths.
_DASHES = ((), (5.0, 2.5), (1.5, 1.5), (6.0, 2.0, 1.5, 2.0), (10.0, 2.5), (3.0, 4.0))

WORDS = {
    ContactLevel.GOOD: "good",
    ContactLevel.POOR: "poor",
    ContactLevel.BAD: "bad",
    ContactLevel.MISSING: "missing",
    ContactLevel.UNKNOWN: "not judged yet",
}


def draw_contact(painter: QPainter, centre: QPointF, size: float, level: ContactLevel, theme: Theme) -> None:
    """Draw a disc (good), a triangle (poor), a cross (bad), a dashed ring (missing) or a ring (unknown)."""
    radius = size / 2
    tint = QColor(theme.contact(level))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(tint)
    if level is ContactLevel.GOOD:
        painter.drawEllipse(centre, radius * 0.9, radius * 0.9)
    elif level is ContactLevel.POOR:
        x, y = centre.x(), centre.y()
        painter.drawPolygon(
            QPolygonF(
                [
                    QPointF(x, y - radius),
                    QPointF(x + radius, y + 0.75 * radius),
                    QPointF(x - radius, y + 0.75 * radius),
                ]
            )
        )
    elif level is ContactLevel.BAD:
        arm = 0.75 * radius
        painter.setPen(QPen(tint, max(1.5, size / 5), cap=Qt.PenCapStyle.RoundCap))
        painter.drawLine(centre + QPointF(-arm, -arm), centre + QPointF(arm, arm))
        painter.drawLine(centre + QPointF(-arm, arm), centre + QPointF(arm, -arm))
    else:
        style = Qt.PenStyle.DotLine if level is ContactLevel.MISSING else Qt.PenStyle.SolidLine
        painter.setPen(QPen(tint, 1.5, style))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QRectF(centre.x() - 0.8 * radius, centre.y() - 0.8 * radius, 1.6 * radius, 1.6 * radius))
    painter.restore()


def class_pen(tint: str, position: int, width: float) -> QPen:
    """Return the pen of the class at a position. Its dashes differ from those of the other classes."""
    pen = QPen(QColor(tint), width, cap=Qt.PenCapStyle.FlatCap)
    pen.setCosmetic(True)  # pixels, whatever the axes of a plot are
    dashes = _DASHES[position % len(_DASHES)]
    if dashes:
        pen.setDashPattern(dashes)
    return pen


def write_reason(painter: QPainter, box: QRectF, reason: str, theme: Theme) -> None:
    """Write into the middle of a hatched box: along it, upright where it is narrow, or not at all without room."""
    metrics = painter.fontMetrics()
    length, height = metrics.horizontalAdvance(reason) + GRID, metrics.capHeight() + 6
    upright = box.width() < length
    along, across = (box.height(), box.width()) if upright else (box.width(), box.height())
    if along < length or across < height:
        return
    painter.save()
    painter.translate(box.center())
    painter.rotate(-90 if upright else 0)
    label = QRectF(-length / 2, -height / 2, length, height)
    painter.fillRect(label, QColor(theme.background))
    painter.setPen(QColor(theme.muted))
    painter.drawText(label, Qt.AlignmentFlag.AlignCenter, reason)
    painter.restore()


def hatch(painter: QPainter, box: QRectF, tint: str) -> None:
    """Hatch a box, with the same spacing on every screen: Qt's patterns shrink on dense ones."""
    if box.width() < _HATCH:
        painter.fillRect(box, QColor(tint))  # hatching would look like a dotted line
        return
    painter.save()
    painter.setClipRect(box, Qt.ClipOperation.IntersectClip)
    painter.setPen(QPen(QColor(tint), 1))
    height = box.height()
    # Lines keep their places when the box moves by less than their spacing.
    x = floor((box.left() - height) / _HATCH) * _HATCH
    while x < box.right():
        painter.drawLine(QPointF(x, box.bottom()), QPointF(x + height, box.top()))
        x += _HATCH
    painter.restore()
