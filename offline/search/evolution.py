"""The evolutionary search of the TNAS paper (Li et al. 2023, after SPOS and AutoFormer)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from offline.search.store import Evaluation, EvaluationStore, Metrics
from offline.supernet.space import ArchConfig, SearchSpace, cross_over, mutate, sample

Count = Annotated[int, Field(ge=1)]
OnGeneration = Callable[[int, Sequence[Evaluation]], None]
"""Called with the number of a generation and its evaluations."""


class Objective(BaseModel):
    """What makes a subnet good: ``accuracy_weight · accuracy + size_weight / size``.

    Attributes
    ----------
    accuracy : {"accuracy", "balanced_accuracy"}
        Which validation accuracy.
    accuracy_weight, size_weight : float
        λ1 and λ2 of the paper.
    size_unit : float
        Parameters in one unit of size. The paper does not state it; millions by default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    accuracy: Literal["accuracy", "balanced_accuracy"] = "accuracy"
    accuracy_weight: Annotated[float, Field(allow_inf_nan=False)] = 1.0
    size_weight: Annotated[float, Field(allow_inf_nan=False)] = 1.0
    size_unit: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1e6

    def accuracy_of(self, metrics: Metrics) -> float:
        """Return the accuracy of a subnet, of the kind that counts."""
        return metrics.accuracy if self.accuracy == "accuracy" else metrics.balanced_accuracy

    def of(self, metrics: Metrics) -> float:
        """Return the value of a subnet; higher is better."""
        return self.accuracy_weight * self.accuracy_of(metrics) + self.size_weight * self.size_unit / metrics.parameters


class Evolution(BaseModel):
    """Settings of the evolutionary search; the defaults are the paper's.

    Attributes
    ----------
    population : int
        Subnets of the first, random generation.
    generations : int
        Generations, the first included.
    kept : int
        Best subnets so far that are parents.
    mutations, crossovers : int
        Children of each kind in a generation.
    mutation_probability : float
        Chance of each gene being redrawn (not stated in the paper).
    tries : int
        Draws for each child; if all of them are subnets that were drawn before, the child is left out.
    objective : Objective
        What makes a subnet good. Settings of older runs call it ``score``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    population: Count = 100
    generations: Count = 50
    kept: Count = 50
    mutations: Annotated[int, Field(ge=0)] = 50
    crossovers: Annotated[int, Field(ge=0)] = 50
    mutation_probability: Annotated[float, Field(gt=0, le=1)] = 0.2
    tries: Count = 20
    objective: Annotated[Objective, Field(validation_alias=AliasChoices("objective", "score"))] = Objective()


def evolve(
    space: SearchSpace,
    settings: Evolution,
    store: EvaluationStore,
    *,
    seed: int,
    on_generation: OnGeneration | None = None,
) -> Evaluation:
    """Search a space and return the best subnet.

    All draws come from one generator, and what is in the store is not computed again. So a search that was killed and
    is started again with the same seed and store ends with the same result.

    Parameters
    ----------
    space : SearchSpace
        Where to look.
    settings : Evolution
        How to look.
    store : EvaluationStore
        The only access to data.
    seed : int
        The only source of randomness.
    on_generation : callable, optional
        Called after every generation.
    """
    rng = np.random.default_rng(seed)
    drawn: set[ArchConfig] = set()
    best: list[Evaluation] = []
    candidates = draw_new(lambda: sample(space, rng), settings.population, settings.tries, drawn)
    for generation in range(settings.generations):
        found = store.evaluate(candidates, generation)
        if on_generation:
            on_generation(generation, found)
        # Sorting is stable: of equal subnets the one found first stays ahead.
        best = sorted([*best, *found], key=lambda e: settings.objective.of(e.metrics), reverse=True)[: settings.kept]
        parents = [evaluation.arch for evaluation in best]

        def mutant(parents: list[ArchConfig] = parents) -> ArchConfig:
            parent = parents[int(rng.integers(len(parents)))]
            return mutate(parent, space, rng, probability=settings.mutation_probability)

        def child(parents: list[ArchConfig] = parents) -> ArchConfig:
            first, second = rng.integers(len(parents), size=2)
            return cross_over(parents[int(first)], parents[int(second)], rng)

        candidates = draw_new(mutant, settings.mutations, settings.tries, drawn)
        candidates += draw_new(child, settings.crossovers, settings.tries, drawn)
        if not candidates:  # the space is exhausted as far as these parents reach
            break
    return best[0]


def draw_new(draw: Callable[[], ArchConfig], number: int, tries: int, drawn: set[ArchConfig]) -> list[ArchConfig]:
    """Draw up to `number` subnets that are not among those drawn before, with at most `tries` draws for each."""
    found: list[ArchConfig] = []
    for _ in range(number):
        for _ in range(tries):
            arch = draw()
            if arch not in drawn:
                drawn.add(arch)
                found.append(arch)
                break
    return found
