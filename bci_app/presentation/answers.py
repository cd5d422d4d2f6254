"""What a model answered lately, as the views of its targets show it. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from bci_app.bundle.spec import Bundle
from bci_app.events import Prediction, TargetPrediction
from bci_app.presentation.state import LiveStatus, SelfReport, SessionLog, Trial, Truth

UNDECIDED = "undecided"
# Without a set of classes from the model, an answer is undecided where its two best classes lie this close together.
_COIN_FLIP = 0.1
# Seconds without a prediction that count as silence. A shorter one is a late packet.
_LATE = 2.0


class Verdict(NamedTuple):
    """One answer in a word.

    Attributes
    ----------
    word : str
        The most probable class, or "undecided".
    best : str
        The most probable class.
    value : float
        Its smoothed probability.
    """

    word: str
    best: str
    value: float

    @property
    def undecided(self) -> bool:
        """Whether the model does not know."""
        return self.word == UNDECIDED

    @property
    def sentence(self) -> str:
        """The answer for people who do not see the picture."""
        answer = f"{self.best} {self.value:.2f}"
        return f"{UNDECIDED}, {answer}" if self.undecided else answer


def verdict(prediction: TargetPrediction) -> Verdict | None:
    """Return the answer of a valid prediction in a word; None for an invalid one.

    An answer is undecided where the model's set of possible classes holds none or more than one (a conformal set, Vovk
    et al. 2005), or where the model has no such set and its two best classes differ by less than 0.1.
    """
    values = prediction.smoothed
    if not values:
        return None
    order = sorted(range(len(values)), key=values.__getitem__, reverse=True)
    best = prediction.classes[order[0]]
    if prediction.possible is not None:
        undecided = len(prediction.possible) != 1
    else:
        undecided = values[order[0]] - values[order[1]] < _COIN_FLIP
    return Verdict(UNDECIDED if undecided else best, best, values[order[0]])


class Stretch(NamedTuple):
    """A stretch of an axis, and the reason that nothing is there."""

    start: float
    stop: float
    reason: str


@dataclass(frozen=True, slots=True)
class Answers:
    """A model's answers up to a moment. Times are LSL times in seconds.

    Attributes
    ----------
    predictions : tuple of Prediction
        In order, valid or not.
    now : float
        The moment.
    span : float
        Seconds that timelines show.
    hop : float
        Seconds between predictions.
    windows : int
        Windows that the smoothing averages over.
    reason : str
        Why there is no answer now; empty if there is one.
    silent : str
        Why nothing was said where there is no prediction at all.
    reports, trials : tuple
        Self-reports and trials of the same time.
    truth : Truth or None
        The state of a simulated participant.
    artefacts : tuple of Stretch
        Where muscle or movement is in the signal.
    """

    predictions: tuple[Prediction, ...]
    now: float
    span: float
    hop: float
    windows: int
    reason: str
    silent: str
    reports: tuple[SelfReport, ...] = ()
    trials: tuple[Trial, ...] = ()
    truth: Truth | None = None
    artefacts: tuple[Stretch, ...] = ()

    @classmethod
    def of(cls, log: SessionLog, live: LiveStatus | None, bundle: Bundle, *, now: float, span: float) -> Answers | None:
        """Return the answers of a session at `now`; None before the first sample."""
        if not isfinite(now):
            return None
        hop = bundle.preprocessing.hop_seconds
        known = live.silence if live is not None else ""
        silent = known or "no signal"
        last = log.last()
        stale = last is None or bool(known) or now - last.time > silent_seconds(hop)
        reason = ""
        if last is None or stale or not last.valid:
            reasons = last.reasons if last is not None and not stale else ()
            reason = ", ".join(reason.value for reason in reasons) or silent
        start = now - span - hop
        seen = tuple(log.since(start))
        window = bundle.preprocessing.window_seconds
        return cls(
            predictions=seen,
            now=now,
            span=span,
            hop=hop,
            windows=bundle.smoothing.windows,
            reason=reason,
            silent=silent,
            reports=tuple(report for report in log.reports if report.time >= start),
            trials=tuple(trial for trial in log.trials if trial.stop is None or trial.stop >= start),
            truth=log.truth,
            artefacts=tuple(artefact_stretches(seen, hop=hop, window=window)),
        )

    @property
    def latest(self) -> Prediction | None:
        """The newest prediction, if it is an answer."""
        return self.predictions[-1] if self.predictions and not self.reason else None

    def of_target(self, name: str) -> list[TargetPrediction | None]:
        """List the predictions of one target; None where they are invalid."""
        found = []
        for prediction in self.predictions:
            mine = next((target for target in prediction.targets if target.name == name), None)
            found.append(mine if mine is not None and mine.probability and mine.smoothed else None)
        return found

    def latest_of(self, name: str) -> TargetPrediction | None:
        """Return the newest answer for one target, if there is one."""
        return self.of_target(name)[-1] if self.latest is not None else None


def artefact_stretches(predictions: Sequence[Prediction], *, hop: float, window: float) -> list[Stretch]:
    """Find where muscle or movement is in the signal, in LSL seconds, from the windows that hold it.

    Every window that an artefact lies in names it: the artefact begins in the newest hop of the first of them and ends
    in the oldest hop of the last.

    Parameters
    ----------
    predictions : sequence of Prediction
        In order, valid or not.
    hop, window : float
        Seconds between windows, and their length.
    """
    found: list[Stretch] = []
    before: Prediction | None = None
    for prediction in predictions:
        if not prediction.artefact:
            before = None
            continue
        stop = prediction.time - window + hop
        if before is None or before.artefact != prediction.artefact or prediction.time - before.time > 1.5 * hop:
            found.append(Stretch(prediction.time - hop, max(prediction.time, stop), prediction.artefact))
        else:
            found[-1] = found[-1]._replace(stop=max(found[-1].stop, stop))
        before = prediction
    return found


def silent_seconds(hop: float) -> float:
    """Return the seconds without a prediction that count as silence."""
    return max(3 * hop, _LATE)


def invalid_stretches(predictions: Sequence[Prediction], now: float, *, hop: float, silent: str) -> list[Stretch]:
    """Find where nothing was said, in seconds before `now`.

    Parameters
    ----------
    predictions : sequence of Prediction
        In order.
    now : float
        LSL time of the right edge.
    hop : float
        Seconds between predictions. Each stands for the hop before it.
    silent : str
        Reason for a stretch without any prediction.
    """
    pieces: list[Stretch] = []
    before: float | None = None
    for prediction in predictions:
        start = prediction.time - hop
        if before is not None and start - before > hop / 2:
            pieces.append(Stretch(before - now, start - now, silent))
        if not prediction.valid:
            reason = ", ".join(reason.value for reason in prediction.reasons)
            pieces.append(Stretch(start - now, prediction.time - now, reason))
        before = prediction.time
    if before is not None and now - before > silent_seconds(hop):
        pieces.append(Stretch(before - now, 0.0, silent))
    joined: list[Stretch] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last is not None and last.reason == piece.reason and abs(last.stop - piece.start) < 1e-3:
            joined[-1] = Stretch(last.start, piece.stop, piece.reason)
        else:
            joined.append(piece)
    return joined
