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

from offline.device import CPU, Device
from offline.supernet.model import Block, Network
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

    def computed(part: NDArray[np.float32]) -> dict[ArchConfig, Tensor]:
        with torch.inference_mode(), device.autocast():
            batch = torch.tensor(np.ascontiguousarray(part)).to(model.position)
            return {
                arch: logits.to(model.position.dtype).cpu()
                for dim, group in by_width.items()
                for arch, logits in _walk(model, model.embedded(batch, dim), 0, group)
            }

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


def _walk(model: Network, x: Tensor, layer: int, archs: Sequence[ArchConfig]) -> Iterator[tuple[ArchConfig, Tensor]]:
    """Run subnets whose tokens before a layer are x; yield the logits of each."""
    block: Block = model.blocks[layer]  # type: ignore[assignment]
    y = block.attention_norm(x)
    projected = _projected(block, y) if any(arch.depth > layer + 1 for arch in archs) else None
    for heads, group in _grouped(archs, lambda arch: arch.heads[layer]).items():
        further = [arch for arch in group if arch.depth > layer + 1]
        ending = [arch for arch in group if arch.depth == layer + 1]
        if further and projected is not None:
            query, key, value = projected
            z = block.attended(x, query, key, value, heads)
            for same, after in _by_width(block, z, layer, further):
                yield from _walk(model, after, layer + 1, same)
            first = z[:, :1]
        else:
            first = x[:, :1] + _class_attention(block, y, heads)
        for same, after in _by_width(block, first, layer, ending):
            logits = model.classified(after).logits
            for arch in same:
                yield arch, logits


def _projected(block: Block, y: Tensor) -> tuple[Tensor, ...]:
    """Compute queries, keys and values of the normalised tokens y as one product."""
    dim, layers = y.shape[-1], (block.query, block.key, block.value)
    weight = torch.cat([layer.weight[:dim, :dim] for layer in layers])
    return functional.linear(y, weight, torch.cat([layer.bias[:dim] for layer in layers])).split(dim, dim=-1)


def _class_attention(block: Block, y: Tensor, heads: int) -> Tensor:
    """Compute what the first of the normalised tokens y (batch, tokens, dim) attends to, shape (batch, 1, dim).

    For one query the maps of keys and values can be applied after the sums over tokens, once instead of per token:
    the bias of the keys adds the same to all scores of a query, and the weights of the values sum to 1.
    """
    dim = y.shape[-1]
    # (dim, dim) -> (heads, head_dim, dim)
    key, value = (layer.weight[:dim, :dim].unflatten(0, (heads, -1)) for layer in (block.key, block.value))
    query = block.query(y[:, 0], dim).unflatten(-1, (heads, -1))
    scores = torch.einsum("bhd,hdi->bhi", query, key) @ y.mT
    mixed = (scores * query.shape[-1] ** -0.5).softmax(-1) @ y
    mixed = torch.einsum("bhi,hdi->bhd", mixed, value).flatten(-2) + block.value.bias[:dim]
    return block.projection(mixed, dim).unsqueeze(1)


def _by_width(
    block: Block, x: Tensor, layer: int, archs: Sequence[ArchConfig]
) -> Iterator[tuple[list[ArchConfig], Tensor]]:
    """Apply the MLP of a block in all the widths that subnets ask for, each as an addition to the next narrower one."""
    groups = _grouped(archs, lambda arch: arch.hidden(layer))
    if not groups:
        return
    dim, start = x.shape[-1], 0
    hidden = functional.gelu(block.expand(block.mlp_norm(x), max(groups)))
    total = x + block.contract.bias[:dim]
    for width in sorted(groups):
        total = total + functional.linear(hidden[..., start:width], block.contract.weight[:dim, start:width])
        start = width
        yield groups[width], total
