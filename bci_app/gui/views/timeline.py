"""The recent history of one target: raw and smoothed, with what was invalid hatched."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import ceil

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtGui import QFontMetricsF, QHelpEvent
from PyQt6.QtWidgets import QToolTip

from bci_app.bundle.spec import Target
from bci_app.events import Prediction
from bci_app.gui.glyphs import class_pen
from bci_app.gui.plots import Hatching, Plot, Stretch
from bci_app.gui.theme import GRID, Theme, color, font

SPAN = 60.0
_TICKS = [(-60, "−60 s"), (-45, "−45"), (-30, "−30"), (-15, "−15"), (0, "0")]
_WORDS = 8 * GRID  # at most
_LATE = 2.0


def silent_seconds(hop: float) -> float:
    """Give the seconds without a prediction that are silence: shorter ones are late packets, which come yet."""
    return max(3 * hop, _LATE)


def invalid_stretches(predictions: Sequence[Prediction], now: float, *, hop: float, silent: str) -> list[Stretch]:
    """Find where nothing was said, in seconds before `now`.

    Parameters
    ----------
    predictions : sequence of Prediction
        In order.
    now : float
        LSL time of the right edge.
    hop : float
        Seconds between predictions: each speaks for the hop before it.
    silent : str
        Reason for a stretch in which the engine said nothing at all.
    """
    pieces: list[Stretch] = []
    before: float | None = None
    for prediction in predictions:
        start = prediction.time - hop
        if before is not None and start - before > hop / 2:
            pieces.append(Stretch(before - now, start - now, silent))
        if not prediction.valid:
            reason = ", ".join(reason.value for reason in prediction.reasons)
            pieces.append(Stretch(start - now, prediction.time - now, reason))
        before = prediction.time
    if before is not None and now - before > silent_seconds(hop):
        pieces.append(Stretch(before - now, 0.0, silent))
    joined = []
    for _, group in groupby(enumerate(pieces), key=lambda pair: _chain(pieces, pair[0])):
        run = [piece for _, piece in group]
        joined.append(Stretch(run[0].start, run[-1].stop, run[0].reason))
    return joined


def _chain(pieces: Sequence[Stretch], index: int) -> int:
    """Give the index of the first of the touching pieces of one reason that this one belongs to."""
    while (
        index
        and pieces[index - 1].reason == pieces[index].reason
        and (abs(pieces[index - 1].stop - pieces[index].start) < 1e-3)
    ):
        index -= 1
    return index


def end_words(target: Target) -> tuple[str, str]:
    """Give the words at the lower and the upper end of a target's timeline."""
    # Of two classes the curve goes from the one to the other, of more each has a curve of its probability.
    return (target.classes[0], target.classes[1]) if len(target.classes) == 2 else ("0", "1")


def words_width(targets: Sequence[Target]) -> int:
    """Give the width of the axis that all these targets' words fit in, the longest of them elided."""
    metrics = QFontMetricsF(font())
    widest = max(metrics.horizontalAdvance(word) for target in targets for word in end_words(target))
    return min(ceil(widest), _WORDS) + GRID


class Timeline(Plot):
    """Over the last minute: where the answer stood between two classes, or the probability of each of several.

    Parameters
    ----------
    target : Target
        Names and classes, as the bundle has them.
    index : int
        Its position in the bundle, which chooses its colour.
    axis_width : int
        Pixels for the words at its ends; timelines below each other have the same.
    """

    def __init__(self, target: Target, index: int, theme: Theme, *, axis_width: int) -> None:
        super().__init__(theme, y_width=axis_width, words=["left"])
        self.target, self._index = target, index
        self._binary = len(target.classes) == 2
        self._hop = 0.0
        self._said: list[tuple[float, tuple[float, ...]]] = []  # seconds before now, smoothed
        self.setXRange(-SPAN, 0, padding=0.02)
        self.show_margin(0.04)
        metrics = QFontMetricsF(font())
        ends = [metrics.elidedText(word, Qt.TextElideMode.ElideRight, axis_width - 6) for word in end_words(target)]
        self.getAxis("left").setTicks([list(enumerate(ends)), [(0.5, "")]])
        self.show_times(True)
        self.setMinimumHeight(9 * GRID)
        self.hatching = Hatching(self)
        self._middle = self.addLine(y=1 / len(target.classes))
        self._middle.setZValue(-20)  # behind the reasons
        shown = range(1, 2) if self._binary else range(len(target.classes))
        self._classes = tuple(shown)
        # The single windows of several classes would hide their curves.
        self._raw = {k: pg.ScatterPlotItem(size=4, pen=None, pxMode=True) for k in shown if self._binary}
        self._smoothed = {k: pg.PlotCurveItem(connect="finite", antialias=True) for k in shown}
        for item in (*self._raw.values(), *self._smoothed.values()):
            self.addItem(item)
        self.show_theme(theme)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        super().show_theme(theme)
        self._middle.setPen(pg.mkPen(theme.line))
        tint, width = theme.target(self._index), 2 * self.devicePixelRatioF()
        for order, k in enumerate(self._classes):
            self._smoothed[k].setPen(class_pen(tint, order, width))
        for points in self._raw.values():
            points.setBrush(pg.mkBrush(color(tint, 0.5)))
        self.update()

    def show_margin(self, share: float) -> None:
        """Keep this share of the height above and below, where figures of the axis need it."""
        self.setYRange(0, 1, padding=share)

    def show_times(self, shown: bool) -> None:
        """Show or hide the figures of the time axis; of several timelines only the last needs them."""
        self.getAxis("bottom").setTicks([_TICKS if shown else [], []])
        self.getAxis("bottom").setHeight(3 * GRID if shown else GRID // 2)

    def show_predictions(self, predictions: Sequence[Prediction], now: float, *, hop: float, silent: str) -> None:
        """Show what was said up to `now` (LSL time)."""
        self.hatching.show_stretches(invalid_stretches(predictions, now, hop=hop, silent=silent))
        times = np.array([prediction.time - now for prediction in predictions])
        mine = [self._of(prediction) for prediction in predictions]
        self._hop = hop
        self._said = [(time, values[1]) for time, values in zip(times.tolist(), mine, strict=True) if values]
        for k in self._classes:
            smoothed = np.array([m[1][k] if m else np.nan for m in mine])
            self._smoothed[k].setData(times, smoothed) if len(times) else self._smoothed[k].clear()
        for k, points in self._raw.items():
            raw = np.array([m[0][k] if m else np.nan for m in mine])
            known = np.isfinite(raw)
            points.setData(times[known], raw[known])

    def _of(self, prediction: Prediction) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        for target in prediction.targets:
            if target.name == self.target.name and target.probability and target.smoothed:
                return target.probability, target.smoothed
        return None

    def viewportEvent(self, event: object) -> bool:  # noqa: N802
        """Tell on hover what was said at a time, or why nothing was."""
        if isinstance(event, QHelpEvent):
            told = self.told(self.getViewBox().mapSceneToView(QPointF(event.pos())).x())
            if told:
                QToolTip.showText(event.globalPos(), told, self)
            else:
                QToolTip.hideText()
            return True
        return bool(super().viewportEvent(event))

    def told(self, seconds: float) -> str:
        """Give what was said so many seconds after now, or why nothing was; empty if neither is known."""
        found = [stretch for stretch in self.hatching.stretches if stretch.start <= seconds <= stretch.stop]
        if found:
            return f"no value: {found[0].reason}"
        # Each speaks for the time before it, as it is drawn.
        after = [(time, values) for time, values in self._said if seconds <= time <= seconds + self._hop]
        if not after:
            return ""
        pairs = zip(self.target.classes, after[0][1], strict=True)
        return ", ".join(f"{name} {value:.2f}" for name, value in pairs)
