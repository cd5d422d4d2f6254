"""The operator's page: where a study stands, contact, time left, and what can be done about it."""

from __future__ import annotations

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from bci_app.errors import BciError
from bci_app.events import Status
from bci_app.gui.reports import ReportWriter
from bci_app.gui.study.conductor import Conductor
from bci_app.gui.study.verdict_view import VerdictView
from bci_app.gui.theme import GRID, Theme
from bci_app.gui.views.head import Head
from bci_app.gui.widgets import clock, label, set_tone
from bci_app.presentation.study_progress import StudyProgress, contact_words

_END, _SURE = "End study", "End it now?"
_SURE_MS = 4000
_WIDEST = 100 * GRID


class OperatorView(QWidget):
    """Shows and steers a study. `left` asks for the first page once it is over.

    Parameters
    ----------
    conductor : Conductor
        Of the study.
    theme : Theme
        Colours.
    title : str
        Of the study, with participant and session.
    verdict : VerdictView
        Where the study's model is learnt when it is over.
    reports : ReportWriter
        Writes the report of the study when it is over.
    """

    left = pyqtSignal()

    def __init__(
        self, conductor: Conductor, theme: Theme, title: str, verdict: VerdictView, reports: ReportWriter
    ) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._conductor = conductor
        self._over = False
        steering = QWidget()
        steering.setMaximumWidth(_WIDEST)
        column = QVBoxLayout(steering)
        column.setContentsMargins(4 * GRID, 4 * GRID, 4 * GRID, 3 * GRID)
        column.setSpacing(GRID)
        column.addWidget(label(title, role="strong"))
        self.stage = label(role="large")
        column.addWidget(self.stage)
        self.detail = label(tone="muted")
        column.addWidget(self.detail)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(GRID)
        column.addWidget(self.bar)
        self.trials, self.seconds = label(), label(tone="muted")
        column.addLayout(_row(self.trials, self.seconds))
        self.contact, self.stream = label(), label(tone="muted")
        column.addLayout(_row(self.contact, self.stream))
        self.message = label(wrap=True)
        self.message.hide()
        column.addWidget(self.message)
        self.pause = QPushButton("Pause")
        self.pause.setToolTip("Space")
        self.skip = QPushButton("Skip")
        self.repeat = QPushButton("Repeat trial")
        self.end = QPushButton(_END)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        for button in (self.pause, self.repeat, self.skip, self.end):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            buttons.addWidget(button)
        self.done = QPushButton("Close the study")
        self.done.setToolTip("back to the choice of source and model; everything is recorded")
        self.report = QPushButton("Open the report")
        self.report.setToolTip("a page about what was recorded, beside the recording")
        for button in (self.report, self.done):
            button.hide()
            buttons.addWidget(button)
        buttons.addStretch()
        column.addSpacing(GRID)
        column.addLayout(buttons)
        self.verdict = verdict
        self.verdict.hide()
        column.addWidget(self.verdict)
        column.addStretch()
        self.head = Head(theme)
        self.head.setMaximumSize(60 * GRID, 60 * GRID)
        beside = QVBoxLayout()
        beside.setContentsMargins(0, 4 * GRID, 4 * GRID, 4 * GRID)
        beside.addWidget(self.head, 100)
        beside.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        row.addWidget(steering, 60)
        row.addLayout(beside, 40)
        row.addStretch(1)
        self.pause.clicked.connect(self._pause_or_resume)
        self.skip.clicked.connect(conductor.skip)
        self.repeat.clicked.connect(conductor.repeat)
        self.end.clicked.connect(self._ask_to_end)
        self.done.clicked.connect(self.left)
        conductor.progressed.connect(self.show_progress)
        conductor.failed.connect(self.show_error)
        conductor.ended.connect(self._show_end)
        self.report.clicked.connect(reports.open)
        reports.written.connect(self.report.show)
        reports.failed.connect(self.show_error)

    def show_progress(self, progress: StudyProgress, status: Status) -> None:
        """Show where the study stands."""
        waits = f"Waits: {progress.held}" if progress.held else progress.stage
        self.stage.setText(waits)
        seconds = progress.stage_seconds
        parts = [progress.detail, f"{clock(max(0.0, seconds) + 0.99)} left" if seconds is not None else ""]
        self.detail.setText(" · ".join(part for part in parts if part))
        self.bar.setMaximum(max(1, progress.trials))
        self.bar.setValue(progress.done)
        current = f"Trial {progress.trial} of {progress.trials}" if progress.trial else f"{progress.trials} trials"
        self.trials.setText(f"{current} · {progress.done} completed")
        self.seconds.setText("" if progress.finished else f"about {clock(progress.seconds_left)} left, without answers")
        self.head.show_contacts(status.contacts)
        words, well = contact_words(status.contacts)
        self.contact.setText(words)
        set_tone(self.contact, "" if well else "bad")
        self.stream.setText(
            f"{status.effective_rate:.1f} Hz · loss {status.loss * 100:.1f} %" if status.received else "no samples yet"
        )
        self.pause.setText("Resume" if progress.held else "Pause")
        running = not progress.finished
        self.repeat.setEnabled(running and bool(progress.trial) and not progress.held)
        self.skip.setEnabled(running and not progress.held)

    def show_error(self, error: BciError) -> None:
        """Show what went wrong and what to do."""
        self.message.setText(str(error))
        set_tone(self.message, "bad")
        self.message.show()

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self.head.show_theme(theme)
        self.verdict.show_theme(theme)

    def _show_end(self) -> None:
        self._over = True
        for button in (self.pause, self.repeat, self.skip, self.end):
            button.hide()
        for part in (self.done, self.verdict):
            part.show()

    def _pause_or_resume(self) -> None:
        if self._conductor.progress.held:
            self._conductor.resume()
        else:
            self._conductor.hold()

    def _ask_to_end(self) -> None:
        """Ask again: a click in the middle of a study is easily made."""
        if self.end.text() == _SURE:
            self._conductor.abort()
        else:
            self.end.setText(_SURE)
            QTimer.singleShot(_SURE_MS, self._forget_asking)

    def _forget_asking(self) -> None:
        self.end.setText(_END)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Pause and resume with Space."""
        if event is not None and event.key() == Qt.Key.Key_Space and not self._over:
            self._pause_or_resume()
        else:
            super().keyPressEvent(event)


def _row(left: QLabel, right: QLabel) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(left)
    row.addStretch()
    row.addWidget(right)
    return row
