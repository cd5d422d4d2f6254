"""Learning after a study: choose a model and a target, and see what a model of one's own is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from bci_app.errors import BciError
from bci_app.gui.jobs import Job
from bci_app.gui.theme import GRID, Theme, color, font
from bci_app.gui.widgets import label, set_tone
from bci_app.learn.learn import Learnt
from bci_app.learn.verdict import Verdict

Learn = Callable[[str, str], Learnt]
"""Learns for the name of a bundle and a target."""


class _Scale(QWidget):
    """Accuracy with its interval, beside chance, the general model, and muscle and eyes."""

    _ROWS = 4

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._verdict: Verdict | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight((self._ROWS * 3 + 3) * GRID)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(60 * GRID, self.height())

    def show_verdict(self, verdict: Verdict) -> None:
        self._verdict = verdict
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        verdict = self._verdict
        if verdict is None:
            return
        painter, theme = QPainter(self), self._theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font())
        left, right = 18.0 * GRID, self.width() - 12.0 * GRID
        top, step = 0.0, 3.0 * GRID

        def x(value: float) -> float:
            return left + (right - left) * min(1.0, max(0.0, value))

        bottom = top + self._ROWS * step
        painter.setPen(QPen(color(theme.line), 1))
        for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
            painter.drawLine(round(x(tick)), round(top), round(x(tick)), round(bottom))
        painter.setPen(color(theme.muted))
        for tick in (0.0, 0.5, 1.0):
            painter.drawText(QRectF(x(tick) - 40, bottom, 80, 3 * GRID), Qt.AlignmentFlag.AlignCenter, f"{tick:g}")
        rows = (
            ("your own model", verdict.balanced_accuracy, verdict.interval, theme.target(1)),
            ("shuffled labels", None, verdict.chance, theme.faint),
            ("general model", verdict.general_balanced_accuracy, None, theme.muted),
            ("muscle and eyes", verdict.artefact_balanced_accuracy, None, theme.muted),
        )
        for number, (name, value, span, ink) in enumerate(rows):
            middle = top + (number + 0.5) * step
            painter.setPen(color(theme.text if number == 0 else theme.muted))
            row = QRectF(0, middle - step / 2, left - 2 * GRID, step)
            painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, name)
            if span is not None:
                painter.setPen(QPen(color(ink), 4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
                painter.drawLine(round(x(span[0])), round(middle), round(x(span[1])), round(middle))
            if value is not None:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(color(ink))
                painter.drawEllipse(QRectF(x(value) - 5, middle - 5, 10, 10))
                painter.setPen(color(theme.text))
            figures = f"{value:.2f}" if value is not None else ("–" if span is None else f"{span[0]:.2f}–{span[1]:.2f}")
            where = QRectF(right + GRID, middle - step / 2, 11 * GRID, step)
            painter.setPen(color(theme.text if number == 0 else theme.muted))
            painter.drawText(where, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, figures)


class VerdictView(QWidget):
    """Learns away from the window's thread and shows the verdict.

    Parameters
    ----------
    theme : Theme
        Colours.
    bundles : sequence of str
        Names to choose from.
    targets : sequence of str
        What the study's trials can be labelled with.
    learn : callable
        Does the work.
    """

    def __init__(self, theme: Theme, bundles: Sequence[str], targets: Sequence[str], learn: Learn) -> None:
        super().__init__()
        self._learn = learn
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 2 * GRID, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(label("A model of your own", role="strong"))
        row = QHBoxLayout()
        row.setSpacing(GRID)
        self.target, self.bundle = QComboBox(), QComboBox()
        self.target.addItems(targets)
        self.bundle.addItems(bundles)
        self.button = QPushButton("Learn")
        for widget in (label("of"), self.target, label("on"), self.bundle, self.button):
            row.addWidget(widget)
        row.addStretch()
        column.addLayout(row)
        self.sentence = label(wrap=True)
        column.addWidget(self.sentence)
        self.scale = _Scale(theme)
        self.scale.hide()
        column.addWidget(self.scale)
        self.profile = label(tone="muted", wrap=True)
        self.profile.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self.profile)
        self._job = Job(self)
        self._job.finished.connect(self.show_learnt)
        self._job.failed.connect(self._show_error)
        self.button.clicked.connect(self.learn)

    def learn(self) -> None:
        """Begin to learn what is chosen."""
        bundle, target = self.bundle.currentText(), self.target.currentText()
        self.button.setEnabled(False)
        self.scale.hide()
        self.profile.clear()
        set_tone(self.sentence, "muted")
        self.sentence.setText("Leaving each trial out in turn, and the same with shuffled labels …")
        self._job.start(lambda: self._learn(bundle, target))

    def show_learnt(self, learnt: Learnt) -> None:
        """Show a verdict."""
        self.button.setEnabled(True)
        set_tone(self.sentence, "")
        self.sentence.setText(learnt.verdict.sentence)
        self.scale.show_verdict(learnt.verdict)
        self.scale.show()
        if learnt.profile_folder is not None:
            self.profile.setText(f"Profile: {learnt.profile_folder}")

    def _show_error(self, error: BciError) -> None:
        self.button.setEnabled(True)
        set_tone(self.sentence, "bad")
        self.sentence.setText(str(error))
