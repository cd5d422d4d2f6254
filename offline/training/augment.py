"""Augmentation of training batches. Every draw comes from the torch generator that is passed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from offline.training.recipe import Recipe


def augment(
    tokens: Tensor, labels: Sequence[Tensor], recipe: Recipe, generator: torch.Generator
) -> tuple[Tensor, list[Tensor]]:
    """Apply the augmentation of a recipe to one batch.

    Parameters
    ----------
    tokens : Tensor, shape (batch, channels, features)
        Network input.
    labels : sequence of Tensor, each of shape (batch, classes)
        Label probabilities of each target.
    recipe : Recipe
        Kind and strength of the augmentation.
    generator : torch.Generator
        Source of all draws, on the device of the tokens.

    Returns
    -------
    tokens, labels
        New tensors of the same shapes.
    """
    batch, channels, features = tokens.shape
    mixed = list(labels)
    if recipe.mixup:
        # Beta(a, a) as a ratio of Gamma variables, one share a window.
        gamma = torch._standard_gamma(tokens.new_full((2, batch), recipe.mixup), generator=generator)
        share = gamma[0] / gamma.sum(0).clamp(min=1e-12)
        partner = torch.randperm(batch, generator=generator, device=tokens.device)
        tokens = share[:, None, None] * tokens + (1 - share)[:, None, None] * tokens[partner]
        mixed = [share[:, None] * p + (1 - share)[:, None] * p[partner] for p in mixed]
    if recipe.feature_noise:
        noise = torch.randn(tokens.shape, generator=generator, dtype=tokens.dtype, device=tokens.device)
        tokens = tokens + recipe.feature_noise * noise
    if recipe.channel_dropout:
        kept = torch.rand((batch, channels, 1), generator=generator, device=tokens.device) >= recipe.channel_dropout
        tokens = tokens * kept
    if recipe.time_mask:
        longest = round(recipe.time_mask * features)
        length = torch.randint(0, longest + 1, (batch, 1, 1), generator=generator, device=tokens.device)
        start = torch.rand((batch, 1, 1), generator=generator, device=tokens.device)
        start = (start * (features - length + 1)).long()
        position = torch.arange(features, device=tokens.device)
        tokens = tokens * ((position < start) | (position >= start + length))
    return tokens, mixed
