"""The search space and its genotypes.

A genotype has one embedding dimension for the whole network. For every layer it has a number of heads
and an MLP ratio (Li et al., IEEE Trans. Industrial Informatics 19(4), 2023). Sampling, mutation and
crossover are pure functions of genotypes and a `numpy.random.Generator`. They return valid genotypes
only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class ArchConfig:
    """One subnet of a space.

    Attributes
    ----------
    embed_dim : int
        Width of every token, the same in all layers.
    heads : tuple of int
        Attention heads of each layer; head dimension is ``embed_dim / heads``.
    mlp_ratios : tuple of float
        Hidden width of each layer's MLP, divided by `embed_dim`.

    Raises
    ------
    ValueError
        If there are no layers, numbers of heads and ratios differ, or a layer cannot be built.
    """

    embed_dim: int
    heads: tuple[int, ...]
    mlp_ratios: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.heads or len(self.heads) != len(self.mlp_ratios):
            raise ValueError(f"{len(self.heads)} layers of heads and {len(self.mlp_ratios)} of MLP ratios")
        for heads, ratio in zip(self.heads, self.mlp_ratios, strict=True):
            if heads < 1 or self.embed_dim % heads:
                raise ValueError(f"embedding {self.embed_dim} does not divide into {heads} heads")
            if ratio <= 0:
                raise ValueError(f"MLP ratio {ratio} is not positive")

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.heads)

    def hidden(self, layer: int) -> int:
        """Width of the hidden MLP layer of one block."""
        return round(self.embed_dim * self.mlp_ratios[layer])

    def to_json(self) -> str:
        """Return canonical JSON: equal genotypes have equal text."""
        return json.dumps(
            {
                "embed_dim": int(self.embed_dim),
                "heads": [int(h) for h in self.heads],
                "mlp_ratios": [float(r) for r in self.mlp_ratios],
            }
        )

    @classmethod
    def from_json(cls, text: str) -> ArchConfig:
        """Read what `to_json` wrote."""
        values = json.loads(text)
        return cls(int(values["embed_dim"]), tuple(values["heads"]), tuple(float(r) for r in values["mlp_ratios"]))


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """The choices of a space; every combination of them is a subnet.

    Attributes
    ----------
    name : str
        Name of the preset.
    embed_dims, heads, mlp_ratios, depths : tuple
        Choices in ascending order, each at most once. Every dimension divides by every number of heads.
    """

    name: str
    embed_dims: tuple[int, ...]
    heads: tuple[int, ...]
    mlp_ratios: tuple[float, ...]
    depths: tuple[int, ...]

    def __post_init__(self) -> None:
        groups: tuple[tuple[float, ...], ...] = (self.embed_dims, self.heads, self.mlp_ratios, self.depths)
        for choices in groups:
            if not choices or list(choices) != sorted(set(choices)) or choices[0] <= 0:
                raise ValueError(f"choices {choices} are not positive, ascending and distinct")
        for dim in self.embed_dims:
            for heads in self.heads:
                if dim % heads:
                    raise ValueError(f"embedding {dim} does not divide into {heads} heads")

    def count(self, depth: int | None = None) -> int:
        """Count the genotypes, of one depth or of all."""
        per_layer = len(self.heads) * len(self.mlp_ratios)
        depths = self.depths if depth is None else (depth,)
        return sum(len(self.embed_dims) * per_layer**d for d in depths)

    @property
    def largest(self) -> ArchConfig:
        """The subnet of most parameters (and most heads)."""
        return self._uniform(-1)

    @property
    def smallest(self) -> ArchConfig:
        """The subnet of fewest parameters (and fewest heads)."""
        return self._uniform(0)

    @property
    def middle(self) -> SearchSpace:
        """The space of one subnet, whose choices are the middle ones, or the lower of two."""
        dim, heads, ratio, depth = (
            choices[(len(choices) - 1) // 2] for choices in (self.embed_dims, self.heads, self.mlp_ratios, self.depths)
        )
        return SearchSpace(self.name, (int(dim),), (int(heads),), (float(ratio),), (int(depth),))

    def _uniform(self, end: int) -> ArchConfig:
        depth = self.depths[end]
        return ArchConfig(self.embed_dims[end], (self.heads[end],) * depth, (self.mlp_ratios[end],) * depth)

    def __contains__(self, arch: ArchConfig) -> bool:
        return (
            arch.embed_dim in self.embed_dims
            and arch.depth in self.depths
            and all(h in self.heads for h in arch.heads)
            and all(r in self.mlp_ratios for r in arch.mlp_ratios)
        )


SPACES = {
    "paper": SearchSpace(
        name="paper",
        embed_dims=(168, 192, 216, 240),
        heads=(2, 4, 6),
        mlp_ratios=(3.0, 3.5, 4.0),
        depths=(6, 7, 8, 9, 10),
    ),
    "compact": SearchSpace(
        name="compact",
        embed_dims=(32, 48, 64),
        heads=(2, 4),
        mlp_ratios=(1.0, 2.0, 3.0),
        depths=(2, 3),
    ),
}


def _pick(choices: Sequence[Choice], rng: np.random.Generator) -> Choice:
    return choices[int(rng.integers(len(choices)))]


def sample(space: SearchSpace, rng: np.random.Generator) -> ArchConfig:
    """Draw a subnet: depth first, then each choice, all evenly."""
    depth = _pick(space.depths, rng)
    return ArchConfig(
        _pick(space.embed_dims, rng),
        tuple(_pick(space.heads, rng) for _ in range(depth)),
        tuple(_pick(space.mlp_ratios, rng) for _ in range(depth)),
    )


def mutate(arch: ArchConfig, space: SearchSpace, rng: np.random.Generator, *, probability: float) -> ArchConfig:
    """Redraw each gene with some probability.

    Depth is a gene too: layers are dropped from the end, or new ones drawn.
    """

    def redraw(value: Choice, choices: Sequence[Choice]) -> Choice:
        return _pick(choices, rng) if rng.random() < probability else value

    embed_dim = redraw(arch.embed_dim, space.embed_dims)
    depth = redraw(arch.depth, space.depths)
    kept = min(depth, arch.depth)
    new = depth - kept
    return ArchConfig(
        embed_dim,
        tuple(redraw(h, space.heads) for h in arch.heads[:kept]) + tuple(_pick(space.heads, rng) for _ in range(new)),
        tuple(redraw(r, space.mlp_ratios) for r in arch.mlp_ratios[:kept])
        + tuple(_pick(space.mlp_ratios, rng) for _ in range(new)),
    )


def cross_over(first: ArchConfig, second: ArchConfig, rng: np.random.Generator) -> ArchConfig:
    """Draw each gene from one of two parents.

    The child takes the depth of one parent; a layer that only the deeper parent has comes from it.
    """
    parents = (first, second)
    embed_dim = _pick(parents, rng).embed_dim
    depth = _pick(parents, rng).depth
    heads: list[int] = []
    ratios: list[float] = []
    for layer in range(depth):
        having = [parent for parent in parents if parent.depth > layer]
        heads.append(_pick(having, rng).heads[layer])
        ratios.append(_pick(having, rng).mlp_ratios[layer])
    return ArchConfig(embed_dim, tuple(heads), tuple(ratios))
