"""The top line: source, model, steps, and what can be pressed at any time."""

from __future__ import annotations

import qtawesome
from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from bci_app.gui.actions import Needs, tip
from bci_app.gui.theme import GRID, Theme
from bci_app.gui.views.steps import StepsBar
from bci_app.gui.widgets import clock
from bci_app.presentation.recording_control import RecordingState
from bci_app.presentation.state import Session

# Of a button around its text: icon, spacing, padding.
_AROUND = 6 * GRID + 4
_SHORTEST = 8 * GRID
_NEEDS = Needs.SESSION.value
# Narrower than this there is no room for the size of a recording and the free disk.
_WIDE = 150 * GRID
# Of a recording: time and size.
_LONGEST = "88:88:88 · 8888 MB"


class Header(QWidget):
    """`action_asked` carries a key of `actions.ACTIONS`; nothing is decided here."""

    action_asked = pyqtSignal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._recording: RecordingState | None = None
        self._names = {"source": "", "model": ""}
        self._marker_texts: dict[str, str] = {}
        self.setObjectName("header")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(6 * GRID)
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID, 0, GRID, 0)
        row.setSpacing(GRID // 2)
        self.source = self._button("")
        self.model = self._button("")
        self.steps = StepsBar(theme)
        self.record = self._button("")
        self.mark = self._button("mark this moment (F1 to F8)", "Mark")
        self.theme = self._button(tip("theme"))
        self.settings = self._button(tip("settings"))
        self.menu = self._button("all actions (Ctrl+K finds one, ? lists the keys)")
        self.menu.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu.setObjectName("menu")
        for button, action in (
            (self.source, "connect"),
            (self.model, "connect"),
            (self.record, "record"),
            (self.mark, "mark"),
            (self.theme, "theme"),
            (self.settings, "settings"),
        ):
            button.clicked.connect(lambda _=False, action=action: self.action_asked.emit(action))
        self._icons = (self.theme, self.settings, self.menu)
        for button in self._icons:
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        row.addWidget(self.source)
        row.addWidget(self.model)
        row.addStretch(1)
        row.addWidget(self.steps)
        row.addStretch(1)
        for button in (self.record, self.mark, *self._icons):
            row.addWidget(button)
        self.show_theme(theme)
        self.show_session(None)

    def _button(self, tip: str, text: str = "") -> QToolButton:
        button = QToolButton()
        button.setProperty("kind", "quiet")
        button.setToolTip(tip)
        button.setText(text)
        button.setIconSize(QSize(18, 18))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setMinimumHeight(4 * GRID)
        return button

    def show_session(self, session: Session | None) -> None:
        """Name source and model."""
        for part in (self.model, self.steps, self.record, self.mark):
            part.show()
        self._name(
            source=session.info.name if session else "Choose a source",
            model=session.title if session else "Choose a model",
        )
        for button in (self.record, self.mark):
            button.setEnabled(session is not None)
        self.show_recording(None)
        self._show_mark_tip()

    def show_marker_texts(self, texts: dict[str, str]) -> None:
        """Show on hover what the keys mark."""
        self._marker_texts = texts
        self._show_mark_tip()

    def _show_mark_tip(self) -> None:
        lines = [f"{key}  {text}" for key, text in self._marker_texts.items() if text != key]
        tip = "\n".join(["mark this moment with a running number, or by F1 to F8", *lines])
        self.mark.setToolTip(tip if self.mark.isEnabled() else _NEEDS)

    def show_opening(self, source_text: str) -> None:
        """Say that a source is being opened."""
        self._name(source=f"Opening {source_text or 'the source'} …", model="…")

    def show_study(self, title: str) -> None:
        """Name the study that runs in the place of a session, which has no model and no steps."""
        self._name(source=title, model="")
        for part in (self.model, self.steps, self.record, self.mark):
            part.hide()

    def show_recording(self, recording: RecordingState | None) -> None:
        """Show time and size of the recording, or that there is none."""
        self._recording = recording
        if recording is None:
            self.record.setText("Record")
            self.record.setToolTip(tip("record", "start recording") if self.record.isEnabled() else _NEEDS)
        else:
            time, size = clock(recording.seconds, hours=True), _size(recording.size)
            free = _disk(recording.free)
            self.record.setText(f"{time} · {size} · {free}" if self._wide else time)
            self.record.setToolTip(f"{recording.path}\n{size} · {free}\nstop recording (Ctrl+D)")
        self._show_record_icon()
        self._fit_names()

    @property
    def _wide(self) -> bool:
        return self.width() >= _WIDE

    def _keep_room(self) -> None:
        """Keep the room that a recording can take, so that neither its start nor its growth moves the steps."""
        metrics = self.record.fontMetrics()
        texts = [f"{_LONGEST} · {_disk(free)}" for free in (None, int(8888e9))] if self._wide else ["88:88:88"]
        self.record.setFixedWidth(max(metrics.horizontalAdvance(text) for text in texts) + _AROUND)

    def _name(self, **names: str) -> None:
        self._names |= names
        self._fit_names()

    def _fit_names(self) -> None:
        """Write both names as far as there is room, and whole on hover."""
        buttons = {"source": self.source, "model": self.model}
        self._keep_room()
        others = (self.steps, self.mark, *self._icons)
        taken = self.record.width() + GRID + sum(other.sizeHint().width() + GRID for other in others)
        room = self.width() - taken - 2 * (_AROUND + GRID)
        metrics = self.source.fontMetrics()
        widths = {key: metrics.horizontalAdvance(text) for key, text in self._names.items()}
        for key, other in (("source", "model"), ("model", "source")):
            # What the other name does not need is this one's.
            mine = max(room // 2, room - widths[other], _SHORTEST)
            buttons[key].setText(metrics.elidedText(self._names[key], Qt.TextElideMode.ElideRight, mine))
            buttons[key].setToolTip(f"{self._names[key]}\nchoose source and model (Ctrl+O)")

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Fit the names into the new width."""
        super().resizeEvent(event)
        self._fit_names()

    def _show_record_icon(self) -> None:
        running = self._recording is not None
        name = "mdi6.stop-circle" if running else "mdi6.record-circle-outline"
        tint = self._theme.bad if running else self._theme.muted
        self.record.setIcon(qtawesome.icon(name, color=tint, color_disabled=self._theme.faint))

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        self.steps.show_theme(theme)
        for button, name in (
            (self.source, "mdi6.access-point"),
            (self.model, "mdi6.graph-outline"),
            (self.mark, "mdi6.flag-outline"),
            (self.theme, "mdi6.white-balance-sunny" if theme.name == "dark" else "mdi6.weather-night"),
            (self.settings, "mdi6.cog-outline"),
            (self.menu, "mdi6.menu"),
        ):
            button.setIcon(qtawesome.icon(name, color=theme.muted, color_disabled=theme.faint))
        self._show_record_icon()


def _size(written: int) -> str:
    if written >= 9999.5e6:
        return f"{written / 1e9:.1f} GB"
    return f"{written / 1e6:.{written < 9.95e6:d}f} MB"


def _disk(free: int | None) -> str:
    return "free disk unknown" if free is None else f"{free / 1e9:.{free < 9.95e9:d}f} GB free"
