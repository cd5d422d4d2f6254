"""Losses over several targets whose numbers of classes differ."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def one_hot(labels: Tensor, class_counts: Sequence[int]) -> list[Tensor]:
    """Give the label probabilities (batch, classes) of every target for labels (batch, targets)."""
    return [functional.one_hot(labels[:, t], n).to(torch.get_default_dtype()) for t, n in enumerate(class_counts)]


def smooth(labels: Sequence[Tensor], share: float) -> list[Tensor]:
    """Spread a share of the label probability evenly over all classes of each target."""
    return [p * (1 - share) + share / p.shape[-1] for p in labels]


def inverse_frequencies(labels: Tensor, class_counts: Sequence[int]) -> list[Tensor]:
    """Give weights by which every class that occurs counts the same; mean 1 over the windows.

    A class that does not occur has weight 1: it may occur in validation.
    """
    weights = []
    for t, n in enumerate(class_counts):
        counts = torch.bincount(labels[:, t], minlength=n).to(torch.get_default_dtype())
        present = counts > 0
        weights.append(torch.where(present, counts.sum() / (counts.clamp(min=1) * present.sum()), 1.0))
    return weights


def cross_entropy(logits: Tensor, labels: Sequence[Tensor], weights: Sequence[Tensor] | None = None) -> Tensor:
    """Mean cross entropy over targets and windows.

    Parameters
    ----------
    logits : Tensor, shape (batch, targets, classes)
        Padded beyond each target's classes; the padding is not looked at.
    labels : sequence of Tensor, each of shape (batch, classes of the target)
        Label probabilities.
    weights : sequence of Tensor, each of shape (classes of the target,), optional
        Class weights.
    """
    total = logits.new_zeros(())
    for t, probability in enumerate(labels):
        weighted = probability if weights is None else probability * weights[t]
        log_probability = logits[:, t, : probability.shape[-1]].log_softmax(-1)
        total = total - (weighted * log_probability).sum() / weighted.sum()
    return total / len(labels)


def distillation(logits: Tensor, teacher: Tensor, class_counts: Sequence[int]) -> Tensor:
    """Mean cross entropy against the probabilities of a teacher's logits (batch, targets, classes)."""
    return cross_entropy(logits, [teacher[:, t, :n].softmax(-1) for t, n in enumerate(class_counts)])
