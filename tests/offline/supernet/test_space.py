"""Genotypes: counts of the published space, and operators that cannot make a malformed child."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline.supernet.space import SPACES, ArchConfig, SearchSpace, cross_over, mutate, sample

seeds = st.integers(0, 2**32 - 1)
spaces = st.sampled_from(list(SPACES.values()))


def test_paper_space_has_the_published_size() -> None:
    assert SPACES["paper"].count() == 15690264084
    assert SPACES["paper"].count(depth=10) == 13947137604


@given(spaces, seeds)
def test_samples_are_members_of_the_space(space: SearchSpace, seed: int) -> None:
    assert sample(space, np.random.default_rng(seed)) in space


@given(spaces, seeds, st.floats(0, 1))
def test_mutants_are_members_of_the_space(space: SearchSpace, seed: int, probability: float) -> None:
    rng = np.random.default_rng(seed)
    assert mutate(sample(space, rng), space, rng, probability=probability) in space


@given(seeds)
def test_mutation_without_probability_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arch = sample(SPACES["paper"], rng)
    assert mutate(arch, SPACES["paper"], rng, probability=0.0) == arch


@given(spaces, seeds)
def test_every_gene_of_a_child_is_a_parents_gene_at_that_place(space: SearchSpace, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = sample(space, rng), sample(space, rng)
    child = cross_over(first, second, rng)
    assert child in space
    assert child.depth in (first.depth, second.depth)
    assert child.embed_dim in (first.embed_dim, second.embed_dim)
    for layer in range(child.depth):
        parents = [p for p in (first, second) if p.depth > layer]
        assert child.heads[layer] in [p.heads[layer] for p in parents]
        assert child.mlp_ratios[layer] in [p.mlp_ratios[layer] for p in parents]


def test_parents_of_unequal_depth_have_well_formed_children_of_both_depths() -> None:
    shallow = ArchConfig(168, (2,) * 6, (3.0,) * 6)
    deep = ArchConfig(240, (6,) * 10, (4.0,) * 10)
    rng = np.random.default_rng(0)
    children = [cross_over(shallow, deep, rng) for _ in range(200)]
    assert {child.depth for child in children} == {6, 10}
    assert all(child in SPACES["paper"] for child in children)
    assert all(child.heads[6:] == (6,) * 4 for child in children if child.depth == 10)


@given(spaces, seeds)
def test_the_same_generator_state_gives_the_same_subnets(space: SearchSpace, seed: int) -> None:
    def draw() -> list[ArchConfig]:
        rng = np.random.default_rng(seed)
        parents = [sample(space, rng) for _ in range(2)]
        return [*parents, mutate(parents[0], space, rng, probability=0.2), cross_over(parents[0], parents[1], rng)]

    assert draw() == draw()


@given(spaces, seeds)
def test_json_restores_a_genotype(space: SearchSpace, seed: int) -> None:
    arch = sample(space, np.random.default_rng(seed))
    assert ArchConfig.from_json(arch.to_json()) == arch


@pytest.mark.parametrize(
    ("dim", "heads", "ratios"),
    [(168, (2, 4), (3.0,)), (168, (), ()), (170, (4,), (3.0,)), (168, (0,), (3.0,)), (168, (2,), (0.0,))],
)
def test_malformed_genotypes_cannot_be_made(dim: int, heads: tuple[int, ...], ratios: tuple[float, ...]) -> None:
    with pytest.raises(ValueError):
        ArchConfig(dim, heads, ratios)


def test_a_space_whose_dimension_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="does not divide into 3 heads"):
        SearchSpace("odd", (32,), (3,), (1.0,), (1,))
    for dims in ((), (0, 8), (8, 4), (8, 8)):
        with pytest.raises(ValueError, match="not positive"):
            SearchSpace("wrong", dims, (1,), (1.0,), (1,))
    assert SearchSpace("one", (1,), (1,), (1.0,), (1,)).count() == 1
