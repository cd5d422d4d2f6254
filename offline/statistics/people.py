"""Methods compared over people, who are what is independent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import numpy as np

from offline.metrics import Floats, Ints, balanced_accuracy

DRAWS = 9999

Person = TypeVar("Person", int, str)


class Comparison(NamedTuple):
    """One method beside another, paired over people.

    Attributes
    ----------
    method : str
        The other method.
    people : int
        How many have a balanced accuracy under both.
    difference : float
        Mean over people of the balanced accuracy of the first method less that of the other.
    effect : float or None
        That by its standard deviation over people (Cohen's d of paired values); None where it has none.
    p_permutation, p_wilcoxon : float
        Two-sided: signs of the differences exchanged at random (all of them where people are few), and Wilcoxon's
        signed ranks.
    p_holm : float
        `p_permutation` after Holm's correction over the methods of the same table.
    """

    method: str
    people: int
    difference: float
    effect: float | None
    p_permutation: float
    p_wilcoxon: float
    p_holm: float


def own_scores(predicted: Ints, labels: Ints, subject: Ints) -> dict[int, float]:
    """Return each person's own balanced accuracy, by code; who lacks a class is left out."""
    n_classes = len(np.unique(labels))
    scores = {}
    for code in np.unique(subject):
        own = subject == code
        if len(np.unique(labels[own])) == n_classes:
            scores[int(code)] = balanced_accuracy(predicted[own], labels[own])
    return scores


def compare_methods(
    first: Mapping[Person, float], others: Mapping[str, Mapping[Person, float]], *, seed: int = 0
) -> list[Comparison]:
    """Compare one method with each of several, paired over the people whom both have scored.

    Parameters
    ----------
    first : mapping of person to float
        Scores of the method that is compared.
    others : mapping of name to mapping of person to float
        Scores of the others.
    seed : int
        Of the permutations.

    Returns
    -------
    list of Comparison
        In the order of the others; those with fewer than two people in common are left out.
    """
    found = []
    for name, scores in others.items():
        people = [person for person in first if person in scores]
        if len(people) >= 2:
            found.append((name, np.array([first[person] - scores[person] for person in people])))
    raw = [_paired(differences, seed) for _, differences in found]
    corrected = holm([permutation for permutation, _ in raw])
    return [
        Comparison(
            method=name,
            people=len(differences),
            difference=float(differences.mean()),
            effect=_effect(differences),
            p_permutation=permutation,
            p_wilcoxon=ranks,
            p_holm=adjusted,
        )
        for (name, differences), (permutation, ranks), adjusted in zip(found, raw, corrected, strict=True)
    ]


def holm(values: list[float]) -> list[float]:
    """Correct p-values for how many they are (Holm 1979)."""
    corrected, least = [1.0] * len(values), 0.0
    for rank, place in enumerate(np.argsort(values, kind="stable")):
        least = max(least, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = least
    return corrected


def _paired(differences: Floats, seed: int) -> tuple[float, float]:
    """Return the p-values of a sign permutation test and of Wilcoxon's test."""
    from scipy.stats import permutation_test, wilcoxon

    if not np.any(differences):
        return 1.0, 1.0
    exchanged = permutation_test(
        (differences,), np.mean, permutation_type="samples", vectorized=True, n_resamples=DRAWS,
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    return float(exchanged.pvalue), float(wilcoxon(differences, zero_method="zsplit").pvalue)


def _effect(differences: Floats) -> float | None:
    spread = float(differences.std(ddof=1))
    return float(differences.mean()) / spread if spread > 0 else None
