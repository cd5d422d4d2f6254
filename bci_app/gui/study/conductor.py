"""Runs a study between the engine, the participant's window and the operator's."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal

from bci_app.engine import EngineThread
from bci_app.errors import BciError, StudyError
from bci_app.gui.study.participant_window import ParticipantWindow
from bci_app.gui.study.stepper import Stepper
from bci_app.presentation.notices import as_error
from bci_app.presentation.study_progress import StudyProgress, progress_of
from bci_app.study.opening import OpenStudy
from bci_app.study.runner import Stage, StageKind
from bci_app.study.session import hold_while_lost, why_ended

_TICK_MS = 5
_OPERATOR_EVERY = 20
"""Ticks between two reports to the operator's view."""
_ANSWER_MS = 300
"""How long a simulated participant thinks, where time is that of the clock."""
_BUSY_SECONDS = 0.02
"""How long samples are read at a time where they come as fast as they are read."""


class Conductor(QObject):
    """Lets time pass in a study and passes on what happens.

    Signals: `progressed` with `StudyProgress` and the engine's `Status`, `failed` with a BciError, `ended` when the
    study is over.

    Parameters
    ----------
    thread : EngineThread or Stepper
        Of the study's engine; a stepper where the source is not live.
    study : OpenStudy
        What is shown, and where it is kept.
    participant : ParticipantWindow
        Shows it.
    """

    progressed = pyqtSignal(object, object)
    failed = pyqtSignal(object)
    ended = pyqtSignal()

    def __init__(self, thread: EngineThread | Stepper, study: OpenStudy, participant: ParticipantWindow) -> None:
        super().__init__(participant)
        self._thread, self._study = thread, study
        self._source, self.runner, self._simulated = study.source, study.runner, study.simulated
        self._participant = participant
        self._shown: Stage | None = None
        self._done = set(self.runner.done)
        self._ticks = 0
        participant.presented.connect(self._presented)
        participant.proceeded.connect(lambda: self._act(lambda now: self.runner.proceed(now)))
        participant.answered.connect(lambda value: self._act(lambda now: self.runner.answer(value, now)))
        participant.failed.connect(self._leave_out)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self.tick)

    def start(self) -> None:
        """Begin with the first stage; wait for samples before it."""
        self._timer.start()

    def stop(self) -> None:
        """End the study, if it runs, and let no more time pass."""
        self.abort()
        self._timer.stop()

    def tick(self) -> None:
        """Let time pass until now; without a clock until something else is to be shown, or for a moment."""
        began, shown = monotonic(), self._shown
        self._pass()
        if not self._source.live:
            while self._timer.isActive() and self._shown is shown and monotonic() < began + _BUSY_SECONDS:
                self._pass()

    def _pass(self) -> None:
        results = self._thread.drain()
        if self._source.next_sample == 0:
            self._watch()
            return
        now = self._source.now
        if self._shown is None and not self.runner.started:
            self.runner.start(now, self._study.details)
        for result in results:
            for marker in result.markers:
                self.runner.on_marker(marker.text, marker.time)
        self._watch()
        self.runner.advance(now)
        self._show()
        self._ticks += 1
        if self._ticks % _OPERATOR_EVERY == 0:
            self.report()

    def report(self) -> None:
        """Report to the operator's view where the study stands."""
        self.progressed.emit(self.progress, self._thread.engine.status())

    @property
    def progress(self) -> StudyProgress:
        """Where the study stands."""
        return progress_of(self.runner, self._source.now)

    # What the operator can do -------------------------------------------------------------------

    def hold(self, reason: str = "the operator") -> None:
        """Pause; a trial that runs will be shown again."""
        self._act(lambda now: self.runner.hold(reason, now))

    def resume(self) -> None:
        """Go on."""
        self._act(lambda now: self.runner.resume(now))

    def skip(self) -> None:
        """Leave out what is shown."""
        self._act(lambda now: self.runner.skip(now))

    def repeat(self) -> None:
        """Show the trial again from its start."""
        self._act(lambda now: self.runner.repeat(now))

    def abort(self) -> None:
        """End the study; the same session can go on later."""
        self._act(lambda now: self.runner.abort(now))

    # How --------------------------------------------------------------------------------------------

    def _act(self, act: Callable[[float], None]) -> None:
        if not self.runner.finished and self.runner.started:
            act(self._source.now)
            self._show()
            self.report()

    def _presented(self, time: float, delay: float) -> None:
        # Frames are timed by the clock. A source that runs faster than the clock has a time of its samples.
        self.runner.presented(time if self._source.live else self._source.now, delay=delay)

    def _show(self) -> None:
        """Bring what the runner has come to onto the screen, and write down what is completed."""
        if self.runner.done != self._done:
            self._done = set(self.runner.done)
            self._save(running=True)
        if self.runner.finished:
            if self._timer.isActive():
                self._finish()
        elif self.runner.held:
            if self._shown is not None:
                self._shown = None
                self._participant.show_wait()
        elif self.runner.stage is not self._shown:
            self._shown = self.runner.stage
            self._participant.show_stage(self._shown)
            if self._shown.scale is not None:
                self.runner.presented(self._source.now)
            if self._simulated is not None:
                self._simulated.on_stage(self._shown, self._source.next_sample)
                QTimer.singleShot(_ANSWER_MS if self._source.live else 0, self._take_part)

    def _leave_out(self, medium: str) -> None:
        """Go on without a trial whose sound or film cannot be played."""
        self.failed.emit(
            StudyError(
                f"{medium} cannot be played, and its trial was left out",
                expected="a sound or a film in a common format",
                fix="Play it in another program, and save it again.",
            )
        )
        self.skip()

    def _take_part(self) -> None:
        """Read and answer for a simulated participant."""
        stage = self.runner.stage
        if stage.kind is StageKind.INSTRUCTION:
            self._act(lambda now: self.runner.proceed(now))
        elif stage.scale is not None and stage.trial is not None and self._simulated is not None:
            answer = self._simulated.answer(stage.trial, stage.scale)
            if answer is not None:
                self._act(lambda now: self.runner.answer(answer, now))

    def _watch(self) -> None:
        """Stop the study's clock while the headset is lost; end it where the session has failed."""
        failure = self._thread.failure
        if failure is not None:
            self._fail(as_error(failure, "The study was stopped"))
            return
        engine, now = self._thread.engine, self._source.now
        ended = why_ended(engine, self.runner)
        if ended is not None:
            self._fail(ended)
        elif self.runner.started:
            hold_while_lost(engine, self.runner, now)

    def _fail(self, error: BciError) -> None:
        if self._timer.isActive():
            if self.runner.started:
                self.runner.abort(self._source.now)
            self.failed.emit(error)
            self._finish()

    def _finish(self) -> None:
        self._timer.stop()
        self._save(finished=len(self.runner.done) == self.runner.trials)
        self._participant.show_end()
        self.report()
        self.ended.emit()

    def _save(self, *, finished: bool = False, running: bool = False) -> None:
        try:
            self._study.session.save(self._study.protocol, self.runner.done, finished=finished, running=running)
        except BciError as error:
            self.failed.emit(error)
