"""A person's head that learns as a session goes on: each rating first scores it, and then updates it.

Such scores are honest: every rating is predicted before it is learnt from (Dawid 1984, J. Royal Statistical Society A
147). The updated head learns in the background. It replaces the head of the profile once it has been better over the
last `SPAN` ratings by more than chance explains. The head of the profile returns once it is as good over as many.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from bci_app.events import Prediction, StepResult
from bci_app.learn.folds import Array, Head, TrainedFold
from bci_app.learn.labels import SCALE_MIDDLE
from bci_app.learn.personal import PersonalPredictor
from bci_app.learn.profile import Memory, Profile
from bci_app.stream import Marker
from bci_app.study.markers import Kind, StudyMarker
from bci_app.study.trials import SELF_REPORT_SECONDS, Span, read_self_report

SPAN = 10
"""Ratings over which the updated head is compared with that of the profile."""

_CLEARLY = 2.82
"""Standard errors by which a mean over that span must differ: one-sided 0.01 of Student's t with `SPAN` - 1 degrees."""

_SMALLEST_SD = 0.05
"""Smallest standard deviation of ratings: a few that all agree make nothing certain."""

_MEMORY = 30.0
"""Trials that count: what is older fades, so that a session's drift is followed."""

_MOST_SECONDS = 600.0
"""Windows older than this are not rated any more."""

_SIGNS = np.array([-1.0, 1.0])


@dataclass(frozen=True, slots=True)
class Rated:
    """What one rating showed.

    Attributes
    ----------
    time : float
        LSL time of the rating.
    high : bool
        Whether it was above the middle.
    right : float
        Share of its windows that the head in use had right, before it learnt from them.
    right_of_profile : float
        The same of the profile's head.
    updating : bool
        Whether the updated head is in use now; else that of the profile is.
    """

    time: float
    high: bool
    right: float
    right_of_profile: float
    updating: bool


@dataclass(frozen=True)
class _Moments:
    """What is kept of all trials, however many: sums of the low and the high ones, and of products."""

    count: Array  # (2,)
    first: Array  # (2, n_features)
    second: Array  # (n_features, n_features)

    @classmethod
    def of(cls, memory: Memory) -> _Moments:
        sides = [~memory.high, memory.high]
        return cls(
            np.array([side.sum() for side in sides], dtype=np.float64),
            np.stack([memory.means[side].sum(axis=0) for side in sides]),
            memory.second,
        )

    def with_trial(self, features: Array, *, high: bool) -> _Moments:
        keep = 1 - 1 / _MEMORY
        count, first = keep * self.count, keep * self.first
        count[int(high)] += 1
        first[int(high)] += features.mean(axis=0)
        return _Moments(count, first, keep * self.second + features.T @ features / len(features))

    def head(self, penalty: float) -> Head:
        n = self.count.sum()
        mean = self.first.sum(axis=0) / n
        covariance = self.second / n - np.outer(mean, mean)
        return TrainedFold(self.first / self.count[:, None], covariance).head(_SIGNS, penalty)


class UpdatingHead:
    """A head that learns from each rating, and the rule of when it is used. Deterministic, without a clock.

    Parameters
    ----------
    profile : Profile
        Where it begins, and what answers until the updated head is clearly better.

    Attributes
    ----------
    head : Head
        The one in use.
    updating : bool
        Whether that is the updated one.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self.head = profile.head
        self.updating = False
        self._restart()

    def _restart(self) -> None:
        self._moments = _Moments.of(self._profile.memory)
        self._updated = self._profile.head
        self._shares: deque[tuple[float, float]] = deque(maxlen=SPAN)

    def rate(self, features: Array, *, high: bool, time: float = 0.0) -> Rated:
        """Score the heads by the windows of one rating, then learn from them.

        Parameters
        ----------
        features : ndarray, shape (n_windows, n_features)
            What the head read of the rated windows, at least one.
        high : bool
            The class that they were rated.
        time : float
            Of the rating.
        """
        right, updated, profiles = (
            _right(head, features, high) for head in (self.head, self._updated, self._profile.head)
        )
        self._shares.append((updated, profiles))
        self._moments = self._moments.with_trial(features, high=high)
        self._updated = self._moments.head(self._profile.memory.penalty)
        if len(self._shares) == SPAN:
            self._decide()
        self.head = self._updated if self.updating else self._profile.head
        return Rated(time, high, right, profiles, self.updating)

    def _decide(self) -> None:
        shares = np.array(self._shares)
        gain = shares[:, 0] - shares[:, 1]
        if self.updating:
            better = gain.mean() > 0
        else:
            # Ratings that have nothing to do with the EEG leave both heads at chance, and one of them ahead by luck.
            better = _errors_above(gain, 0.0) >= _CLEARLY and _errors_above(shares[:, 0], 0.5) >= _CLEARLY
        if (self.updating and not better) or _errors_above(-gain, 0.0) >= _CLEARLY:
            self._restart()
        self.updating = bool(better)


def _errors_above(values: Array, level: float) -> float:
    """Return by how many standard errors the mean of values lies above a level."""
    return float((values.mean() - level) * np.sqrt(len(values)) / max(values.std(ddof=1), _SMALLEST_SD))


def _right(head: Head, features: Array, high: bool) -> float:
    return float(np.mean((head.scores(features) > 0) == high))


class Prequential:
    """Let a session's ratings score and update the head that predicts in it.

    The ratings are those of markers: self-reports, which speak of the 30 s before them at most, and the answers of a
    study, which speak of its trial.

    Parameters
    ----------
    predictor : PersonalPredictor
        Predicts in the session; its head is replaced.
    """

    def __init__(self, predictor: PersonalPredictor) -> None:
        self._predictor = predictor
        self._target = predictor.profile.spec.target
        preprocessing = predictor.spec.preprocessing
        self._window = preprocessing.window / preprocessing.rate
        self._updating = UpdatingHead(predictor.profile)
        self._windows: deque[tuple[float, Array]] = deque()
        self._trial: Span | None = None
        self._rated_until = -np.inf
        self.rated: list[Rated] = []
        predictor.profile_facts = {**predictor.profile_facts, "prequential": "yes"}

    def on_step(self, result: StepResult) -> None:
        """Take what a step of the engine brought: markers that came with it speak of the predictions before them."""
        self.follow(result.predictions)
        for marker in result.markers:
            self.on_marker(marker)

    @property
    def summary(self) -> str:
        """What the ratings have shown, in one line."""
        if not self.rated:
            return f"No rating of {self._target} came with valid windows; the profile has predicted as it is."
        own, profiles = (np.mean([getattr(one, name) for one in self.rated]) for name in ("right", "right_of_profile"))
        answering = "the updated head" if self.rated[-1].updating else "the head of the profile"
        return (
            f"{len(self.rated)} ratings of {self._target}: {own:.2f} of their windows right before they were learnt "
            f"from, {profiles:.2f} by the profile as it was; {answering} answered at the end."
        )

    def follow(self, predictions: Iterable[Prediction]) -> None:
        """Take the predictions of a step of the engine; only valid ones can be rated."""
        self._windows.extend((p.time, p.features) for p in predictions if p.valid and p.features is not None)
        while self._windows and self._windows[0][0] < self._windows[-1][0] - _MOST_SECONDS:
            self._windows.popleft()

    def on_marker(self, marker: Marker) -> Rated | None:
        """Take a marker; if it rates the target, return what that showed."""
        study = StudyMarker.parse(marker.text)
        if study is None:
            begin = max(self._rated_until, marker.time - SELF_REPORT_SECONDS)
            return self._rate(read_self_report(marker.text), Span(begin, marker.time))
        if study.kind is Kind.TRIAL_ONSET:
            self._trial = Span(marker.time, np.inf)
        elif study.kind is Kind.TRIAL_OFFSET and self._trial is not None:
            self._trial = Span(self._trial.onset, marker.time)
        elif study.kind is Kind.RATING and self._trial is not None:
            return self._rate(study.values, self._trial)
        return None

    def _rate(self, ratings: Mapping[str, str], span: Span) -> Rated | None:
        text = ratings.get(self._target, "")
        if not text.isdecimal():
            return None
        begin = span.onset + self._window  # windows that lie wholly inside, as those that the profile was learnt from
        inside = [features for time, features in self._windows if begin <= time <= span.offset]
        self._rated_until = span.offset
        if not inside:
            return None
        found = self._updating.rate(np.stack(inside), high=float(text) > SCALE_MIDDLE, time=span.offset)
        self._predictor.head = self._updating.head
        self.rated.append(found)
        return found
