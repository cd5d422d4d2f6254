"""The model's answer for one target now: every class, smoothed and raw."""

from __future__ import annotations

from enum import Enum

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from bci_app.bundle.spec import Target
from bci_app.events import TargetPrediction
from bci_app.gui.glyphs import class_pen, hatch
from bci_app.gui.theme import GRID, Theme, color, font
from bci_app.presentation.answers import verdict

SIDE_WIDTH = 14 * GRID
_TITLE = 4 * GRID
_COMPACT = 7 * GRID // 2
_ROW = 3 * GRID
_SAMPLE = 2 * GRID + 4  # of a line of the timeline


class GaugeForm(Enum):
    """How much a gauge shows.

    The answer with a scale or bars; only title and answer above a timeline; or title and answer beside a timeline.
    """

    FULL = "full"
    TITLE = "title"
    SIDE = "side"


class Gauge(QWidget):
    """Two classes share one scale. More classes have a bar each.

    Parameters
    ----------
    target : Target
        Names and classes, as the bundle has them.
    index : int
        Its position in the bundle, which chooses its colour.
    form : GaugeForm
        How much it shows.
    """

    def __init__(self, target: Target, index: int, theme: Theme, *, form: GaugeForm = GaugeForm.FULL) -> None:
        super().__init__()
        self.target = target
        self._form = form
        self._index = index
        self._theme = theme
        self._prediction: TargetPrediction | None = None
        self._reason = ""
        vertical = QSizePolicy.Policy.Ignored if form is GaugeForm.SIDE else QSizePolicy.Policy.Fixed
        self.setSizePolicy(QSizePolicy.Policy.Expanding, vertical)
        self.setAccessibleName(f"prediction of {target.title}")

    @property
    def reason(self) -> str:
        """Why there is no value, if there is none."""
        return self._reason

    def sizeHint(self) -> QSize:  # noqa: N802
        """Fit the classes."""
        if self._form is GaugeForm.SIDE:
            return QSize(SIDE_WIDTH, 5 * GRID)
        if self._form is GaugeForm.TITLE:
            return QSize(30 * GRID, _COMPACT + (2 * GRID if self._classes_below else 0))
        rows = 1 if self._binary else len(self.target.classes)
        return QSize(30 * GRID, _TITLE + rows * _ROW + (_ROW if self._binary else 0))

    def show_prediction(self, prediction: TargetPrediction) -> None:
        """Show a valid prediction."""
        self._prediction, self._reason = prediction, ""
        found = verdict(prediction)
        self.setAccessibleDescription(found.sentence if found is not None else "")
        self.setToolTip(found.sentence if found is not None else "")
        self.update()

    def show_nothing(self, reason: str) -> None:
        """Show that there is no value, and why."""
        self._prediction, self._reason = None, reason
        self.setAccessibleDescription(f"no value: {reason}")
        self.setToolTip(f"no value: {reason}")
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
        """Whether the classes are named below the title, as there are no bars with names."""
        return self._form is GaugeForm.TITLE and not self._binary

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Draw title, answer and scale."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._form is GaugeForm.SIDE:
            self._paint_side(painter)
            return
        self._paint_head(painter)
        if self._classes_below:
            self._paint_classes(painter)
        elif self._form is GaugeForm.TITLE:
            return
        elif self._binary:
            self._paint_scale(painter)
        else:
            self._paint_bars(painter)

    @property
    def answer(self) -> tuple[str, str]:
        """The word and the figure of the answer. There is no figure where nothing is decided."""
        found = verdict(self._prediction) if self._prediction is not None else None
        if found is None:
            return (f"no value: {self._reason}" if self._reason else "no value yet"), ""
        return found.word, "" if found.undecided else f"{found.value:.2f}"

    def _paint_dot(self, painter: QPainter, y: float) -> None:
        known = self._prediction is not None
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.target(self._index) if known else self._theme.faint))
        painter.drawEllipse(QPointF(GRID / 2, y), GRID / 2, GRID / 2)

    def _paint_side(self, painter: QPainter) -> None:
        """Write title and answer in two lines in the middle of the height."""
        theme, middle, room = self._theme, self.contentsRect().height() / 2, float(self.width() - 3 * GRID)
        metrics = QFontMetricsF(font())
        self._paint_dot(painter, middle - GRID)
        painter.setFont(font())
        painter.setPen(QColor(theme.text))
        title = metrics.elidedText(self.target.title, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QPointF(2 * GRID, middle - GRID / 2), title)
        word, figure = self.answer
        word = self._reason or word if self._prediction is None else word
        painter.setPen(QColor(theme.muted))
        space = room - metrics.horizontalAdvance(f" {figure}")
        word = metrics.elidedText(word, Qt.TextElideMode.ElideRight, space)
        painter.drawText(QPointF(2 * GRID, middle + 1.5 * GRID), word)
        painter.setPen(QColor(theme.text))
        painter.drawText(QPointF(2 * GRID + metrics.horizontalAdvance(f"{word} "), middle + 1.5 * GRID), figure)

    def _paint_head(self, painter: QPainter) -> None:
        """Write the title at the left, and the answer in large type at the right."""
        theme, baseline, right = self._theme, 3 * GRID, float(self.width())
        self._paint_dot(painter, baseline - 4.5)
        word, figure = self.answer
        known = self._prediction is not None
        large = figure or (word if known else "")
        if large:
            painter.setFont(font(large=True))
            painter.setPen(QColor(theme.text if figure else theme.muted))
            right -= QFontMetricsF(painter.font()).horizontalAdvance(large)
            painter.drawText(QPointF(right, baseline), large)
            right -= GRID
        title, word = self.elided(word if large != word else "", right)
        painter.setFont(font())
        painter.setPen(QColor(theme.text))
        painter.drawText(QPointF(2 * GRID, baseline), title)
        painter.setPen(QColor(theme.muted))
        painter.drawText(QPointF(right - QFontMetricsF(font()).horizontalAdvance(word), baseline), word)

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
        """Name the lines of the timeline."""
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
            found = verdict(self._prediction)
            hollow = found is not None and found.undecided
            painter.setPen(QPen(QColor(tint if hollow else theme.background), 2))
            painter.setBrush(QColor(theme.background if hollow else tint))
            painter.drawEllipse(QPointF(place, y), radius - hollow, radius - hollow)
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
