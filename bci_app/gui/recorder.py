"""The recording of the open session, for the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from bci_app.engine import Engine
from bci_app.gui.reports import ReportWriter
from bci_app.presentation.event_log import EventLog
from bci_app.presentation.recording_control import RecordingControl


class SessionRecorder(QObject):
    """Starts and stops the recording, lists both as events, and writes a report of each recording that has ended.

    `changed` carries a RecordingState or None.

    Parameters
    ----------
    event_log : EventLog
        Lists what happens.
    engine : callable
        Returns the engine of the open session, or None.

    Attributes
    ----------
    reports : ReportWriter
        Writes the reports.
    """

    changed = pyqtSignal(object)

    def __init__(self, event_log: EventLog, engine: Callable[[], Engine | None], parent: QObject) -> None:
        super().__init__(parent)
        self._control = RecordingControl()
        self._event_log, self._engine = event_log, engine
        self.reports = ReportWriter(self)
        self.reports.written.connect(lambda page: event_log.note("report written", str(page)))
        self.reports.failed.connect(lambda error: event_log.note("no report written", str(error)))

    @property
    def running(self) -> bool:
        """Whether a recording is open."""
        return self._control.running

    @property
    def free(self) -> float | None:
        """Bytes left on its disk. Infinite without a recording, None where its folder is out of reach."""
        return self._control.free

    def start(self, folder: Path, *, participant: str, source_text: str) -> None:
        """Record from now on into a new file of `folder`.

        Raises
        ------
        FileError
            If the file cannot be created.
        """
        engine = self._engine()
        if engine is None or self.running:
            return
        path = self._control.start(engine, folder, participant=participant, source_text=source_text)
        self._event_log.note("recording begun", str(path))
        self.changed.emit(self._control.state())

    def rename(self, code: str) -> bool:
        """Return whether a participant's code is new to the recording; it is noted."""
        if not self.running or code == self._control.participant:
            return False
        self._control.participant = code
        return True

    def stop(self) -> None:
        """Close the recording."""
        engine = self._engine()
        if engine is None or not self.running:
            return
        state = self._control.state()
        recorder = self._control.stop(engine)
        assert recorder is not None  # it ran
        size = f", {state.size / 1e6:.1f} MB" if state is not None else ""
        self._event_log.note(f"recording stopped{size}", str(recorder.path))
        self.changed.emit(None)
        self.reports.write_recording(recorder)

    def check(self) -> None:
        """Report its size, or that it has ended by a failure."""
        if not self.running:
            return
        if self._control.failed():
            recorder = self._control.forget()
            assert recorder is not None  # it ran
            self._event_log.note("recording ended by a failure")
            self.reports.write_recording(recorder)
        self.changed.emit(self._control.state())

    def forget(self) -> None:
        """Forget a recording that ended with its session, or will in a moment."""
        recorder = self._control.forget()
        if recorder is not None:
            self.changed.emit(None)
            self.reports.write_recording(recorder)
