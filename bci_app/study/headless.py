"""A whole study without a window, from its protocol to its recording."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bci_app.engine import Engine
from bci_app.recording.recorder import Recorder
from bci_app.sources.base import Source
from bci_app.sources.synthetic import SyntheticSource
from bci_app.study.answers import Answers, FileAnswers, TypedAnswers
from bci_app.study.folder import StudySession, open_session
from bci_app.study.protocol import Protocol, load_protocol
from bci_app.study.runner import Stage, StudyRunner
from bci_app.study.schedule import Item, PlannedTrial, plan
from bci_app.study.session import OnStage, TimedSource, marks_into, run_study
from bci_app.study.simulated import SimulatedTakingPart


@dataclass(frozen=True, slots=True)
class StudyOptions:
    """What is stated of a study beside its protocol.

    Attributes
    ----------
    out : Path
        Folder of the study.
    source : str
        Text of the source, for the recording.
    participant, session, language, notes : str or None
        None for the default.
    answers : Path or None
        File of ratings.
    markers : tuple of str
        LSL marker streams that are recorded, and open external trials.
    """

    out: Path
    source: str
    participant: str | None = None
    session: str | None = None
    language: str | None = None
    answers: Path | None = None
    notes: str | None = None
    markers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StudyOutcome:
    """How far a study has come, and where it was recorded."""

    done: int
    trials: int
    recording: Path


def study_without_window(
    name: str, source: Source, options: StudyOptions, *, stopped: threading.Event, on_stage: OnStage
) -> StudyOutcome:
    """Run a study in the terminal, or with a simulated participant.

    Parameters
    ----------
    name : str
        A protocol file or the name of one that ships.
    source : Source
        Not started yet.
    options : StudyOptions
        Who, where and how.
    stopped : threading.Event
        Ends the study; the same call goes on later.
    on_stage : callable
        Told of each stage.

    Raises
    ------
    BciError
        If the protocol, the source or the folder cannot be used, or the recording fails.
    """
    protocol = load_protocol(name).protocol
    part = SimulatedTakingPart(source.participant) if isinstance(source, SyntheticSource) else None
    participant = options.participant or _default_code(source)
    session = open_session(options.out, protocol, participant=participant, session=options.session)
    done = session.resume(protocol)
    items = plan(protocol, participant=participant, session=session.session)
    answers = _answers(options, part, protocol, items)
    timed = TimedSource(source, live=not (isinstance(source, SyntheticSource) and source.speed is None))
    engine = Engine(timed, None, markers=options.markers)
    engine.start()
    try:
        runner = StudyRunner(protocol, items, mark=marks_into(engine), done=done)
        recorder = _recorder(engine, session, protocol, options)
        engine.start_recording(recorder)
        session.save(protocol, done, finished=False)
        _first_samples(engine, timed)
        run = session.next_run - 1
        runner.start(timed.now, {"participant": participant, "session": session.session, "run": f"{max(1, run):02d}"})

        def show(stage: Stage, sample: int) -> None:
            if part is not None:
                part.on_stage(stage, sample)
            on_stage(stage, sample)

        run_study(engine, timed, protocol, runner, session, answers=answers, on_stage=show, stopped=stopped)
    finally:
        engine.stop()
    return StudyOutcome(len(runner.done), runner.trials, recorder.path)


def _default_code(source: Source) -> str:
    return f"sim{source.participant.seed}" if isinstance(source, SyntheticSource) else "P01"


def _answers(
    options: StudyOptions, part: SimulatedTakingPart | None, protocol: Protocol, items: Sequence[Item]
) -> Answers:
    if options.answers is None:
        return part or TypedAnswers(options.language or protocol.language)
    answers = FileAnswers(options.answers)
    # A wrong answer is found now, and not in the middle of the session.
    for item in items:
        if isinstance(item, PlannedTrial):
            for name in item.block.ratings:
                answers.answer(item, protocol.scale(name))
    return answers


def _recorder(engine: Engine, session: StudySession, protocol: Protocol, options: StudyOptions) -> Recorder:
    path = session.recording(session.next_run)
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata: dict[str, object] = {
        "source": options.source,
        "participant": session.participant,
        "session": session.session,
        "task": session.task,
        "study": protocol.model_dump(mode="json"),
    }
    if options.notes:
        metadata["notes"] = options.notes
    return Recorder(path, engine.info, metadata=metadata)


def _first_samples(engine: Engine, source: TimedSource) -> None:
    """Wait for samples: markers before the first one could not be placed."""
    while source.next_sample == 0 and not engine.finished:
        engine.step(0.1)
