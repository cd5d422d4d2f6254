"""What a search is compared with: subnets that come without one.

A search of a weight-sharing supernet is worth its cost only if the subnet that it finds beats the best of as many
random ones, the largest and one of median size, all trained further in the same way (Li & Talwalkar 2020; Yu et al.
2020). And inherited weights must rank subnets as separate training ranks them, better than their size alone does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from offline.search.evolution import Objective, draw_new
from offline.search.store import Evaluation, EvaluationStore
from offline.supernet.space import ArchConfig, SearchSpace, sample

_TRIES = 1000
_MEDIAN_OF = 101
_SAMPLE, _RANDOM, _MEDIAN = 2**32, 2**32 + 1, 2**32 + 2
"""Second words of seeds; those of training are numbers of epochs."""


def random_search(
    space: SearchSpace, objective: Objective, store: EvaluationStore, *, number: int, at_once: int, seed: int
) -> Evaluation:
    """Return the best of different subnets that are drawn at random.

    Parameters
    ----------
    space : SearchSpace
        Where to look.
    objective : Objective
        What makes a subnet good.
    store : EvaluationStore
        The only access to data.
    number : int
        How many subnets to evaluate; all of the space if it has no more.
    at_once : int
        Subnets that are evaluated together and stored together.
    seed : int
        The only source of randomness.
    """
    archs = sampled_subnets(space, min(number, space.count()), seed=[seed, _RANDOM])
    found: list[Evaluation] = []
    for generation, start in enumerate(range(0, len(archs), at_once)):
        found += store.evaluate(archs[start : start + at_once], generation)
    return max(found, key=lambda evaluation: objective.of(evaluation.metrics))


def sampled_subnets(space: SearchSpace, number: int, *, seed: int | Iterable[int]) -> list[ArchConfig]:
    """Draw different subnets at random, fewer if the space is nearly exhausted."""
    words = [seed, _SAMPLE] if isinstance(seed, int) else list(seed)
    rng = np.random.default_rng(words)
    return draw_new(lambda: sample(space, rng), number, _TRIES, set())


def median_subnet(space: SearchSpace, parameters_of: Callable[[ArchConfig], int], *, seed: int) -> ArchConfig:
    """Return the subnet of median size of 101 that are drawn at random."""
    rng = np.random.default_rng([seed, _MEDIAN])
    drawn = sorted((sample(space, rng) for _ in range(_MEDIAN_OF)), key=parameters_of)
    return drawn[_MEDIAN_OF // 2]
