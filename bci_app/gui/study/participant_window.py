"""The participant's own window: stimuli and questions, and nothing of the operator's."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QGuiApplication, QKeyEvent
from PyQt6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from bci_app.gui.study.question import QuestionView
from bci_app.gui.study.stage_view import StageView
from bci_app.gui.theme import Theme, palette, style_sheet
from bci_app.study.runner import Stage, StageKind

_THANKS = {"en": "Thank you. The study is over.", "de": "Vielen Dank. Die Untersuchung ist beendet."}
_WAIT = {"en": "One moment, please.", "de": "Einen Augenblick, bitte."}


class ParticipantWindow(QWidget):
    """Shows the stage of a study.

    Signals: `presented` with the LSL time and the delay of the first frame, `proceeded` when an instruction was read
    or a film is over, `answered` with an answer, `failed` with the name of a medium that cannot be played.
    """

    presented = pyqtSignal(float, float)
    proceeded = pyqtSignal()
    answered = pyqtSignal(str)
    failed = pyqtSignal(str)

    def __init__(self, theme: Theme, folder: Path, language: str) -> None:
        super().__init__()
        self.setWindowTitle("bci-app")
        self.setPalette(palette(theme))
        self.setStyleSheet(style_sheet(theme))
        self._language = language
        self._stage: Stage | None = None
        self._may_close = False
        self.stage_view = StageView(theme, folder)
        self.question = QuestionView(theme)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.stage_view)
        self._pages.addWidget(self.question)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._pages)
        self.stage_view.presented.connect(self.presented)
        self.stage_view.ended.connect(self.proceeded)
        self.stage_view.failed.connect(self.failed)
        self.question.answered.connect(self.answered)

    def open_up(self) -> None:
        """Show the window on the second screen, full, or beside the operator's where there is one screen only."""
        screens = QGuiApplication.screens()
        if len(screens) > 1:
            self.setGeometry(screens[1].geometry())
            self.showFullScreen()
        else:
            self.resize(1100, 760)
            self.show()

    def show_stage(self, stage: Stage) -> None:
        """Show what comes now."""
        self._stage = stage
        if stage.kind is StageKind.RATING and stage.scale is not None:
            self._pages.setCurrentWidget(self.question)
            self.question.show_scale(stage.scale, self._language)
            self.activateWindow()
            return
        self._pages.setCurrentWidget(self.stage_view)
        self.setFocus()
        self.stage_view.show_stage(stage, self._language)

    def show_wait(self) -> None:
        """Show that the study waits."""
        self._show_words(_WAIT)

    def show_end(self) -> None:
        """Show that it is over; the window may be closed now."""
        self._may_close = True
        self._show_words(_THANKS)

    def _show_words(self, words: dict[str, str]) -> None:
        self._stage = None
        self._pages.setCurrentWidget(self.stage_view)
        self.stage_view.show_words(words.get(self._language, words["en"]))

    def allow_closing(self) -> None:
        """Let the window be closed."""
        self._may_close = True

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Go on with Space or Enter after an instruction."""
        keys = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event is not None and event.key() in keys and self._reads:
            self.proceeded.emit()
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: object) -> None:  # noqa: N802
        """Go on with a touch after an instruction."""
        if self._reads:
            self.proceeded.emit()

    @property
    def _reads(self) -> bool:
        return self._stage is not None and self._stage.kind is StageKind.INSTRUCTION

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802
        """Stay open while the study runs: the operator ends it."""
        if event is not None and not self._may_close:
            event.ignore()
