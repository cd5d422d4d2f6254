"""The network: a pre-norm transformer encoder over EEG channels (TNAS; Li et al. 2023).

One token for each channel, a class token, learned position embeddings, then blocks of multi-head
self-attention and a GELU MLP. The class token of the last block is classified.

There is one class. A supernet is a `Network` whose `ArchConfig` is the largest of the search space.
A subnet is a smaller `Network`. `forward` takes any smaller architecture as an argument and uses the
leading part of every weight (weight entanglement, as in AutoFormer; Chen et al. 2021). `extract` copies
that part into a network whose own architecture is the subnet.

`forward` is a pure function of weights, tokens, architecture and dropout, and keeps nothing. It works
under `torch.func.functional_call` and `torch.vmap` (with the math kernel of attention on a processor, where
the fused one has no rule for vmap). It also accepts *stacked* weights, which have one more leading axis: tokens
(jobs, batch, channels, features) then give logits (jobs, batch, targets, classes).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from offline.supernet.space import ArchConfig

PADDING_LOGIT = -1e4
"""Logit of a class that a target does not have: its probability is 0 in float32 at any useful temperature."""

TOKEN_LIMIT = 5.0
"""Tokens beyond it (standard deviations of rest, or units of log power) count as it, where a line reads them."""

Dropout = Callable[[Tensor], Tensor]
"""Zeroes some elements of a tensor at random and scales the others."""


class NetworkOutput(NamedTuple):
    """What a network computes: logits (batch, targets, classes) and embedding (batch, dim)."""

    logits: Tensor
    embedding: Tensor


def keep_all(x: Tensor) -> Tensor:
    """Return the tensor as it is: no dropout."""
    return x


class Linear(nn.Linear):
    """A linear map of which any leading rows and columns can be used alone."""

    def reset_parameters(self) -> None:
        """Draw the weights evenly with equal variance in both directions (Glorot & Bengio 2010)."""
        nn.init.xavier_uniform_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, out_features: int | None = None) -> Tensor:
        """Map (..., in) to (..., out_features), all of them by default."""
        weight = self.weight[..., :out_features, : x.shape[-1]]
        bias = self.bias[..., :out_features]
        if weight.ndim == 2:
            return functional.linear(x, weight, bias)
        # (jobs, ..., in) -> (jobs, rows, in) @ (jobs, in, out)
        product = torch.baddbmm(bias.unsqueeze(1), x.flatten(1, -2), weight.mT)
        return product.unflatten(1, x.shape[1:-1])


class LayerNorm(nn.LayerNorm):
    """Layer normalisation of which any leading part can be used alone."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis of (..., width)."""
        width = x.shape[-1]
        weight, bias = self.weight[..., :width], self.bias[..., :width]
        if weight.ndim == 1:
            return functional.layer_norm(x, (width,), weight, bias, self.eps)
        shape = (len(weight), *(1,) * (x.ndim - 2), width)
        return torch.addcmul(bias.view(shape), functional.layer_norm(x, (width,), eps=self.eps), weight.view(shape))


class Block(nn.Module):
    """A pre-norm encoder block: x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.attention_norm = LayerNorm(dim)
        self.query = Linear(dim, dim)
        self.key = Linear(dim, dim)
        self.value = Linear(dim, dim)
        self.projection = Linear(dim, dim)
        self.mlp_norm = LayerNorm(dim)
        self.expand = Linear(dim, hidden)
        self.contract = Linear(hidden, dim)

    def forward(
        self, x: Tensor, heads: int, hidden: int, *, used: int | None = None, dropout: Dropout = keep_all
    ) -> Tensor:
        """Transform tokens (..., tokens, dim) with `heads` heads and `hidden` MLP units.

        Only the first `used` tokens are computed, all by default. They attend to all tokens.
        """
        query, key, value = self.projected(x, used=used)
        x = self.attended(x[..., :used, :], query, key, value, heads, dropout=dropout)
        return self.transformed(x, hidden, dropout=dropout)

    def projected(self, x: Tensor, *, used: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Compute queries of the first `used` tokens, and keys and values of all."""
        dim, y = x.shape[-1], self.attention_norm(x)
        return self.query(y[..., :used, :], dim), self.key(y, dim), self.value(y, dim)

    def attended(
        self, x: Tensor, query: Tensor, key: Tensor, value: Tensor, heads: int, *, dropout: Dropout = keep_all
    ) -> Tensor:
        """Add what the tokens x attend to."""
        return x + dropout(self.projection(attend(query, key, value, heads), x.shape[-1]))

    def transformed(self, x: Tensor, hidden: int, *, dropout: Dropout = keep_all) -> Tensor:
        """Add what the MLP makes of each token."""
        y = dropout(functional.gelu(self.expand(self.mlp_norm(x), hidden)))
        return x + dropout(self.contract(y, x.shape[-1]))


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """Multi-head scaled dot-product attention (Vaswani et al. 2017).

    Parameters
    ----------
    query : Tensor, shape (..., queries, dim)
        Projected tokens that attend.
    key, value : Tensor, shape (..., tokens, dim)
        Projected tokens that are attended to.
    heads : int
        Number of heads. The dimension of a head is ``dim / heads``.

    Returns
    -------
    Tensor, shape (..., queries, dim)
    """
    # (..., tokens, dim) -> (batch, heads, tokens, head_dim): fused kernels know one leading axis
    q, k, v = (x.reshape(-1, x.shape[-2], heads, x.shape[-1] // heads).transpose(1, 2) for x in (query, key, value))
    mixed = functional.scaled_dot_product_attention(q, k, v)
    # (batch, heads, tokens, head_dim) -> (..., tokens, dim)
    return mixed.transpose(1, 2).reshape(query.shape)


class Network(nn.Module):
    """A transformer encoder that can run as any smaller architecture.

    Parameters
    ----------
    arch : ArchConfig
        Its own architecture. For a supernet this is the largest one of the space.
    n_channels, n_features : int
        Shape of the input: number of tokens, and length of a token.
    class_counts : tuple of int
        Number of classes of each target.

    Attributes
    ----------
    line : nn.Linear or None
        A linear path beside the blocks: its logits of the limited tokens are added to those of the head.
    """

    def __init__(self, arch: ArchConfig, *, n_channels: int, n_features: int, class_counts: tuple[int, ...]) -> None:
        super().__init__()
        dim = arch.embed_dim
        self.arch = arch
        self.n_channels = n_channels
        self.n_features = n_features
        self.class_counts = class_counts
        self.patch = Linear(n_features, dim)
        self.class_token = nn.Parameter(torch.empty(1, dim))
        self.position = nn.Parameter(torch.empty(n_channels + 1, dim))
        self.blocks = nn.ModuleList(Block(dim, arch.hidden(layer)) for layer in range(arch.depth))
        self.norm = LayerNorm(dim)
        self.head = Linear(dim, sum(class_counts))
        self.line: nn.Linear | None = None
        nn.init.trunc_normal_(self.class_token, std=0.02)
        nn.init.trunc_normal_(self.position, std=0.02)

    def forward(self, tokens: Tensor, arch: ArchConfig | None = None, *, dropout: Dropout = keep_all) -> NetworkOutput:
        """Run the network, or a subnet of it.

        Parameters
        ----------
        tokens : Tensor, shape (batch, n_channels, n_features)
            Preprocessed windows.
        arch : ArchConfig, optional
            The subnet, which inherits the first blocks. By default the whole network.
        dropout : callable, optional
            Applied after the embedding, after the attention, and twice in each MLP.

        Returns
        -------
        NetworkOutput
            Logits (batch, targets, most classes) and embedding (batch, embed_dim).
        """
        arch = arch or self.arch
        x = dropout(self.embedded(tokens, arch.embed_dim))
        for layer in range(arch.depth):
            # Only the class token leaves the last block.
            used = 1 if layer == arch.depth - 1 else None
            x = self.blocks[layer](x, arch.heads[layer], arch.hidden(layer), used=used, dropout=dropout)
        found = self.classified(x)
        if self.line is None:
            return found
        beside = self.line(tokens.clamp(-TOKEN_LIMIT, TOKEN_LIMIT).flatten(-2))
        return NetworkOutput(found.logits + self._by_target(beside, 0.0), found.embedding)

    def embedded(self, tokens: Tensor, dim: int) -> Tensor:
        """Map windows to tokens (batch, 1 + n_channels, dim): the class token, then one for each channel."""
        x = self.patch(tokens, dim)
        class_token, position = self.class_token[..., :dim], self.position[..., :dim]
        if position.ndim == 3:  # stacked: (jobs, tokens, dim) -> (jobs, 1, tokens, dim)
            class_token, position = class_token.unsqueeze(1), position.unsqueeze(1)
        return torch.cat([class_token.expand(*x.shape[:-2], 1, dim), x], dim=-2) + position

    def classified(self, x: Tensor) -> NetworkOutput:
        """Map the tokens of the last block, of which the first is used, to the output."""
        embedding = self.norm(x[..., 0, :])
        return NetworkOutput(self._by_target(self.head(embedding), PADDING_LOGIT), embedding)

    def _by_target(self, flat: Tensor, padding: float) -> Tensor:
        """Map logits of all classes (..., classes) to those of each target (..., targets, most classes)."""
        parts, widest = flat.split(self.class_counts, dim=-1), max(self.class_counts)
        padded = [functional.pad(part, (0, widest - part.shape[-1]), value=padding) for part in parts]
        return torch.stack(padded, dim=-2)

    def parameters_of(self, arch: ArchConfig) -> int:
        """Count the parameters of a subnet."""
        return count_parameters(
            arch, n_channels=self.n_channels, n_features=self.n_features, class_counts=self.class_counts
        )


def line_layer(network: Network) -> nn.Linear:
    """Return a line of zeros for a network."""
    line = nn.Linear(network.n_channels * network.n_features, sum(network.class_counts))
    nn.init.zeros_(line.weight)
    nn.init.zeros_(line.bias)
    return line


def count_parameters(arch: ArchConfig, *, n_channels: int, n_features: int, class_counts: tuple[int, ...]) -> int:
    """Count the parameters of an architecture without allocating them."""
    dim = arch.embed_dim
    blocks = sum(_block_parameters(dim, arch.hidden(layer)) for layer in range(arch.depth))
    return _frame_parameters(dim, n_channels, n_features, class_counts) + blocks


# A search counts thousands of networks, which consist of few different blocks.
@lru_cache(maxsize=1024)
def _block_parameters(dim: int, hidden: int) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in Block(dim, hidden).parameters())


@lru_cache(maxsize=1024)
def _frame_parameters(dim: int, n_channels: int, n_features: int, class_counts: tuple[int, ...]) -> int:
    """Count what is not in a block."""
    arch = ArchConfig(dim, (1,), (1.0,))
    with torch.device("meta"):
        network = Network(arch, n_channels=n_channels, n_features=n_features, class_counts=class_counts)
    return sum(parameter.numel() for parameter in network.parameters()) - _block_parameters(dim, arch.hidden(0))


def extract(network: Network, arch: ArchConfig) -> Network:
    """Copy a subnet out of a network.

    Parameters
    ----------
    network : Network
        Where the weights come from.
    arch : ArchConfig
        The subnet.

    Returns
    -------
    Network
        In evaluation mode, of the same dtype, with a copy of the leading part of each weight.
    """
    subnet = Network(
        arch, n_channels=network.n_channels, n_features=network.n_features, class_counts=network.class_counts
    ).to(network.position)
    shared = dict(network.named_parameters())
    with torch.no_grad():
        for name, own in subnet.named_parameters():
            own.copy_(shared[name][tuple(slice(size) for size in own.shape)])
    return subnet.eval()


def stack(networks: Sequence[Network]) -> Network:
    """Stack the weights of networks of one architecture.

    Returns
    -------
    Network
        Every weight has a first axis of networks. It maps tokens (networks, batch, n_channels, n_features) to an
        output with the same first axis.
    """
    stacked = copy.deepcopy(networks[0])
    weights = [dict(network.named_parameters()) for network in networks]
    for name, parameter in stacked.named_parameters():
        parameter.data = torch.stack([each[name].detach() for each in weights])
    return stacked
