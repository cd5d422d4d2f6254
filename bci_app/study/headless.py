"""A whole study without a window: with a simulated participant, a file of answers, or a person at the terminal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bci_app.engine import Engine
from bci_app.recording.recorder import Recorder
from bci_app.sources.base import Source
from bci_app.study.answers import FileAnswers, Respondent, TypedAnswers
from bci_app.study.opening import OpenStudy, StudyOptions, open_study
from bci_app.study.protocol import LoadedProtocol, Protocol
from bci_app.study.runner import Stage
from bci_app.study.schedule import Item, PlannedTrial
from bci_app.study.session import OnStage, TimedSource, run_study


@dataclass(frozen=True, slots=True)
class StudyOutcome:
    """How far a study has come, and where it was recorded."""

    done: int
    trials: int
    recording: Path


def study_without_window(
    name: str,
    source: Source,
    options: StudyOptions,
    *,
    stopped: threading.Event,
    on_stage: OnStage,
    on_closed: Callable[[Recorder], object] | None = None,
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
        Called with each stage.
    on_closed : callable, optional
        Called with the recording once it is closed, also where the study has ended by an error.

    Raises
    ------
    BciError
        If the protocol, the source or the folder cannot be used, or the recording fails.
    """
    from_file = None if options.answers is None else FileAnswers(options.answers)

    def check(loaded: LoadedProtocol, items: Sequence[Item]) -> None:
        if from_file is not None:
            _try_all(from_file, loaded.protocol, items)

    study = open_study(name, source, options, check=check)
    try:
        _first_samples(study.engine, study.source)
        study.runner.start(study.source.now, study.details)
        answers: Respondent = from_file or study.simulated or TypedAnswers(study.language)
        run_study(
            study.engine,
            study.source,
            study.protocol,
            study.runner,
            study.session,
            answers=answers,
            on_stage=_also_felt(study, on_stage),
            stopped=stopped,
        )
    finally:
        study.engine.stop()
        if on_closed is not None:
            on_closed(study.recorder)
    return StudyOutcome(len(study.runner.done), study.runner.trials, study.recorder.path)


def _also_felt(study: OpenStudy, on_stage: OnStage) -> OnStage:
    def show(stage: Stage, sample: int) -> None:
        if study.simulated is not None:
            study.simulated.on_stage(stage, sample)
        on_stage(stage, sample)

    return show


def _try_all(answers: FileAnswers, protocol: Protocol, items: Sequence[Item]) -> None:
    """Look up every answer: a wrong one is found now, and not in the middle of the session."""
    for item in items:
        if isinstance(item, PlannedTrial):
            for name in item.block.ratings:
                answers.answer(item, protocol.scale(name))


def _first_samples(engine: Engine, source: TimedSource) -> None:
    """Wait for samples: markers before the first one could not be placed."""
    while source.next_sample == 0 and not engine.finished:
        engine.step(0.1)
