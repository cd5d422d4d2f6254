"""Cross-validation of the elastic head over people, with the controls that its scores are seen beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from bci_app.bundle.conformal import fit_conformal, prediction_sets
from bci_app.bundle.spec import Answered, Attribution
from offline.baselines.distance import rest_distances
from offline.datasets.base import Dataset, Split
from offline.datasets.windows import make_windows
from offline.elastic.head import ElasticHead, attention, carry, fit_head
from offline.elastic.sessions import REST, TASK, Person, Session, load_preprocessing, positions_of
from offline.metrics import balanced_accuracy, expected_calibration_error, grouped_interval, rolling_mean
from offline.run.controls import Change, attribute, course_of_false_alarms, simple_methods
from offline.run.reference import reference_preprocessing

_EFFECTIVE_WINDOWS = 60.0


class ElasticSettings(BaseModel):
    """How an elastic head is fitted and scored.

    Attributes
    ----------
    width : float
        How far a place looks, in radians.
    inverse_penalty : float
        Inverse strength of the ridge penalty, for 60 windows a person.
    swapped_task : float
        Weight of the task referred to itself, which is to be called high; 0 for none. Rest referred to the task
        always counts, and is to be called low.
    folds, seeds : int
        Folds over people, and partitions of the people into folds.
    coverage : float
        Stated coverage of the conformal sets.
    rolling : int
        Windows in a rolling mean.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: float = 0.3
    inverse_penalty: float = 0.003
    swapped_task: float = 0.0
    folds: int = 5
    seeds: int = 5
    coverage: float = 0.9
    rolling: int = 7


def fit_people(people: Sequence[Person], settings: ElasticSettings) -> ElasticHead:
    """Fit a head to people, its places being their electrodes.

    Each session counts the same, and so do both classes. Beside the standard session there is one whose baseline is
    the end of rest, and two whose baseline is the task.
    """
    places = positions_of(people[0].spec.channels)
    weights = attention(places, places, settings.width)
    carried, labels, counts = [], [], []
    for person in people:
        for baseline, session in person.training:
            count = _counts(session.labels, baseline, settings)
            used = count > 0
            carried.append(carry(session.tokens[used], weights))
            labels.append(session.labels[used])
            counts.append(count[used])
    label, count = np.concatenate(labels), np.concatenate(counts)
    count[label == TASK] *= count[label == REST].sum() / count[label == TASK].sum()
    count *= len(people) * _EFFECTIVE_WINDOWS / count.sum()
    return fit_head(
        np.concatenate(carried),
        label,
        count,
        places=places,
        width=settings.width,
        inverse_penalty=settings.inverse_penalty,
    )


def _counts(labels: NDArray[np.int64], baseline: int, settings: ElasticSettings) -> NDArray[np.float64]:
    task = 1.0 if baseline == REST else settings.swapped_task
    sizes = np.bincount(labels, minlength=2)
    return np.asarray(np.array([1.0, task])[labels] / sizes[labels])


@dataclass(frozen=True)
class HeldOut:
    """Probabilities of the task for people that the head was not fitted to, of all seeds.

    Attributes
    ----------
    high : ndarray of float64, shape (n_windows,)
        Probability of the task.
    labels, person, group, seed : ndarray of int64, shape (n_windows,)
        True class, person, recording (for rolling means) and partition.
    second_half : ndarray of bool, shape (n_windows,)
        Whether the window is in the second half of its recording.
    seconds : ndarray of float64, shape (n_windows,)
        When the window is in its recording.
    """

    high: NDArray[np.float64]
    labels: NDArray[np.int64]
    person: NDArray[np.int64]
    group: NDArray[np.int64]
    seed: NDArray[np.int64]
    second_half: NDArray[np.bool_]
    seconds: NDArray[np.float64]

    def pairs(self) -> NDArray[np.float64]:
        """Return probabilities of both classes, shape (n_windows, 2)."""
        return np.column_stack([1 - self.high, self.high])

    def rolled(self, windows: int) -> NDArray[np.float64]:
        """Return the rolling mean of the probabilities within each recording, shape (n_windows, 2)."""
        return rolling_mean(self.pairs(), self.group, windows)


Chosen = Callable[[Person], Session]


def standard(person: Person) -> Session:
    """Return the session with rest as the baseline."""
    return person.standard


def swapped(person: Person) -> Session:
    """Return the session with the task as the baseline."""
    return person.swapped


def people_folds(
    people: int, seed: int, settings: ElasticSettings
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return for each fold of one partition whom the head is fitted to and whom it is scored on, by number."""
    order = np.random.default_rng(seed).permutation(people)
    return [(np.setdiff1d(order, fold), fold) for fold in np.array_split(order, settings.folds)]


def simple_scores(dataset: Dataset, settings: ElasticSettings) -> dict[str, float]:
    """Score simple methods on the same windows, people and folds, each figure a mean over seeds."""
    spec = load_preprocessing(dataset.info.channels, shape=False)
    windows = make_windows(dataset, spec)
    features = make_windows(dataset, reference_preprocessing(spec, referenced=dataset.info.referenced))
    distances = rest_distances(dataset, spec, windows)
    found = []
    for seed in range(settings.seeds):
        splits = [
            Split(
                name=f"seed {seed}, fold {number}",
                train=np.flatnonzero(np.isin(windows.subject, known)),
                validation=np.empty(0, dtype=np.int64),
                test=np.flatnonzero(np.isin(windows.subject, tested)),
            )
            for number, (known, tested) in enumerate(people_folds(len(windows.subjects), seed, settings), start=1)
        ]
        found.append(simple_methods(windows, features, distances, splits, 0, spec, within_subject=False))
    return {name: float(np.mean([scores[name] for scores in found])) for name in found[0]}


@dataclass(frozen=True)
class FoldHead:
    """The head of a fold, with the places of the people whom it was not fitted to, and the partition of the people."""

    head: ElasticHead
    held_out: NDArray[np.int64]
    seed: int


def fit_folds(people: Sequence[Person], settings: ElasticSettings) -> list[FoldHead]:
    """Fit heads to the people outside each fold."""
    found = []
    for seed in range(settings.seeds):
        for known, fold in people_folds(len(people), seed, settings):
            found.append(FoldHead(fit_people([people[k] for k in known], settings), fold, seed))
    return found


def predict_held_out(
    folds: Sequence[FoldHead], tests: Mapping[str, tuple[Sequence[Person], Chosen]]
) -> dict[str, HeldOut]:
    """Predict on people whom heads were not fitted to.

    Parameters
    ----------
    folds : sequence of FoldHead
        Of all people.
    tests : mapping of str to (sequence of Person, callable)
        What is scored under which name: the same people in the same order, with these or other electrodes, and the
        session of them.
    """
    found: dict[str, list[tuple[NDArray[np.float64], Session, int, int]]] = {name: [] for name in tests}
    for fold in folds:
        for name, (tested, chosen) in tests.items():
            positions = positions_of(tested[0].spec.channels)
            for k in fold.held_out:
                session = chosen(tested[k])
                high = 1 / (1 + np.exp(-fold.head.logit(session.tokens, positions)))
                found[name].append((high, session, int(k), fold.seed))
    return {name: _held_out(parts) for name, parts in found.items()}


def cross_validate(
    people: Sequence[Person],
    settings: ElasticSettings,
    tests: Mapping[str, tuple[Sequence[Person], Chosen]],
) -> dict[str, HeldOut]:
    """Fit heads to the people outside each fold and predict on those in it: see `predict_held_out`."""
    return predict_held_out(fit_folds(people, settings), tests)


def measure_attribution(people: Sequence[Person], folds: Sequence[FoldHead], target: str) -> Attribution:
    """Measure what each electrode and band is worth to the heads, on people whom they were not fitted to."""
    mean = np.concatenate([person.standard.tokens for person in people]).mean(axis=0)

    def scores(change: Change) -> dict[str, float]:
        def changed(person: Person) -> Session:
            return replace(person.standard, tokens=change(person.standard.tokens))

        return {target: balanced(predict_held_out(folds, {"": (people, changed)})[""])}

    (found,) = attribute(people[0].spec, mean, scores)
    return found


def _held_out(parts: Sequence[tuple[NDArray[np.float64], Session, int, int]]) -> HeldOut:
    sizes = [len(high) for high, *_ in parts]
    labels = np.concatenate([session.labels for _, session, *_ in parts])
    part = np.repeat(np.arange(len(parts)), sizes)
    return HeldOut(
        high=np.concatenate([high for high, *_ in parts]),
        labels=labels,
        person=np.repeat(np.array([k for *_, k, _ in parts]), sizes),
        group=2 * part + labels,
        seed=np.repeat(np.array([seed for *_, seed in parts]), sizes),
        second_half=np.concatenate([session.second_half for _, session, *_ in parts]),
        seconds=np.concatenate([session.seconds for _, session, *_ in parts]),
    )


def joined(parts: Sequence[HeldOut]) -> HeldOut:
    """Put predictions with several choices of electrodes together; recordings of each stay apart."""
    sizes = np.cumsum([0, *(int(part.group.max()) + 1 for part in parts)])
    groups = [part.group + offset for part, offset in zip(parts, sizes, strict=False)]
    fields = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("high", "labels", "person", "seed", "second_half", "seconds")
    }
    return HeldOut(group=np.concatenate(groups), **fields)


@dataclass(frozen=True)
class Summary:
    """What a head reached, each figure a mean over seeds.

    Attributes
    ----------
    windows : int
        Windows of one seed.
    accuracy, balanced, rolling : float
        Accuracy of single windows, their balanced accuracy, and that of rolling means.
    interval : (float, float)
        95 % interval of the balanced accuracy of single windows over people.
    calibration_error : float
        Expected calibration error of single windows.
    rest_high, task_high : float
        Share of the windows that are called high.
    false_alarm_course : tuple of float
        Share of rest that is called high in successive 30 s.
    first_half, second_half : float
        Balanced accuracy in the halves of the recordings.
    answers : Answered
        Of conformal sets of rolling means.
    """

    windows: int
    accuracy: float
    balanced: float
    rolling: float
    interval: tuple[float, float]
    calibration_error: float
    rest_high: float
    task_high: float
    false_alarm_course: tuple[float, ...]
    first_half: float
    second_half: float
    answers: Answered


def balanced(found: HeldOut) -> float:
    """Return the balanced accuracy of single windows, a mean over seeds."""
    called = (found.high > 0.5).astype(np.int64)
    return _over_seeds(found.seed, lambda k: balanced_accuracy(called[k], found.labels[k]))


def summarise(found: HeldOut, settings: ElasticSettings) -> Summary:
    """Summarise predictions on people held out."""
    called = (found.high > 0.5).astype(np.int64)
    pairs, rolled = found.pairs(), found.rolled(settings.rolling)
    over_seeds = partial(_over_seeds, found.seed)
    first, rest = found.seed == 0, found.labels == REST
    interval = grouped_interval(called[first], found.labels[first], found.person[first], found.group[first])
    return Summary(
        windows=int(first.sum()),
        accuracy=float((called == found.labels).mean()),
        balanced=balanced(found),
        rolling=over_seeds(lambda k: balanced_accuracy(rolled[k].argmax(axis=1), found.labels[k])),
        interval=interval or (0.0, 1.0),
        calibration_error=over_seeds(lambda k: expected_calibration_error(pairs[k], found.labels[k])),
        rest_high=float(called[rest].mean()),
        task_high=float(called[~rest].mean()),
        false_alarm_course=course_of_false_alarms(called[rest] == TASK, found.seconds[rest]),
        first_half=over_seeds(
            lambda k: balanced_accuracy(called[k & ~found.second_half], found.labels[k & ~found.second_half])
        ),
        second_half=over_seeds(
            lambda k: balanced_accuracy(called[k & found.second_half], found.labels[k & found.second_half])
        ),
        answers=answers_of(rolled, found.labels, found.person, settings.coverage),
    )


def _over_seeds(seed: NDArray[np.int64], figure: Callable[[NDArray[np.bool_]], float]) -> float:
    return float(np.mean([figure(seed == one) for one in np.unique(seed)]))


def answers_of(
    rolled: NDArray[np.float64], labels: NDArray[np.int64], person: NDArray[np.int64], coverage: float
) -> Answered:
    """Measure conformal sets, those of each person with the thresholds of the others.

    Parameters
    ----------
    rolled : ndarray of float64, shape (n_windows, n_classes)
        Rolling means of probabilities of people held out.
    labels, person : ndarray of int64, shape (n_windows,)
        True classes, and who.
    coverage : float
        That is stated.
    """
    sets = np.zeros(rolled.shape, dtype=np.bool_)
    for one in np.unique(person):
        own = person == one
        sets[own] = prediction_sets(rolled[own], fit_conformal(rolled[~own], labels[~own], coverage=coverage))
    answered = sets.sum(axis=1) == 1
    return Answered(
        share=float(answered.mean()),
        rolling_balanced_accuracy=balanced_accuracy(sets[answered].argmax(axis=1), labels[answered]),
        coverage=float(sets[np.arange(len(sets)), labels].mean()),
    )
