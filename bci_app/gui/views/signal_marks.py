"""What is drawn over the traces: markers, breaks, and stretches with an artefact."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from PyQt6.QtCore import QPointF, QRect, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPen

from bci_app.events import Gap
from bci_app.gui.theme import GRID, Theme, color
from bci_app.presentation.answers import Stretch
from bci_app.presentation.state import Mark

HEAD = 5 * GRID // 2
"""Height above the traces, for the texts of markers."""

Place = Callable[[float], float]
"""Returns the place of a stream sample on the screen."""

_SHADE = 0.16


def paint_breaks(painter: QPainter, area: QRect, theme: Theme, gaps: Iterable[Gap], x: Place) -> None:
    """Draw where the signal does not go on although nothing is lost: a seek, the next recording."""
    painter.setPen(QPen(QColor(theme.muted), 1))
    for gap in gaps:
        place = x(gap.sample)
        if not gap.lost and area.left() <= place <= area.right():
            painter.drawLine(QPointF(place, area.top()), QPointF(place, area.bottom()))


def paint_artefacts(painter: QPainter, area: QRect, theme: Theme, stretches: Sequence[Stretch], x: Place) -> None:
    """Shade stretches in stream samples, each with its name at the lower edge."""
    painter.save()
    painter.setClipRect(area)
    for stretch in stretches:
        left, right = x(stretch.start), x(stretch.stop)
        box = QRectF(left, area.top(), right - left, area.height())
        painter.fillRect(box, color(theme.poor, _SHADE))
        painter.setPen(QColor(theme.poor))
        foot = QRectF(max(left, area.left()) + GRID / 2, area.top(), 10 * GRID, area.height())
        if right > area.left():
            painter.drawText(foot, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, stretch.reason)
    painter.restore()


def paint_markers(painter: QPainter, area: QRect, theme: Theme, markers: Iterable[Mark], x: Place) -> None:
    """Draw a line through the traces for each, and its text above them."""
    metrics = painter.fontMetrics()
    end = area.right() + 8.0 * GRID  # a text may reach to the next one
    painter.setClipRect(area.adjusted(0, -HEAD, 8 * GRID, 0))
    for marker in sorted(markers, key=lambda marker: -marker.sample):
        place = x(marker.sample)
        if place < area.left() - 30 * GRID:
            break
        if place > area.right():
            continue
        painter.setPen(QPen(QColor(theme.muted), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(place, area.top() - HEAD / 4), QPointF(place, area.bottom()))
        room = min(end - place - GRID / 2, 30.0 * GRID)
        if room >= min(2 * GRID, metrics.horizontalAdvance(marker.text)):
            text = metrics.elidedText(marker.text, Qt.TextElideMode.ElideRight, int(room))
            box = QRectF(place, area.top() - HEAD, room + GRID, HEAD - HEAD / 4)
            painter.setPen(QColor(theme.text))
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
        end = place
    painter.setClipping(False)
