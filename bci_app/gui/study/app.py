"""Opens the two windows of a study."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence

from PyQt6.QtCore import QSettings, QTimer

from bci_app.bundle import find_bundle, load_bundle
from bci_app.engine import EngineThread
from bci_app.errors import StudyError
from bci_app.gui.app import ORGANISATION, make_application
from bci_app.gui.study.conductor import Conductor
from bci_app.gui.study.operator_window import OperatorWindow
from bci_app.gui.study.participant_window import ParticipantWindow
from bci_app.gui.study.verdict_view import VerdictView
from bci_app.gui.theme import DARK, THEMES, Theme
from bci_app.learn.learn import Learnt, default_profile_folder, learn
from bci_app.presentation.choices import list_models
from bci_app.sources.base import Source
from bci_app.study.opening import OpenStudy, StudyOptions, open_study
from bci_app.study.protocol import MediaStimulus, Protocol, in_language
from bci_app.study.schedule import Item


class StudyWindows:
    """The windows of an open study, and what runs between them.

    Parameters
    ----------
    study : OpenStudy
        Its engine is started.
    theme : Theme
        Colours.
    """

    def __init__(self, study: OpenStudy, theme: Theme) -> None:
        self.study = study
        self._thread = EngineThread(study.engine)
        self.participant = ParticipantWindow(theme, study.loaded.folder, study.language)
        self.conductor = Conductor(self._thread, study, self.participant)
        session = study.session
        title = (
            f"{in_language(study.protocol.title, study.language)} · {session.participant} · session {session.session}"
        )
        names = [model.folder.name for model in list_models() if model.failure is None]
        self.verdict = VerdictView(theme, names, targets_of(study.protocol), self._learn)
        self.operator = OperatorWindow(self.conductor, theme, title, self.verdict)
        self.conductor.ended.connect(self._thread.stop)

    def open_up(self) -> None:
        """Show both windows and begin."""
        self.operator.show()
        self.participant.open_up()
        self.operator.raise_()
        self._thread.start()
        self.conductor.start()

    def shut_down(self) -> None:
        """End what runs, and close both windows."""
        self.conductor.abort()
        self._thread.stop()
        self.participant.allow_closing()
        self.participant.close()

    def _learn(self, bundle: str, target: str) -> Learnt:
        session = self.study.session
        return learn(
            session.root / f"sub-{session.participant}",
            load_bundle(find_bundle(bundle)),
            target=target,
            out=lambda who, what: default_profile_folder(bundle, who, what),
        )


def targets_of(protocol: Protocol) -> list[str]:
    """List what the trials of a protocol can be labelled with, ratings first."""
    rated = [name for block in protocol.trial_blocks for name in block.ratings if protocol.scale(name).kind != "words"]
    intended = [name for block in protocol.trial_blocks for trial in block.trials for name in trial.intended]
    return list(dict.fromkeys([*rated, *intended]))


def run_study_window(
    name: str,
    source: Source,
    options: StudyOptions,
    *,
    settings: QSettings | None = None,
    on_ready: Callable[[StudyWindows], None] | None = None,
) -> int:
    """Run a study in its two windows until the operator's is closed.

    Parameters
    ----------
    name : str
        A protocol file or the name of one that ships.
    source : Source
        Not started yet.
    options : StudyOptions
        Who, where and how.
    settings : QSettings, optional
        Where the theme is remembered; the user's own by default.
    on_ready : callable, optional
        Called with the windows once they are on the screen.

    Returns
    -------
    int
        Exit code.

    Raises
    ------
    BciError
        If the study cannot be opened, or its media not be played here.
    """
    settings = settings or QSettings(ORGANISATION, "bci-app")
    app = make_application(settings)
    study = open_study(name, source, options, check=_require_media)
    theme = THEMES.get(str(settings.value("theme", DARK.name)), DARK)
    windows = StudyWindows(study, theme)
    before = signal.signal(signal.SIGINT, lambda *_: app.quit())
    windows.operator.closed.connect(app.quit)
    windows.open_up()
    if on_ready is not None:
        QTimer.singleShot(0, lambda: on_ready(windows))
    try:
        return int(app.exec())
    finally:
        windows.shut_down()
        signal.signal(signal.SIGINT, before)


def _require_media(protocol: Protocol, _items: Sequence[Item]) -> None:
    """Refuse sounds and films where this machine cannot play them, before anything is opened."""
    kinds = {
        trial.stimulus.kind
        for block in protocol.trial_blocks
        for trial in block.trials
        if isinstance(trial.stimulus, MediaStimulus)
    }
    if not kinds & {"sound", "video"}:
        return
    try:
        from PyQt6 import QtMultimedia, QtMultimediaWidgets  # noqa: F401
    except ImportError as error:
        raise StudyError(
            "This machine cannot play sounds or films",
            found=str(error),
            expected="Qt's multimedia libraries",
            fix="On Debian: apt-get install libpulse0 libgl1. Or use texts and pictures.",
        ) from error
