"""The events of the session: participant code, events as they happen, markers and notes by hand."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from bci_app.gui.actions import tip
from bci_app.gui.desk import Desk
from bci_app.gui.panel import Panel
from bci_app.gui.theme import GRID, Theme
from bci_app.gui.views.self_report import SelfReport
from bci_app.gui.widgets import EmptyPanel, Field, PanelTitle, clock, elided_label, label, show_elided
from bci_app.presentation.marks import report_text
from bci_app.presentation.state import Event, LiveStatus, Session

_KEPT = 500


class _Pages(QStackedWidget):
    """As small as the page that is seen: a hidden self-report must not take room."""

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return what the present page needs."""
        page = self.currentWidget()
        return page.minimumSizeHint() if page is not None else super().minimumSizeHint()


def _quiet_button(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setProperty("kind", "quiet")
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setToolTip(tip)
    return button


class SessionPanel(Panel):
    """The list of events, fields for the participant and for notes, and the self-report.

    Signals: `marked` carries a text, `participant_changed` a code, `reported` the ratings by scale, and `rating`
    whether a self-report is open. `left` says that the keyboard is free again.
    """

    marked = pyqtSignal(str)
    participant_changed = pyqtSignal(str)
    reported = pyqtSignal(dict)
    left = pyqtSignal()
    rating = pyqtSignal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._recording = False
        self.report_button = QPushButton("Self-report")
        self.report_button.setProperty("kind", "quiet")
        self.report_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.report_button.setToolTip("valence, arousal and dominance from 1 to 9 (Ctrl+R)")
        self.report_button.clicked.connect(self.open_report)
        self.participant = Field()
        self.participant.setPlaceholderText("participant")
        self.participant.setToolTip("a code, never a name; stored in recordings, in one that runs as a marker")
        self.participant.setMaxLength(40)
        self.participant.setFixedWidth(13 * GRID)
        self.participant.editingFinished.connect(lambda: self.participant_changed.emit(self.code))
        self.next = _quiet_button(
            "Next", tip("next participant", "the next participant: recording stopped, no rest baseline")
        )
        self.title = PanelTitle("Session", [self.report_button, self.participant, self.next])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, GRID)
        column.setSpacing(GRID // 2)
        column.addWidget(self._status_line())
        self.stack = _Pages()
        self.empty = EmptyPanel("Markers, notes and gaps will be listed here.")
        self.empty.advice.hide()
        self.list = QListWidget()
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setWordWrap(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        # In a low window the newest event is enough: the predictions above need the room.
        for least in (self.list, self.empty.summary):
            least.setMinimumHeight(3 * GRID)
        self._follows = True  # until somebody scrolls back
        bar = self.list.verticalScrollBar()
        assert bar is not None
        bar.valueChanged.connect(lambda value: setattr(self, "_follows", value == bar.maximum()))
        bar.rangeChanged.connect(self._follow)
        self.report = SelfReport()
        self.report.answered.connect(self._take_report)
        self.report.left.connect(self._leave_report)
        holder = QWidget()
        inner = QVBoxLayout(holder)
        inner.setContentsMargins(GRID // 2 + 1, 0, 0, 0)
        inner.addWidget(self.list)
        self._events = holder
        for page in (self.empty, holder, self.report):
            self.stack.addWidget(page)
        column.addWidget(self.stack, 1)
        row = QHBoxLayout()
        row.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        self.entry = Field()
        self.entry.setPlaceholderText("marker or note, then Enter")
        self.entry.setToolTip("stored with the time at which Enter is pressed (Ctrl+M); F1 to F8 mark at once")
        self.entry.setMaxLength(500)
        self.entry.returnPressed.connect(self._mark)
        row.addWidget(self.entry)
        column.addLayout(row)
        for field in (self.participant, self.entry):
            field.left.connect(self.left)
        self._tips = {part: part.toolTip() for part in (self.entry, self.report_button, self.next)}
        self.show_open(False)

    def _status_line(self) -> QWidget:
        """Make the line that is always there, so that nothing below or above it moves.

        It says that what is marked is in no recording yet, or that the last one is reported, or else whose marker
        streams are received.
        """
        self.streams = elided_label(tone="muted")
        self.unrecorded = label("Not recording.", tone="warning")
        self.unrecorded.setToolTip(
            "the session log beside the recordings has it alone; a recording begun in this session takes it"
        )
        self.closed = label("The recording is closed.", tone="muted")
        self.open_page = _quiet_button("Report", tip("session report"))
        self.record = _quiet_button("Record", tip("record", "start recording"))
        self._line = QWidget()
        row = QHBoxLayout(self._line)
        row.setContentsMargins(2 * GRID, 0, GRID, 0)
        for words in (self.streams, self.unrecorded, self.closed):
            row.addWidget(words, 100)
        row.addStretch(1)
        for button in (self.open_page, self.record):
            row.addWidget(button)
        self._line.setFixedHeight(3 * GRID)
        self._show_line(unrecorded=False, reported=False)
        return self._line

    def _show_line(self, *, unrecorded: bool | None = None, reported: bool | None = None) -> None:
        """Show what the line has to say; None for what stays as it is."""
        unrecorded = self.record.isVisibleTo(self._line) if unrecorded is None else unrecorded
        reported = self.open_page.isVisibleTo(self._line) if reported is None else reported
        for part in (self.unrecorded, self.record):
            part.setVisible(unrecorded)
        self.open_page.setVisible(reported)
        self.closed.setVisible(reported and not unrecorded)
        self.streams.setVisible(not (reported or unrecorded))

    # Methods, as a page may be written when the window is gone: Qt disconnects those.

    def _show_unrecorded(self) -> None:
        self._show_line(unrecorded=True)

    def _show_reported(self) -> None:
        self._show_line(reported=True)

    def attach(self, desk: Desk) -> None:
        """List what happens, and pass on what is typed."""
        controller = desk.controller
        controller.happened.connect(self.add_event)
        controller.recorder.changed.connect(lambda state: self.show_recording(state is not None))
        controller.unrecorded.connect(self._show_unrecorded)
        controller.recorder.reports.written.connect(self._show_reported)
        self.record.clicked.connect(lambda: desk.action_asked.emit("record"))
        self.open_page.clicked.connect(lambda: desk.action_asked.emit("session report"))
        self.next.clicked.connect(lambda: desk.action_asked.emit("next participant"))
        self.marked.connect(controller.mark)
        self.participant_changed.connect(controller.name_participant)
        self.reported.connect(lambda ratings: controller.mark(report_text(ratings)))
        self.left.connect(desk.keyboard_left)
        self.rating.connect(desk.rating_changed)

    def show_session(self, session: Session | None) -> None:
        """Begin with another session, or wait for one."""
        self.clear()
        self.show_open(session is not None)

    def show_status(self, live: LiveStatus) -> None:
        """Show which marker streams are received."""
        self.show_marker_streams(live.marker_streams, live.markers_awaited)

    def show_recording(self, running: bool) -> None:
        """Show whether what is marked is recorded."""
        self._recording = running
        if running:
            self._show_line(unrecorded=False, reported=False)

    def name_participant(self, code: str) -> None:
        """Propose a code, which can be typed over."""
        self.participant.setText(code)
        self.participant.setFocus()
        self.participant.selectAll()

    def focus_entry(self) -> None:
        """Let the user type a marker."""
        self.entry.setFocus()

    @property
    def code(self) -> str:
        """The participant's code."""
        return self.participant.text().strip()

    def show_open(self, is_open: bool) -> None:
        """Allow markers only while there is a session."""
        for part in (self.entry, self.report_button, self.next):
            part.setEnabled(is_open)
            part.setToolTip(self._tips[part] if is_open else "needs an open session")
        self.close_report()

    def show_marker_streams(self, connected: Sequence[str], awaited: Sequence[str]) -> None:
        """Show which marker streams are received, and which ones are awaited."""
        parts = [("events of", connected), ("waiting for", awaited)]
        text = " · ".join(f"{what} {', '.join(names)}" for what, names in parts if names)
        tip = f"LSL marker streams: {text}"
        if tip != self.streams.toolTip():
            show_elided(self.streams, text)
            self.streams.setToolTip(tip)

    def clear(self) -> None:
        """Remove the events of the last session."""
        self.show_marker_streams((), ())
        self.list.clear()
        self._show_line(unrecorded=False)
        self.close_report()

    def add_event(self, event: Event) -> None:
        """List an event."""
        item = QListWidgetItem(f"{clock(event.seconds)}   {event.text}")
        item.setToolTip(event.detail or event.text)
        item.setData(Qt.ItemDataRole.UserRole, event.quiet)
        self._tint(item)
        self.list.addItem(item)
        while self.list.count() > _KEPT:
            self.list.takeItem(0)
        if self.stack.currentWidget() is self.empty:
            self.stack.setCurrentWidget(self._events)

    def _follow(self) -> None:
        """Keep the newest event in sight, also where there is less room for the list."""
        if self._follows:
            self.list.scrollToBottom()

    def open_report(self) -> None:
        """Ask for a self-report."""
        if self.report_button.isEnabled():
            self.rating.emit(True)
            self.report.clear()
            self._show_line(unrecorded=not self._recording)
            self._line.setVisible(not self._recording)
            self.entry.hide()
            self.stack.setCurrentWidget(self.report)
            self.stack.updateGeometry()
            self.report.setFocus()

    def close_report(self) -> None:
        """Go back to the events."""
        self.entry.show()
        self.rating.emit(False)
        self._line.show()
        self.stack.setCurrentWidget(self._events if self.list.count() else self.empty)
        self.stack.updateGeometry()

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        for row in range(self.list.count()):
            item = self.list.item(row)
            if item is not None:
                self._tint(item)

    def _tint(self, item: QListWidgetItem) -> None:
        quiet = bool(item.data(Qt.ItemDataRole.UserRole))
        item.setForeground(QColor(self._theme.muted if quiet else self._theme.text))

    def _mark(self) -> None:
        text = self.entry.text().strip()
        if text:
            self.entry.clear()
            self.marked.emit(text)

    def _leave_report(self) -> None:
        self.close_report()
        self.left.emit()

    def _take_report(self, ratings: dict[str, int]) -> None:
        self._leave_report()
        self.reported.emit(ratings)
