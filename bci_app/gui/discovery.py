"""Looks for what can be chosen before a session, away from the window's thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from bci_app.gui.jobs import Job, StreamWatch
from bci_app.preprocessing.steps.filters import load_filters
from bci_app.presentation.choices import SourceChoice, describe_source, list_boards, list_models
from bci_app.sources.lsl.header import LslStream


class Discovery(QObject):
    """Finds streams, boards and models, and what a source would deliver; the page that asks opens nothing itself.

    Each signal carries what was found, or the BciError that says why it was not.

    Parameters
    ----------
    own : callable
        Returns whether an LSL stream is sent by this app: there is no use in receiving that.
    """

    streams_changed = pyqtSignal(object)
    streams_failed = pyqtSignal(object)
    boards_found = pyqtSignal(object)
    boards_failed = pyqtSignal(object)
    models_found = pyqtSignal(object)
    models_failed = pyqtSignal(object)
    described = pyqtSignal(object)
    undescribed = pyqtSignal(object)

    def __init__(self, own: Callable[[LslStream], bool], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._own = own
        self._watch = StreamWatch(self)
        self._watch.changed.connect(self._report_streams)
        self._watch.failed.connect(self.streams_failed)
        self._boards, self._models, self._source, self._libraries = (Job(self) for _ in range(4))
        for job, found, failed in (
            (self._boards, self.boards_found, self.boards_failed),
            (self._models, self.models_found, self.models_failed),
            (self._source, self.described, self.undescribed),
        ):
            job.finished.connect(found)
            job.failed.connect(failed)

    def watch_streams(self, on: bool) -> None:
        """Begin or stop to look for LSL streams."""
        self._watch.start() if on else self._watch.stop()

    def _report_streams(self, streams: Sequence[LslStream]) -> None:
        self.streams_changed.emit(tuple(stream for stream in streams if not self._own(stream)))

    def find(self, folders: Sequence[Path]) -> None:
        """Look for boards, and for models, those in `folders` too; load what the first session needs."""
        self._libraries.start(load_filters)
        self._boards.start(list_boards)
        self._models.start(lambda: list_models(folders))

    def describe(self, choice: SourceChoice | None) -> None:
        """Find out what a source would deliver, without starting it; None: nothing is asked any more."""
        if choice is None:
            self._source.forget()
        else:
            self._source.start(lambda: describe_source(choice))

    def stop(self) -> None:
        """Wait for what runs in threads. May be called twice."""
        self._watch.stop()
        for job in (self._boards, self._models, self._source, self._libraries):
            job.stop()
