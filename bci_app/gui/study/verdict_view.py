"""Learning after a study: choose a model and a target, and see what your own model is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PyQt6.QtCore import QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from bci_app.errors import BciError
from bci_app.gui.jobs import Job
from bci_app.gui.theme import GRID, Theme, color, font
from bci_app.gui.widgets import label, set_tone
from bci_app.learn.learn import Learnt
from bci_app.learn.verdict import Verdict

Learn = Callable[[Path, str], Learnt]
"""Learns for the folder of a bundle and a target."""


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

    def show_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

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

    `use_asked` carries the folders of the bundle and of the profile that are to be used live; `learnt` says that there
    is a new profile.

    Parameters
    ----------
    theme : Theme
        Colours.
    targets : sequence of str
        What the study's trials can be labelled with.
    learn : callable
        Does the work.
    """

    use_asked = pyqtSignal(object, object)
    learnt = pyqtSignal()

    def __init__(self, theme: Theme, targets: Sequence[str], learn: Learn) -> None:
        super().__init__()
        self._learn = learn
        self._asked: Path | None = None  # the bundle that is learnt on
        self._profile: Path | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 2 * GRID, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(label("Your own model", role="strong"))
        row = QHBoxLayout()
        row.setSpacing(GRID)
        self.target, self.bundle = QComboBox(), QComboBox()
        self.target.addItems(targets)
        self.button = QPushButton("Learn")
        self.button.setToolTip("leave each trial out in turn, and see what is recognised of it")
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
        self.use = QPushButton("Use in a live session")
        self.use.setProperty("kind", "primary")
        self.use.setToolTip("open a session of the same source with this profile")
        self.use.clicked.connect(lambda: self.use_asked.emit(self._asked, self._profile))
        self.use.hide()
        last = QHBoxLayout()
        last.addWidget(self.use)
        last.addStretch()
        column.addLayout(last)
        self._job = Job(self)
        self._job.finished.connect(self.show_learnt)
        self._job.failed.connect(self._show_error)
        self.button.clicked.connect(self.learn)

    def show_bundles(self, bundles: Mapping[str, Path]) -> None:
        """Offer these bundles, by title."""
        self.bundle.clear()
        for title, folder in bundles.items():
            self.bundle.addItem(title, folder)

    def learn(self) -> None:
        """Begin to learn what is chosen."""
        bundle, target = self.bundle.currentData(), self.target.currentText()
        self.button.setEnabled(False)
        self._asked = bundle
        self.scale.hide()
        self.use.hide()
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
        self._profile = learnt.profile_folder
        self.use.setVisible(learnt.profile_folder is not None)
        if learnt.profile_folder is not None:
            self.profile.setText(f"Profile: {learnt.profile_folder}")
            self.learnt.emit()

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self.scale.show_theme(theme)

    def stop(self) -> None:
        """Wait for what is being learnt, and forget it."""
        self._job.stop()

    def _show_error(self, error: BciError) -> None:
        self.button.setEnabled(True)
        set_tone(self.sentence, "bad")
        self.sentence.setText(str(error))
