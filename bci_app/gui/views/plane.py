"""Valence and arousal as a plane: the present point, its uncertainty, and where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QFontMetricsF
from PyQt6.QtWidgets import QSizePolicy

from bci_app.bundle.spec import Target
from bci_app.events import Prediction
from bci_app.gui.plots import Hatching, Plot, Stretch
from bci_app.gui.theme import GRID, Theme, font
from bci_app.presentation.state import expected

_TRAIL = 30
_PLACES = (0.0, 0.5, 1.0)
_WORDS = 10 * GRID  # beside the frame, at most
_ELLIPSE = np.linspace(0, 2 * np.pi, 49)


class Plane(Plot):
    """The two targets from their first class (0) to their last (1)."""

    def __init__(self, valence: Target, arousal: Target, theme: Theme) -> None:
        metrics = QFontMetricsF(font())
        words = [_shortened(word, _WORDS) for word in (arousal.classes[0], arousal.title, arousal.classes[-1])]
        width = GRID + ceil(max(metrics.horizontalAdvance(word) for word in words))
        super().__init__(theme, y_width=width, words=["left", "bottom"])
        self._names = (valence.name, arousal.name)
        self._reason = ""
        self.setXRange(0, 1, padding=0.04)
        self.setYRange(0, 1, padding=0.04)
        self._valence = valence
        self.getAxis("left").setTicks([list(zip(_PLACES, words, strict=True)), []])
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(14 * GRID)
        self.hatching = Hatching(self, within=QRectF(0, 0, 1, 1))
        self._frame = self.plot([0, 1, 1, 0, 0], [0, 0, 1, 1, 0])
        self._middles = [self.plot([0, 1], [0.5, 0.5]), self.plot([0.5, 0.5], [0, 1])]
        for line in self._middles:
            line.setZValue(-20)  # behind the reason
        self._trail = pg.ScatterPlotItem(pxMode=True)
        self._spread = pg.PlotCurveItem(antialias=True)
        self._point = pg.ScatterPlotItem(size=14, pxMode=True, antialias=True)
        for item in (self._trail, self._spread, self._point):
            self.addItem(item)
        self._show_reason("")
        self.show_theme(theme)

    @property
    def reason(self) -> str:
        """Why there is no point, if there is none."""
        return self._reason

    def fit_width(self, width: int) -> None:
        """Be no higher than the square that fits a width."""
        inner = width - self.getAxis("left").width()
        self.setMaximumHeight(max(14 * GRID, round(inner + self.getAxis("bottom").height())))

    def resizeEvent(self, event: object) -> None:  # noqa: N802
        """Be a square with the words against it, in the middle of what is too wide for it."""
        super().resizeEvent(event)
        if event is None or self.plotItem is None:
            return  # before there are axes, and after
        words, figures = self.getAxis("left").width(), self.getAxis("bottom").height()
        side = self.height() - figures
        spare = max(0.0, self.width() - words - side)
        self.getPlotItem().layout.setContentsMargins(spare / 2, 0, spare / 2, 0)
        self._show_words(side)

    def _show_words(self, side: float) -> None:
        """Share the frame's lower side between the title in its middle and the words at its ends."""
        title = _shortened(self._valence.title, side / 2)
        room = (side - QFontMetricsF(font()).horizontalAdvance(title)) / 2 - GRID / 2
        ends = [_shortened(word, room) for word in (self._valence.classes[0], self._valence.classes[-1])]
        self.getAxis("bottom").setTicks([list(zip(_PLACES, (ends[0], title, ends[1]), strict=True)), []])

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        super().show_theme(theme)
        for line in (self._frame, *self._middles):
            line.setPen(pg.mkPen(theme.line))
        for axis in ("left", "bottom"):
            self.getAxis(axis).setPen(pg.mkPen(None))
            self.getAxis(axis).setTickPen(pg.mkPen(theme.background))
        self._point.setPen(pg.mkPen(theme.background, width=2))
        self._point.setBrush(pg.mkBrush(theme.text))
        self._spread.setPen(pg.mkPen(theme.muted, width=1))

    def show_nothing(self, reason: str) -> None:
        """Show that there is no point, and why."""
        self._show_reason(reason)
        for item in (self._trail, self._spread, self._point):
            item.clear()

    def show_predictions(self, predictions: Sequence[Prediction], *, windows: int) -> None:
        """Show the newest prediction, which is valid, the spread of the last `windows` raw values, the trail."""
        self._show_reason("")
        valid = [prediction for prediction in predictions if prediction.valid]
        smoothed = np.array([self._place(prediction, smoothed=True) for prediction in valid[-_TRAIL:]])
        age = np.linspace(0, 1, len(smoothed))
        tint = pg.mkColor(self.theme.muted)
        brushes = []
        for share in age:
            tint.setAlphaF(0.05 + 0.55 * float(share))
            brushes.append(pg.mkBrush(tint))
        self._trail.setData(smoothed[:, 0], smoothed[:, 1], size=5, pen=None, brush=brushes)
        raw = np.array([self._place(prediction, smoothed=False) for prediction in valid[-max(windows, 4) :]])
        x, y = smoothed[-1]
        self._point.setData([x], [y])
        sd = raw.std(axis=0)
        # Values reach from 0 to 1, and so does what they may have been.
        ring_x, ring_y = x + sd[0] * np.cos(_ELLIPSE), y + sd[1] * np.sin(_ELLIPSE)
        self._spread.setData(np.clip(ring_x, 0, 1), np.clip(ring_y, 0, 1))

    def _show_reason(self, reason: str) -> None:
        self._reason = reason
        self.hatching.show_stretches([Stretch(0.0, 1.0, reason)] if reason else [])
        ring = "ring: one standard deviation of the raw values of the last windows"
        self.setToolTip(f"no value: {reason}" if reason else ring)

    def _place(self, prediction: Prediction, *, smoothed: bool) -> tuple[float, float]:
        found = {target.name: target for target in prediction.targets}
        x, y = (found[name].smoothed if smoothed else found[name].probability for name in self._names)
        return expected(x or ()), expected(y or ())


def _shortened(word: str, room: float) -> str:
    return QFontMetricsF(font()).elidedText(word, Qt.TextElideMode.ElideRight, room)
