"""A study without a window: the engine reads and records, the runner says what comes when."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from bci_app.engine import Engine
from bci_app.errors import BciError, FileError, StudyError
from bci_app.events import Phase
from bci_app.sources.base import Source
from bci_app.sources.lsl.library import local_clock
from bci_app.stream import Chunk, Marker, StreamInfo
from bci_app.study.answers import Respondent
from bci_app.study.folder import StudySession
from bci_app.study.protocol import Protocol
from bci_app.study.runner import Stage, StageKind, StudyRunner

_WAIT = 0.02
LOST = "stream lost"
"""Why a study waits while the headset is away."""


class TimedSource:
    """A source that knows the time and the index of its next sample.

    Parameters
    ----------
    source : Source
        Not started yet.
    live : bool
        Whether its time is that of the clock. A source that is read as fast as possible has a time of its samples.
    clock : callable
        The LSL clock.
    """

    def __init__(self, source: Source, *, live: bool, clock: Callable[[], float] = local_clock) -> None:
        self._source = source
        self.live = live
        self._clock = clock
        self._rate = 1.0
        self._stream_time = 0.0
        self.next_sample = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def start(self) -> StreamInfo:
        """Open the source. See `Source.start`."""
        info = self._source.start()
        self._rate, self._stream_time = info.rate, self._clock()
        return info

    def read(self, timeout: float = 0.0) -> Chunk | None:
        """Read the next samples. See `Source.read`."""
        chunk = self._source.read(timeout)
        if chunk is not None and len(chunk):
            self._stream_time = float(chunk.times[-1]) + 1 / self._rate
            self.next_sample = chunk.first + len(chunk)
        return chunk

    @property
    def finished(self) -> bool:
        """See `Source.finished`."""
        return self._source.finished

    def stop(self) -> None:
        """See `Source.stop`."""
        self._source.stop()

    @property
    def now(self) -> float:
        """Seconds of the session's clock: the LSL clock, or the time of the next sample."""
        return self._clock() if self.live else self._stream_time


OnStage = Callable[[Stage, int], None]
"""Takes each stage as it begins, and the index of the next sample."""


def run_study(
    engine: Engine,
    source: TimedSource,
    protocol: Protocol,
    runner: StudyRunner,
    session: StudySession,
    *,
    answers: Respondent,
    on_stage: OnStage,
    stopped: threading.Event,
) -> None:
    """Run a study to its end, or until `stopped` is set; what is completed is written down after each trial.

    Parameters
    ----------
    engine : Engine
        Started, and recording.
    source : TimedSource
        The engine's.
    protocol, runner, session
        What is shown, and where it is kept.
    answers : Respondent
        Answers every question.
    on_stage : callable
        Called with each stage.
    stopped : threading.Event
        Ends the study; it can go on later.

    Raises
    ------
    StudyError
        If the source ends before the study, or the session's state cannot be written.
    FileError
        If the recording has ended by a failure.
    """
    shown: Stage | None = None
    done = set(runner.done)
    while not runner.finished:
        result = engine.step(_WAIT)
        now = source.now
        for marker in result.markers:
            runner.on_marker(marker.text, marker.time)
        if stopped.is_set():
            runner.abort(now)
        hold_while_lost(engine, runner, now)
        runner.advance(now)
        while not runner.finished and not runner.held and runner.stage is not shown:
            shown = runner.stage
            on_stage(shown, source.next_sample)
            runner.presented(now)
            _pass_through(runner, answers, now)
        if runner.done != done:
            done = set(runner.done)
            session.save(protocol, done, running=True)
        failure = why_ended(engine, runner)
        if failure is not None:
            runner.abort(now)
            raise failure
    session.save(protocol, runner.done, finished=len(runner.done) == runner.trials)


def why_ended(engine: Engine, runner: StudyRunner) -> BciError | None:
    """Return why a study cannot go on, as its recording or its source has ended; None if it can, or is over."""
    if runner.finished:
        return None
    if reason := engine.status().recording_error:
        return FileError(
            f"The recording of the study has ended: {reason.rstrip('.')}",
            fix="Once there is room, start the study again: it goes on, and the trials before are kept.",
        )
    if engine.finished:
        return StudyError(
            "The source ended before the study",
            found=f"{len(runner.done)} of {runner.trials} trials",
            expected="a source that goes on",
            fix="Start the study again: it goes on, and the trials before are kept.",
        )
    return None


def hold_while_lost(engine: Engine, runner: StudyRunner, now: float) -> None:
    """Stop the study's clock at time `now` while the headset is away, and go on when it is back."""
    lost = engine.status().phase is Phase.LOST
    if lost and not runner.held:
        runner.hold(LOST, now)
    elif not lost and runner.held == LOST:
        runner.resume(now)


def _pass_through(runner: StudyRunner, answers: Respondent, now: float) -> None:
    """Go on at once where no time passes: instructions and questions."""
    stage = runner.stage
    if stage.kind is StageKind.INSTRUCTION:
        runner.proceed(now)
    elif stage.kind is StageKind.RATING and stage.trial is not None and stage.scale is not None:
        answer = answers.answer(stage.trial, stage.scale)
        if answer is None:
            runner.skip(now)
        else:
            runner.answer(answer, now)


def marks_into(engine: Engine) -> Callable[[str, float], None]:
    """Return what takes a study's markers into the engine's recording and outputs."""
    return lambda text, time: engine.note(Marker(time, text), "")
