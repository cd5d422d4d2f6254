"""Losses over several targets with different numbers of classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def one_hot(labels: Tensor, class_counts: Sequence[int]) -> list[Tensor]:
    """Return the label probabilities (batch, classes) of each target for labels (batch, targets)."""
    return [functional.one_hot(labels[:, t], n).to(torch.get_default_dtype()) for t, n in enumerate(class_counts)]


def smooth(labels: Sequence[Tensor], share: float) -> list[Tensor]:
    """Spread a share of the label probability evenly over all classes of each target."""
    return [p * (1 - share) + share / p.shape[-1] for p in labels]


def inverse_frequencies(labels: Tensor, class_counts: Sequence[int]) -> list[Tensor]:
    """Return weights that make every class that occurs count the same; their mean over the windows is 1.

    A class that does not occur has weight 1, because it may occur in validation.
    """
    weights = []
    for t, n in enumerate(class_counts):
        counts = torch.bincount(labels[:, t], minlength=n).to(torch.get_default_dtype())
        present = counts > 0
        weights.append(torch.where(present, counts.sum() / (counts.clamp(min=1) * present.sum()), 1.0))
    return weights


def cross_entropy(logits: Tensor, labels: Sequence[Tensor], weights: Sequence[Tensor] | None = None) -> Tensor:
    """Return the mean cross entropy over targets and windows.

    Parameters
    ----------
    logits : Tensor, shape (..., batch, targets, classes)
        Padding beyond the classes of a target is ignored.
    labels : sequence of Tensor, each of shape (..., batch, classes of the target)
        Label probabilities. A row of zeros does not count.
    weights : sequence of Tensor, optional
        Class weights; each broadcasts with the labels of its target.

    Returns
    -------
    Tensor, shape (...)
        One loss, or one for each job of a stack.
    """
    total = logits.new_zeros(logits.shape[:-3])
    for t, probability in enumerate(labels):
        weighted = probability if weights is None else probability * weights[t]
        log_probability = logits[..., t, : probability.shape[-1]].log_softmax(-1)
        total = total - (weighted * log_probability).sum((-2, -1)) / weighted.sum((-2, -1))
    return total / len(labels)


def distillation(logits: Tensor, teacher: Tensor, class_counts: Sequence[int], counted: Tensor | None = None) -> Tensor:
    """Return the mean cross entropy against the probabilities of a teacher's logits.

    Parameters
    ----------
    logits, teacher : Tensor, shape (..., batch, targets, classes)
        Of the student and of the teacher.
    class_counts : sequence of int
        Number of classes of each target.
    counted : Tensor, shape (..., batch, 1), optional
        1 for a window that counts, 0 for the padding of a stack.
    """
    probabilities = [teacher[..., t, :n].softmax(-1) for t, n in enumerate(class_counts)]
    return cross_entropy(logits, probabilities if counted is None else [p * counted for p in probabilities])
