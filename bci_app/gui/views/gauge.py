"""What the model says now of one target: every class, smoothed and raw."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from bci_app.bundle.spec import Target
from bci_app.events import TargetPrediction
from bci_app.gui.glyphs import class_pen, hatch
from bci_app.gui.theme import GRID, Theme, color, font

_TITLE = 4 * GRID
_COMPACT = 7 * GRID // 2
_ROW = 3 * GRID
_SAMPLE = 2 * GRID + 4  # of a line of the timeline


class Gauge(QWidget):
    """Two classes share one scale; more have a bar each.

    Parameters
    ----------
    target : Target
        Names and classes, as the bundle has them.
    index : int
        Its position in the bundle, which chooses its colour.
    compact : bool
        Title and value only, where a timeline below shows the rest.
    """

    def __init__(self, target: Target, index: int, theme: Theme, *, compact: bool = False) -> None:
        super().__init__()
        self.target = target
        self._compact = compact
        self._index = index
        self._theme = theme
        self._prediction: TargetPrediction | None = None
        self._reason = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"prediction of {target.title}")

    @property
    def reason(self) -> str:
        """Why there is no value, if there is none."""
        return self._reason

    def sizeHint(self) -> QSize:  # noqa: N802
        """Fit the classes."""
        if self._compact:
            return QSize(30 * GRID, _COMPACT + (2 * GRID if self._classes_below else 0))
        rows = 1 if self._binary else len(self.target.classes)
        return QSize(30 * GRID, _TITLE + rows * _ROW + (_ROW if self._binary else 0))

    def show_prediction(self, prediction: TargetPrediction) -> None:
        """Show a valid prediction."""
        self._prediction, self._reason = prediction, ""
        best = self._best(prediction)
        self.setAccessibleDescription(f"{best[0]} {best[1]:.2f}")
        self.update()

    def show_nothing(self, reason: str) -> None:
        """Show that there is no value, and why."""
        self._prediction, self._reason = None, reason
        self.setAccessibleDescription(f"no value: {reason}")
        self.update()

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        self.update()

    @property
    def _binary(self) -> bool:
        return len(self.target.classes) == 2

    @property
    def _classes_below(self) -> bool:
        """Whether there are no bars to tell the classes by."""
        return self._compact and not self._binary

    @staticmethod
    def _best(prediction: TargetPrediction) -> tuple[str, float]:
        smoothed = prediction.smoothed or ()
        position = max(range(len(smoothed)), key=smoothed.__getitem__)
        return prediction.classes[position], smoothed[position]

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Draw title, value and scale."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = self._theme
        known = self._prediction is not None
        baseline = 3 * GRID
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.target(self._index) if known else theme.faint))
        painter.drawEllipse(QPointF(GRID / 2, baseline - 4.5), GRID / 2, GRID / 2)
        right = float(self.width())
        if self._prediction is not None:
            word, value = self._best(self._prediction)
            number = f"{value:.2f}"
            painter.setFont(font(large=True))
            painter.setPen(QColor(theme.text))
            right -= QFontMetricsF(painter.font()).horizontalAdvance(number)
            painter.drawText(QPointF(right, baseline), number)
            right -= GRID
        else:
            word = f"no value: {self._reason}" if self._reason else "no value yet"
        title, word = self.elided(word, right)
        painter.setFont(font())
        painter.setPen(QColor(theme.text))
        painter.drawText(QPointF(2 * GRID, baseline), title)
        painter.setPen(QColor(theme.muted))
        painter.drawText(QPointF(right - QFontMetricsF(font()).horizontalAdvance(word), baseline), word)
        if self._classes_below:
            self._paint_classes(painter)
        elif self._compact:
            return
        elif self._binary:
            self._paint_scale(painter)
        else:
            self._paint_bars(painter)

    def elided(self, word: str, room: float) -> tuple[str, str]:
        """Shorten the title and the word beside it until both fit in so many pixels, the longer one first."""
        metrics, title = QFontMetricsF(font()), self.target.title
        room -= 3 * GRID  # the mark, and the space between
        for_word = max(room - metrics.horizontalAdvance(title), room / 2)
        word = metrics.elidedText(word, Qt.TextElideMode.ElideRight, for_word)
        for_title = room - metrics.horizontalAdvance(word)
        return metrics.elidedText(title, Qt.TextElideMode.ElideRight, for_title), word

    def _paint_sample(self, painter: QPainter, x: float, y: float, position: int) -> None:
        """Draw a piece of a class's line, as the timeline has it."""
        painter.setPen(class_pen(self._theme.target(self._index), position, 2))
        painter.drawLine(QPointF(x, y), QPointF(x + _SAMPLE, y))

    def _paint_classes(self, painter: QPainter) -> None:
        """Say which line of the timeline is which class."""
        metrics, room = QFontMetricsF(font()), self.width() / len(self.target.classes)
        for position, name in enumerate(self.target.classes):
            x, y = room * position, _COMPACT + GRID
            self._paint_sample(painter, x, y, position)
            painter.setPen(QColor(self._theme.muted))
            left = x + _SAMPLE + GRID / 2
            text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, room - _SAMPLE - GRID)
            painter.drawText(QRectF(left, y - 10, room, 20), Qt.AlignmentFlag.AlignVCenter, text)

    def _track(self, painter: QPainter, box: QRectF) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.surface))
        painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
        if self._prediction is None:
            hatch(painter, box, self._theme.faint)

    def _paint_scale(self, painter: QPainter) -> None:
        theme = self._theme
        y = _TITLE + _ROW / 2
        box = QRectF(0, y - 3, self.width(), 6)
        self._track(painter, box)
        middle = box.center().x()
        tint = theme.target(self._index)
        if self._prediction is not None and self._prediction.smoothed and self._prediction.probability:
            radius = 7.0
            reach = self.width() - 2 * radius
            place = radius + reach * self._prediction.smoothed[-1]
            painter.setBrush(QColor(tint))
            painter.drawRect(QRectF(min(middle, place), box.top(), abs(place - middle), box.height()))
            raw = radius + reach * self._prediction.probability[-1]
            painter.setPen(QPen(color(tint, 0.8), 2))
            painter.drawLine(QPointF(raw, y - 8), QPointF(raw, y + 8))
            painter.setPen(QPen(QColor(theme.background), 2))
            painter.setBrush(QColor(tint))
            painter.drawEllipse(QPointF(place, y), radius, radius)
        painter.setPen(QPen(QColor(theme.faint), 1))
        painter.drawLine(QPointF(middle, y + 8), QPointF(middle, y + 12))
        painter.setPen(QColor(theme.muted))
        below = QRectF(0, _TITLE + _ROW, self.width(), 2 * GRID)
        top = Qt.AlignmentFlag.AlignTop
        metrics, room = QFontMetricsF(font()), self.width() / 2 - GRID
        low, high = (metrics.elidedText(w, Qt.TextElideMode.ElideRight, room) for w in self.target.classes)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft | top, low)
        painter.drawText(below, Qt.AlignmentFlag.AlignRight | top, high)

    def _paint_bars(self, painter: QPainter) -> None:
        theme = self._theme
        metrics = QFontMetricsF(painter.font())
        longest = max(metrics.horizontalAdvance(name) for name in self.target.classes)
        left = _SAMPLE + GRID
        words = left + min(longest, 0.4 * self.width()) + 2 * GRID
        number = metrics.horizontalAdvance("0.00") + GRID
        tint = theme.target(self._index)
        for row, name in enumerate(self.target.classes):
            y = _TITLE + row * _ROW + _ROW / 2
            self._paint_sample(painter, 0, y, row)
            painter.setPen(QColor(theme.muted))
            text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, words - left - GRID)
            painter.drawText(QRectF(left, y - 10, words, 20), Qt.AlignmentFlag.AlignVCenter, text)
            box = QRectF(words, y - 3, self.width() - words - number, 6)
            self._track(painter, box)
            prediction = self._prediction
            if prediction is None or prediction.smoothed is None or prediction.probability is None:
                continue
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tint))
            filled = QRectF(box.left(), box.top(), max(6.0, box.width() * prediction.smoothed[row]), box.height())
            painter.drawRoundedRect(filled, 3, 3)
            raw = box.left() + box.width() * prediction.probability[row]
            painter.setPen(QPen(color(tint, 0.8), 2))
            painter.drawLine(QPointF(raw, y - 7), QPointF(raw, y + 7))
            painter.setPen(QColor(theme.text))
            painter.drawText(
                QRectF(self.width() - number, y - 10, number, 20),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
                f"{prediction.smoothed[row]:.2f}",
            )
