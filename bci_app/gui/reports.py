"""Reports of recordings, written away from the window's thread and opened in the browser."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PyQt6.QtCore import QObject, QUrl, pyqtSignal
from PyQt6.QtGui import QDesktopServices

from bci_app.errors import FileError
from bci_app.gui.jobs import Job
from bci_app.recording.recorder import Recorder

_CLOSED_SECONDS = 60.0
_LAST_SECONDS = 120.0
SMALL = 2_000_000
"""Bytes of a recording that is reported sooner than another process starts."""


class ReportWriter(QObject):
    """Writes one page after the other. `written` carries the page, `failed` the BciError.

    Attributes
    ----------
    page : Path or None
        The newest.
    """

    written = pyqtSignal(object)
    failed = pyqtSignal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.page: Path | None = None
        self._job = Job(self)
        self._job.finished.connect(self._show)
        self._job.failed.connect(self.failed)

    def write(self, recording: Path) -> None:
        """Write the page about a recording beside it."""
        self._job.start(lambda: _write(recording))

    def write_recording(self, recorder: Recorder) -> None:
        """Write the page about a recording of this program once it is closed, or has ended by a failure."""
        self._job.start(lambda: _write_closed(recorder))

    def open(self) -> None:
        """Show the newest page in the browser."""
        if self.page is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.page)))

    def finish(self) -> None:
        """Wait for a page that is being written: the program is about to end."""
        self._job.stop(_LAST_SECONDS)

    def _show(self, page: Path) -> None:
        self.page = page
        self.written.emit(page)


# What a report needs takes a moment to load, and few sessions begin with one.


def _write(recording: Path) -> Path:
    """Write a page; of a long recording in another process, as threads would hold up drawing and predictions."""
    from bci_app.report import report_path, write_report

    if not recording.is_file() or recording.stat().st_size <= SMALL:
        return write_report(recording)
    command = [sys.executable, "-m", "bci_app", "report", str(recording.absolute())]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8")
    if done.returncode != 0:
        raise FileError(done.stderr.strip().removeprefix("bci-app: ") or f"There is no report of {recording.name}")
    return report_path(recording)


def _write_closed(recorder: Recorder) -> Path:
    from bci_app.report import require_small

    if recorder.failure is None and not recorder.wait_closed(_CLOSED_SECONDS):
        raise FileError(
            f"There is no report of {recorder.path.name}",
            found="a recording that is not closed",
            fix=f"Write it later: bci-app report {recorder.path}",
        )
    require_small(recorder.paths)
    first, *_ = map(_write, recorder.paths)
    return first
