"""Between the window and the engine: the only object that knows both sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic

from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal

from bci_app.engine import Engine, EngineThread
from bci_app.errors import BciError
from bci_app.events import Status
from bci_app.gui.opener import Opener
from bci_app.gui.recorder import SessionRecorder
from bci_app.presentation import notices
from bci_app.presentation.event_log import EventLog
from bci_app.presentation.mark_book import MarkBook
from bci_app.presentation.marks import planted_truth
from bci_app.presentation.opening import Opened, Ready, Running, StreamChoice
from bci_app.presentation.output_control import OutputChoice, OutputControl
from bci_app.presentation.player import Playback, Player
from bci_app.presentation.signal_feed import SignalFeed
from bci_app.presentation.spectra import Spectra
from bci_app.presentation.state import Session, SessionLog
from bci_app.presentation.status_report import Due, StatusReport
from bci_app.presentation.traces import DisplayFilter
from bci_app.recording.session_log import SessionLogFile
from bci_app.sources.lsl.header import LslStream

_FRAME_MS = 30
_HIDDEN_MS = 250
_SPECTRUM_SECONDS = 0.5
_RECORDING_SECONDS = 1.0


class Controller(QObject):
    """Runs a session, and reports it to the window in frozen values.

    Parameters
    ----------
    clock : callable
        Steady seconds, which the silence of a stream is measured by.
    markers : sequence of str
        LSL marker streams whose events belong to every session (see `Engine`).
    outputs : OutputChoice, optional
        Where predictions are sent; nowhere by default.

    Attributes
    ----------
    session : Session or None
        The open session.
    log : SessionLog
        Predictions, gaps and markers so far.
    recorder : SessionRecorder
        The recording of the session.
    feed : SignalFeed
        The signals to be drawn, and where their time stands.
    outputs : OutputControl
        Where predictions are sent.
    spectra : Spectra
        What is shown of the spectrum. It emits `spectrum_changed` and `map_changed`.
    notices : NoticeBoard
        What is shown of what has gone wrong.
    player : Player or None
        Plays the recording that is the source, if it is one.
    source_text : str
        The source that was asked for last.
    participant : str
        Code of the person in the session.
    """

    opening = pyqtSignal(str)
    session_changed = pyqtSignal(object)
    status_changed = pyqtSignal(object)
    traces_extended = pyqtSignal()
    traces_replaced = pyqtSignal()
    predictions_added = pyqtSignal(object)
    spectrum_changed = pyqtSignal(object)
    map_changed = pyqtSignal(object)
    happened = pyqtSignal(object)
    unrecorded = pyqtSignal()
    notice_changed = pyqtSignal(object)
    playback_changed = pyqtSignal(object)
    failed = pyqtSignal(object)

    def __init__(
        self,
        parent: QObject | None = None,
        *,
        clock: Callable[[], float] = monotonic,
        markers: Sequence[str] = (),
        outputs: OutputChoice | None = None,
    ) -> None:
        super().__init__(parent)
        self._markers = tuple(markers)
        self.feed = SignalFeed(clock)
        self.spectra = Spectra(self.spectrum_changed.emit, self.map_changed.emit)
        self._event_log = EventLog(self.happened.emit, lambda: self.seconds)
        self._marks = MarkBook(self.feed, self._event_log, self.happened.emit)
        self.notices = notices.NoticeBoard(self.notice_changed.emit)
        self.session: Session | None = None
        self.log = SessionLog()
        self.player: Player | None = None
        self._opener = Opener(self._begin, self._fail)
        self.source_text = ""
        self.participant = ""
        self._again: Callable[[], None] | None = None
        self._running: Running | None = None
        self.recorder = SessionRecorder(self._event_log, lambda: self.engine, self)
        self.recorder.reports.failed.connect(self.show_error)
        self.outputs = OutputControl(outputs or OutputChoice())
        self._log_folder: Callable[[], Path] | None = None
        self._drawing = True
        self._report = StatusReport()
        self._due = Due()
        self._forget()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self._timer.start(_FRAME_MS)

    def _forget(self) -> None:
        self._ended = False
        self._silence = ""  # why nothing arrives
        self.feed.forget()
        self._event_log.forget()
        self.notices.forget()
        self._report.forget()
        self._due.forget()

    def keep_log_in(self, folder: Callable[[], Path]) -> None:
        """Write events of each session from now on to a log in the folder that `folder` returns."""
        self._log_folder = folder

    def _begin_log(self) -> None:
        if self._log_folder is not None and self.engine is not None:
            self.engine.keep_log(SessionLogFile(self._log_folder(), self.participant))

    # What the window asks for ------------------------------------------------------------------

    def prepare(
        self,
        find: Callable[[], Ready],
        *,
        source_text: str = "",
        wait_for_baseline: bool = True,
        streams: StreamChoice = StreamChoice(),  # noqa: B008 - frozen
    ) -> None:
        """Open the session whose source and model `find` returns, in a separate thread.

        `session_changed` or `failed` follows. Without a model signals are only watched.
        Marker streams that were named at the start are received beside those of `streams`.
        """
        self._opener.cancel()
        old, self._running = self._running, None
        self._leave()
        self.source_text = source_text
        markers = tuple(dict.fromkeys((*self._markers, *streams.markers)))
        self._opener.start(find, old, wait_for_baseline=wait_for_baseline, streams=replace(streams, markers=markers))
        self._again = lambda: self.prepare(
            find, source_text=source_text, wait_for_baseline=wait_for_baseline, streams=streams
        )
        self.opening.emit(source_text)

    def open_again(self) -> None:
        """Open the last session again. A recording starts from its beginning."""
        if self._again is not None:
            self._again()

    def close(self) -> None:
        """End the session and its threads. May be called twice."""
        self._opener.cancel()
        if self._running is not None:
            self._running.stop()
            self._running = None
        self._leave()

    def shut_down(self) -> None:
        """Close for good."""
        self._timer.stop()
        self.close()

    def start_baseline(self) -> None:
        """Measure the rest baseline from now on, again if there is one."""
        if self._running is not None:
            self._running.thread.engine.start_baseline()
            self._report.repeat()

    def mark(self, text: str) -> None:
        """Mark this moment."""
        if self._running is not None:
            self._marks.take(self._running.thread.engine.mark(text), quiet=False)
            if not self.recorder.running:
                self.unrecorded.emit()

    def set_display_filter(self, display_filter: DisplayFilter) -> None:
        """Choose the filter of the display. The model and the recording are not affected."""
        if self.feed.refilter(display_filter, self.engine):
            self.traces_replaced.emit()

    def set_drawing(self, drawing: bool) -> None:
        """Stop or go on copying signals for drawing, when the window is hidden or shown."""
        if drawing != self._drawing:
            self._drawing = drawing
            self._timer.setInterval(_FRAME_MS if drawing else _HIDDEN_MS)

    def sends(self, stream: LslStream) -> bool:
        """Return whether an LSL stream is one of this session's outputs, or the recording that it plays."""
        return self.outputs.sends(stream.uid) or (self.player is not None and self.player.sends(stream.source_id))

    # Recording ---------------------------------------------------------------------------------

    def start_recording(self, folder: Path, *, participant: str) -> None:
        """Record from now on into a new file of `folder`."""
        if self.session is None:
            return
        try:
            self.recorder.start(folder, participant=participant, source_text=self.session.source_text)
        except BciError as error:
            self.show_error(error)
            return
        self.notices.forget()  # of a recording before this one

    def name_participant(self, code: str) -> None:
        """Take a participant's code. Another code is another person, whose rest has not been measured."""
        before, self.participant = self.participant, code
        if self.recorder.rename(code):
            self.mark(f"participant {code}" if code else "participant without a code")
        if before and code != before:
            self._begin_log()
        elif code and self.engine is not None and self.engine.log is not None:
            self.engine.log.rename(code)
        if before and code != before and self.engine is not None and self.engine.rest is not None:
            self.engine.forget_rest()
            self._report.repeat()
            self.notices.show(notices.another_participant(before, code))
        self._check_profile(code)

    def next_participant(self, code: str) -> None:
        """Begin with the next participant: recording stopped, no rest baseline, no events, no predictions."""
        engine, session = self.engine, self.session
        self.participant = code
        if engine is None or session is None:
            return
        self.recorder.stop()
        engine.forget_rest()
        self._begin_log()
        self._event_log.forget()
        self.notices.show(None)
        self._report.forget()
        self.feed.stream_time.restart()
        self.log = self._marks.log = SessionLog()
        self.session = replace(session, log=self.log)
        self.session_changed.emit(self.session)
        self._check_profile(code)

    def _check_profile(self, code: str) -> None:
        """Warn where the profile in use is another person's."""
        profile = self.session.profile if self.session is not None else None
        if profile is not None and code and code != profile.participant:
            self.notices.show(notices.another_profile(profile.participant, code))

    # What the engine reports -------------------------------------------------------------------

    def tick(self) -> None:
        """Report what has happened. The timer calls this."""
        self._opener.poll()
        if self._running is None or self.session is None:
            return
        running, thread = self._running, self._running.thread
        # Asked before draining, so that nothing which came before the end is left behind.
        ended = not thread.running
        results = thread.drain()
        predictions = [prediction for result in results for prediction in result.predictions]
        gaps = [gap for result in results for gap in result.gaps]
        self.log.add(predictions, gaps)
        self._marks.follow(predictions)
        if self._drawing:
            self._draw(thread.engine)
        for result in results:
            for marker in result.markers:
                self._marks.take(marker, quiet=True)
        for gap in gaps:
            self._event_log.gap(gap, self.session.info.rate, self.feed.stream_time.since_start(gap.time))
        if predictions:
            self.predictions_added.emit(tuple(predictions))
        if self._running is not running:
            return  # a listener has closed the session
        failure = self.outputs.failure()
        if failure is not None:
            self.show_error(failure)
        self.log.truth = planted_truth(running.source, self.feed.stream_time.newest) or self.log.truth
        status = thread.engine.status()
        playback = self.player.playback() if self.player is not None else None
        if playback is not None:
            self._event_log.file(playback.file)
            self.playback_changed.emit(playback)
            if playback.waits:
                self.feed.stream_time.excuse()
        self._report_status(running, status, playback)
        if ended and not self._ended:
            self._ended = True
            self.feed.stream_time.hold()
            self._report_end(thread)
        elif not self._ended:
            self.notices.watch(notices.present(status, playback, self._silent, free=self.recorder.free))

    def _fail(self, error: BciError) -> None:
        self.notices.show(notices.of_error(error, notices.DISMISS))
        self.failed.emit(error)

    def _begin(self, opened: Opened) -> None:
        engine, self.player = opened.engine, opened.player
        self.feed.begin(engine.info)
        self.log = self._marks.log = SessionLog()
        self._marks.learning = opened.learning
        self.session = Session(engine.info, engine.spec, self.source_text, opened.profile, self.log, self.feed.traces)
        self.spectra.begin(engine.info.channels, self.session.judged)
        self._running = Running(EngineThread(engine), opened.source, self.player)
        self._begin_log()
        self._running.thread.start()
        self.outputs.begin(engine)
        self.notices.show(None)
        self.session_changed.emit(self.session)

    def _leave(self) -> None:
        had = self.session is not None
        self.session = self.player = self._marks.learning = None
        self.recorder.forget()
        self.outputs.end()
        self._forget()
        self.notices.show(None)
        if had:
            self.session_changed.emit(None)

    def _draw(self, engine: Engine) -> None:
        if self.feed.take(engine):
            self.traces_extended.emit()
        if self.feed.filter_at_last(engine):
            self.traces_replaced.emit()
        if not self._silence and self._due.now("spectrum", _SPECTRUM_SECONDS):
            self.spectra.take(self.feed.spectrum(engine))

    def _report_status(self, running: Running, status: Status, playback: Playback | None) -> None:
        self._silence = notices.silence(status, playback, self._silent)
        live = self._report.take(
            status,
            running.thread.engine,
            player=self.player,
            silence=self._silence,
            time=self.feed.stream_time,
            sent=self.outputs.sent,
            learning=self._marks.words,
        )
        self._event_log.step(self._report.step)
        self._event_log.silence(self._silence, looked=self._drawing)
        if self._silence:
            self.spectra.take(None)
        if live is not None:
            self.spectra.judge(live.contacts)
            self._event_log.marker_streams(frozenset(live.marker_streams))
            self.status_changed.emit(live)
        if self._due.now("recording", _RECORDING_SECONDS):
            self.recorder.check()

    @property
    def engine(self) -> Engine | None:
        """The engine of the open session, or None."""
        return self._running.thread.engine if self._running is not None else None

    @property
    def _silent(self) -> float:
        """Seconds without the samples that should have come; 0 while nothing is drawn."""
        return self.feed.stream_time.missed if self._drawing else 0.0

    @property
    def ended(self) -> bool:
        """Whether the session's engine has ended."""
        return self._ended

    @property
    def seconds(self) -> float:
        """Seconds since the first sample of the session."""
        return self.feed.stream_time.since_start(self.feed.stream_time.now)

    # Notices -----------------------------------------------------------------------------------

    def show_error(self, error: BciError) -> None:
        """Show what has gone wrong beside the session, until the user dismisses it."""
        self.notices.show(notices.of_error(error, notices.DISMISS, lasting=True))

    def _report_end(self, thread: EngineThread) -> None:
        if thread.failure is not None:
            error = notices.as_error(thread.failure, "The session was stopped")
            self.notices.show(notices.of_error(error, notices.CHOOSE_SOURCE))
            self.failed.emit(error)
        else:
            self.notices.show(notices.ended(recording=self.recorder.running))
