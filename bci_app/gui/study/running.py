"""An open study: its engine, the participant's window, and the operator's view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PyQt6.QtGui import QImageReader

from bci_app.bundle import load_bundle
from bci_app.engine import EngineThread
from bci_app.errors import StudyError
from bci_app.gui.reports import ReportWriter
from bci_app.gui.study.conductor import Conductor
from bci_app.gui.study.operator_view import OperatorView
from bci_app.gui.study.participant_window import ParticipantWindow
from bci_app.gui.study.stepper import Stepper
from bci_app.gui.study.verdict_view import VerdictView
from bci_app.gui.theme import Theme
from bci_app.learn.learn import Learnt, default_profile_folder, learn
from bci_app.study.opening import OpenStudy
from bci_app.study.protocol import LoadedProtocol, Protocol, in_language
from bci_app.study.schedule import Item


class RunningStudy:
    """What belongs to an open study, and what runs between its parts.

    Parameters
    ----------
    study : OpenStudy
        Its engine is started.
    theme : Theme
        Colours.
    bundles : callable
        Returns the folders of the bundles that can be learnt on, by title. The first one is proposed.
    reports : ReportWriter
        Writes the report of the study when it has ended.
    """

    def __init__(
        self, study: OpenStudy, theme: Theme, bundles: Callable[[], Mapping[str, Path]], reports: ReportWriter
    ) -> None:
        self.study = study
        self._thread = EngineThread(study.engine) if study.source.live else Stepper(study.engine)
        self.participant = ParticipantWindow(theme, study.loaded.folder, study.language)
        self.conductor = Conductor(self._thread, study, self.participant)
        session = study.session
        self.title = (
            f"{in_language(study.protocol.title, study.language)} · {session.participant} · session {session.session}"
        )
        self.verdict = VerdictView(theme, targets_of(study.protocol), self._learn)
        self.view = OperatorView(self.conductor, theme, self.title, self.verdict, reports)
        self.conductor.ended.connect(self._thread.stop)
        # Again once there is a verdict, which belongs on the page.
        for happened in (self.conductor.ended, self.verdict.learnt):
            happened.connect(lambda: reports.write_recording(study.recorder))
        self.conductor.ended.connect(lambda: self.verdict.show_bundles(bundles()))

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.study.runner.finished

    def open_up(self) -> None:
        """Show the participant's window and begin."""
        self.participant.open_up()
        self._thread.start()
        self.conductor.start()

    def shut_down(self) -> None:
        """End what runs, and close the participant's window. May be called twice."""
        self.conductor.stop()
        self.verdict.stop()
        self._thread.stop()
        self.participant.allow_closing()
        self.participant.close()

    def _learn(self, bundle: Path, target: str) -> Learnt:
        session = self.study.session
        loaded = load_bundle(bundle)
        return learn(
            session.root / f"sub-{session.participant}",
            loaded,
            target=target,
            out=lambda who, what: default_profile_folder(loaded.spec.name, who, what),
        )


def targets_of(protocol: Protocol) -> list[str]:
    """List what the trials of a protocol can be labelled with, ratings first."""
    rated = [name for block in protocol.trial_blocks for name in block.ratings if protocol.scale(name).kind != "words"]
    intended = [name for block in protocol.trial_blocks for trial in block.trials for name in trial.intended]
    return list(dict.fromkeys([*rated, *intended]))


def require_media(loaded: LoadedProtocol, _items: Sequence[Item]) -> None:
    """Refuse pictures that cannot be read, and sounds and films where this machine cannot play any.

    Raises
    ------
    StudyError
        Before anything is opened.
    """
    media = loaded.media
    broken = [
        name
        for name, kind in media.items()
        if kind == "image" and not QImageReader(str(loaded.folder / name)).canRead()
    ]
    if broken:
        raise StudyError(
            "A picture of the protocol cannot be read",
            found=", ".join(broken[:5]),
            expected="PNG, JPEG or another picture that Qt reads",
            fix="Save it again as PNG.",
        )
    if not set(media.values()) & {"sound", "video"}:
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
