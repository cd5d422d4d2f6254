"""The yardstick: a plain supernet loop in the manner of AutoFormer (Chen et al., ICCV 2021).

One network and one candidate at a time. Each layer keeps the slice of its weights that the sampled subnet uses,
queries, keys and values are one map, attention is written out, dropout is torch's. It is written for the benchmark and
used nowhere else.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from offline.supernet.space import ArchConfig, SearchSpace
from offline.training import Recipe, losses
from offline.training.augment import augment


class SliceLinear(nn.Linear):
    """A linear map that a subnet uses the beginning of."""

    def configure(self, in_features: int, out_features: int) -> None:
        """Choose the widths for the next calls."""
        self.sliced = self.weight[:out_features, :in_features], self.bias[:out_features]

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in) to (..., out)."""
        return functional.linear(x, *self.sliced)


class SliceNorm(nn.LayerNorm):
    """Layer normalisation that a subnet uses the beginning of."""

    def configure(self, width: int) -> None:
        """Choose the width for the next calls."""
        self.sliced = self.weight[:width], self.bias[:width]

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis."""
        return functional.layer_norm(x, (x.shape[-1],), *self.sliced, self.eps)


class ReferenceBlock(nn.Module):
    """A pre-norm encoder block."""

    def __init__(self, dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = SliceNorm(dim), SliceNorm(dim)
        self.query, self.key, self.value = SliceLinear(dim, dim), SliceLinear(dim, dim), SliceLinear(dim, dim)
        self.projection = SliceLinear(dim, dim)
        self.expand, self.contract = SliceLinear(dim, hidden), SliceLinear(hidden, dim)
        self.dropout = nn.Dropout(dropout)
        self.heads = 1

    def configure(self, dim: int, heads: int, hidden: int) -> None:
        """Choose the subnet's block."""
        self.heads = heads
        self.norm1.configure(dim)
        self.norm2.configure(dim)
        for layer in (self.query, self.key, self.value, self.projection):
            layer.configure(dim, dim)
        self.expand.configure(dim, hidden)
        self.contract.configure(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Transform tokens (batch, tokens, dim)."""
        batch, tokens, dim = x.shape
        y = self.norm1(x)
        shape = batch, tokens, self.heads, dim // self.heads
        q, k, v = (layer(y).view(shape).transpose(1, 2) for layer in (self.query, self.key, self.value))
        attention = (q @ k.transpose(-2, -1) * shape[-1] ** -0.5).softmax(-1)
        y = (attention @ v).transpose(1, 2).reshape(batch, tokens, dim)
        x = x + self.dropout(self.projection(y))
        y = self.dropout(functional.gelu(self.expand(self.norm2(x))))
        return x + self.dropout(self.contract(y))


class Reference(nn.Module):
    """A supernet that is configured before it is called."""

    def __init__(self, space: SearchSpace, channels: int, features: int, classes: int, dropout: float) -> None:
        super().__init__()
        largest = space.largest
        dim = largest.embed_dim
        self.patch = SliceLinear(features, dim)
        self.class_token = nn.Parameter(0.02 * torch.randn(1, 1, dim))
        self.position = nn.Parameter(0.02 * torch.randn(1, channels + 1, dim))
        self.blocks = nn.ModuleList(ReferenceBlock(dim, largest.hidden(0), dropout) for _ in range(largest.depth))
        self.norm, self.head = SliceNorm(dim), SliceLinear(dim, classes)
        self.dropout = nn.Dropout(dropout)
        self.depth, self.dim, self.classes = largest.depth, dim, classes

    def configure(self, arch: ArchConfig) -> None:
        """Choose a subnet."""
        self.depth, self.dim = arch.depth, arch.embed_dim
        self.patch.configure(self.patch.in_features, self.dim)
        for layer in range(self.depth):
            self.blocks[layer].configure(self.dim, arch.heads[layer], arch.hidden(layer))  # type: ignore[operator]
        self.norm.configure(self.dim)
        self.head.configure(self.dim, self.classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (batch, channels, features) to logits (batch, classes)."""
        x = self.patch(tokens)
        x = torch.cat([self.class_token[..., : self.dim].expand(len(x), -1, -1), x], 1) + self.position[..., : self.dim]
        x = self.dropout(x)
        for layer in range(self.depth):
            x = self.blocks[layer](x)
        return self.head(self.norm(x)[:, 0])


def train_epoch(
    model: Reference,
    optimizer: torch.optim.Optimizer,
    arch: ArchConfig,
    recipe: Recipe,
    tokens: Tensor,
    labels: Tensor,
) -> float:
    """Train one epoch, a subnet configured in each step, and return the mean loss."""
    model.train()
    generator = torch.Generator(tokens.device)
    total = 0.0
    for index in torch.randperm(len(tokens), device=tokens.device).split(recipe.batch_size):
        model.configure(arch)
        target = functional.one_hot(labels[index], model.classes).to(tokens.dtype)
        batch, (mixed,) = augment(tokens[index], [target], recipe, generator)
        optimizer.zero_grad()
        loss = losses.cross_entropy(model(batch).unsqueeze(1), [mixed])
        loss.backward()
        optimizer.step()
        total += float(loss.detach()) * len(index)
    return total / len(tokens)


def accuracy(model: Reference, arch: ArchConfig, tokens: Tensor, labels: NDArray[np.int64]) -> float:
    """Return the accuracy of one candidate on all windows."""
    model.eval()
    model.configure(arch)
    with torch.no_grad():
        found = torch.cat([model(batch).argmax(-1) for batch in tokens.split(512)])
    return float((found.cpu().numpy() == labels).mean())
