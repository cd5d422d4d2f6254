"""The session window: puts the views together and passes what they ask for to the controller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QEvent, QRect, QSettings, QSize, Qt
from PyQt6.QtGui import QCloseEvent, QHideEvent, QKeyEvent, QShowEvent
from PyQt6.QtWidgets import (
    QApplication,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from bci_app.errors import FileError
from bci_app.gui.action_menu import ActionMenu
from bci_app.gui.actions import ACTIONS, Needs
from bci_app.gui.command_palette import CommandPalette
from bci_app.gui.connect.page import ConnectPage
from bci_app.gui.controller import Controller
from bci_app.gui.desk import Desk
from bci_app.gui.discovery import Discovery
from bci_app.gui.header import Header
from bci_app.gui.help_dialog import HelpDialog
from bci_app.gui.keyboard import Keyboard, press_focused
from bci_app.gui.picture import save_picture
from bci_app.gui.preferences import ADDRESSES, MARKER_KEYS, Preferences
from bci_app.gui.session_area import SessionArea
from bci_app.gui.settings_dialog import SettingsDialog
from bci_app.gui.study.studies import Studies
from bci_app.gui.theme import LIGHT, THEMES, Theme, palette, style_sheet
from bci_app.gui.transport import Transport
from bci_app.gui.views.banner import Banner
from bci_app.gui.views.feedback import FeedbackWindow
from bci_app.gui.views.status_line import StatusLine
from bci_app.presentation.choices import SourceChoice, preparation
from bci_app.presentation.notices import CHOOSE_SOURCE, DISMISS, PLAY_AGAIN
from bci_app.presentation.opening import ProfileUse
from bci_app.presentation.output_control import OutputChoice
from bci_app.presentation.participants import next_code
from bci_app.presentation.state import Event, LiveStatus, Session, Step

_SMALLEST, _USUAL = QSize(1024, 600), QSize(1440, 860)

_CAUTION = "not for use on people"
_RECORDING = ("recording", "Stop recording", "Go on recording")


class MainWindow(QMainWindow):
    """Header, banner, the session's views, and the status line.

    Parameters
    ----------
    controller : Controller
        The session.
    title : str
        Name of the program in the window's title.
    settings : QSettings
        Where layout and choices are remembered.
    """

    area: SessionArea
    studies: Studies
    transport: Transport

    def __init__(self, controller: Controller, *, title: str, settings: QSettings) -> None:
        super().__init__()
        self.controller = controller
        self._title = title
        self._settings = settings
        self.preferences = Preferences(settings, self)
        controller.keep_log_in(lambda: self.preferences.recordings)
        self._theme = THEMES.get(str(settings.value("theme", "dark")), THEMES["dark"])
        self._marks = 0
        self.header = Header(self._theme)
        self.banner = Banner(self.header, until=self.header.record)
        self.desk = Desk(controller, self.preferences, self)
        self.area = SessionArea(self._theme, self.desk)
        self.discovery = Discovery(controller.sends, self)
        self.connect_page = ConnectPage(self._theme, settings, self.discovery, lambda: self.preferences.recordings)
        self.status = StatusLine()
        self.pages = QStackedWidget()
        self.studies = Studies(self, settings)
        self.transport = Transport(controller, self.area.strip, may_end=self.may_end)
        self._arrange()
        self.keyboard = Keyboard(self, self.pages, views=self.area, run=self.run_action)
        self.header.menu.setMenu(ActionMenu(self))
        self._connect()
        self._show_marker_texts(self.preferences.marker_texts)
        self.show_theme(self._theme)
        self.show_session(controller.session)
        screen = self.screen()
        if screen is not None:
            self.fit_into(screen.availableGeometry())
        self._restore()

    def _arrange(self) -> None:
        self.pages.addWidget(self.area)
        self.pages.addWidget(self.connect_page)
        self.pages.currentChanged.connect(self._watch_visibility)
        central = QWidget()
        column = QVBoxLayout(central)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self.pages, 1)
        column.addWidget(self.status)
        self.setCentralWidget(central)

    def fit_into(self, available: QRect) -> None:
        """Take the usual size, or what there is of it on a small screen, in its middle."""
        # Where the window is wider than all there is, it cannot be made smaller by hand.
        self.setMinimumSize(_SMALLEST.boundedTo(available.size()))
        size = _USUAL.boundedTo(available.size())
        self.setGeometry(QStyle.alignedRect(self.layoutDirection(), Qt.AlignmentFlag.AlignCenter, size, available))

    def open_up(self) -> None:
        """Show, as large as last time; at first filling a screen that is smaller than the usual size."""
        if self._settings.value("geometry") is None and self.size() != _USUAL:
            # The window manager makes room for the frame too.
            self.showMaximized()
        else:
            self.show()

    def _restore(self) -> None:
        geometry, layout = self._settings.value("geometry"), self._settings.value("layout")
        if geometry is not None:
            self.restoreGeometry(geometry)
        if layout is not None:
            self.area.restore_layout(layout)
        signals = self.area.signals
        signals.set_span(int(self._settings.value("span", signals.span_index)))
        remembered = OutputChoice().with_lsl(self.preferences.lsl)
        for kind in ADDRESSES:
            remembered = remembered.sent_to(kind, self.preferences.sent_to(kind))
        self.controller.outputs.choose(self.controller.outputs.choice.over(remembered))

    # Wiring ------------------------------------------------------------------------------------

    def _connect(self) -> None:
        controller, header = self.controller, self.header
        controller.session_changed.connect(self.show_session)
        controller.status_changed.connect(self._show_status)
        controller.failed.connect(self._show_failure)
        controller.notice_changed.connect(self.banner.show_notice)
        controller.opening.connect(header.show_opening)
        controller.recorder.changed.connect(header.show_recording)
        self.preferences.lsl_changed.connect(self._send_lsl)
        self.preferences.address_changed.connect(self._send_to)
        self.preferences.marker_texts_changed.connect(self._show_marker_texts)
        self.desk.action_asked.connect(self.run_action)
        self.desk.keyboard_left.connect(self.keyboard.take_back)
        self.connect_page.connect_asked.connect(self.open)
        self.connect_page.back_asked.connect(self.show_area)
        self.connect_page.study_asked.connect(self.studies.ask)
        header.action_asked.connect(self.run_action)
        self.banner.action_asked.connect(self._act)

    # What the controller reports ---------------------------------------------------------------

    def show_session(self, session: Session | None) -> None:
        """Show another session, or that there is none."""
        self.header.show_session(session)
        self.area.show_session(session)
        self.status.show_session(session)
        self.connect_page.show_session(session is not None)
        if session is not None:
            self.show_area()
        self._marks = 0
        caution = f" · {_CAUTION}" if session and session.caution and _CAUTION not in session.title else ""
        self.setWindowTitle(f"{session.title}{caution} – {self._title}" if session else self._title)
        if session is None:
            self.header.steps.show_step(tuple(Step), Step.CONNECT)

    def _show_status(self, live: LiveStatus) -> None:
        session = self.controller.session
        if session is None:
            return
        self.header.steps.show_step(session.steps, live.step)
        self.area.show_status(live)
        self.status.show_status(live)

    def _show_failure(self, _error: object) -> None:
        """Lead back to the choice when there is no session to look at."""
        if self.controller.session is None:
            self.header.show_session(None)
            if self.controller.source_text:
                self.connect_page.prefer(source=SourceChoice(self.controller.source_text))
            self.show_connect()

    def _note(self, text: str, detail: str = "") -> None:
        self.area.session_panel.add_event(Event(self.controller.seconds, text, quiet=True, detail=detail))

    def _act(self, action: str) -> None:
        if action == PLAY_AGAIN:
            self.transport.pause(False)
        elif action == CHOOSE_SOURCE:
            self.show_connect()
        elif action == DISMISS:
            self.controller.notices.dismiss()

    # What is asked -----------------------------------------------------------------------------

    def run_action(self, name: str) -> None:
        """Run one of `ACTIONS`, if what it needs is there."""
        action = ACTIONS[name]
        if action.missing_in(self) is Needs.NOTHING:
            action.run(self)

    def show_connect(self) -> None:
        """Choose source and model; while there is a study, it keeps the window."""
        study = self.studies.study
        self.pages.setCurrentWidget(self.connect_page if study is None else study.view)
        self.keyboard.give_back()

    def show_area(self) -> None:
        """Go back to the session."""
        if self.controller.session is not None:
            self.pages.setCurrentWidget(self.area)
            self.keyboard.give_back()

    def open(
        self, choice: SourceChoice, folder: Path | None, use: ProfileUse | None, *, participant: str | None = None
    ) -> None:
        """Open a session of a source, with a model and a profile if there are any."""
        if self.may_end("Opening another source"):
            if participant is not None:
                self.controller.participant = participant
                self.area.session_panel.participant.setText(participant)
            fit = self.connect_page.fit
            self.controller.prepare(
                preparation(choice, folder, use),
                source_text=choice.text,
                wait_for_baseline=fit.check.isChecked(),
                streams=self.connect_page.streams,
            )

    def start_baseline(self) -> None:
        """Start or repeat the rest baseline, where its button does."""
        self.area.prediction.press_baseline()

    def next_participant(self) -> None:
        """Begin with the next person: a new code, no rest baseline, an empty list, no recording."""
        if self.may_end("The next participant"):
            code = next_code(self.controller.participant)
            self.controller.next_participant(code)
            self.area.session_panel.name_participant(code)

    def toggle_recording(self) -> None:
        """Start or stop recording."""
        if self.controller.recorder.running:
            self.controller.recorder.stop()
        else:
            # A code that was typed counts without Enter too.
            self.controller.name_participant(self.area.session_panel.code)
            self.controller.start_recording(self.preferences.recordings, participant=self.controller.participant)

    def _show_marker_texts(self, texts: tuple[str, ...]) -> None:
        self.header.show_marker_texts(dict(zip(MARKER_KEYS, texts, strict=True)))

    def mark_next(self) -> None:
        """Mark with a running number."""
        self._marks += 1
        self.controller.mark(f"mark {self._marks}")

    def _send_lsl(self, on: bool) -> None:
        self.controller.outputs.choose(self.controller.outputs.choice.with_lsl(on))

    def _send_to(self, kind: str, address: str) -> None:
        self.controller.outputs.choose(self.controller.outputs.choice.sent_to(kind, address))

    # Window ------------------------------------------------------------------------------------

    @property
    def theme(self) -> Theme:
        """The theme now."""
        return self._theme

    def toggle_theme(self) -> None:
        """Change between dark and light."""
        self.show_theme(THEMES["dark" if self._theme is LIGHT else "light"])
        self._settings.setValue("theme", self._theme.name)

    def show_theme(self, theme: Theme) -> None:
        """Change colours everywhere."""
        self._theme = theme
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.setPalette(palette(theme))
        sheet = style_sheet(theme)
        if app.styleSheet() != sheet:  # else every widget would be laid out again, for nothing
            app.setStyleSheet(sheet)
        self.header.show_theme(theme)
        self.area.show_theme(theme)
        self.connect_page.show_theme(theme)
        self.studies.show_theme(theme)
        for feedback in self.findChildren(FeedbackWindow):
            feedback.show_theme(theme)

    def toggle_full_screen(self) -> None:
        """Fill the screen, or no longer."""
        self.showNormal() if self.isFullScreen() else self.showFullScreen()

    def show_help(self) -> None:
        """List the keys."""
        self._show_window(HelpDialog, lambda: HelpDialog(self))

    def show_palette(self) -> None:
        """Find an action by its name."""
        self._show_window(CommandPalette, lambda: CommandPalette(self, self._theme))

    def show_feedback(self) -> None:
        """Show a large view for the participant, on the second screen if there is one."""
        self._show_window(FeedbackWindow, lambda: FeedbackWindow(self.desk, self._theme, self))

    def show_settings(self) -> None:
        """Change folder, marker texts, display filter, outputs and size."""
        self._show_window(
            SettingsDialog, lambda: SettingsDialog(self.preferences, self.controller.outputs.choice, self)
        )

    def _show_window(self, kind: type[QWidget], make: Callable[[], QWidget]) -> None:
        """Show a window beside this one, or bring the one that is there to the front."""
        there = next((found for found in self.findChildren(kind) if found.isVisible()), None)
        shown = there or make()
        shown.show()
        shown.raise_()
        shown.activateWindow()

    def save_picture(self) -> None:
        """Save a picture of the window beside the recordings."""
        try:
            path = save_picture(self, self.preferences.recordings)
        except FileError as error:
            self.controller.show_error(error)
        else:
            self._note("picture saved", str(path))

    def scale(self, step: int) -> None:
        """Make everything larger (+1) or smaller (−1), from the next start on."""
        self._note(f"size {100 * self.preferences.step_scale(step):.0f} % from the next start on")

    # Life --------------------------------------------------------------------------------------

    def _watch_visibility(self) -> None:
        self.controller.set_drawing(self.isVisible() and not self.isMinimized() and self.area.seen)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Press what has the focus with Enter too."""
        if not press_focused(event):
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802
        """Stop drawing while minimised."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.WindowStateChange:
            self._watch_visibility()

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802
        """Draw again."""
        super().showEvent(event)
        self._watch_visibility()
        self.keyboard.give_back()

    def hideEvent(self, event: QHideEvent | None) -> None:  # noqa: N802
        """Stop drawing."""
        super().hideEvent(event)
        self._watch_visibility()

    def may_end(self, what: str) -> bool:
        """Ask before a study or a recording is ended by something else."""
        if not (self.controller.recorder.running or self.studies.running):
            return True
        kind, end, stay = ("study", "End the study", "Go on") if self.studies.running else _RECORDING
        box = QMessageBox(self)
        box.setWindowTitle(self._title)
        box.setText(f"A {kind} is running.")
        box.setInformativeText(f"{what} stops it; what was recorded is kept.")
        stop = box.addButton(end, QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(box.addButton(stay, QMessageBox.ButtonRole.RejectRole))
        box.exec()
        return box.clickedButton() is stop

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802
        """Ask while recording; remember the layout; end the session."""
        if event is not None and not self.may_end("Quitting"):
            event.ignore()
            return
        self._settings.setValue("geometry", self.saveGeometry())
        self._settings.setValue("layout", self.area.saveState())
        self._settings.setValue("span", self.area.signals.span_index)
        self.studies.close()
        self.discovery.stop()
        self.controller.shut_down()
        super().closeEvent(event)
