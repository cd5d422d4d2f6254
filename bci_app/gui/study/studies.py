"""Studies in the main window: from the choice of a protocol to a live session with the model that was learnt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, QSettings

from bci_app.errors import BciError
from bci_app.gui.jobs import Job
from bci_app.gui.reports import ReportWriter
from bci_app.gui.theme import Theme
from bci_app.presentation.choices import SourceChoice
from bci_app.presentation.opening import ProfileUse
from bci_app.presentation.participants import default_code
from bci_app.sources.registry import open_source

if TYPE_CHECKING:
    from bci_app.gui.main_window import MainWindow
    from bci_app.gui.study.running import RunningStudy
    from bci_app.study.opening import OpenStudy


class Studies(QObject):
    """At most one study at a time, shown as a page of the window. What it needs is loaded with the first one.

    Parameters
    ----------
    window : MainWindow
        Its connect page knows the source and the models. Its session is closed before a study: few devices can be open
        twice.
    settings : QSettings
        Where protocol and folder are remembered.

    Attributes
    ----------
    study : RunningStudy or None
        The study that is shown.
    reports : ReportWriter
        Writes a report when a study has ended.
    """

    def __init__(self, window: MainWindow, settings: QSettings) -> None:
        super().__init__(window)
        self._window, self._settings = window, settings
        self._choice: SourceChoice | None = None
        self.study: RunningStudy | None = None
        self._asked = False  # whether a study is being opened
        self._unseen: OpenStudy | None = None  # opened, and not shown yet
        self.reports = ReportWriter(self)
        self._opening = Job(self)
        self._opening.finished.connect(self._show)
        self._opening.failed.connect(self._show_failure)

    @property
    def running(self) -> bool:
        """Whether a study runs that has not ended."""
        return self.study is not None and not self.study.over

    def ask(self) -> None:
        """Ask what is to be shown to whom, from the source that is chosen."""
        from bci_app.gui.study.new_study import NewStudyDialog

        window, page = self._window, self._window.connect_page
        if self.study is not None or self._asked:
            return
        window.show_connect()
        choice = page.choice
        if choice is None or not page.can_study:
            fix = "Choose a stream, a board or the test signal on the first page."
            window.controller.show_error(BciError("A study needs a live source", fix=fix))
            return
        dialog = NewStudyDialog(
            self._settings,
            window,
            source=page.source.choice.text if page.source.choice is not None else choice.text,
            participant=window.controller.participant or default_code(choice.text),
            folder=window.preferences.recordings / "studies",
        )
        dialog.begun.connect(lambda name, language, code, folder: self._begin(choice, name, language, code, folder))
        dialog.open()

    def _begin(self, choice: SourceChoice, name: str, language: str, code: str, folder: Path) -> None:
        from bci_app.gui.study.running import require_media
        from bci_app.study.opening import StudyOptions, open_study

        window = self._window
        if not window.may_end("A study"):
            return
        streams = window.connect_page.streams
        options = StudyOptions(
            out=folder,
            source=choice.text,
            participant=code,
            language=language,
            markers=streams.markers,
            beside=streams.beside,
            drop=streams.drop,
        )
        window.controller.close()
        window.header.show_opening(f"the study of {code}")
        self._choice, self._asked = choice, True

        def opened() -> OpenStudy:
            source = open_source(choice.text, channels=choice.channels, rate=choice.rate, unit=choice.unit)
            self._unseen = open_study(name, source, options, check=require_media)
            return self._unseen

        self._opening.start(opened)

    def show(self, study: OpenStudy, choice: SourceChoice) -> None:
        """Show an open study, whose source was this choice."""
        self._choice = choice
        self._show(study)

    def _show(self, study: OpenStudy) -> None:
        from bci_app.gui.study.running import RunningStudy

        self._asked, self._unseen = False, None
        self._window.controller.close()  # a session that was opened meanwhile
        running = self.study = RunningStudy(study, self._window.theme, self._bundles, self.reports)
        running.view.left.connect(self.leave)
        running.verdict.use_asked.connect(self._use)
        self._window.pages.addWidget(running.view)
        self._window.show_connect()
        self._window.header.show_study(running.title)
        self._window.status.show_study(study.recorder.path)
        running.open_up()

    def _show_failure(self, error: BciError) -> None:
        self._asked = False
        self._window.show_session(None)
        self._window.connect_page.fit.show_problem(error)

    def _bundles(self) -> dict[str, Path]:
        """Return the folders of the bundles that can be learnt on, by title; the chosen one comes first."""
        panel = self._window.connect_page.model
        usable = sorted((m for m in panel.models if m.bundle is not None), key=lambda m: m is not panel.choice)
        return {model.title: model.folder for model in usable}

    def _use(self, bundle: Path, profile: Path) -> None:
        """Open a live session of the source that the study was recorded from, with what was learnt."""
        choice, running = self._choice, self.study
        if choice is not None and running is not None:
            code = running.study.session.participant
            self.leave()
            chosen = self._window.connect_page.source.choice  # without the montage that the model has given it
            self._window.connect_page.prefer(source=chosen, model=bundle, profile=profile)
            self._window.open(choice, bundle, ProfileUse(profile), participant=code)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        if self.study is not None:
            self.study.view.show_theme(theme)

    def leave(self) -> None:
        """Close the study and go back to the first page."""
        self.close()
        self._window.show_session(None)
        self._window.show_connect()

    def close(self) -> None:
        """Close the study; one that runs is ended, and can go on later."""
        self._opening.stop()
        if self._unseen is not None:
            self._unseen.engine.stop()
            self._unseen = None
        running, self.study = self.study, None
        if running is not None:
            running.shut_down()
            self._window.pages.removeWidget(running.view)
            running.view.deleteLater()
