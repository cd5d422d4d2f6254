"""pyqtgraph plots in the style of the window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QPainter
from PyQt6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from bci_app.gui.glyphs import hatch, write_reason
from bci_app.gui.theme import GRID, Theme, font
from bci_app.presentation.answers import Stretch

# Pixels that words may reach over the ends of an axis before they are moved back.
_REACH = 100
# Pixels of a band that is a strip.
_STRIP = 3


class WordAxis(pg.AxisItem):
    """An axis with words, which are moved to stay within its length."""

    def generateDrawSpecs(self, p: QPainter) -> Any:  # noqa: N802
        """Move words that reach over an end."""
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
    """A plot with fixed ranges that the mouse does not move. Call `show_theme` when all items are added.

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
        """Leave the wheel to the surrounding widget."""
        event.ignore()  # type: ignore[attr-defined]


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
        """Return the whole plot, or the part to stay within."""
        return self._within or QRectF(self._plot.getViewBox().viewRect())

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Paint in pixels, so that lines and words keep their size."""
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


class Bands(pg.GraphicsObject):
    """Plain bands over the whole height with a name at their upper left: trials on a timeline.

    Parameters
    ----------
    plot : Plot
        What they are drawn in.
    strip : bool
        Whether they are a thin strip along the lower edge without names, as artefacts are.
    """

    def __init__(self, plot: Plot, *, strip: bool = False) -> None:
        super().__init__()
        self._plot, self._strip = plot, strip
        self._bands: tuple[Stretch, ...] = ()
        self.setZValue(-30)
        plot.addItem(self, ignoreBounds=True)

    @property
    def bands(self) -> tuple[Stretch, ...]:
        """What is drawn: start, stop and name of each band."""
        return self._bands

    def show_bands(self, bands: Sequence[Stretch]) -> None:
        """Draw these and no others."""
        if tuple(bands) != self._bands:
            self._bands = tuple(bands)
            self.update()

    def boundingRect(self) -> QRectF:  # noqa: N802
        """Return the whole plot."""
        return QRectF(self._plot.getViewBox().viewRect())

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Paint in pixels, so that words keep their size."""
        theme, view, transform = self._plot.theme, self.boundingRect(), painter.transform()
        painter.resetTransform()
        painter.setFont(font())
        metrics, whole = painter.fontMetrics(), transform.mapRect(view)
        for start, stop, name in self._bands:
            box = transform.mapRect(QRectF(start, view.top(), stop - start, view.height())).intersected(whole)
            if box.width() <= 0:
                continue
            if self._strip:
                painter.fillRect(QRectF(box.left(), box.bottom() - _STRIP, box.width(), _STRIP), QColor(theme.poor))
                continue
            painter.fillRect(box.adjusted(0, 0, -1, 0), QColor(theme.surface))
            if box.width() > metrics.horizontalAdvance(name) + GRID and box.height() > 2 * metrics.height():
                painter.setPen(QColor(theme.muted))
                painter.drawText(box.adjusted(GRID / 2, 0, 0, 0), Qt.AlignmentFlag.AlignLeft, name)
        painter.setTransform(transform)
