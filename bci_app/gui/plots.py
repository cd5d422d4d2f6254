"""pyqtgraph plots in the window's own clothes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pyqtgraph as pg
from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QPainter
from PyQt6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from bci_app.gui.glyphs import hatch, write_reason
from bci_app.gui.theme import Theme, font

# Pixels that words may reach over the ends of an axis before they are moved back.
_REACH = 100


class WordAxis(pg.AxisItem):
    """An axis with words, which stay within its length, however short it is; figures would leave their places."""

    def generateDrawSpecs(self, p: QPainter) -> Any:  # noqa: N802
        """Move what would reach over an end."""
        specs = super().generateDrawSpecs(p)
        if specs is None:
            return None
        axis, ticks, texts = specs
        room = self.mapRectFromParent(self.geometry())
        return axis, ticks, [(_moved(box, room), flags, text) for box, flags, text in texts]


def _moved(box: QRectF, room: QRectF) -> QRectF:
    """Move a box until it lies in the room, as far as it can."""
    left = max(min(box.left(), room.right() - box.width()), room.left())
    top = max(min(box.top(), room.bottom() - box.height()), room.top())
    return QRectF(left, top, box.width(), box.height())


class Plot(pg.PlotWidget):
    """A plot with fixed ranges that the mouse does not move; whoever makes it shows it a theme when all is in it.

    Parameters
    ----------
    theme : Theme
        Colours.
    y_width : int
        Pixels for what is written at the left.
    words : sequence of str
        The axes, ``left`` or ``bottom``, that have words and no figures.
    """

    def __init__(self, theme: Theme, *, y_width: int = 32, words: Sequence[str] = ()) -> None:
        super().__init__(axisItems={name: WordAxis(name) for name in words})
        self.theme = theme
        self.setMenuEnabled(False)
        self.setMouseEnabled(False, False)
        self.hideButtons()
        self.setFrameStyle(0)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for name in ("left", "bottom"):
            axis = self.getAxis(name)
            axis.setStyle(
                tickFont=font(),
                tickLength=0,
                tickTextOffset=6,
                autoExpandTextSpace=False,
                hideOverlappingLabels=_REACH if name in words else False,
            )
        self.getAxis("left").setWidth(y_width)
        self.getAxis("bottom").setHeight(24)

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
    """Hatched stretches over the whole height, with the reason where there is room, upright where they are narrow."""

    def __init__(self, plot: Plot, *, within: QRectF | None = None) -> None:
        super().__init__()
        self._plot, self._within = plot, within
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
        """Cover the whole plot, or what it is to stay within."""
        return self._within or QRectF(self._plot.getViewBox().viewRect())

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
            write_reason(painter, box, reason, theme)
        painter.setTransform(transform)
