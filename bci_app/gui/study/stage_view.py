"""What a participant sees in a stage that is no question: words, a cross, a picture, a film, or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QRectF, Qt, QTimer, QUrl, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent, QPixmap
from PyQt6.QtWidgets import QStackedLayout, QWidget

from bci_app.gui.study.question import large_font
from bci_app.gui.theme import GRID, Theme, color
from bci_app.sources.lsl.library import local_clock
from bci_app.study.protocol import MediaStimulus
from bci_app.study.runner import Stage, StageKind

_TEXT_PIXELS, _CROSS_PIXELS = 30, 72
_MARGIN = 12 * GRID
_WIDEST = 120 * GRID
# One line break inside a paragraph is that of the file, not of the screen.
_LINE_BREAK = re.compile(r"(?<!\n)\n(?!\n)")


class StageView(QWidget):
    """Shows a stage and says when it was on the screen.

    `presented` carries the LSL time of the frame and the seconds from the call for it; `ended` comes when a sound or
    film is over, `failed` with the name of one that cannot be played.

    Parameters
    ----------
    theme : Theme
        Colours.
    folder : Path
        Where media lie.
    clock : callable
        The LSL clock.
    """

    presented = pyqtSignal(float, float)
    ended = pyqtSignal()
    failed = pyqtSignal(str)

    def __init__(self, theme: Theme, folder: Path, clock: Callable[[], float] = local_clock) -> None:
        super().__init__()
        self._theme = theme
        self._folder = folder
        self._clock = clock
        self._text = ""
        self._picture: QPixmap | None = None
        self._called: float | None = None
        self._media: _Media | None = None
        self._layers = QStackedLayout(self)
        self._layers.setStackingMode(QStackedLayout.StackingMode.StackAll)

    def show_stage(self, stage: Stage, language: str) -> None:
        """Show a stage from the next frame on."""
        self._stop_media()
        self._text, self._picture = stage.text(language), None
        stimulus = stage.trial.spec.stimulus if stage.trial and stage.kind is StageKind.STIMULUS else None
        if isinstance(stimulus, MediaStimulus):
            path = self._folder / stimulus.file
            if stimulus.kind == "image":
                self._picture = QPixmap(str(path))
            else:
                self._play(path, film=stimulus.kind == "video")
        self._called = self._clock()
        self.update()

    def show_words(self, text: str) -> None:
        """Show words that belong to no stage."""
        self._stop_media()
        self._text, self._picture, self._called = text, None, None
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Draw, and report the first frame of a stage."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), color(self._theme.background))
        room = QRectF(self.rect()).adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        if self._picture is not None and not self._picture.isNull():
            self._draw_picture(painter, room)
        elif self._text:
            self._draw_text(painter, room)
        painter.end()
        if self._called is not None and self._media is None:
            self._report()

    def _draw_picture(self, painter: QPainter, room: QRectF) -> None:
        assert self._picture is not None
        size = self._picture.size().scaled(room.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRectF(0, 0, size.width(), size.height())
        target.moveCenter(room.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(target.toRect(), self._picture)

    def _draw_text(self, painter: QPainter, room: QRectF) -> None:
        """Draw the words, and below them a large cross where the text ends in one."""
        words, cross = _LINE_BREAK.sub(" ", self._text.strip()), False
        if words.endswith("+"):
            words, cross = words[:-1].strip(), True
        painter.setPen(color(self._theme.text))
        spare = max(0.0, (room.width() - _WIDEST) / 2)
        room = room.adjusted(spare, 0, -spare, 0)
        if cross:
            painter.setFont(large_font(_CROSS_PIXELS))
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter, "+")
            room = QRectF(room.left(), room.top(), room.width(), room.height() / 2 - _CROSS_PIXELS)
        painter.setFont(large_font(_TEXT_PIXELS))
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, words)

    def _report(self) -> None:
        called, self._called = self._called, None
        now = self._clock()
        self.presented.emit(now, now - (now if called is None else called))

    def _play(self, path: Path, *, film: bool) -> None:
        self._media = _Media(path, self if film else None)
        if self._media.screen is not None:
            self._layers.addWidget(self._media.screen)
        self._media.on_started(self._report)
        self._media.on_ended(self.ended.emit)
        self._media.on_failed(lambda: self.failed.emit(path.name))
        self._media.play()

    def _stop_media(self) -> None:
        if self._media is not None:
            self._media.stop()
            self._media = None


class _Media:
    """A sound or a film through QtMultimedia, which is loaded where it is needed only."""

    def __init__(self, path: Path, parent: QWidget | None) -> None:
        from PyQt6.QtMultimedia import QAudioOutput, QMediaPlayer

        self._player = QMediaPlayer()
        self._sound = QAudioOutput()
        self._player.setAudioOutput(self._sound)
        self.screen: QWidget | None = None
        if parent is not None:
            from PyQt6.QtMultimediaWidgets import QVideoWidget

            screen = QVideoWidget(parent)
            self._player.setVideoOutput(screen)
            self.screen = screen
        self._path = path.resolve()
        self._started = False

    def on_started(self, call: Callable[[], None]) -> None:
        def moved(position: int) -> None:
            if position > 0 and not self._started:
                self._started = True
                call()

        self._player.positionChanged.connect(moved)

    def on_ended(self, call: Callable[[], None]) -> None:
        from PyQt6.QtMultimedia import QMediaPlayer

        self._player.mediaStatusChanged.connect(
            lambda status: call() if status == QMediaPlayer.MediaStatus.EndOfMedia else None
        )

    def on_failed(self, call: Callable[[], None]) -> None:
        # Later: it may come while the stage is being shown.
        self._player.errorOccurred.connect(lambda *_: QTimer.singleShot(0, call))

    def play(self) -> None:
        self._player.setSource(QUrl.fromLocalFile(str(self._path)))
        self._player.play()

    def stop(self) -> None:
        self._player.stop()
        if self.screen is not None:
            self.screen.hide()
            self.screen.deleteLater()
