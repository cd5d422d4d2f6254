"""Frozen values that the controller gives to the views, and the models that they read. No Qt."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import isfinite

import numpy as np

from bci_app.bundle.spec import Bundle
from bci_app.events import Contact, ContactLevel, Gap, Phase, Prediction, Status
from bci_app.montage.names import is_electrode
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
    """An open session: its stream, its model if it has one, and what the user calls the source."""

    info: StreamInfo
    bundle: Bundle | None
    source_text: str

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
    """The engine's status with what the window adds.

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
        Where predictions go beside the window.
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

    @property
    def resistances(self) -> dict[str, float]:
        """Contact resistances in ohm that are measured now; of a stream that is silent nothing is known."""
        device = self.status.device
        if device is None or self.silence:
            return {}
        return {name: ohm for name, ohm in device.resistances if isfinite(ohm)}

    @property
    def contacts(self) -> tuple[Contact, ...]:
        """Contact of each channel; of a stream that is silent nothing is known."""
        if not self.silence:
            return self.status.contacts
        return tuple(Contact(contact.channel, ContactLevel.UNKNOWN) for contact in self.status.contacts)


class Level(Enum):
    """How grave a notice is."""

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
        How grave.
    actions : tuple of str
        Names of what can be done about it from here.
    lasting : bool
        Whether it stays until the user takes it away.
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
        Whether it came by itself.
    detail : str
        More, on hover.
    """

    seconds: float
    text: str
    quiet: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ContactSummary:
    """How many electrodes sit how well, and those that want care."""

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


def step_of(status: Status, before: Step) -> Step:
    """Tell the step from the engine's phase; a loss or the end of a file leaves it as it was."""
    if status.phase is Phase.CONNECTING:
        return Step.CONNECT
    if status.phase is Phase.CONTACT:
        return Step.CONTACT
    if status.phase in (Phase.BASELINE, Phase.WARMING_UP, Phase.RUNNING):
        return Step.BASELINE if status.baseline_progress < 1 else Step.RUN
    return before


@dataclass(slots=True)
class SessionLog:
    """What the session has said so far, the newest last, bounded in time.

    Attributes
    ----------
    seconds : float
        What is older than this is forgotten.
    predictions, gaps, markers : deque
        In order of time; of markers the newest.
    """

    seconds: float = 600.0
    predictions: deque[Prediction] = field(default_factory=deque)
    gaps: deque[Gap] = field(default_factory=deque)
    markers: deque[Mark] = field(default_factory=lambda: deque(maxlen=_MARKERS))

    def add(self, predictions: Sequence[Prediction], gaps: Sequence[Gap]) -> None:
        """Take what the engine has said since the last call."""
        self.predictions.extend(predictions)
        self.gaps.extend(gaps)
        if self.predictions:
            oldest = self.predictions[-1].time - self.seconds
            while self.predictions[0].time < oldest:
                self.predictions.popleft()
            while self.gaps and self.gaps[0].time < oldest:
                self.gaps.popleft()

    def since(self, time: float) -> list[Prediction]:
        """Give the predictions at or after an LSL time, in order."""
        recent = []
        for prediction in reversed(self.predictions):
            if prediction.time < time:
                break
            recent.append(prediction)
        return recent[::-1]

    def last(self) -> Prediction | None:
        """Give the newest prediction, valid or not."""
        return self.predictions[-1] if self.predictions else None


def expected(probabilities: Sequence[float]) -> float:
    """Give the mean class of an ordered target, 0 for the first class to 1 for the last."""
    steps = np.linspace(0, 1, len(probabilities))
    return float(np.dot(steps, probabilities))
