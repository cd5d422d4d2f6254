"""The recent history of one target: raw and smoothed answers, trials, self-reports, and what was invalid."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, nan

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtGui import QFontMetricsF, QHelpEvent
from PyQt6.QtWidgets import QToolTip

from bci_app.bundle.spec import Target
from bci_app.gui.glyphs import class_pen
from bci_app.gui.plots import Bands, Hatching, Plot
from bci_app.gui.theme import GRID, Theme, color, font
from bci_app.presentation.answers import Answers, Stretch, Verdict, invalid_stretches, verdict

SPANS = {"1 min": 60.0, "3 min": 180.0, "10 min": 600.0}
_WORDS = 8 * GRID  # at most
_RATINGS = (1, 9)


def time_ticks(span: float) -> list[tuple[float, str]]:
    """Return places and words of the time axis, in seconds before now."""
    in_minutes = span > 90
    parts = 3 if span == 180 else 4
    unit = 60 if in_minutes else 1
    places = [-span * part / parts for part in range(parts, -1, -1)]
    words = [f"−{-place / unit:g}" if place else "0" for place in places]
    words[0] += " min" if in_minutes else " s"
    return list(zip(places, words, strict=True))


def end_words(target: Target) -> tuple[str, str]:
    """Return the words at the lower and the upper end of a target's timeline."""
    # Two classes have one curve between them. Each of several classes has a curve of its probability.
    return (target.classes[0], target.classes[1]) if len(target.classes) == 2 else ("0", "1")


def words_width(targets: Sequence[Target]) -> int:
    """Return the width of an axis that fits the words of all these targets, up to a limit."""
    metrics = QFontMetricsF(font())
    widest = max(metrics.horizontalAdvance(word) for target in targets for word in end_words(target))
    return min(ceil(widest), _WORDS) + GRID


class Timeline(Plot):
    """The last minutes: the answer between two classes, or the probability of each of several.

    Parameters
    ----------
    target, index : Target, int
        As of `Gauge`.
    axis_width : int
        Pixels for the words at its ends. Timelines below each other have the same.
    """

    def __init__(self, target: Target, index: int, theme: Theme, *, axis_width: int) -> None:
        super().__init__(theme, y_width=axis_width, words=["left", "bottom"])
        self.target, self._index = target, index
        self._binary = len(target.classes) == 2
        self._hop = self._span = 0.0
        self._times = True
        self.reported: list[tuple[float, float]] = []  # self-reports: seconds before now, 0 to 1
        self._answered: list[tuple[float, tuple[float, ...]]] = []  # seconds before now, smoothed
        self.show_margin(0.04)
        metrics = QFontMetricsF(font())
        ends = [metrics.elidedText(word, Qt.TextElideMode.ElideRight, axis_width - 6) for word in end_words(target)]
        self.getAxis("left").setTicks([list(enumerate(ends)), [(0.5, "")]])
        self.show_times(True)
        self.hatching = Hatching(self)
        self.trials = Bands(self)
        self.artefacts = Bands(self, strip=True)
        self._middle = self.addLine(y=1 / len(target.classes))
        self._middle.setZValue(-20)  # behind the reasons
        shown = range(1, 2) if self._binary else range(len(target.classes))
        self._classes = tuple(shown)
        # The single windows of several classes would hide their curves.
        self.raw = {k: pg.ScatterPlotItem(size=4, pen=None, pxMode=True) for k in shown if self._binary}
        self.smoothed = {k: pg.PlotCurveItem(connect="finite", antialias=True) for k in shown}
        # Where the model does not know, its curve is thin.
        self._unsure = {k: pg.PlotCurveItem(connect="finite", antialias=True) for k in shown}
        self._reports = pg.ScatterPlotItem(size=11, symbol="d", pxMode=True, antialias=True)
        self._reports.setBrush(None)
        for item in (*self.raw.values(), *self._unsure.values(), *self.smoothed.values(), self._reports):
            self.addItem(item)
        self._show_span(SPANS["1 min"])
        self.show_theme(theme)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        super().show_theme(theme)
        self._middle.setPen(pg.mkPen(theme.line))
        tint, width = theme.target(self._index), 2 * self.devicePixelRatioF()
        for order, k in enumerate(self._classes):
            self.smoothed[k].setPen(class_pen(tint, order, width))
            self._unsure[k].setPen(class_pen(tint, order, width / 2))
        for points in self.raw.values():
            points.setBrush(pg.mkBrush(color(tint, 0.5)))
        self._reports.setPen(pg.mkPen(theme.text, width=1.5))
        self.update()

    def show_margin(self, share: float) -> None:
        """Keep this share of the height above and below, where figures of the axis need it."""
        self.setYRange(0, 1, padding=share)

    def show_times(self, shown: bool) -> None:
        """Show or hide the figures of the time axis. Of several timelines only the lowest needs them."""
        self._times = shown
        self.getAxis("bottom").setTicks([time_ticks(self._span) if shown and self._span else [], []])
        self.getAxis("bottom").setHeight(3 * GRID if shown else GRID // 2)

    def _show_span(self, span: float) -> None:
        if span != self._span:
            self._span = span
            self.setXRange(-span, 0, padding=0.02)
            self.show_times(self._times)

    def show_answers(self, answers: Answers) -> None:
        """Show what was answered up to now, with trials and self-reports."""
        self._show_span(answers.span)
        self._hop = answers.hop
        now = answers.now
        self.hatching.show_stretches(
            invalid_stretches(answers.predictions, now, hop=answers.hop, silent=answers.silent)
        )
        self.trials.show_bands(
            [Stretch(trial.start - now, (trial.stop or now) - now, trial.text) for trial in answers.trials]
        )
        self.artefacts.show_bands([Stretch(start - now, stop - now, name) for start, stop, name in answers.artefacts])
        self._show_reports(answers)
        times = np.array([prediction.time - now for prediction in answers.predictions])
        mine = answers.of_target(self.target.name)
        raw = [found.probability or () if found is not None else () for found in mine]
        smoothed = [found.smoothed or () if found is not None else () for found in mine]
        self._answered = [(time, values) for time, values in zip(times.tolist(), smoothed, strict=True) if values]
        sure = np.array([found is not None and not _unsure(verdict(found)) for found in mine], dtype=bool)
        for k in self._classes:
            values = np.array([found[k] if found else nan for found in smoothed])
            _draw(self.smoothed[k], times, np.where(sure, values, nan))
            # Both curves hold the ends of a stretch, so that they join.
            joined = ~sure | ~np.append(sure[1:], True) | ~np.append(True, sure[:-1]) if len(sure) else sure
            _draw(self._unsure[k], times, np.where(joined, values, nan))
        for k, points in self.raw.items():
            values = np.array([found[k] if found else nan for found in raw])
            known = np.isfinite(values)
            points.setData(times[known], values[known])

    def _show_reports(self, answers: Answers) -> None:
        low, high = _RATINGS
        mine = [(report.time, report.ratings.get(self.target.name)) for report in answers.reports]
        self.reported = [(time - answers.now, (rating - low) / (high - low)) for time, rating in mine if rating]
        self._reports.setData([time for time, _ in self.reported], [share for _, share in self.reported])

    def viewportEvent(self, event: object) -> bool:  # noqa: N802
        """Show on hover what was answered at a time, or why nothing was."""
        if isinstance(event, QHelpEvent):
            text = self.text_at(self.getViewBox().mapSceneToView(QPointF(event.pos())).x())
            if text:
                QToolTip.showText(event.globalPos(), text, self)
            else:
                QToolTip.hideText()
            return True
        return bool(super().viewportEvent(event))

    def text_at(self, seconds: float) -> str:
        """Return what was answered so many seconds after now, or why nothing was; empty if neither is known."""
        found = [stretch for stretch in self.hatching.stretches if stretch.start <= seconds <= stretch.stop]
        if found:
            return f"no value: {found[0].reason}"
        # Each answer stands for the time before it, as it is drawn.
        after = [values for time, values in self._answered if seconds <= time <= seconds + self._hop]
        if not after:
            return ""
        pairs = zip(self.target.classes, after[0], strict=True)
        beside = [f"{name} in the signal" for start, stop, name in self.artefacts.bands if start <= seconds <= stop]
        return ", ".join([*(f"{name} {value:.2f}" for name, value in pairs), *beside])


def _unsure(found: Verdict | None) -> bool:
    return found is not None and found.undecided


def _draw(curve: pg.PlotCurveItem, times: NDArray[np.float64], values: NDArray[np.float64]) -> None:
    """Draw a curve, or nothing: pyqtgraph does not take an empty one."""
    curve.setData(times, values) if len(times) else curve.clear()
