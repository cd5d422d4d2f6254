"""A subnet on its own: an ordinary module with the sliced weights copied out of the supernet."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from offline.supernet.layers import SharedLayerNorm, SharedLinear, attend, split_targets
from offline.supernet.model import Output, Supernet
from offline.supernet.space import ArchConfig


class Block(nn.Module):
    """A pre-norm encoder block of fixed width."""

    def __init__(self, dim: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(dim)
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.projection = nn.Linear(dim, dim)
        self.mlp_norm = nn.LayerNorm(dim)
        self.expand = nn.Linear(dim, hidden)
        self.contract = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Transform tokens (batch, tokens, dim)."""
        y = self.attention_norm(x)
        x = x + self.projection(attend(self.query(y), self.key(y), self.value(y), self.heads))
        return x + self.contract(functional.gelu(self.expand(self.mlp_norm(x))))


class Subnet(nn.Module):
    """A transformer encoder of one fixed architecture, for inference and export.

    Parameters
    ----------
    arch : ArchConfig
        What it is.
    n_channels, n_features : int
        Shape of the input.
    class_counts : tuple of int
        Number of classes of each target.
    """

    def __init__(self, arch: ArchConfig, *, n_channels: int, n_features: int, class_counts: tuple[int, ...]) -> None:
        super().__init__()
        dim = arch.embed_dim
        self.arch = arch
        self.n_channels = n_channels
        self.n_features = n_features
        self.class_counts = class_counts
        self.patch = nn.Linear(n_features, dim)
        self.class_token = nn.Parameter(torch.zeros(1, dim))
        self.position = nn.Parameter(torch.zeros(n_channels + 1, dim))
        self.blocks = nn.ModuleList(Block(dim, arch.heads[i], arch.hidden(i)) for i in range(arch.depth))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, sum(class_counts))

    def forward(self, tokens: Tensor) -> Output:
        """Map (batch, n_channels, n_features) to logits (batch, targets, classes) and embedding (batch, dim)."""
        x = self.patch(tokens)
        class_token = self.class_token.expand(x.shape[0], 1, -1)
        x = torch.cat([class_token, x], dim=1) + self.position
        for block in self.blocks:
            x = block(x)
        embedding = self.norm(x[:, 0])
        return Output(split_targets(self.head(embedding), self.class_counts), embedding)


def extract(supernet: Supernet, arch: ArchConfig, layers: Sequence[int] | None = None) -> Subnet:
    """Copy a subnet out of a supernet.

    Parameters
    ----------
    supernet : Supernet
        Where the weights come from.
    arch : ArchConfig
        The subnet.
    layers : sequence of int, optional
        Which shared blocks it inherits; the first ones by default.

    Returns
    -------
    Subnet
        In evaluation mode, of the supernet's dtype, with weights of its own.
    """
    subnet = Subnet(
        arch,
        n_channels=supernet.n_channels,
        n_features=supernet.n_features,
        class_counts=supernet.class_counts,
    ).to(supernet.position.dtype)
    dim = arch.embed_dim
    with torch.no_grad():
        subnet.class_token.copy_(supernet.class_token[:, :dim])
        subnet.position.copy_(supernet.position[:, :dim])
        _copy_linear(supernet.patch, subnet.patch)
        _copy_norm(supernet.norm, subnet.norm)
        _copy_linear(supernet.head, subnet.head)
        for shared, block in zip(supernet.inherited(arch, layers), subnet.blocks, strict=True):
            for name in ("query", "key", "value", "projection", "expand", "contract"):
                _copy_linear(getattr(shared, name), getattr(block, name))
            for name in ("attention_norm", "mlp_norm"):
                _copy_norm(getattr(shared, name), getattr(block, name))
    return subnet.eval()


def _copy_linear(shared: SharedLinear, own: nn.Linear) -> None:
    own.weight.copy_(shared.weight[: own.out_features, : own.in_features])
    own.bias.copy_(shared.bias[: own.out_features])


def _copy_norm(shared: SharedLayerNorm, own: nn.LayerNorm) -> None:
    width = own.weight.shape[0]
    own.weight.copy_(shared.weight[:width])
    own.bias.copy_(shared.bias[:width])
