"""The strip below the signals for recordings: play, pause, seek in an overview, speed."""

from __future__ import annotations

import numpy as np
import qtawesome
from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QToolTip, QWidget

from bci_app.gui.desk import Desk
from bci_app.gui.panel import Panel
from bci_app.gui.theme import GRID, Theme
from bci_app.gui.widgets import Choice, Figure, clock
from bci_app.presentation.player import SPEEDS, Overview, Playback
from bci_app.presentation.state import Session


class OverviewBar(QWidget):
    """The whole recording; `seek_asked` carries seconds."""

    seek_asked = pyqtSignal(float)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._overview: Overview | None = None
        self._playback: Playback | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(4 * GRID)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("overview of the recording")

    def show_overview(self, overview: Overview | None) -> None:
        """Show another recording."""
        self._overview = overview
        self.update()

    def show_playback(self, playback: Playback) -> None:
        """Show the position."""
        if playback != self._playback:
            self._playback = playback
            self.update()

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Draw amplitude over time, annotations, and the position."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = self._theme
        middle, width = self.height() / 2, self.width()
        place = 0.0
        if self._playback is not None and self._playback.duration > 0:
            place = width * min(1.0, self._playback.position / self._playback.duration)
        shape = self._shape(width, middle)
        for clip, tint in (
            (QRectF(0, 0, place, self.height()), theme.muted),
            (QRectF(place, 0, width - place, self.height()), theme.line),
        ):
            painter.setClipRect(clip)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tint))
            painter.drawPolygon(shape)
        painter.setClipping(False)
        if self._overview is not None and self._playback is not None:
            painter.setPen(QPen(QColor(theme.faint), 1))
            for time, _ in self._overview.events:
                x = width * time / max(self._playback.duration, 1e-9)
                painter.drawLine(QPointF(x, 0), QPointF(x, 5))
        painter.setPen(QPen(QColor(theme.text), 2))
        painter.drawLine(QPointF(place, 2), QPointF(place, self.height() - 2))

    def _shape(self, width: float, middle: float) -> QPolygonF:
        if self._overview is None:
            return QPolygonF(QRectF(0, middle - 1.5, width, 3))
        amplitude = np.nan_to_num(self._overview.amplitude)
        # One artefact must not flatten the rest.
        largest = float(np.percentile(amplitude, 95)) or 1.0
        half = 0.5 + np.clip(amplitude / largest, 0, 1.3) * (middle - 2) / 1.3
        x = np.linspace(0, width, len(half))
        upper = [QPointF(a, middle - h) for a, h in zip(x, half, strict=True)]
        lower = [QPointF(a, middle + h) for a, h in zip(x[::-1], half[::-1], strict=True)]
        return QPolygonF([*upper, *lower])

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Seek."""
        self._seek(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Seek while the button is down."""
        if event is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self._seek(event)

    def _seek(self, event: QMouseEvent | None) -> None:
        if event is not None and self._playback is not None:
            self.seek_asked.emit(self._time_at(event.position().x(), self._playback))

    def _time_at(self, x: float, playback: Playback) -> float:
        return min(max(x / max(self.width(), 1), 0.0), 1.0) * playback.duration

    def event(self, event: QEvent | None) -> bool:
        """Show the time under the mouse on hover."""
        if isinstance(event, QHelpEvent) and self._playback is not None:
            time = clock(self._time_at(event.pos().x(), self._playback))
            QToolTip.showText(event.globalPos(), f"{time}\nclick to go there (Ctrl+Left, Ctrl+Right: 10 s)", self)
            return True
        return super().event(event)


class ReplayStrip(Panel):
    """Play, pause, seek and speed of a recording. Hidden for every other source."""

    pause_asked = pyqtSignal(bool)
    seek_asked = pyqtSignal(float)
    speed_asked = pyqtSignal(float)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._playback: Playback | None = None
        self.setObjectName("strip")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(6 * GRID)
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID, 0, GRID, 0)
        row.setSpacing(GRID)
        self.button = QToolButton()
        self.button.setProperty("kind", "quiet")
        self.button.setToolTip("play or pause (Space)")
        self.button.setIconSize(QSize(20, 20))
        self.button.clicked.connect(self.toggle)
        self.overview = OverviewBar(theme)
        self.overview.seek_asked.connect(self.seek_asked)
        self.time = Figure("", "0:00:00 / 0:00:00", "position and length")
        self.speed = Choice([f"×{speed:g}" for speed in SPEEDS], "speed of the playback")
        self.speed.chosen.connect(lambda index: self.speed_asked.emit(SPEEDS[index]))
        row.addWidget(self.button)
        row.addWidget(self.overview, 1)
        row.addSpacing(GRID)
        row.addWidget(self.time)
        row.addWidget(self.speed)
        self.show_theme(theme)
        self.hide()

    def attach(self, desk: Desk) -> None:
        """Follow the recording that is played."""
        self._desk = desk
        desk.controller.playback_changed.connect(self.show_playback)

    def show_session(self, session: Session | None) -> None:
        """Show another recording, or none."""
        player = self._desk.controller.player
        self.show_recording(player.overview if player is not None else None)
        self.show_playback(player.playback() if player is not None else None)

    def show_recording(self, overview: Overview | None) -> None:
        """Show another recording at a glance."""
        self._playback = None
        self.overview.show_overview(overview)

    def show_playback(self, playback: Playback | None) -> None:
        """Show the position. None hides the strip."""
        self.setVisible(playback is not None)
        if playback is None:
            return
        before, self._playback = self._playback, playback
        if before is None or before.waits != playback.waits:
            self._show_icon()
        self.overview.show_playback(playback)
        self.time.show_value(f"{clock(playback.position)} / {clock(playback.duration)}")
        if playback.speed in SPEEDS:
            self.speed.show_choice(SPEEDS.index(playback.speed))
        else:
            self.speed.setText(f"×{playback.speed:g}")

    def toggle(self) -> None:
        """Ask to pause, or to go on."""
        if self._playback is not None:
            self.pause_asked.emit(not self._playback.waits)

    def step(self, seconds: float) -> None:
        """Ask for another position, relative to the present one."""
        if self._playback is not None:
            self.seek_asked.emit(max(0.0, self._playback.position + seconds))

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        self.overview.show_theme(theme)
        self._show_icon()

    def _show_icon(self) -> None:
        playback = self._playback
        name = "mdi6.play" if playback is not None and playback.waits else "mdi6.pause"
        if playback is not None and playback.ended:
            name = "mdi6.replay"
        self.button.setIcon(qtawesome.icon(name, color=self._theme.text))
