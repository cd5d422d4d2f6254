"""The supernet: a pre-norm transformer encoder over EEG channels (TNAS; Li et al. 2023).

One token a channel, a class token, learned position embeddings, blocks of multi-head
self-attention and a GELU MLP. `forward` takes the subnet as an argument, slices the shared
weights and keeps nothing, so that it is a pure function of weights, tokens and subnet and works
under `torch.func.functional_call` and `torch.vmap`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from offline.supernet.layers import SharedLayerNorm, SharedLinear, attend, split_targets
from offline.supernet.space import ArchConfig, SearchSpace


class Output(NamedTuple):
    """What a network gives: logits (batch, targets, classes) and embedding (batch, dim)."""

    logits: Tensor
    embedding: Tensor


class SharedBlock(nn.Module):
    """One encoder block at the largest width of the space."""

    def __init__(self, dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.attention_norm = SharedLayerNorm(dim)
        self.query = SharedLinear(dim, dim)
        self.key = SharedLinear(dim, dim)
        self.value = SharedLinear(dim, dim)
        self.projection = SharedLinear(dim, dim)
        self.mlp_norm = SharedLayerNorm(dim)
        self.expand = SharedLinear(dim, hidden)
        self.contract = SharedLinear(hidden, dim)

    def forward(self, x: Tensor, heads: int, hidden: int) -> Tensor:
        """Transform tokens (batch, tokens, dim) with `heads` heads and `hidden` MLP units."""
        dim = x.shape[-1]
        y = self.attention_norm(x)
        y = attend(self.query(y, dim), self.key(y, dim), self.value(y, dim), heads)
        x = x + functional.dropout(self.projection(y, dim), self.dropout, self.training)
        y = functional.dropout(functional.gelu(self.expand(self.mlp_norm(x), hidden)), self.dropout, self.training)
        return x + functional.dropout(self.contract(y, dim), self.dropout, self.training)


class Supernet(nn.Module):
    """All subnets of a space in one set of weights.

    Parameters
    ----------
    space : SearchSpace
        What can be chosen.
    n_channels, n_features : int
        Shape of the input: tokens, and length of a token.
    class_counts : tuple of int
        Number of classes of each target.
    dropout : float
        Dropout after the embedding, the attention projection and inside the MLP.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        n_channels: int,
        n_features: int,
        class_counts: tuple[int, ...],
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        largest = space.largest
        dim, hidden = largest.embed_dim, largest.hidden(0)
        self.space = space
        self.n_channels = n_channels
        self.n_features = n_features
        self.class_counts = class_counts
        self.dropout = dropout
        self.patch = SharedLinear(n_features, dim)
        self.class_token = nn.Parameter(torch.empty(1, dim))
        self.position = nn.Parameter(torch.empty(n_channels + 1, dim))
        self.blocks = nn.ModuleList(SharedBlock(dim, hidden, dropout) for _ in range(largest.depth))
        self.norm = SharedLayerNorm(dim)
        self.head = SharedLinear(dim, sum(class_counts))
        nn.init.trunc_normal_(self.class_token, std=0.02)
        nn.init.trunc_normal_(self.position, std=0.02)

    def forward(self, tokens: Tensor, arch: ArchConfig, layers: Sequence[int] | None = None) -> Output:
        """Run one subnet.

        Parameters
        ----------
        tokens : Tensor, shape (batch, n_channels, n_features)
            Preprocessed windows.
        arch : ArchConfig
            The subnet.
        layers : sequence of int, optional
            Which shared blocks it inherits, one for each of its layers; the first ones by default.

        Returns
        -------
        Output
            Logits (batch, targets, most classes) and embedding (batch, embed_dim).
        """
        dim = arch.embed_dim
        x = self.patch(tokens, dim)
        class_token = self.class_token[:, :dim].expand(x.shape[0], 1, dim)
        x = torch.cat([class_token, x], dim=1) + self.position[:, :dim]
        x = functional.dropout(x, self.dropout, self.training)
        for layer, block in enumerate(self.inherited(arch, layers)):
            x = block(x, arch.heads[layer], arch.hidden(layer))
        embedding = self.norm(x[:, 0])
        logits = self.head(embedding, sum(self.class_counts))
        return Output(split_targets(logits, self.class_counts), embedding)

    def inherited(self, arch: ArchConfig, layers: Sequence[int] | None = None) -> list[SharedBlock]:
        """List the shared blocks that a subnet runs through, in its order.

        Raises
        ------
        ValueError
            If `layers` does not name one existing block for every layer, each once.
        """
        chosen = list(range(arch.depth)) if layers is None else list(layers)
        if len(chosen) != arch.depth or len(set(chosen)) != len(chosen):
            raise ValueError(f"{arch.depth} layers cannot inherit blocks {chosen}")
        if not all(0 <= i < len(self.blocks) for i in chosen):
            raise ValueError(f"blocks {chosen} are not among {len(self.blocks)}")
        return [self.blocks[i] for i in chosen]  # type: ignore[misc]

    def parameters_of(self, arch: ArchConfig) -> int:
        """Count the parameters of a subnet once extracted."""
        return count_parameters(
            arch, n_channels=self.n_channels, n_features=self.n_features, class_counts=self.class_counts
        )


def count_parameters(arch: ArchConfig, *, n_channels: int, n_features: int, class_counts: tuple[int, ...]) -> int:
    """Count the parameters of a subnet without building it."""
    dim = arch.embed_dim
    # Patch projection, class token, positions, last norm, head.
    total = (n_features + 1) * dim + dim + (n_channels + 1) * dim + 2 * dim + (dim + 1) * sum(class_counts)
    for layer in range(arch.depth):
        hidden = arch.hidden(layer)
        # Two norms; query, key, value and projection; the two maps of the MLP.
        total += 4 * dim + 4 * (dim + 1) * dim + (dim + 1) * hidden + (hidden + 1) * dim
    return total
