"""Work away from the window's thread, with the result back in it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from bci_app.errors import BciError
from bci_app.presentation.notices import as_error
from bci_app.sources.lsl.header import LslStream
from bci_app.sources.lsl.source import LslDiscovery

T = TypeVar("T")
_POLL_MS = 40
_DISCOVERY_MS = 300


class _Task(Generic[T]):
    """One call in a separate thread."""

    def __init__(self, work: Callable[[], T]) -> None:
        self.result: T | None = None
        self.failure: Exception | None = None
        self._work = work
        self._thread = threading.Thread(target=self._run, name="job", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            self.result = self._work()
        except BciError as error:
            self.failure = error
        except Exception as error:
            # A fault of the program: kept for the window, which shows it; the terminal has where it was.
            self.failure = error
            raise


class Job(QObject):
    """The newest of some calls: a call that is overtaken by another is forgotten.

    Signals: `finished` with the result, `failed` with the BciError.
    """

    finished = pyqtSignal(object)
    failed = pyqtSignal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._task: _Task[object] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._look)

    def start(self, work: Callable[[], object]) -> None:
        """Do it."""
        self._task = _Task(work)
        self._timer.start()

    def forget(self) -> None:
        """Drop the result."""
        self._timer.stop()
        self._task = None

    def stop(self, timeout: float = 5.0) -> None:
        """Forget the call, once it has ended."""
        if self._task is not None:
            self._task.join(timeout)
        self.forget()

    def _look(self) -> None:
        task = self._task
        if task is None or not task.done:
            return
        self.forget()
        if task.failure is not None:
            self.failed.emit(as_error(task.failure, "This was stopped"))
        else:
            self.finished.emit(task.result)


class StreamWatch(QObject):
    """LSL streams as they appear and vanish; `changed` with the streams, `failed` if LSL is missing."""

    changed = pyqtSignal(object)
    failed = pyqtSignal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._seen: tuple[LslStream, ...] | None = None
        self._discovery: LslDiscovery | None = None
        self._opening = Job(self)
        self._opening.finished.connect(self._begin)
        self._opening.failed.connect(self.failed)
        self._timer = QTimer(self)
        self._timer.setInterval(_DISCOVERY_MS)
        self._timer.timeout.connect(self._look)

    def start(self) -> None:
        """Begin to look, if not yet."""
        if self._discovery is None:
            # Loading liblsl takes a moment.
            self._opening.start(LslDiscovery)

    def stop(self) -> None:
        """Stop looking."""
        self._opening.stop()
        self._timer.stop()
        if self._discovery is not None:
            self._discovery.close()
            self._discovery = None

    def _begin(self, discovery: LslDiscovery) -> None:
        self._discovery, self._seen = discovery, None
        self._timer.start()
        self._look()

    def _look(self) -> None:
        if self._discovery is not None:
            streams = self._discovery.streams()
            if streams != self._seen:
                self._seen = streams
                self.changed.emit(streams)
