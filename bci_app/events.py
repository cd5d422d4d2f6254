"""What the engine reports: frozen values, made once, read by outputs, recorder and window."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from bci_app.stream import DeviceState, Marker

# Stamps further than this ahead of the clock, in seconds, are not those of live samples.
_AHEAD_SECONDS = 0.1
# Ages above this are shown in seconds.
_LONG_SECONDS = 10.0


def age_of(stamp: float, now: float) -> float:
    """Compute the age of a sample in seconds: at least 0; nan if there is none or its stamp is not of this clock."""
    age = now - stamp
    return math.nan if math.isnan(age) or age < -_AHEAD_SECONDS else max(0.0, age)


def age_text(seconds: float, *, width: int = 5) -> str:
    """Write an age: in milliseconds, above 10 s in seconds, and as a dash if it is unknown."""
    if not math.isfinite(seconds):
        return f"{'–':>{width}} ms"
    if seconds > _LONG_SECONDS:
        return f"{seconds:{width}.1f} s "
    return f"{seconds * 1e3:{width}.0f} ms"


class Phase(Enum):
    """Where a session stands."""

    CONNECTING = "connecting"
    CONTACT = "checking contact"
    WARMING_UP = "warming up"
    BASELINE = "baseline"
    RUNNING = "running"
    LOST = "lost"
    FINISHED = "finished"
    FAILED = "failed"


class Reason(Enum):
    """Why a prediction is invalid, in the words that the user sees."""

    WARMING_UP = "warming up"
    BASELINE = "rest baseline"
    GAP = "gap"
    MISSING_CHANNELS = "missing channels"
    BAD_CONTACT = "bad contact"
    NOT_FINITE = "not finite"
    ARTEFACT = "artefact"
    WRONG_RATE = "wrong rate"
    UNLIKE_TRAINING = "unlike the training data"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class TargetPrediction:
    """Probabilities of one target, in the order of its classes; None where invalid.

    Attributes
    ----------
    name : str
        Target name.
    classes : tuple of str
        Class names.
    probability : tuple of float or None
        Calibrated probabilities of this window.
    smoothed : tuple of float or None
        Rolling mean over the last valid windows, as the bundle says.
    spread : tuple of float or None
        Standard deviation of the probability over the same windows: how steady the answer is.
    possible : tuple of str or None
        Classes in the conformal set: exactly one is an answer, any other number is "I don't know". None where the
        window is invalid or the bundle states no coverage.
    """

    name: str
    classes: tuple[str, ...]
    probability: tuple[float, ...] | None
    smoothed: tuple[float, ...] | None
    spread: tuple[float, ...] | None = None
    possible: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the engine says of one window.

    Attributes
    ----------
    sample : int
        Index of the window's last sample in the stream, at the stream's rate; lost samples count.
    time : float
        LSL time of that sample, seconds.
    valid : bool
        Whether the engine stands behind the probabilities.
    reasons : tuple of Reason
        Why not, if not. A valid prediction has the reason `UNDECIDED` where no target has an answer.
    quality : float
        Share of the model's channels with good contact in this window, 0 to 1.
    age_ms : float
        Time from the window's last sample to this prediction; nan where stamps cannot be compared with the clock.
    compute_ms : float
        Time that the network took.
    targets : tuple of TargetPrediction
        One for each target of the bundle.
    distance : float or None
        Distance from the training data; more than 1 is unlike them. None where it is not known.
    artefact : str
        What is in the window beside the brain: ``muscle``, ``movement``, or empty. It makes the window invalid only
        where the bundle says so (see `Reason.ARTEFACT`).
    artefact_score : float
        Strength of that over the person's rest as a share of the limit; more than 1 is an artefact. nan where there is
        nothing to compare with.
    features : ndarray of float64, shape (n_features,), or None
        What a person's head read of the window, so that it can learn from a rating of it; None without such a head.
    """

    sample: int
    time: float
    valid: bool
    reasons: tuple[Reason, ...]
    quality: float
    age_ms: float
    compute_ms: float
    targets: tuple[TargetPrediction, ...]
    distance: float | None = None
    artefact: str = ""
    artefact_score: float = math.nan
    features: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Gap:
    """Samples that cannot be used: `lost` of them, at stream sample `sample` of LSL time `time`.

    Lost samples never came: `sample` is the first one after them. Samples that are no numbers came: `sample` is the
    first of them.
    """

    sample: int
    time: float
    lost: int


class ContactLevel(Enum):
    """How well an electrode sits."""

    UNKNOWN = "unknown"
    GOOD = "good"
    POOR = "poor"
    BAD = "bad"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Contact:
    """The contact of one model channel: its level, and in a few words why if it is not good."""

    channel: str
    level: ContactLevel
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a running session, for the status line.

    Attributes
    ----------
    phase : Phase
        Where the session stands.
    message : str
        What happened and what to do, if anything is wrong; else empty.
    nominal_rate, effective_rate : float
        Hz; the effective rate is measured over the last 10 s of LSL stamps (nan at first).
    received, lost : int
        Samples since the start.
    age_s : float
        Age of the newest sample; nan before the first, and where its stamp cannot be compared with the clock.
    baseline_progress : float
        0 to 1; 1 where the bundle needs no baseline.
    compute_ms : float
        Network time of the last prediction; nan before the first.
    contacts : tuple of Contact
        One for each channel of the model, in its order.
    recording : str
        File that is being recorded; empty if none.
    recording_error, output_error : str
        Why the last recording, or an output, has ended by a failure; else empty.
    notice : str
        What is odd about the stream although predictions go on; else empty.
    device : DeviceState or None
        Battery and contact resistances as the device last reported; None where it reports neither.
    clock : str
        How the stamps of senders with another clock are mapped to the LSL clock; else empty.
    artefact : str
        What is in the newest second of the signal beside the brain: ``muscle``, ``movement``, or empty.
    """

    phase: Phase
    message: str
    nominal_rate: float
    effective_rate: float
    received: int
    lost: int
    age_s: float
    baseline_progress: float
    compute_ms: float
    contacts: tuple[Contact, ...] = ()
    recording: str = ""
    recording_error: str = ""
    output_error: str = ""
    notice: str = ""
    device: DeviceState | None = None
    clock: str = ""
    artefact: str = ""

    @property
    def loss(self) -> float:
        """Share of the samples that were lost, 0 to 1."""
        total = self.received + self.lost
        return self.lost / total if total else 0.0


@dataclass(frozen=True, slots=True)
class SignalView:
    """The newest stretch of the raw stream, for drawing.

    Attributes
    ----------
    data : ndarray of float32, shape (n_samples, n_channels)
        µV (or the channel's own unit where it is no voltage); nan where samples were lost.
    first : int
        Stream index of the first row.
    time : float
        LSL time of the last row.
    """

    data: NDArray[np.float32]
    first: int
    time: float


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one `step` of the engine has read and reports. It is false if there is nothing.

    Attributes
    ----------
    samples : int
        Samples read.
    predictions : tuple of Prediction
        In order; each comes with the samples that complete its window.
    gaps, markers : tuple
        Also of samples that were read by steps before this one, and of other streams.
    """

    samples: int = 0
    predictions: tuple[Prediction, ...] = ()
    gaps: tuple[Gap, ...] = ()
    markers: tuple[Marker, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.samples or self.predictions or self.gaps or self.markers)
