"""Between the window and the engine: the only object that knows both sides."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

import numpy as np
import psutil
from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal

from bci_app.bundle import LoadedBundle
from bci_app.engine import Engine, EngineThread
from bci_app.engine.spectrum import welch
from bci_app.errors import BciError
from bci_app.events import Gap, Phase, Prediction, Status
from bci_app.gui.state import Level, LiveStatus, Session, SessionLog, Step, Trouble, step_of
from bci_app.gui.traces import FILTERS, DisplayFilter, TraceHistory
from bci_app.sources.base import Source

HISTORY_SECONDS = 30.0

_FRAME_MS = 33
_HIDDEN_MS = 250
# Seconds of signal copied a frame: a little more than a frame ever takes.
_GLANCE = 0.5
_STATUS_SECONDS = 0.5
_SPECTRUM_SECONDS = 0.5
_SPECTRUM_SPAN = 6.0
# A stream that is silent this long is worth a word before it counts as lost.
_SILENT = 1.0


class _Opening:
    """Opens a session in a thread of its own, for devices that take seconds; closes the one before first."""

    def __init__(self, make: Callable[[], Engine], source_text: str, old: EngineThread | None) -> None:
        self.source_text = source_text
        self.engine: Engine | None = None
        self.failure: BciError | None = None
        self._make = make
        self._old = old
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="opening", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def cancel(self) -> None:
        """Close what has been or will be opened."""
        self._cancelled.set()
        self._thread.join(2.0)
        if self.done and self.engine is not None:
            self.engine.stop()

    def _run(self) -> None:
        if self._old is not None:
            self._old.stop()
        try:
            engine = self._make()
            engine.start()
        except BciError as error:
            self.failure = error
            return
        if self._cancelled.is_set():
            engine.stop()
            return
        self.engine = engine


class Controller(QObject):
    """Runs a session and tells the window about it in frozen values.

    Attributes
    ----------
    session : Session or None
        The open session.
    traces : TraceHistory or None
        What the signals view draws.
    log : SessionLog
        Predictions, gaps and markers so far.
    """

    opening = pyqtSignal(str)
    session_changed = pyqtSignal(object)
    status_changed = pyqtSignal(object)
    traces_extended = pyqtSignal()
    traces_replaced = pyqtSignal()
    predictions_added = pyqtSignal(object)
    spectrum_changed = pyqtSignal(object)
    marked = pyqtSignal(object)
    trouble_changed = pyqtSignal(object)
    failed = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session: Session | None = None
        self.traces: TraceHistory | None = None
        self.log = SessionLog()
        self.display_filter = FILTERS[0]
        self._opening: _Opening | None = None
        self._thread: EngineThread | None = None
        self._ended = False
        self._step = Step.CONNECT
        self._trouble: Trouble | None = None
        self._process = psutil.Process()
        self._cpu = float("nan")
        self._newest = (float("nan"), 0.0)  # LSL time of the newest sample, and when it was seen here
        self._due: dict[str, float] = {}
        self._shown: tuple[object, ...] = ()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self._drawing = True
        self._timer.start(_FRAME_MS)

    # What the window asks for ------------------------------------------------------------------

    def open(
        self, source: Source, bundle: LoadedBundle, *, source_text: str = "", wait_for_baseline: bool = True
    ) -> None:
        """Open a session; `session_changed` or `failed` follows."""
        if self._opening is not None:
            self._opening.cancel()
        old, self._thread = self._thread, None
        self._leave()

        def make() -> Engine:
            return Engine(source, bundle, wait_for_baseline=wait_for_baseline, buffer_seconds=HISTORY_SECONDS)

        self._opening = _Opening(make, source_text, old)
        self.opening.emit(source_text)

    def close(self) -> None:
        """End the session and its threads. May be called twice."""
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None
        if self._thread is not None:
            self._thread.stop()
            self._thread = None
        self._leave()

    def shut_down(self) -> None:
        """Close for good."""
        self._timer.stop()
        self.close()

    def start_baseline(self) -> None:
        """Measure the rest baseline from now on, anew if there is one."""
        if self._thread is not None:
            self._thread.engine.start_baseline()
            self._due.clear()

    def mark(self, text: str) -> None:
        """Note an event now."""
        if self._thread is not None:
            marker = self._thread.engine.mark(text)
            self.log.markers.append(marker)
            self.marked.emit(marker)

    def set_display_filter(self, display_filter: DisplayFilter) -> None:
        """Choose what the eye gets; the model and the recording get what they got."""
        self.display_filter = display_filter
        if self._thread is not None and self.traces is not None:
            self.traces.refilter(display_filter, self._thread.engine.signal(HISTORY_SECONDS))
            self.traces_replaced.emit()

    def set_drawing(self, drawing: bool) -> None:
        """Stop or go on copying signals for the eye, when the window is hidden or shown."""
        if drawing != self._drawing:
            self._drawing = drawing
            self._timer.setInterval(_FRAME_MS if drawing else _HIDDEN_MS)

    # What the engine tells ---------------------------------------------------------------------

    def tick(self) -> None:
        """Pass on what has happened; called by the timer."""
        if self._opening is not None and self._opening.done:
            self._finish_opening(self._opening)
        thread = self._thread
        if thread is None or self.session is None:
            return
        # Asked before draining, so that nothing which came before the end is left behind.
        ended = not thread.running
        predictions: list[Prediction] = []
        gaps: list[Gap] = []
        for result in thread.drain():
            predictions += result.predictions
            gaps += result.gaps
        self.log.add(predictions, gaps)
        if self._drawing:
            self._take_signal(thread.engine)
        if predictions:
            self.predictions_added.emit(tuple(predictions))
        status = thread.engine.status()
        self._tell_status(status)
        if ended and not self._ended:
            self._ended = True
            self._tell_end(thread)
        elif not self._ended:
            self._watch(status)

    def _finish_opening(self, opening: _Opening) -> None:
        self._opening = None
        if opening.failure is not None:
            self._set_trouble(_as_trouble(opening.failure))
            self.failed.emit(opening.failure)
            return
        if opening.engine is None:
            self._set_trouble(Trouble("The session could not be opened", "The log has the details.", Level.ERROR))
            return
        engine = opening.engine
        self.session = Session(engine.info, engine.bundle, opening.source_text)
        self.traces = TraceHistory(
            engine.info.channels, engine.info.rate, seconds=HISTORY_SECONDS, display_filter=self.display_filter
        )
        self.log = SessionLog()
        self._thread = EngineThread(engine)
        self._thread.start()
        self._set_trouble(None)
        self.session_changed.emit(self.session)

    def _leave(self) -> None:
        had = self.session is not None
        self.session = self.traces = None
        self._ended = False
        self._step = Step.CONNECT
        self._newest = (float("nan"), 0.0)
        self._due.clear()
        self._shown = ()
        self._set_trouble(None)
        if had:
            self.session_changed.emit(None)

    def _take_signal(self, engine: Engine) -> None:
        traces = self.traces
        assert traces is not None
        view = engine.signal(_GLANCE)
        if view.first > traces.end:
            view = engine.signal(HISTORY_SECONDS)
        if traces.extend(view):
            self._newest = (view.time, monotonic())
            self.traces_extended.emit()
        if self._is_due("spectrum", _SPECTRUM_SECONDS):
            spectrum = welch(engine.signal(_SPECTRUM_SPAN).data, traces.rate)
            if spectrum is not None:
                self.spectrum_changed.emit(spectrum)

    def _tell_status(self, status: Status) -> None:
        self._step = step_of(status, self._step)
        if self._is_due("cpu", 1.0):
            self._cpu = self._process.cpu_percent()
        # Numbers change twice a second, states at once: digits that flicker cannot be read.
        shown = (status.phase, status.contacts, status.message, status.baseline_progress, status.recording)
        if shown != self._shown or self._is_due("status", _STATUS_SECONDS):
            self._shown = shown
            self.status_changed.emit(LiveStatus(status, self._step, self.now(), self._cpu))

    @property
    def newest(self) -> float:
        """LSL time of the newest sample that was drawn."""
        return self._newest[0]

    def now(self) -> float:
        """Give the LSL time of the right edge of what scrolls: goes on while a stream is silent."""
        time, seen = self._newest
        return time if self._ended else time + (monotonic() - seen)

    def _is_due(self, what: str, seconds: float) -> bool:
        now = monotonic()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + seconds
        return True

    def _watch(self, status: Status) -> None:
        if status.phase is Phase.LOST:
            self._set_trouble(Trouble("The stream is lost", status.message, Level.ERROR, ("Choose another source",)))
        elif status.message:
            self._set_trouble(Trouble(status.message))
        elif np.isfinite(status.age_s) and self._silence() > _SILENT:
            self._set_trouble(
                Trouble("No samples are arriving", f"The newest is {self._silence():.0f} s old. Check the device.")
            )
        else:
            self._set_trouble(None)

    def _silence(self) -> float:
        return monotonic() - self._newest[1] if self._drawing and self._newest[1] else 0.0

    def _tell_end(self, thread: EngineThread) -> None:
        if isinstance(thread.failure, BciError):
            self._set_trouble(_as_trouble(thread.failure))
            self.failed.emit(thread.failure)
        elif thread.failure is not None:
            fault = f"{type(thread.failure).__name__}: {thread.failure}"
            self._set_trouble(
                Trouble("The session has stopped by a fault of the program", f"{fault}. Please report it.", Level.ERROR)
            )
        else:
            self._set_trouble(
                Trouble("The recording has ended", "", Level.NOTE, ("Play again", "Choose another source"))
            )

    def _set_trouble(self, trouble: Trouble | None) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self.trouble_changed.emit(trouble)


def _as_trouble(error: BciError) -> Trouble:
    details = [f"{label} {value}." for label, value in (("Found", error.found), ("Expected", error.expected)) if value]
    return Trouble(f"{error.summary}.", " ".join([*details, error.fix or ""]).strip(), Level.ERROR, ())
