"""Logits of many subnets of one network at once, with everything computed once that they share.

Subnets of one width whose first blocks are equal have the same tokens after these blocks. Subnets that differ in a
block still share its normalisation and its queries, keys and values; those with the same heads share its attention;
and the hidden units of a narrow MLP are the first ones of a wide MLP. Of a last block only the class token is needed.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from offline.device import CPU, Device, OutOfMemory
from offline.supernet.model import Block, LayerNorm, Network, attend
from offline.supernet.space import ArchConfig

_CHUNK_VALUES = {"cpu": 2**18, "cuda": 2**25, "mps": 2**23}
"""Values of the tokens that are computed together: they stay in the cache of a core, or fill an accelerator."""


Given = TypeVar("Given")
Made = TypeVar("Made")


def predict_many(
    model: Network, tokens: NDArray[np.float32], archs: Sequence[ArchConfig], *, device: Device = CPU
) -> list[Tensor]:
    """Compute the logits of subnets, equal to those of `offline.training.predict` up to rounding.

    Parameters
    ----------
    model : Network
        Their weights.
    tokens : ndarray of float32, shape (n_windows, n_channels, n_features)
        Windows.
    archs : sequence of ArchConfig
        The subnets.
    device : Device
        Where the model is.

    Returns
    -------
    list of Tensor, each of shape (n_windows, targets, classes)
        In main memory, in the order of `archs`.
    """
    by_width = _grouped(dict.fromkeys(archs), lambda arch: arch.embed_dim)
    chunk = max(8, _CHUNK_VALUES[device.name] // ((model.n_channels + 1) * max(by_width, default=1)))
    chunks = np.array_split(tokens, 2 * math.ceil(len(tokens) / (2 * chunk)))  # even: two cores have the same to do
    with torch.inference_mode():
        blocks = {
            dim: [_BlockOfWidth(model.blocks[layer], dim) for layer in range(max(arch.depth for arch in group))]  # type: ignore[arg-type]
            for dim, group in by_width.items()
        }

    def computed(part: NDArray[np.float32]) -> dict[ArchConfig, Tensor]:
        """Compute the logits of some windows, in halves where memory is too small for all of them."""
        try:
            return together(part)
        except OutOfMemory:
            if len(part) == 1:
                raise
        halves = [computed(half) for half in np.array_split(part, 2)]
        return {arch: torch.cat([half[arch] for half in halves]) for arch in halves[0]}

    def together(part: NDArray[np.float32]) -> dict[ArchConfig, Tensor]:
        with torch.inference_mode(), device.autocast():
            batch = torch.tensor(np.ascontiguousarray(part)).to(model.position)
            found: dict[ArchConfig, Tensor] = {}
            for dim, group in by_width.items():
                after = _class_tokens(blocks[dim], model.embedded(batch, dim), group)
                # (subnets * batch, 1, dim): classified at once
                logits = model.classified(torch.cat(list(after.values()))).logits.to(model.position.dtype).cpu()
                found |= dict(zip(after, logits.split(len(batch)), strict=True))
            return found

    parts = _on_threads(computed, chunks) if device.name == "cpu" else [computed(part) for part in chunks]
    return [torch.cat([part[arch] for part in parts]) for arch in archs]


def _on_threads(function: Callable[[Given], Made], values: Sequence[Given]) -> list[Made]:
    """Apply a function to values side by side, each on one thread: its operations are too small to be divided."""
    threads = torch.get_num_threads()
    if threads == 1:
        return [function(value) for value in values]
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(function, values))
    finally:
        torch.set_num_threads(threads)


def _grouped(archs: Iterable[ArchConfig], key: Callable[[ArchConfig], int]) -> dict[int, list[ArchConfig]]:
    groups: dict[int, list[ArchConfig]] = defaultdict(list)
    for arch in archs:
        groups[key(arch)].append(arch)
    return groups


def _class_tokens(blocks: Sequence[_BlockOfWidth], x: Tensor, archs: Sequence[ArchConfig]) -> dict[ArchConfig, Tensor]:
    """Return the class tokens (batch, 1, dim) that subnets end with, from embedded tokens x (batch, tokens, dim)."""
    ends: dict[int, list[tuple[list[ArchConfig], Tensor]]] = defaultdict(list)
    for group, first in _walk(blocks, x, 0, archs):
        ends[group[0].depth - 1].append((group, first))
    found: dict[ArchConfig, Tensor] = {}
    for layer, groups in ends.items():
        place = {arch: number for number, (group, _) in enumerate(groups) for arch in group}
        tokens = torch.cat([first for _, first in groups])  # (groups * batch, 1, dim)
        for same, after in blocks[layer].transformed(tokens, layer, list(place)):
            parts = after.clone().split(len(x))
            found |= {arch: parts[place[arch]] for arch in same}
    return found


def _walk(
    blocks: Sequence[_BlockOfWidth], x: Tensor, layer: int, archs: Sequence[ArchConfig]
) -> Iterator[tuple[list[ArchConfig], Tensor]]:
    """Run subnets whose tokens before a layer are x.

    Yields
    ------
    list of ArchConfig, Tensor
        Subnets that have the same tokens before the last MLP, and of these the class token (batch, 1, dim).
    """
    block = blocks[layer]
    y = block.attention_norm(x)
    projected = block.projected(y) if any(arch.depth > layer + 1 for arch in archs) else None
    for heads, group in _grouped(archs, lambda arch: arch.heads[layer]).items():
        further = [arch for arch in group if arch.depth > layer + 1]
        ending = [arch for arch in group if arch.depth == layer + 1]
        if further and projected is not None:
            attended = attend if x.device.type != "cpu" else _attend_by_head
            query, key, value = projected
            z = block.with_attended(x, attended(query, key, value, heads))
            for same, after in block.transformed(z, layer, further):
                yield from _walk(blocks, after, layer + 1, same)
            first = z[:, :1]
        else:
            first = block.with_attended(x[:, :1], block.class_attention(y, heads))
        if ending:
            yield ending, first


def _attend_by_head(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """Compute what `attend` does, head by head: on a processor faster than a fused kernel where tokens are few."""
    width = query.shape[-1] // heads
    queries, keys, values = (x.split(width, dim=-1) for x in (query, key, value))
    scores = query.new_empty(heads, len(query), query.shape[1], key.shape[1])
    for score, q, k in zip(scores, queries, keys, strict=True):
        torch.baddbmm(score, q, k.mT, beta=0, alpha=width**-0.5, out=score)
    return torch.cat([weight @ v for weight, v in zip(scores.softmax(-1), values, strict=True)], dim=-1)


class _BlockOfWidth:
    """A block at one width of tokens, whose weights are cut once and which adds to its results in place.

    Queries, keys and values are one product. The bias of the keys adds the same to all scores of a query, so that
    softmax cancels it. The weights of the values sum to 1, so that their bias is added after the sums.
    """

    def __init__(self, block: Block, dim: int) -> None:
        self.attention_norm = _norm(block.attention_norm, dim)
        self.mlp_norm = _norm(block.mlp_norm, dim)
        self.weights = [layer.weight[:dim, :dim] for layer in (block.query, block.key, block.value)]
        self.query_bias = block.query.bias[:dim]
        self._all = torch.cat(self.weights)
        self.projection = block.projection.weight[:dim, :dim]
        self.projection_bias = block.projection.bias[:dim] + functional.linear(block.value.bias[:dim], self.projection)
        self.expand, self.expand_bias = block.expand.weight[:, :dim], block.expand.bias
        self.contract, self.contract_bias = block.contract.weight[:dim], block.contract.bias[:dim]

    def projected(self, y: Tensor) -> tuple[Tensor, ...]:
        """Compute queries, keys and values of the normalised tokens y, without the biases that can come later."""
        query, key, value = functional.linear(y, self._all).chunk(3, dim=-1)
        return query.add_(self.query_bias), key, value

    def with_attended(self, x: Tensor, attended: Tensor) -> Tensor:
        """Add the projection of what was attended to to x, both (batch, tokens, dim)."""
        return _add_product(x + self.projection_bias, attended, self.projection)

    def class_attention(self, y: Tensor, heads: int) -> Tensor:
        """Compute what the first of the normalised tokens y (batch, tokens, dim) attends to, shape (batch, 1, dim).

        For one query the maps of keys and values can be applied after the sums over tokens, once instead of per token.
        """
        # (dim, dim) -> (heads, head_dim, dim)
        key, value = (weight.unflatten(0, (heads, -1)) for weight in self.weights[1:])
        query = functional.linear(y[:, 0], self.weights[0], self.query_bias).unflatten(-1, (heads, -1))
        scores = torch.einsum("bhd,hdi->bhi", query, key) @ y.mT
        mixed = (scores * query.shape[-1] ** -0.5).softmax(-1) @ y
        return torch.einsum("bhi,hdi->bhd", mixed, value).flatten(-2).unsqueeze(1)

    def transformed(
        self, x: Tensor, layer: int, archs: Sequence[ArchConfig]
    ) -> Iterator[tuple[list[ArchConfig], Tensor]]:
        """Apply the MLP in all the widths that subnets ask for, each as an addition to the next narrower one.

        All results are the same tensor: it is overwritten when the next is asked for.
        """
        groups, start = _grouped(archs, lambda arch: arch.hidden(layer)), 0
        widest = max(groups)
        hidden = functional.gelu(functional.linear(self.mlp_norm(x), self.expand[:widest], self.expand_bias[:widest]))
        total = x + self.contract_bias
        for width in sorted(groups):
            _add_product(total, hidden[..., start:width], self.contract[:, start:width])
            start = width
            yield groups[width], total


def _add_product(total: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Add the product of x (..., in) with a weight (out, in) to `total` (..., out), in place."""
    total.flatten(0, -2).addmm_(x.flatten(0, -2), weight.mT)
    return total


def _norm(norm: LayerNorm, dim: int) -> Callable[[Tensor], Tensor]:
    weight, bias = norm.weight[:dim], norm.bias[:dim]
    return lambda x: functional.layer_norm(x, (dim,), weight, bias, norm.eps)
