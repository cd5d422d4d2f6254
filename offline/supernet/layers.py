"""Layers whose subnets share weights by prefix: a narrow layer is the beginning of the wide one."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

PADDING_LOGIT = -1e4
"""Logit of a class that a target does not have: its probability is 0 in float32 at any useful temperature."""


class SharedLinear(nn.Module):
    """A linear map of which any leading rows and columns can be used alone.

    Parameters
    ----------
    in_features, out_features : int
        Largest widths.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x: Tensor, out_features: int) -> Tensor:
        """Map (..., in) to (..., out_features) with the leading part of the weights."""
        return functional.linear(x, self.weight[:out_features, : x.shape[-1]], self.bias[:out_features])


class SharedLayerNorm(nn.Module):
    """Layer normalisation of which any leading part can be used alone."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis of (..., width)."""
        width = x.shape[-1]
        return functional.layer_norm(x, (width,), self.weight[:width], self.bias[:width])


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """Multi-head scaled dot-product attention (Vaswani et al. 2017).

    Parameters
    ----------
    query, key, value : Tensor, shape (batch, tokens, dim)
        Projected tokens.
    heads : int
        Number of heads; head dimension is ``dim / heads``.

    Returns
    -------
    Tensor, shape (batch, tokens, dim)
    """
    head_dim = query.shape[-1] // heads
    # (batch, tokens, dim) -> (batch, heads, tokens, head_dim)
    q, k, v = (x.unflatten(-1, (heads, head_dim)).transpose(-3, -2) for x in (query, key, value))
    weights = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(head_dim), dim=-1)
    # (batch, heads, tokens, head_dim) -> (batch, tokens, dim)
    return (weights @ v).transpose(-3, -2).flatten(-2)


def split_targets(flat: Tensor, class_counts: tuple[int, ...]) -> Tensor:
    """Arrange (batch, sum of classes) as (batch, targets, most classes), padded with `PADDING_LOGIT`."""
    widest = max(class_counts)
    parts = flat.split(class_counts, dim=-1)
    return torch.stack(
        [functional.pad(part, (0, widest - part.shape[-1]), value=PADDING_LOGIT) for part in parts], dim=-2
    )
