"""Search: it improves, repeats nothing, resumes to the same end, and knows only an evaluator."""

import csv
import inspect
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bci_app.errors import FileError
from offline.search.evolution import Evolution, Objective, evolve
from offline.search.nsga2 import NsgaSettings, pareto_search
from offline.search.pareto import fronts, hypervolume, non_dominated, objectives, write_fronts, write_hypervolume
from offline.search.store import Evaluation, EvaluationStore, Metrics, read_evaluations
from offline.supernet.model import count_parameters
from offline.supernet.space import SPACES, ArchConfig, SearchSpace

SPACE = SPACES["paper"]
TINY = SearchSpace("tiny", (8,), (2,), (1.0, 2.0), (1, 2))


def metrics(arch: ArchConfig) -> Metrics:
    """Make up a landscape: accuracy likes many heads in early layers, and width a little."""
    accuracy = 0.5 + sum(h / 6 / (i + 1) for i, h in enumerate(arch.heads)) / 8 + arch.embed_dim / 2400
    size = count_parameters(arch, n_channels=14, n_features=128, class_counts=(2,))
    return Metrics(size, accuracy, accuracy - 0.01, 1 - accuracy, latency_ms=0.1 * arch.depth)


class Killed(Exception):  # noqa: N818
    pass


class Counting:
    """Evaluates, counts each subnet, and can die after a number of evaluations."""

    def __init__(self, die_after: int | None = None) -> None:
        self.asked: list[ArchConfig] = []
        self.together: list[Sequence[ArchConfig]] = []
        self.die_after = die_after

    def __call__(self, archs: Sequence[ArchConfig]) -> Iterator[Metrics]:
        self.together.append(archs)
        for arch in archs:
            if self.die_after is not None and len(self.asked) >= self.die_after:
                raise Killed
            self.asked.append(arch)
            yield metrics(arch)


SMALL = Evolution(population=20, generations=8, kept=10, mutations=10, crossovers=10)
FRONT = NsgaSettings(population=16, generations=8)
Search = Callable[[EvaluationStore], Sequence[Evaluation]]


def evolution(store: EvaluationStore) -> Sequence[Evaluation]:
    return [evolve(SPACE, SMALL, store, seed=3)]


def front(store: EvaluationStore) -> Sequence[Evaluation]:
    return pareto_search(SPACE, FRONT, store, seed=3)


searches = pytest.mark.parametrize("search", [evolution, front])


def key(evaluations: Sequence[Evaluation]) -> list[tuple[ArchConfig, Metrics, int]]:
    return [(e.arch, e.metrics, e.generation) for e in evaluations]


def test_the_defaults_are_the_papers_numbers() -> None:
    default = Evolution()
    assert (default.population, default.kept, default.mutations, default.crossovers) == (100, 50, 50, 50)
    assert default.generations == 50
    assert Objective().size_unit == 1e6
    assert Objective().of(Metrics(2_000_000, 0.9, 0.5, 0.3)) == pytest.approx(0.9 + 1 / 2)


@searches
def test_no_subnet_is_evaluated_twice_and_all_are_of_the_space(tmp_path: Path, search: Search) -> None:
    counting = Counting()
    with EvaluationStore(tmp_path / "search.sqlite", identity="x", evaluate=counting) as store:
        search(store)
        assert len(counting.asked) == len(set(counting.asked)) == store.computed == len(store.all())
        assert all(arch in SPACE for arch in counting.asked)
        assert len(counting.asked) > 60


@searches
def test_a_search_killed_anywhere_resumes_to_the_same_end(tmp_path: Path, search: Search) -> None:
    whole = Counting()
    with EvaluationStore(tmp_path / "unbroken.sqlite", identity="x", evaluate=whole) as store:
        expected, order = key(search(store)), key(store.all())
    for die_after in (0, 1, 19, 20, 21, 47):
        path = tmp_path / f"{die_after}.sqlite"
        with (
            EvaluationStore(path, identity="x", evaluate=Counting(die_after)) as store,
            pytest.raises(Killed),
        ):
            search(store)
        rest = Counting()
        with EvaluationStore(path, identity="x", evaluate=rest) as store:
            assert key(search(store)) == expected
            assert key(store.all()) == order
        # The last bits of a loss depend on what is computed together.
        assert rest.together == whole.together[-len(rest.together) :]
        assert len(rest.asked) < len(order) - die_after + len(max(whole.together, key=len))


@searches
def test_a_finished_search_run_again_computes_nothing(tmp_path: Path, search: Search) -> None:
    path = tmp_path / "search.sqlite"
    with EvaluationStore(path, identity="x", evaluate=Counting()) as store:
        expected = key(search(store))
    with EvaluationStore(path, identity="x", evaluate=Counting(0)) as store:
        assert key(search(store)) == expected


def test_evolution_finds_more_than_its_random_beginning(tmp_path: Path) -> None:
    generations: list[Sequence[Evaluation]] = []
    objective = Objective(size_weight=0.2)
    with EvaluationStore(tmp_path / "search.sqlite", identity="x", evaluate=Counting()) as store:
        settings = SMALL.model_copy(update={"objective": objective})
        found = evolve(SPACE, settings, store, seed=0, on_generation=lambda _, e: generations.append(e))
    first = max(objective.of(e.metrics) for e in generations[0])
    assert objective.of(found.metrics) > first
    assert objective.of(found.metrics) == max(objective.of(e.metrics) for g in generations for e in g)
    assert len(generations) == 8


def genes(arch: ArchConfig) -> set[tuple[object, ...]]:
    layers = zip(arch.heads, arch.mlp_ratios, strict=True)
    heads_and_ratios = [(number, *gene) for number, layer in enumerate(layers) for gene in enumerate(layer)]
    return {("dim", arch.embed_dim), ("depth", arch.depth), *heads_and_ratios}


def test_children_have_the_best_kept_so_far_as_parents_and_no_others(tmp_path: Path) -> None:
    generations: list[Sequence[Evaluation]] = []
    crossing = SMALL.model_copy(update={"kept": 3, "mutations": 0, "crossovers": 30, "generations": 2})
    with EvaluationStore(tmp_path / "search.sqlite", identity="x", evaluate=Counting()) as store:
        evolve(SPACE, crossing, store, seed=0, on_generation=lambda _, e: generations.append(e))
    ranked = sorted(generations[0], key=lambda e: Objective().of(e.metrics), reverse=True)
    parents = [genes(e.arch) for e in ranked[:3]]
    inherited = set().union(*(genes(e.arch) for e in generations[1]))
    assert inherited <= set().union(*parents)
    for number, parent in enumerate(parents):
        others = set().union(*(p for other, p in enumerate(parents) if other != number))
        assert inherited & (parent - others)  # every one of the three is a parent


def test_a_search_of_a_space_smaller_than_its_population_ends(tmp_path: Path) -> None:
    with EvaluationStore(tmp_path / "a.sqlite", identity="x", evaluate=Counting()) as store:
        found: list[int] = []
        evolve(TINY, SMALL, store, seed=0, on_generation=lambda _, evaluations: found.append(len(evaluations)))
        assert sum(found) == len(store.all()) == TINY.count() == 6
        assert all(found)
    with EvaluationStore(tmp_path / "b.sqlite", identity="x", evaluate=Counting()) as store:
        pareto_search(TINY, FRONT, store, seed=0)
        assert len(store.all()) == 6


def test_the_pareto_search_gives_a_front_that_nothing_found_dominates(tmp_path: Path) -> None:
    with EvaluationStore(tmp_path / "search.sqlite", identity="x", evaluate=Counting()) as store:
        found = pareto_search(SPACE, FRONT, store, seed=1)
        everything = store.all()
    sizes = [e.metrics.parameters for e in found]
    assert sizes == sorted(sizes)
    for e in found:
        assert not any(
            o.metrics.parameters < e.metrics.parameters and o.metrics.balanced_accuracy >= e.metrics.balanced_accuracy
            for o in everything
        )


def test_children_of_the_pareto_search_mix_the_genes_of_two_parents(tmp_path: Path) -> None:
    settings = NsgaSettings(population=8, generations=2, mutation_probability=1e-9)
    with EvaluationStore(tmp_path / "a" / "b" / "search.sqlite", identity="x", evaluate=Counting()) as store:
        pareto_search(SPACE, settings, store, seed=2**32 + 3)
        parents, children = ([e.arch for e in store.all() if e.generation == n] for n in (0, 1))
    assert len(children) >= 4
    for child in children:
        assert genes(child) <= set().union(*map(genes, parents))
        assert not any(genes(child) <= genes(parent) for parent in parents)


def unmeasured(archs: Sequence[ArchConfig]) -> list[Metrics]:
    return [Metrics(1, 0.5, 0.5, 1.0)] * len(archs)


def test_latency_can_be_a_third_objective(tmp_path: Path) -> None:
    settings = FRONT.model_copy(update={"latency": True})
    with EvaluationStore(tmp_path / "a.sqlite", identity="x", evaluate=Counting()) as store:
        assert pareto_search(SPACE, settings, store, seed=1)
    with (
        EvaluationStore(tmp_path / "b.sqlite", identity="x", evaluate=unmeasured) as store,
        pytest.raises(ValueError, match="latency was not measured"),
    ):
        pareto_search(SPACE, settings, store, seed=1)


def test_searches_take_no_data_but_through_the_store() -> None:
    for search in (evolve, pareto_search):
        assert set(inspect.signature(search).parameters) == {"space", "settings", "store", "seed", "on_generation"}


def test_evaluations_can_be_queried_with_sql(tmp_path: Path) -> None:
    path = tmp_path / "search.sqlite"
    with EvaluationStore(path, identity="x", evaluate=Counting()) as store:
        evolution(store)
    connection = sqlite3.connect(path)
    rows = connection.execute(
        "SELECT embed_dim, count(*), max(validation_accuracy), min(parameters) FROM evaluations"
        " WHERE generation > 0 GROUP BY embed_dim"
    ).fetchall()
    connection.close()
    assert {row[0] for row in rows} <= set(SPACE.embed_dims)


def test_a_store_of_other_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "search.sqlite"
    EvaluationStore(path, identity="first", evaluate=Counting()).close()
    with pytest.raises(FileError, match="another search"):
        EvaluationStore(path, identity="second", evaluate=Counting())


def test_a_damaged_store_is_named(tmp_path: Path) -> None:
    path = tmp_path / "search.sqlite"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(FileError, match=r"Cannot read the search search\.sqlite"):
        EvaluationStore(path, identity="x", evaluate=Counting())


def test_non_dominated_rows() -> None:
    values = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0], [2.0, 3.0], [1.0, 3.0]])
    assert non_dominated(values).tolist() == [True, True, True, False, True]


def test_objectives_are_the_error_millions_of_parameters_and_milliseconds() -> None:
    found = Evaluation(SPACE.smallest, Metrics(2_500_000, 0.9, 0.75, 0.3, latency_ms=4.0), 0, 0.0)
    assert objectives([found], latency=False).tolist() == [[0.25, 2.5]]
    assert objectives([found], latency=True).tolist() == [[0.25, 2.5, 4.0]]


def test_a_store_makes_its_folder(tmp_path: Path) -> None:
    with EvaluationStore(tmp_path / "a" / "b" / "search.sqlite", identity="x", evaluate=Counting()) as store:
        assert len(store.evaluate([SPACE.smallest], 0)) == 1


def test_hypervolume_of_a_front_by_hand() -> None:
    assert hypervolume(np.array([[0.5, 0.5], [0.25, 0.75]]), np.ones(2)) == pytest.approx(0.25 + 0.25 * 0.25)
    assert hypervolume(np.empty((0, 2)), np.ones(2)) == 0


def test_front_and_hypervolume_are_written_as_csv(tmp_path: Path) -> None:
    generations: list[Sequence[Evaluation]] = []
    with EvaluationStore(tmp_path / "search.sqlite", identity="x", evaluate=Counting()) as store:
        pareto_search(SPACE, FRONT, store, seed=1, on_generation=lambda _, e: generations.append(e))
        everything = store.all()
    by_generation = fronts(generations, latency=False)
    write_fronts(by_generation, tmp_path / "front.csv")
    volumes = write_hypervolume(
        generations, metrics(SPACE.largest).parameters, tmp_path / "hypervolume.csv", latency=False
    )
    assert volumes == sorted(volumes)
    assert volumes[-1] > volumes[0]
    with (tmp_path / "front.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for number, front in enumerate(by_generation):
        of_generation = [row for row in rows if int(row["generation"]) == number]
        assert [ArchConfig.from_json(row["arch"]) for row in of_generation] == [e.arch for e in front]
        seen = [e for e in everything if e.generation <= number]
        keep = non_dominated(objectives(seen, latency=False))
        assert {e.arch for e in front} == {e.arch for e, on_front in zip(seen, keep, strict=True) if on_front}
        assert all(int(row["found"]) <= number for row in of_generation)
    assert {int(row["generation"]) for row in rows} == set(range(FRONT.generations))
    with (tmp_path / "hypervolume.csv").open(newline="") as file:
        assert [float(row["hypervolume"]) for row in csv.DictReader(file)] == pytest.approx(volumes, abs=1e-8)


def test_the_front_is_that_of_the_objectives_searched(tmp_path: Path) -> None:
    small, large = SPACE.smallest, SPACE.largest
    slow, fast = Metrics(1000, 0.8, 0.8, 0.5, latency_ms=2.0), Metrics(2000, 0.7, 0.7, 0.6, latency_ms=1.0)
    generations = [[Evaluation(small, slow, 0, 0.0)], [Evaluation(large, fast, 1, 0.0)]]
    assert [[e.arch for e in front] for front in fronts(generations, latency=False)] == [[small], [small]]
    assert [[e.arch for e in front] for front in fronts(generations, latency=True)] == [[small], [small, large]]
    volumes = write_hypervolume(generations, 3000, tmp_path / "hypervolume.csv", latency=True)
    assert volumes == pytest.approx([0.0, 0.7 * 0.001 * 1.0])
    unmeasured = Evaluation(large, replace(fast, latency_ms=None), 1, 0.0)
    write_fronts([generations[0], [unmeasured]], tmp_path / "front.csv")
    with (tmp_path / "front.csv").open(newline="") as file:
        assert [row["latency_ms"] for row in csv.DictReader(file)] == ["2.0000", ""]


def test_a_finished_search_is_read_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "search.sqlite"
    with EvaluationStore(path, identity="x", evaluate=Counting()) as store:
        evolution(store)
        everything = store.all()
    before = path.read_bytes()
    assert read_evaluations(path) == everything
    assert path.read_bytes() == before
    with pytest.raises(FileError, match="Cannot read the search"):
        read_evaluations(tmp_path / "none.sqlite")
