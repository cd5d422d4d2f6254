"""The parts of one training step, for one job and for a stack of jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor

from offline.supernet.space import ArchConfig
from offline.training import losses
from offline.training.recipe import Recipe


def backward(
    logits: Callable[[ArchConfig], Tensor],
    labels: Sequence[Tensor],
    weights: Sequence[Tensor] | None,
    subnets: Sequence[ArchConfig],
    class_counts: Sequence[int],
    counted: Tensor | None = None,
) -> Tensor:
    """Add the gradients of one step and return the loss on the labels, one for each job of a stack.

    Parameters
    ----------
    logits : callable
        Runs a subnet on the batch.
    labels, weights : sequence of Tensor
        Label probabilities and class weights of each target.
    subnets : sequence of ArchConfig
        The first one learns the labels, the others learn its probabilities (Yu & Huang 2019).
    class_counts : sequence of int
        Number of classes of each target.
    counted : Tensor, optional
        Which windows of a stack are not padding.
    """
    first, *students = subnets
    found = logits(first)
    loss = losses.cross_entropy(found, labels, weights)
    loss.sum().backward()
    for student in students:
        losses.distillation(logits(student), found.detach(), class_counts, counted).sum().backward()
    return loss.detach()


def make_optimizer(parameters: Iterable[Tensor], recipe: Recipe) -> torch.optim.Optimizer:
    """Return the optimizer of a recipe."""
    kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return kind(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)


def set_learning_rate(optimizer: torch.optim.Optimizer, recipe: Recipe, epoch: float) -> None:
    """Set the learning rate after `epoch` epochs, fractions included."""
    for group in optimizer.param_groups:
        group["lr"] = recipe.learning_rate_at(epoch)


def update_average(average: dict[str, Tensor], weights: Mapping[str, Tensor], recipe: Recipe, done: int) -> None:
    """Move the average of the weights after a step; `done` steps were made before.

    The decay is small at first, so that the first weights are forgotten.
    """
    if average:
        decay = min(recipe.average, (1 + done) / (10 + done))
        torch._foreach_lerp_(list(average.values()), [weights[name].detach() for name in average], 1 - decay)
