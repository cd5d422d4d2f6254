"""What a method reaches by chance: labels permuted within what the protocol holds out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from offline.metrics import Floats, Ints

DRAWS = 1000


class Chance(NamedTuple):
    """The distribution of balanced accuracy under permuted labels.

    Attributes
    ----------
    mean, upper : float
        Its mean and its 95 % quantile.
    p : float
        How often permuted labels reach what the true ones reach, with the true ones counted as one draw more
        (Phipson & Smyth 2010).
    """

    mean: float
    upper: float
    p: float


def chance_level(
    predicted: Ints, labels: Ints, subject: Ints, unit: Ints, *, draws: int = DRAWS, seed: int = 0
) -> Chance:
    """Permute labels among the units of each person, predictions as they are.

    Windows of one recording resemble each other, so that labels are exchanged between whole recordings and never
    between single windows, unless single windows are the unit. For a balanced accuracy, people count by their windows.

    Parameters
    ----------
    predicted, labels, subject : ndarray of int64, shape (n_windows,)
        Predicted and true classes, and who.
    unit : ndarray of int64, shape (n_windows,)
        What has one label and is exchanged: a trial, or a window by itself.
    draws : int
        Permutations.
    seed : int
        Of the permutations.
    """
    classes = np.unique(labels)
    units, first, of_window = np.unique(unit, return_index=True, return_inverse=True)
    counts = np.zeros((len(units), len(classes)))  # windows of each unit that are predicted as each class
    known = np.isin(predicted, classes)
    np.add.at(counts, (of_window[known], np.searchsorted(classes, predicted[known])), 1)
    sizes = np.bincount(of_window).astype(np.float64)
    own = np.searchsorted(classes, labels[first])
    person = subject[first]
    rng = np.random.default_rng(seed)
    reached = np.empty(draws)
    for draw in range(draws):
        reached[draw] = _balanced(counts, sizes, _permuted(own, person, rng), len(classes))
    true = _balanced(counts, sizes, own, len(classes))
    p = (1 + np.sum(reached >= true - 1e-12)) / (1 + draws)
    return Chance(float(reached.mean()), float(np.quantile(reached, 0.95)), float(p))


def _permuted(labels: Ints, person: Ints, rng: np.random.Generator) -> Ints:
    """Permute labels within each person."""
    by_person = np.argsort(person, kind="stable")
    shuffled = np.lexsort((rng.random(len(labels)), person))
    permuted = np.empty_like(labels)
    permuted[by_person] = labels[shuffled]
    return permuted


def _balanced(counts: Floats, sizes: Floats, own: Ints, n_classes: int) -> float:
    """Return the balanced accuracy where units have these labels."""
    right = np.bincount(own, weights=counts[np.arange(len(own)), own], minlength=n_classes)
    total = np.bincount(own, weights=sizes, minlength=n_classes)
    return float(np.mean(right[total > 0] / total[total > 0]))
