"""Search for the whole Pareto front: NSGA-II (Deb et al. 2002) through pymoo's ask-and-tell interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.crossover import Crossover
from pymoo.core.duplicate import ElementwiseDuplicateElimination
from pymoo.core.mutation import Mutation
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.sampling import Sampling

from offline.search.evolution import Count, OnGeneration
from offline.search.pareto import non_dominated, objectives
from offline.search.store import Evaluation, EvaluationStore
from offline.supernet.space import ArchConfig, SearchSpace, cross_over, mutate, sample


class NsgaSettings(BaseModel):
    """Settings of the Pareto search.

    Attributes
    ----------
    population, generations : int
        Survivors, and generations with the first random one.
    mutation_probability : float
        Chance of each gene of a child being redrawn.
    latency : bool
        Minimise the measured latency too; the store's evaluator must measure it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    population: Count
    generations: Count
    mutation_probability: Annotated[float, Field(gt=0, le=1)] = 0.2
    latency: bool = False


class _Sample(Sampling):
    def __init__(self, space: SearchSpace, rng: np.random.Generator) -> None:
        super().__init__()
        self._space, self._rng = space, rng

    def _do(self, problem: Problem, n_samples: int, **_: Any) -> NDArray[np.object_]:
        return _column([sample(self._space, self._rng) for _ in range(n_samples)])


class _Cross(Crossover):
    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(n_parents=2, n_offsprings=1, prob=1.0)
        self._rng = rng

    def _do(self, problem: Problem, X: NDArray[np.object_], **_: Any) -> NDArray[np.object_]:
        # X: (parents, matings, 1) -> (offspring, matings, 1)
        children = [cross_over(X[0, i, 0], X[1, i, 0], self._rng) for i in range(X.shape[1])]
        return _column(children)[None]


class _Mutate(Mutation):
    def __init__(self, space: SearchSpace, rng: np.random.Generator, probability: float) -> None:
        super().__init__(prob=1.0)
        self._space, self._rng, self._probability = space, rng, probability

    def _do(self, problem: Problem, X: NDArray[np.object_], **_: Any) -> NDArray[np.object_]:
        return _column([mutate(arch, self._space, self._rng, probability=self._probability) for arch in X[:, 0]])


class _SameSubnet(ElementwiseDuplicateElimination):
    def is_equal(self, a: Any, b: Any) -> bool:
        return bool(a.X[0] == b.X[0])


def _column(archs: Sequence[ArchConfig]) -> NDArray[np.object_]:
    column = np.empty((len(archs), 1), dtype=object)
    column[:, 0] = archs
    return column


def pareto_search(
    space: SearchSpace,
    settings: NsgaSettings,
    store: EvaluationStore,
    *,
    seed: int,
    on_generation: OnGeneration | None = None,
) -> list[Evaluation]:
    """Search for the front of validation error and parameters (and latency), smallest subnet first.

    Parameters are those of `evolve`. As there, the same seed and store lead to the same result however often the
    search was killed.
    """
    rng = np.random.default_rng(seed)
    problem = Problem(n_var=1, n_obj=3 if settings.latency else 2)
    algorithm = NSGA2(
        pop_size=settings.population,
        sampling=_Sample(space, rng),
        crossover=_Cross(rng),
        mutation=_Mutate(space, rng, settings.mutation_probability),
        eliminate_duplicates=_SameSubnet(),
    )
    algorithm.setup(problem, termination=("n_gen", settings.generations), seed=seed, verbose=False)
    known: dict[ArchConfig, Evaluation] = {}
    generation = 0
    while algorithm.has_next():
        asked = algorithm.ask()
        if asked is None or len(asked) == 0:  # no child that is not in the population: the space is exhausted
            break
        archs = [individual.X[0] for individual in asked]
        found = store.evaluate(archs, generation)
        known |= {evaluation.arch: evaluation for evaluation in found}
        algorithm.tell(infills=_evaluated(asked, objectives(found, latency=settings.latency)))
        if on_generation:
            on_generation(generation, found)
        generation += 1
    evaluations = list(known.values())
    keep = non_dominated(objectives(evaluations, latency=settings.latency))
    return sorted(
        (evaluation for evaluation, on_front in zip(evaluations, keep, strict=True) if on_front),
        key=lambda evaluation: evaluation.metrics.parameters,
    )


def _evaluated(population: Population, values: NDArray[np.float64]) -> Population:
    for individual, row in zip(population, values, strict=True):
        individual.set("F", row)
        individual.evaluated.update({"F", "G", "H"})
    return population
