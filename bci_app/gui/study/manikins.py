"""Self-Assessment Manikins, drawn by us after the idea of Bradley & Lang (1994, J. Behav. Ther. Exp. Psychiatry 25)."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen

_LINE = 0.025
"""Width of a line, as a share of the figure's side."""

Draw = Callable[[QPainter, float], None]


def draw_manikin(painter: QPainter, rect: QRectF, dimension: str, level: float, ink: QColor) -> None:
    """Draw the figure of one answer.

    Parameters
    ----------
    painter : QPainter
        Where to.
    rect : QRectF
        Room for it; a square in its middle is used.
    dimension : str
        ``valence``, ``arousal`` or ``dominance``; of any other name only the figure's head and body.
    level : float
        0 for the lowest answer, 1 for the highest.
    ink : QColor
        Lines.
    """
    side = min(rect.width(), rect.height())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(rect.center())
    if dimension == "dominance":
        size = 0.4 + 0.6 * level
        painter.scale(side * size, side * size)
        line = _LINE / size
    else:
        painter.scale(side, side)
        line = _LINE
    painter.setPen(QPen(ink, line, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    _body(painter)
    _face(painter, level if dimension == "valence" else 0.5, ink)
    if dimension == "arousal":
        _burst(painter, level, ink)
    painter.restore()


def _body(painter: QPainter) -> None:
    body = QPainterPath(QPointF(-0.3, 0.46))
    body.cubicTo(-0.3, 0.12, -0.18, 0.08, 0.0, 0.08)
    body.cubicTo(0.18, 0.08, 0.3, 0.12, 0.3, 0.46)
    body.closeSubpath()
    painter.drawPath(body)
    painter.drawRoundedRect(QRectF(-0.2, -0.44, 0.4, 0.46), 0.12, 0.12)


def _face(painter: QPainter, level: float, ink: QColor) -> None:
    """Draw eyes, brows and a mouth that bends from a frown to a smile."""
    bend = 2 * level - 1
    for side in (-1, 1):
        # Unhappy brows rise towards the middle (falling ones would be angry); a smile raises both ends.
        inner, outer = (-0.32 + 0.02 * bend, -0.31 - 0.04 * bend) if bend < 0 else (-0.32 - 0.02 * bend, -0.31)
        painter.drawLine(QPointF(0.05 * side, inner), QPointF(0.13 * side, outer))
    painter.save()
    painter.setBrush(QBrush(ink))
    for side in (-1, 1):
        painter.drawEllipse(QPointF(0.09 * side, -0.24), 0.012, 0.012)
    painter.restore()
    mouth = QPainterPath(QPointF(-0.1, -0.1 - 0.03 * bend))
    mouth.quadTo(QPointF(0.0, -0.1 + 0.1 * bend), QPointF(0.1, -0.1 - 0.03 * bend))
    painter.drawPath(mouth)


def _burst(painter: QPainter, level: float, ink: QColor) -> None:
    """Draw what goes on inside: a point when calm, an explosion when excited."""
    painter.save()
    painter.setBrush(QBrush(ink))
    if level < 0.1:
        painter.drawEllipse(QPointF(0.0, 0.26), 0.012, 0.012)
        painter.restore()
        return
    spikes = 6 + round(6 * level)
    star = QPainterPath()
    for number in range(2 * spikes):
        radius = (0.05 + 0.1 * level) * (1.0 if number % 2 == 0 else 0.45)
        angle = pi * number / spikes
        point = QPointF(radius * cos(angle), 0.27 + radius * sin(angle))
        if number:
            star.lineTo(point)
        else:
            star.moveTo(point)
    star.closeSubpath()
    painter.fillPath(star, QBrush(ink))
    painter.restore()
