"""Where a study stands, in words and figures for the operator. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from bci_app.events import Contact, ContactLevel
from bci_app.study.runner import StageKind, StudyRunner

_STAGES = {
    StageKind.INSTRUCTION: "Instruction: waits for the participant",
    StageKind.REST: "Rest",
    StageKind.FIXATION: "Fixation",
    StageKind.STIMULUS: "Stimulus",
    StageKind.RATING: "Question: waits for an answer",
    StageKind.PAUSE: "Pause",
    StageKind.FINISHED: "Finished",
}


@dataclass(frozen=True, slots=True)
class StudyProgress:
    """What the operator sees.

    Attributes
    ----------
    stage : str
        What the participant sees, in words.
    detail : str
        Condition of the trial, or the question.
    trial, trials : int
        Number of the trial that runs (0 for none), and of all.
    done : int
        Trials that are completed.
    stage_seconds : float or None
        Left of the stage; None if it has no fixed end.
    seconds_left : float
        Left of everything that has a length.
    held : str
        Why the study waits; empty if it does not.
    finished : bool
        Whether it is over.
    """

    stage: str
    detail: str
    trial: int
    trials: int
    done: int
    stage_seconds: float | None
    seconds_left: float
    held: str
    finished: bool


def progress_of(runner: StudyRunner, now: float) -> StudyProgress:
    """Describe where a study stands at a time of the session's clock."""
    stage = runner.stage
    detail = ""
    if stage.scale is not None:
        detail = stage.scale.name.replace("_", " ")
    elif stage.trial is not None:
        detail = stage.trial.spec.name
    return StudyProgress(
        stage=_STAGES[stage.kind],
        detail=detail,
        trial=stage.trial.number if stage.trial is not None else 0,
        trials=runner.trials,
        done=len(runner.done),
        stage_seconds=runner.remaining(now),
        seconds_left=runner.seconds_left(now),
        held=runner.held,
        finished=runner.finished,
    )


def contact_words(contacts: tuple[Contact, ...]) -> tuple[str, bool]:
    """Say in a line how the electrodes sit, and whether that is well.

    Returns
    -------
    str, bool
    """
    bad = [contact.channel for contact in contacts if contact.level is ContactLevel.BAD]
    poor = [contact.channel for contact in contacts if contact.level is ContactLevel.POOR]
    known = [contact for contact in contacts if contact.level is not ContactLevel.UNKNOWN]
    if not known:
        return "Contact is not judged yet", True
    parts = [f"{word} {', '.join(names)}" for word, names in (("bad:", bad), ("poor:", poor)) if names]
    return ("Contact is good" if not parts else "Contact " + "; ".join(parts)), not bad
