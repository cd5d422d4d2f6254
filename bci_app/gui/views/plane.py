"""Valence and arousal as a plane (Russell 1980): the present answer, how sure it is, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QSizePolicy

from bci_app.bundle.spec import Bundle, Target
from bci_app.events import Prediction
from bci_app.gui.glyphs import hatch, write_reason
from bci_app.gui.theme import GRID, Theme, color, font
from bci_app.gui.views.target_view import TargetView
from bci_app.presentation.answers import UNDECIDED, Answers, verdict
from bci_app.presentation.state import expected

_AXES = ("valence", "arousal")  # from left to right, from bottom to top
# Words of the quadrants: (valence, arousal) from their first to their last class.
_QUADRANTS = {(0, 1): "tense", (1, 1): "excited", (1, 0): "calm", (0, 0): "sad"}
_WORDS = 3 * GRID  # left of and below the frame
_EDGE = GRID // 2  # above and right of it
_LEAST_SIDE = 300  # of the frame, where the window allows it
_SMALLEST_SIDE = 14 * GRID
_WORDS_FROM = 150  # side from which the quadrants have words
_TRAIL = 30  # answers
_REPORTS = 20
_RATINGS = (1, 9)
_RADIUS = 7.0


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where the present answer lies, in the plane from 0 to 1.

    Attributes
    ----------
    x, y : float
        Smoothed answer.
    spread : ndarray of float64, shape (2,)
        Standard deviation of the raw answers of the last windows.
    undecided : tuple of bool
        Whether valence and arousal are undecided.
    trail : ndarray of float64, shape (n_answers, 2)
        The answers before it, the oldest first.
    """

    x: float
    y: float
    spread: NDArray[np.float64]
    undecided: tuple[bool, bool]
    trail: NDArray[np.float64]

    @property
    def doubt(self) -> str:
        """Which axes are undecided, in words; empty if none is."""
        names = [name for name, unsure in zip(_AXES, self.undecided, strict=True) if unsure]
        return UNDECIDED if len(names) == len(_AXES) else "".join(f"{name} {UNDECIDED}" for name in names)


def plane_views(bundle: Bundle, theme: Theme) -> list[TargetView]:
    """Make the plane of a model that has both targets."""
    targets = {target.name: target for target in bundle.targets}
    return [Plane(targets[_AXES[0]], targets[_AXES[1]], theme)] if all(name in targets for name in _AXES) else []


class Plane(TargetView):
    """The two targets from their first class (0) to their last (1), with self-reports as diamonds.

    Attributes
    ----------
    place : Place or None
        The present answer, if there is one.
    reason : str
        Why there is none.
    """

    targets = _AXES
    main = True
    calm = False
    """Whether self-reports and a simulated state are left out."""

    def __init__(self, valence: Target, arousal: Target, theme: Theme) -> None:
        super().__init__()
        self._valence, self._arousal, self._theme = valence, arousal, theme
        self._answers: Answers | None = None
        self.place: Place | None = None
        self.reason = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(_SMALLEST_SIDE)
        self.setAccessibleName("plane of valence and arousal")

    def sizeHint(self) -> QSize:  # noqa: N802
        """Prefer a square."""
        return QSize(_LEAST_SIDE + _WORDS + _EDGE, _LEAST_SIDE + _WORDS + _EDGE)

    def least_height(self, width: int) -> int:
        """Return the height of a frame of 300 pixels, or of the largest that fits the width."""
        return min(_LEAST_SIDE + _WORDS + _EDGE, self.most_height(width))

    def most_height(self, width: int) -> int:
        """Return the height of the largest square in this width."""
        return max(width - _WORDS - _EDGE, _SMALLEST_SIDE) + _WORDS + _EDGE

    @property
    def frame(self) -> QRectF:
        """The square that answers lie in, in pixels before the zoom."""
        width, height = self.width() / self.zoom - _WORDS - _EDGE, self.height() / self.zoom - _WORDS - _EDGE
        side = max(1.0, min(width, height))
        return QRectF(_WORDS + max(0.0, (width - side) / 2), _EDGE, side, side)

    @property
    def zoom(self) -> float:
        """How much larger than usual everything is drawn."""
        return 1.0

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        self.update()

    def show_answers(self, answers: Answers) -> None:
        """Show the newest answer, its spread, the trail and self-reports."""
        self._answers, self.reason = answers, answers.reason
        self.place = None if answers.latest is None else self._place(answers)
        self.setToolTip(self._tip())
        self.setAccessibleDescription(f"no value: {self.reason}" if self.place is None else self._sentence())
        self.update()

    def _place(self, answers: Answers) -> Place:
        valid = [prediction for prediction in answers.predictions if prediction.valid]
        smoothed = np.array([self._point(prediction, smoothed=True) for prediction in valid[-_TRAIL:]])
        raw = np.array([self._point(prediction, smoothed=False) for prediction in valid[-max(answers.windows, 4) :]])
        x, y = smoothed[-1].tolist()
        latest = (answers.latest_of(name) for name in _AXES)
        verdicts = (verdict(found) if found is not None else None for found in latest)
        unsure = [found is not None and found.undecided for found in verdicts]
        return Place(x, y, raw.std(axis=0), (unsure[0], unsure[1]), smoothed[:-1])

    @staticmethod
    def _point(prediction: Prediction, *, smoothed: bool) -> tuple[float, float]:
        found = {target.name: target for target in prediction.targets}
        x, y = (found[name].smoothed if smoothed else found[name].probability for name in _AXES)
        return expected(x or ()), expected(y or ())

    def _sentence(self) -> str:
        place = self.place
        assert place is not None
        parts = [
            f"{name} {UNDECIDED}" if unsure else f"{name} {value:.2f}"
            for name, value, unsure in zip(_AXES, (place.x, place.y), place.undecided, strict=True)
        ]
        return ", ".join(parts)

    def _tip(self) -> str:
        if self.place is None:
            return f"no value: {self.reason}"
        lines = [self._sentence(), "ellipse: one standard deviation of the raw values of the last windows"]
        if any(self.place.undecided):
            lines.append("open mark: undecided, the model cannot exclude either end")
        return "\n".join(lines)

    # Painting ----------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Draw the frame with its words, then what is known."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(self.zoom, self.zoom)
        painter.setFont(font())
        frame, theme = self.frame, self._theme
        painter.setPen(QPen(QColor(theme.line), 1))
        painter.drawRect(frame)
        painter.drawLine(QPointF(frame.left(), frame.center().y()), QPointF(frame.right(), frame.center().y()))
        painter.drawLine(QPointF(frame.center().x(), frame.top()), QPointF(frame.center().x(), frame.bottom()))
        self._paint_axis(painter, QRectF(frame.left(), frame.bottom(), frame.width(), _WORDS), self._valence)
        painter.save()
        painter.translate(frame.left() - _WORDS, frame.bottom())
        painter.rotate(-90)
        self._paint_axis(painter, QRectF(0, 0, frame.height(), _WORDS - GRID / 2), self._arousal)
        painter.restore()
        painter.setClipRect(frame.adjusted(-1, -1, 1, 1))
        if self.place is not None:
            self._paint_place(painter, self.place)
        elif self.reason:
            self._paint_reason(painter, frame)
        if self._answers is not None and not self.calm:
            self._paint_reports(painter, self._answers)
            self._paint_truth(painter, self._answers)
        if frame.width() >= _WORDS_FROM:
            self._paint_quadrants(painter, frame)

    def _paint_axis(self, painter: QPainter, box: QRectF, target: Target) -> None:
        """Write the first class, the title and the last class along a side of the frame."""
        flag = Qt.AlignmentFlag
        first, title, last = self.axis_words(target, box.width())
        painter.setPen(QColor(self._theme.muted))
        painter.drawText(box, flag.AlignLeft | flag.AlignVCenter, first)
        painter.drawText(box, flag.AlignRight | flag.AlignVCenter, last)
        painter.setPen(QColor(self._theme.text))
        painter.drawText(box, flag.AlignHCenter | flag.AlignVCenter, title)

    @staticmethod
    def axis_words(target: Target, length: float) -> tuple[str, str, str]:
        """Return the first class, the title and the last class, shortened to fit a side of this length."""
        title = _shortened(target.title, length / 2)
        room = (length - QFontMetricsF(font()).horizontalAdvance(title)) / 2 - GRID
        return _shortened(target.classes[0], room), title, _shortened(target.classes[-1], room)

    def _paint_quadrants(self, painter: QPainter, frame: QRectF) -> None:
        """Write the words of the quadrants over what lies there, each letter with a rim that keeps it legible."""
        metrics, inner = QFontMetricsF(font()), frame.adjusted(GRID, GRID / 2, -GRID, -GRID / 2)
        words = QPainterPath()
        for (right, up), word in _QUADRANTS.items():
            left = inner.right() - metrics.horizontalAdvance(word) if right else inner.left()
            words.addText(
                left, inner.top() + metrics.ascent() if up else inner.bottom() - metrics.descent(), font(), word
            )
        painter.strokePath(words, QPen(QColor(self._theme.background), 4))
        painter.fillPath(words, QColor(self._theme.muted))

    def _at(self, x: float, y: float) -> QPointF:
        frame = self.frame
        return QPointF(frame.left() + x * frame.width(), frame.bottom() - y * frame.height())

    def _paint_reason(self, painter: QPainter, frame: QRectF) -> None:
        """Say why there is no answer."""
        hatch(painter, frame, self._theme.line)
        write_reason(painter, frame, self.reason, self._theme)

    def _paint_place(self, painter: QPainter, place: Place) -> None:
        theme, frame = self._theme, self.frame
        trail = place.trail
        painter.setPen(Qt.PenStyle.NoPen)
        for share, (x, y) in zip(np.linspace(0, 1, len(trail)).tolist(), trail.tolist(), strict=True):
            painter.setBrush(color(theme.muted, 0.05 + 0.55 * share))
            painter.drawEllipse(self._at(x, y), 2.5, 2.5)
        centre = self._at(place.x, place.y)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(theme.muted), 1))
        painter.drawEllipse(centre, place.spread[0] * frame.width(), place.spread[1] * frame.height())
        hollow = any(place.undecided)
        painter.setPen(QPen(QColor(theme.text if hollow else theme.background), 2))
        painter.setBrush(QColor(theme.background if hollow else theme.text))
        painter.drawEllipse(centre, _RADIUS, _RADIUS)
        if hollow:
            painter.setPen(QColor(theme.text))
            top = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
            painter.drawText(frame.adjusted(0, GRID / 2, 0, 0), top, place.doubt)

    def _paint_reports(self, painter: QPainter, answers: Answers) -> None:
        """Draw self-reports as diamonds, the newest strongest."""
        low, high = _RATINGS
        known = [report for report in answers.reports if all(name in report.ratings for name in _AXES)][-_REPORTS:]
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for number, report in enumerate(known, start=1):
            x, y = ((report.ratings[name] - low) / (high - low) for name in _AXES)
            painter.setPen(QPen(color(self._theme.text, 0.3 + 0.7 * (number == len(known))), 1.5))
            painter.drawPolygon(diamond(self._at(x, y)))
        self._paint_legend(painter, bool(known), answers.truth is not None)

    def _paint_truth(self, painter: QPainter, answers: Answers) -> None:
        """Draw the state of a simulated participant as a dotted ring."""
        if answers.truth is None or not all(name in answers.truth.values for name in _AXES):
            return
        x, y = (answers.truth.values[name] for name in _AXES)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(self._theme.text), 1.5, Qt.PenStyle.DotLine))
        painter.drawEllipse(self._at(x, y), _RADIUS + 3, _RADIUS + 3)

    def _paint_legend(self, painter: QPainter, reports: bool, truth: bool) -> None:
        """Name diamonds and rings in the middle of the lower edge."""
        parts = [word for word, shown in (("◇ self-report", reports), ("◌ simulated", truth)) if shown]
        frame = self.frame
        if parts and frame.width() >= 2 * _WORDS_FROM - 2 * GRID:
            painter.setFont(QFont(font()))
            painter.setPen(QColor(self._theme.muted))
            flag = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom
            painter.drawText(frame.adjusted(0, 0, 0, -GRID / 2), flag, "   ".join(parts))


def diamond(centre: QPointF, radius: float = 6.0) -> QPolygonF:
    """Return the outline of a self-report's mark."""
    corners = ((0, -radius), (radius, 0), (0, radius), (-radius, 0))
    return QPolygonF([centre + QPointF(x, y) for x, y in corners])


def _shortened(word: str, room: float) -> str:
    return QFontMetricsF(font()).elidedText(word, Qt.TextElideMode.ElideRight, max(room, 0.0))
