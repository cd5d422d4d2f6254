"""Frozen values that views show, and the log that they read. No Qt."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import isfinite

import numpy as np

from bci_app.bundle.spec import Bundle
from bci_app.events import Contact, ContactLevel, Gap, Phase, Prediction, Status
from bci_app.learn.profile import ProfileSpec
from bci_app.montage.names import is_electrode
from bci_app.presentation.traces import TraceHistory
from bci_app.stream import StreamInfo

_MARKERS = 300


class Step(Enum):
    """The steps of a session, in order."""

    CONNECT = "Connect"
    CONTACT = "Contact"
    BASELINE = "Baseline"
    RUN = "Run"


@dataclass(frozen=True, slots=True)
class Session:
    """An open session.

    Attributes
    ----------
    info : StreamInfo
        Its stream.
    bundle : Bundle or None
        Its model, if it has one.
    source_text : str
        What the user calls the source.
    profile : ProfileSpec or None
        The profile of a person that predicts, if one does.
    log : SessionLog
        What the session has reported so far. It grows.
    traces : TraceHistory or None
        The filtered signals for drawing. They scroll.
    """

    info: StreamInfo
    bundle: Bundle | None
    source_text: str
    profile: ProfileSpec | None = None
    log: SessionLog = field(default_factory=lambda: SessionLog(), compare=False)
    traces: TraceHistory | None = field(default=None, compare=False)

    @property
    def title(self) -> str:
        """What the model is called, or that there is none."""
        return self.bundle.title if self.bundle is not None else "signals only"

    @property
    def caution(self) -> bool:
        """Whether the model is not for use on people."""
        return self.bundle is not None and self.bundle.not_for_people

    @property
    def window_seconds(self) -> float:
        """Length of the model's window in seconds; 0 without a model."""
        return self.bundle.preprocessing.window_seconds if self.bundle is not None else 0.0

    @property
    def judged(self) -> tuple[str, ...]:
        """Channels whose contact is judged: the model's, or all electrodes."""
        if self.bundle is not None:
            return self.bundle.preprocessing.channels
        return tuple(name for name in self.info.channels if is_electrode(name))

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that this session has: a model may need no baseline, and without one there is nothing to run."""
        if self.bundle is None:
            return (Step.CONNECT, Step.CONTACT)
        return tuple(step for step in Step if step is not Step.BASELINE or self.bundle.preprocessing.baseline_windows)

    @property
    def baseline_seconds(self) -> float:
        """Length of the rest baseline in seconds; 0 without one."""
        if self.bundle is None:
            return 0.0
        baseline = self.bundle.preprocessing.baseline
        return 0.0 if baseline.kind == "none" else baseline.samples / self.bundle.preprocessing.rate


@dataclass(frozen=True, slots=True)
class Sent:
    """An output that predictions go to: a word or two, and on hover where exactly."""

    word: str
    detail: str


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """The engine's status, with what the window adds.

    Attributes
    ----------
    status : Status
        From the engine.
    step : Step
        Where the session stands.
    now : float
        LSL time of the right edge of everything that scrolls, seconds.
    silent : float
        Seconds of that since the newest sample; 0 while a recording waits or has ended.
    cpu_percent : float
        Of one core, by this process; nan at first.
    silence : str
        Why nothing arrives: paused, the end of a recording, a lost or silent stream; empty while samples come.
    sent : tuple of Sent
        Where predictions are sent, beside the window.
    learning : str
        How updates of the profile by ratings do; empty without any.
    marker_streams, markers_awaited : tuple of str
        LSL marker streams that are received, and those that were named and have not been seen yet.
    """

    status: Status
    step: Step
    now: float
    cpu_percent: float
    silence: str = ""
    marker_streams: tuple[str, ...] = ()
    markers_awaited: tuple[str, ...] = ()
    silent: float = 0.0
    sent: tuple[Sent, ...] = ()
    learning: str = ""

    @property
    def resistances(self) -> dict[str, float]:
        """Contact resistances in ohm that are measured now; none while the stream is silent."""
        device = self.status.device
        if device is None or self.silence:
            return {}
        return {name: ohm for name, ohm in device.resistances if isfinite(ohm)}

    @property
    def contacts(self) -> tuple[Contact, ...]:
        """Contact of each channel; unknown while the stream is silent."""
        if not self.silence:
            return self.status.contacts
        return tuple(Contact(contact.channel, ContactLevel.UNKNOWN) for contact in self.status.contacts)


class Level(Enum):
    """How serious a notice is."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Notice:
    """What happened and what to do, for the banner.

    Attributes
    ----------
    summary, advice : str
        Sentences.
    level : Level
        How serious.
    actions : tuple of str
        Names of what can be done about it from here.
    lasting : bool
        Whether it stays until the user dismisses it.
    """

    summary: str
    advice: str = ""
    level: Level = Level.WARNING
    actions: tuple[str, ...] = ()
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Something for the session's list.

    Attributes
    ----------
    seconds : float
        After the beginning of the session.
    text : str
        What happened.
    quiet : bool
        Whether it happened by itself.
    detail : str
        More, on hover.
    """

    seconds: float
    text: str
    quiet: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ContactSummary:
    """How many electrodes have which contact, and which ones need attention."""

    counts: dict[ContactLevel, int]
    wanting: tuple[Contact, ...]

    @classmethod
    def of(cls, contacts: Sequence[Contact]) -> ContactSummary:
        """Count."""
        order = [ContactLevel.MISSING, ContactLevel.BAD, ContactLevel.POOR]
        counts = {level: sum(contact.level is level for contact in contacts) for level in ContactLevel}
        wanting = [contact for level in order for contact in contacts if contact.level is level]
        return cls(counts, tuple(wanting))

    @property
    def unusable(self) -> int:
        """Electrodes that the model cannot use now."""
        return self.counts[ContactLevel.BAD] + self.counts[ContactLevel.MISSING]


@dataclass(frozen=True, slots=True)
class Picked:
    """Channels of the spectrum.

    Attributes
    ----------
    names : dict of int to str
        Channels that can be picked: their columns in the stream, and names.
    chosen : frozenset of int
        Those that were picked.
    channels : tuple of int
        Those whose mean is shown: the picked ones, or others if none is.
    what : str
        What these are called.
    """

    names: dict[int, str]
    chosen: frozenset[int]
    channels: tuple[int, ...]
    what: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A marker on the signals: the stream sample at which it was set, and its text."""

    sample: float
    text: str


@dataclass(frozen=True, slots=True)
class SelfReport:
    """What a participant answered: ratings from 1 to 9 by scale, at an LSL time."""

    time: float
    ratings: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial from an LSL time to another one (None while it goes on), and what it is called."""

    start: float
    stop: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Truth:
    """The state of a simulated participant at an LSL time: 0 to 1 by target."""

    time: float
    values: Mapping[str, float]


def step_of(status: Status, before: Step) -> Step:
    """Return the step that a phase of the engine belongs to. A loss or the end of a file does not change it."""
    if status.phase is Phase.CONNECTING:
        return Step.CONNECT
    if status.phase is Phase.CONTACT:
        return Step.CONTACT
    if status.phase in (Phase.BASELINE, Phase.WARMING_UP, Phase.RUNNING):
        return Step.BASELINE if status.baseline_progress < 1 else Step.RUN
    return before


@dataclass(slots=True)
class SessionLog:
    """What the session has reported so far, the newest last, for a limited time.

    Attributes
    ----------
    seconds : float
        What is older than this is removed.
    predictions, gaps, markers : deque
        In order of time. Only the newest markers are kept.
    reports, trials : deque
        Self-reports and trials, in order of time.
    truth : Truth or None
        The newest known state of a simulated participant.
    """

    seconds: float = 600.0
    predictions: deque[Prediction] = field(default_factory=deque)
    gaps: deque[Gap] = field(default_factory=deque)
    markers: deque[Mark] = field(default_factory=lambda: deque(maxlen=_MARKERS))
    reports: deque[SelfReport] = field(default_factory=lambda: deque(maxlen=_MARKERS))
    trials: deque[Trial] = field(default_factory=lambda: deque(maxlen=_MARKERS))
    truth: Truth | None = None

    def add(self, predictions: Sequence[Prediction], gaps: Sequence[Gap]) -> None:
        """Add what the engine has reported since the last call."""
        self.predictions.extend(predictions)
        self.gaps.extend(gaps)
        if self.predictions:
            oldest = self.predictions[-1].time - self.seconds
            while self.predictions[0].time < oldest:
                self.predictions.popleft()
            while self.gaps and self.gaps[0].time < oldest:
                self.gaps.popleft()

    def since(self, time: float) -> list[Prediction]:
        """List the predictions at or after an LSL time, in order."""
        recent = []
        for prediction in reversed(self.predictions):
            if prediction.time < time:
                break
            recent.append(prediction)
        return recent[::-1]

    def last(self) -> Prediction | None:
        """Return the newest prediction, valid or not."""
        return self.predictions[-1] if self.predictions else None


def expected(probabilities: Sequence[float]) -> float:
    """Return the mean class of an ordered target, from 0 for the first class to 1 for the last."""
    steps = np.linspace(0, 1, len(probabilities))
    return float(np.dot(steps, probabilities))
