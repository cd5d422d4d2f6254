"""A study as it runs: which stage is shown, until when, and the markers that say so.

The runner has no clock and no screen. A face of the study (window, terminal, simulation) calls `advance` with the time,
shows `stage`, and reports with `presented` when it can be seen; from then on its seconds count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from bci_app.study.markers import INTENDED, Kind, Outcome, StudyMarker
from bci_app.study.protocol import ExternalStimulus, Protocol, Scale, in_language
from bci_app.study.schedule import Instruction, Item, PlannedTrial, RestPeriod

Mark = Callable[[str, float], None]
"""Takes the text of a marker and its time in seconds of the session's clock."""


class StageKind(Enum):
    """What a participant sees."""

    INSTRUCTION = "instruction"
    REST = "rest"
    FIXATION = "fixation"
    STIMULUS = "stimulus"
    RATING = "rating"
    PAUSE = "pause"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Stage:
    """What is shown now.

    Attributes
    ----------
    kind : StageKind
        What it is.
    item : Item or None
        The part of the plan that it belongs to; None at the end.
    seconds : float or None
        How long it lasts once it is presented; None until something happens (an answer, a key, a marker, the end of
        a film).
    scale : Scale or None
        The question of a rating.
    """

    kind: StageKind
    item: Item | None = None
    seconds: float | None = None
    scale: Scale | None = None

    @property
    def trial(self) -> PlannedTrial | None:
        """The trial that it belongs to, if any."""
        return self.item if isinstance(self.item, PlannedTrial) else None

    def text(self, language: str) -> str:
        """Return the words that the participant reads, empty for none."""
        if isinstance(self.item, Instruction):
            return in_language(self.item.block.text, language)
        if isinstance(self.item, RestPeriod):
            return in_language(self.item.block.text, language)
        if self.kind is StageKind.FIXATION:
            return "+"
        if self.kind is StageKind.RATING and self.scale is not None:
            return in_language(self.scale.question, language)
        stimulus = self.trial.spec.stimulus if self.trial and self.kind is StageKind.STIMULUS else None
        text = getattr(stimulus, "text", None)
        return in_language(text, language)


_FINISHED = Stage(StageKind.FINISHED)


class StudyRunner:
    """Go through the plan of a session.

    Parameters
    ----------
    protocol : Protocol
        What the plan was made from.
    items : sequence of Item
        The plan (see `plan`).
    mark : callable
        Takes the text and the time of each marker.
    done : collection of int, optional
        Numbers of trials that an earlier run of the session has completed; they are not shown again.
    """

    def __init__(self, protocol: Protocol, items: Sequence[Item], *, mark: Mark, done: Collection[int] = ()) -> None:
        self._protocol = protocol
        self._mark = mark
        self._all = tuple(items)
        self.done: set[int] = set(done)
        self._waiting = deque(item for item in items if not (isinstance(item, PlannedTrial) and item.number in done))
        self._stages: deque[Stage] = deque()
        self._stage = Stage(StageKind.PAUSE, None, 0.0)
        self._presented: float | None = None
        self._answers: dict[str, str] = {}
        self._open = False  # whether an onset marker waits for its offset
        self._hold = ""
        self._started = False
        self.outcome: Outcome | None = None

    # What a face shows ----------------------------------------------------------------------

    @property
    def stage(self) -> Stage:
        """What is to be shown now."""
        return self._stage

    @property
    def held(self) -> str:
        """Why the study waits, as a pause or a lost headset; empty if it does not."""
        return self._hold

    @property
    def started(self) -> bool:
        """Whether `start` was called."""
        return self._started

    @property
    def finished(self) -> bool:
        """True once nothing more will be shown."""
        return self._stage.kind is StageKind.FINISHED

    @property
    def trials(self) -> int:
        """Number of trials of the whole session."""
        return sum(isinstance(item, PlannedTrial) for item in self._all)

    def remaining(self, now: float) -> float | None:
        """Return the seconds that are left of the stage; None if it has no fixed end."""
        if self._stage.seconds is None:
            return None
        return self._stage.seconds if self._presented is None else self._presented + self._stage.seconds - now

    def seconds_left(self, now: float) -> float:
        """Return the seconds left of everything that has a length; answers and instructions count as none."""
        total = self.remaining(now) or 0.0
        total += sum(stage.seconds or 0.0 for stage in self._stages)
        for item in self._waiting:
            total += sum(stage.seconds or 0.0 for stage in self._stages_of(item))
        return max(0.0, total)

    # What happens -----------------------------------------------------------------------------

    def start(self, now: float, details: Mapping[str, str]) -> None:
        """Begin; `details` go into the marker."""
        self._started = True
        self._emit(Kind.BEGIN, now, {"protocol": self._protocol.name, **details})
        self._next(now)

    def advance(self, now: float) -> None:
        """Let time pass: end the stage if its seconds are over."""
        while (
            not self._hold and self._presented is not None and (left := self.remaining(now)) is not None and left <= 0
        ):
            self._end_stage(now)

    def presented(self, time: float, *, delay: float = 0.0) -> None:
        """Take the time at which the stage was seen on the screen.

        Parameters
        ----------
        time : float
            Seconds of the session's clock.
        delay : float
            Seconds from the call for it to its being seen, for the marker.
        """
        if self._presented is not None or self._hold:
            return
        self._presented = time
        if self._stage.kind is StageKind.REST and isinstance(self._stage.item, RestPeriod):
            self._emit(Kind.REST_ONSET, time, {"rest": str(self._stage.item.number), "delay_ms": f"{delay * 1e3:.1f}"})
            self._open = True
        elif self._stage.kind is StageKind.STIMULUS and not isinstance(self._external, ExternalStimulus):
            self._open_trial(time, delay)

    def proceed(self, now: float) -> None:
        """End a stage that waits: the instruction was read, the film is over."""
        if self._stage.kind in (StageKind.INSTRUCTION, StageKind.STIMULUS) and self._stage.seconds is None:
            self._end_stage(now)

    def answer(self, value: str, now: float) -> None:
        """Take the answer to the question that is shown.

        Raises
        ------
        ValueError
            If the scale has no such answer.
        """
        scale = self._stage.scale
        if scale is None or self._hold:
            return
        if value not in scale.answers:
            raise ValueError(f"{value!r} is no answer to {scale.name}: {', '.join(scale.answers)}")
        self._answers[scale.name] = value
        self._end_stage(now)

    def on_marker(self, text: str, time: float) -> None:
        """Take a marker of another program, which may open or close a trial."""
        stimulus = self._external
        if stimulus is None or self._hold:
            return
        if text == stimulus.onset and not self._open:
            self._open_trial(time, 0.0)
        elif text == stimulus.offset and self._open:
            self._end_stage(time)

    def hold(self, reason: str, now: float) -> None:
        """Stop the clock. A trial or a rest that was begun is shown again from its start, a question is asked again."""
        if self._hold or self.finished:
            return
        self._emit(Kind.PAUSE, now, {"reason": reason})
        if self._stage.kind in (StageKind.FIXATION, StageKind.STIMULUS, StageKind.REST):
            self._take_back(Outcome.INTERRUPTED, now)
        else:
            self._stages.appendleft(self._stage)
        self._hold = reason

    def resume(self, now: float) -> None:
        """Go on after `hold`."""
        if self._hold:
            self._hold = ""
            self._emit(Kind.RESUME, now, {})
            self._next(now)

    def repeat(self, now: float) -> None:
        """Show the trial that runs, or whose questions are open, again from its start."""
        if self._stage.trial is not None and not self._hold:
            self._take_back(Outcome.INTERRUPTED, now)
            self._next(now)

    def skip(self, now: float) -> None:
        """Leave out what is shown, with its questions."""
        if self.finished or self._hold:
            return
        if self._stage.kind is StageKind.RATING:
            self._rate(now)
        elif self._open:
            self._close(Outcome.SKIPPED, now)
        if self._stage.trial is not None:
            self.done.add(self._stage.trial.number)
        self._stages.clear()
        self._next(now)

    def abort(self, now: float) -> None:
        """End the study before its end; a later run goes on with the trials that are left."""
        if self.finished:
            return
        if self._open:
            self._close(Outcome.ABORTED, now)
        self._finish(Outcome.ABORTED, now)

    # How ----------------------------------------------------------------------------------------

    @property
    def _external(self) -> ExternalStimulus | None:
        trial = self._stage.trial
        stimulus = trial.spec.stimulus if trial and self._stage.kind is StageKind.STIMULUS else None
        return stimulus if isinstance(stimulus, ExternalStimulus) else None

    def _stages_of(self, item: Item) -> list[Stage]:
        if isinstance(item, Instruction):
            return [Stage(StageKind.INSTRUCTION, item)]
        if isinstance(item, RestPeriod):
            return [Stage(StageKind.REST, item, item.block.seconds)]
        scales = [self._protocol.scale(name) for name in item.block.ratings]
        stages = [
            Stage(StageKind.FIXATION, item, item.fixation),
            Stage(StageKind.STIMULUS, item, item.spec.seconds),
            *(Stage(StageKind.RATING, item, None, scale) for scale in scales),
            Stage(StageKind.PAUSE, item, item.pause),
        ]
        return [stage for stage in stages if stage.seconds != 0]

    def _next(self, now: float) -> None:
        if not self._stages:
            if not self._waiting:
                self._finish(Outcome.COMPLETE, now)
                return
            self._stages.extend(self._stages_of(self._waiting.popleft()))
        self._stage = self._stages.popleft()
        self._presented = None
        if self._stage.kind in (StageKind.FIXATION, StageKind.STIMULUS):
            self._answers = {}

    def _end_stage(self, now: float) -> None:
        ended = self._stage
        if self._open:
            self._close(Outcome.COMPLETE, now)
        if ended.kind is StageKind.RATING and not any(stage.scale for stage in self._stages):
            self._rate(now)
        to_come = any(stage.kind in (StageKind.STIMULUS, StageKind.RATING) for stage in self._stages)
        if ended.trial is not None and ended.kind is not StageKind.FIXATION and not to_come:
            self.done.add(ended.trial.number)
        self._next(now)

    def _open_trial(self, time: float, delay: float) -> None:
        trial = self._stage.trial
        assert trial is not None
        intended = {f"{INTENDED}{name}": str(value) for name, value in trial.spec.intended.items()}
        details = {"trial": str(trial.number), "condition": trial.spec.name, "delay_ms": f"{delay * 1e3:.1f}"}
        self._emit(Kind.TRIAL_ONSET, time, {**details, **intended})
        self._open = True

    def _close(self, outcome: Outcome, now: float) -> None:
        item = self._stage.item
        if isinstance(item, RestPeriod):
            self._emit(Kind.REST_OFFSET, now, {"rest": str(item.number), "outcome": outcome.value})
        elif isinstance(item, PlannedTrial):
            self._emit(Kind.TRIAL_OFFSET, now, {"trial": str(item.number), "outcome": outcome.value})
        self._open = False

    def _rate(self, now: float) -> None:
        trial = self._stage.trial
        if trial is not None and self._answers:
            self._emit(Kind.RATING, now, {"trial": str(trial.number), **self._answers})

    def _take_back(self, outcome: Outcome, now: float) -> None:
        if self._open:
            self._close(outcome, now)
        if self._stage.item is not None:
            self._waiting.appendleft(self._stage.item)
        if self._stage.trial is not None:
            self.done.discard(self._stage.trial.number)
        self._stages.clear()

    def _finish(self, outcome: Outcome, now: float) -> None:
        self._stages.clear()
        self._waiting.clear()
        self._stage, self._presented, self._hold = _FINISHED, now, ""
        self.outcome = outcome
        self._emit(Kind.END, now, {"outcome": outcome.value})

    def _emit(self, kind: Kind, time: float, values: Mapping[str, str]) -> None:
        self._mark(StudyMarker(kind, dict(values)).text, time)
