"""pyqtgraph plots in the window's own clothes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pyqtgraph as pg
from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QPainter
from PyQt6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from bci_app.gui.glyphs import hatch
from bci_app.gui.theme import Theme, font


class Plot(pg.PlotWidget):
    """A plot with fixed ranges that the mouse does not move."""

    def __init__(self, theme: Theme, *, y_width: int = 32) -> None:
        super().__init__()
        self.setMenuEnabled(False)
        self.setMouseEnabled(False, False)
        self.hideButtons()
        self.setFrameStyle(0)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for name in ("left", "bottom"):
            axis = self.getAxis(name)
            axis.setStyle(
                tickFont=font(), tickLength=0, tickTextOffset=6, autoExpandTextSpace=False, hideOverlappingLabels=False
            )
        self.getAxis("left").setWidth(y_width)
        self.getAxis("bottom").setHeight(24)
        self.show_theme(theme)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self.theme = theme
        self.setBackground(theme.background)
        for name in ("left", "bottom"):
            axis = self.getAxis(name)
            axis.setPen(pg.mkPen(theme.line))
            axis.setTextPen(pg.mkPen(theme.muted))

    def wheelEvent(self, event: object) -> None:  # noqa: N802
        """Leave the wheel to what is around."""
        event.ignore()  # type: ignore[attr-defined]


class Stretch(NamedTuple):
    """A stretch of the x axis and the reason that nothing is there."""

    start: float
    stop: float
    reason: str


class Hatching(pg.GraphicsObject):
    """Hatched stretches over the whole height, with the reason where there is room."""

    def __init__(self, plot: Plot) -> None:
        super().__init__()
        self._plot = plot
        self._stretches: tuple[Stretch, ...] = ()
        self.setZValue(-10)
        plot.addItem(self, ignoreBounds=True)

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """What is hatched."""
        return self._stretches

    def show_stretches(self, stretches: Sequence[Stretch]) -> None:
        """Hatch these and nothing else."""
        if tuple(stretches) != self._stretches:
            self._stretches = tuple(stretches)
            self.update()

    def boundingRect(self) -> QRectF:  # noqa: N802
        """Cover the whole plot."""
        return QRectF(self._plot.getViewBox().viewRect())

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Paint in pixels, so that hatching and writing keep their size."""
        theme = self._plot.theme
        view = self.boundingRect()
        transform = painter.transform()
        painter.resetTransform()
        painter.setFont(font())
        whole = transform.mapRect(view)
        for start, stop, reason in self._stretches:
            box = transform.mapRect(QRectF(start, view.top(), stop - start, view.height())).intersected(whole)
            if box.width() <= 0:
                continue
            hatch(painter, box, theme.line)
            room = painter.fontMetrics().horizontalAdvance(reason) + 12
            if box.width() > room:
                label = QRectF(0, 0, room, painter.fontMetrics().height() + 4)
                label.moveCenter(box.center())
                painter.fillRect(label, QColor(theme.background))
                painter.setPen(QColor(theme.muted))
                painter.drawText(label, Qt.AlignmentFlag.AlignCenter, reason)
        painter.setTransform(transform)
