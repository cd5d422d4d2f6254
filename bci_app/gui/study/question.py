"""A question to the participant: manikins, numbers or words, by keyboard, mouse or touch."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QFont, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from bci_app.gui.study.manikins import draw_manikin
from bci_app.gui.theme import GRID, Theme, color, font
from bci_app.gui.widgets import label
from bci_app.study.protocol import Scale, in_language

_WIDEST = 150 * GRID
_FIGURES = 18 * GRID
_PLAIN = 12 * GRID
# Before an answer is chosen, after it was chosen by the keyboard, and by mouse or touch.
_HINTS = {
    "en": ("Choose with the digits, the arrows or a touch", "Enter: next", "Touch again, or press Enter: next"),
    "de": (
        "Wählen mit Ziffern, Pfeilen oder Berührung",
        "Eingabe: weiter",
        "Noch einmal, oder Eingabe: weiter",
    ),
}


def large_font(pixels: int, *, strong: bool = False) -> QFont:
    """Return the program's font in the size of a participant's view."""
    result = font(strong=strong)
    result.setPixelSize(pixels)
    return result


def _words(pixels: int, *, tone: str = "", wrap: bool = False) -> QLabel:
    """Make a label in a size of the participant's view, which the style sheet would else decide."""
    result = label(tone=tone, wrap=wrap)
    result.setStyleSheet(f"font-size: {pixels}px")
    result.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return result


class _Answers(QWidget):
    """The answers in a row; one can be chosen."""

    chosen = pyqtSignal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._scale: Scale | None = None
        self._hover = -1
        self.current = -1
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMaximumWidth(_WIDEST)

    def show_scale(self, scale: Scale) -> None:
        self._scale, self.current, self._hover = scale, -1, -1
        self.setFixedHeight((_FIGURES if scale.kind == "sam" else _PLAIN) + 5 * GRID)
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(_WIDEST, self.height())

    def choose(self, index: int) -> None:
        if self._scale is not None and 0 <= index < len(self._scale.answers):
            self.current = index
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        if self._scale is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme, n = self._theme, len(self._scale.answers)
        for index, answer in enumerate(self._scale.answers):
            cell = self._cell(index).adjusted(GRID / 2, 1, -GRID / 2, -1)
            selected = index == self.current
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color(theme.accent, 0.25) if selected else color(theme.surface))
            painter.drawRoundedRect(cell, GRID, GRID)
            if index == self._hover and not selected:
                painter.setBrush(color(theme.line))
                painter.drawRoundedRect(cell, GRID, GRID)
            if selected:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(color(theme.accent), 2))
                painter.drawRoundedRect(cell, GRID, GRID)
            label_rect = QRectF(cell.left(), cell.bottom() - 5 * GRID, cell.width(), 5 * GRID)
            if self._scale.kind == "sam":
                figure = cell.adjusted(GRID, GRID, -GRID, -5 * GRID)
                draw_manikin(painter, figure, self._scale.name, index / (n - 1), color(theme.text))
            else:
                label_rect = cell.adjusted(GRID, 0, -GRID, 0)
            painter.setPen(color(theme.text if selected else theme.muted))
            painter.setFont(large_font(22, strong=selected))
            painter.drawText(label_rect, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, answer)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        if event is not None:
            self._hover = self._at(event.position())
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        if event is not None and (index := self._at(event.position())) >= 0:
            self.choose(index)
            self.chosen.emit(index)

    def _cell(self, index: int) -> QRectF:
        n = len(self._scale.answers) if self._scale is not None else 1
        width = self.width() / n
        return QRectF(index * width, 0, width, self.height())

    def _at(self, point: QPointF) -> int:
        if self._scale is None or not self.rect().contains(point.toPoint()):
            return -1
        return min(int(point.x() * len(self._scale.answers) / self.width()), len(self._scale.answers) - 1)


class QuestionView(QWidget):
    """One question. A digit or a click chooses, Enter or a second click on the same answer confirms.

    `answered` carries the answer as it stands in the scale.
    """

    answered = pyqtSignal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._scale: Scale | None = None
        self._typed = ""
        self._hints = _HINTS["en"]
        column = QVBoxLayout(self)
        column.setContentsMargins(8 * GRID, 8 * GRID, 8 * GRID, 8 * GRID)
        column.addStretch(2)
        self.question = _words(30, wrap=True)
        column.addWidget(self.question)
        column.addSpacing(4 * GRID)
        self.answers = _Answers(theme)
        scale = QWidget()
        scale.setMaximumWidth(_WIDEST)
        below = QVBoxLayout(scale)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(GRID)
        below.addWidget(self.answers)
        ends = QHBoxLayout()
        ends.setContentsMargins(GRID, 0, GRID, 0)
        self.low, self.high = _words(20, tone="muted"), _words(20, tone="muted")
        ends.addWidget(self.low)
        ends.addStretch()
        ends.addWidget(self.high)
        below.addLayout(ends)
        centred = QHBoxLayout()
        centred.addStretch()
        centred.addWidget(scale, 1000)
        centred.addStretch()
        column.addLayout(centred)
        column.addStretch(3)
        self.hint = _words(18, tone="muted")
        column.addWidget(self.hint)
        self.answers.chosen.connect(self._clicked)
        self._before = -1

    def show_scale(self, scale: Scale, language: str) -> None:
        """Ask a question."""
        self._scale, self._typed, self._before = scale, "", -1
        self._hints = _HINTS.get(language, _HINTS["en"])
        self.question.setText(in_language(scale.question, language) or scale.name.replace("_", " "))
        self.low.setText(in_language(scale.low_label, language))
        self.high.setText(in_language(scale.high_label, language))
        self.answers.show_scale(scale)
        self.hint.setText(self._hints[0])
        self.setFocus()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Choose by digits or arrows, confirm with Enter."""
        if event is None or self._scale is None:
            return
        key, text = event.key(), event.text()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._confirm()
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = 1 if key == Qt.Key.Key_Right else -1
            self._choose(max(0, min(len(self._scale.answers) - 1, self.answers.current + step)))
        elif text.isdecimal():
            self._type(text)
        else:
            super().keyPressEvent(event)

    def _type(self, digit: str) -> None:
        """Take a digit; on scales beyond 9 digits add up to a number."""
        assert self._scale is not None
        answers = self._scale.answers
        if self._scale.kind == "words":
            self._choose(int(digit) - 1)
            return
        for typed in (self._typed + digit, digit):
            if typed in answers:
                self._typed = typed
                self._choose(answers.index(typed))
                return
        self._typed = digit

    def _choose(self, index: int) -> None:
        self.answers.choose(index)
        if self.answers.current >= 0:
            self.hint.setText(self._hints[1])

    def _clicked(self, index: int) -> None:
        if index == self._before:
            self._confirm()
            return
        self._before = index
        self.hint.setText(self._hints[2])

    def _confirm(self) -> None:
        if self._scale is not None and self.answers.current >= 0:
            self.answered.emit(self._scale.answers[self.answers.current])
