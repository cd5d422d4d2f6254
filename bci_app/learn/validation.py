"""Nested leave-trials-out: what a head would reach on trials that it has not seen, and what chance reaches.

The penalty and the kind of features are chosen inside each training part. Chance is the same procedure, with its
choices, on permuted labels of whole trials (Ojala & Garriga 2010, J. Machine Learning Research 11).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bci_app.learn.folds import PENALTIES, Array, Head, TrainedFold, TrialSums, balanced_accuracy

_MOST_SINGLE = 24
"""Up to so many trials each is left out alone; more are left out in this many groups."""
_INNER_FOLDS = 5
_INNER_WINDOWS = 12
"""Windows of a trial that the inner choice looks at, evenly spread: neighbours overlap and say nearly the same."""


@dataclass(frozen=True)
class Trials:
    """Windows of labelled trials.

    Attributes
    ----------
    features : mapping of str to ndarray of float64, shape (n_windows, n_features)
        By kind of features.
    trial : ndarray of int64, shape (n_windows,)
        Index of each window's trial, from 0 on.
    high : ndarray of bool, shape (n_trials,)
        Class of each trial.
    group : ndarray of int64, shape (n_trials,)
        Session of each trial; labels are permuted within sessions.
    """

    features: Mapping[str, Array]
    trial: NDArray[np.int64]
    high: NDArray[np.bool_]
    group: NDArray[np.int64]

    @property
    def weight(self) -> Array:
        """Weight of each window: every trial counts the same."""
        return np.asarray(1.0 / np.bincount(self.trial, minlength=len(self.high))[self.trial])


@dataclass(frozen=True)
class Validation:
    """What nested leave-trials-out gave.

    Attributes
    ----------
    balanced_accuracy : float
        Over windows of trials left out; every trial counts the same.
    scores : ndarray, shape (n_windows,)
        Score of each window by a head that has not seen its trial.
    chance : ndarray, shape (n_permutations,)
        Balanced accuracies with permuted labels.
    chosen : str
        Kind of features that most folds chose.
    penalty : float
        Penalty that most folds chose with it.
    """

    balanced_accuracy: float
    scores: Array
    chance: Array
    chosen: str
    penalty: float

    @property
    def p(self) -> float:
        """Share of permutations that reach as much, the observed one included."""
        return float((1 + np.sum(self.chance >= self.balanced_accuracy - 1e-12)) / (1 + len(self.chance)))

    @property
    def chance_band(self) -> tuple[float, float]:
        """Central 95 % of the permutations."""
        low, high = np.quantile(self.chance, (0.025, 0.975))
        return float(low), float(high)


def validate(trials: Trials, *, permutations: int, seed: int = 0) -> Validation:
    """Score a person's head on their own trials.

    Parameters
    ----------
    trials : Trials
        At least three trials of each class.
    permutations : int
        Random labellings for chance.
    seed : int
        Of the permutations and folds.
    """
    rng = np.random.default_rng(seed)
    signs = np.where(trials.high, 1.0, -1.0)
    labels = np.stack([signs, *(_permuted(signs, trials.group, rng) for _ in range(permutations))], axis=1)
    sums = {name: TrialSums.of(values, trials.trial, len(signs)) for name, values in trials.features.items()}
    outer = _folds(trials.high, min(len(signs), _MOST_SINGLE), rng)
    scores = np.empty((len(trials.trial), labels.shape[1]))
    votes: dict[tuple[str, float], int] = {}
    for test in outer:
        train = np.setdiff1d(np.arange(len(signs)), test)
        choice = _choose(trials, sums, labels, train, rng)  # (n_labellings,) into kinds × penalties
        rows = np.isin(trials.trial, test)
        found = np.concatenate(
            [
                TrainedFold.among(sums[name], train).scores(trials.features[name][rows], labels[train])
                for name in trials.features
            ]
        )  # (n_kinds * n_penalties, n_rows, n_labellings)
        scores[rows] = np.take_along_axis(found, choice[None, None, :], axis=0)[0]
        kind, penalty = divmod(int(choice[0]), len(PENALTIES))
        key = (list(trials.features)[kind], PENALTIES[penalty])
        votes[key] = votes.get(key, 0) + 1
    reached = balanced_accuracy(scores, labels[trials.trial] > 0, trials.weight)
    chosen, penalty_chosen = max(votes, key=lambda key: votes[key])
    return Validation(float(reached[0]), scores[:, 0].copy(), reached[1:], chosen, penalty_chosen)


def fit(trials: Trials, kind: str, penalty: float) -> Head:
    """Fit the head that is to be used, on all trials."""
    everything = np.arange(len(trials.high))
    fold = TrainedFold.among(TrialSums.of(trials.features[kind], trials.trial, len(everything)), everything)
    return fold.head(np.where(trials.high, 1.0, -1.0), penalty)


def _choose(
    trials: Trials, sums: Mapping[str, TrialSums], labels: Array, train: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Choose kind and penalty for every labelling, by leaving trials out of the training part."""
    n_choices = len(sums) * len(PENALTIES)
    inner = [train[part] for part in _folds(trials.high[train], _INNER_FOLDS, rng)]
    thin = _spread(trials.trial)
    rows_of = [thin & np.isin(trials.trial, part) for part in inner]
    found = np.empty((n_choices, int(sum(rows.sum() for rows in rows_of)), labels.shape[1]))
    order = []
    start = 0
    for part, rows in zip(inner, rows_of, strict=True):
        rest = np.setdiff1d(train, part)
        stop = start + int(rows.sum())
        for number, name in enumerate(sums):
            block = slice(number * len(PENALTIES), (number + 1) * len(PENALTIES))
            found[block, start:stop] = TrainedFold.among(sums[name], rest).scores(
                trials.features[name][rows], labels[rest]
            )
        order.append(np.flatnonzero(rows))
        start = stop
    seen = np.concatenate(order)
    weight, high = trials.weight[seen], labels[trials.trial[seen]] > 0
    reached = np.stack([balanced_accuracy(scores, high, weight) for scores in found])
    return np.asarray(np.argmax(np.nan_to_num(reached, nan=0.0), axis=0))


def _spread(trial: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark up to `_INNER_WINDOWS` windows of each trial, evenly spread over it."""
    kept = np.zeros(len(trial), dtype=np.bool_)
    for number in np.unique(trial):
        rows = np.flatnonzero(trial == number)
        kept[rows[np.linspace(0, len(rows) - 1, min(len(rows), _INNER_WINDOWS)).round().astype(int)]] = True
    return kept


def _folds(high: NDArray[np.bool_], count: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Divide trials into at most `count` parts that hold both classes as evenly as can be had."""
    order = np.concatenate([rng.permutation(np.flatnonzero(high)), rng.permutation(np.flatnonzero(~high))])
    count = min(count, len(high))
    return [np.sort(order[start::count]) for start in range(count)]


def _permuted(signs: Array, group: NDArray[np.int64], rng: np.random.Generator) -> Array:
    permuted = signs.copy()
    for value in np.unique(group):
        members = np.flatnonzero(group == value)
        permuted[members] = signs[rng.permutation(members)]
    return permuted
