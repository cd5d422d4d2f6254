"""What a bundle's answers are worth: how many it gives, how often its sets hold the truth, and the swap test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.decoder import Decoded
from bci_app.bundle.spec import SwapTest
from offline.datasets.base import Trial
from offline.metrics import balanced_accuracy


@dataclass(frozen=True)
class AnswerScore:
    """What a bundle answered on one target.

    Attributes
    ----------
    share : float
        Share of the windows with an answer: nothing speaks against the window, and its conformal set, where the bundle
        states one, has exactly one class.
    rolling_balanced_accuracy : float or None
        Of the rolling mean in these windows; None where they lack a class.
    coverage : float or None
        Share of the windows with a conformal set that holds the true class; None without sets.
    swap : SwapTest or None
        With the beginning of the task as the rest baseline; None where rest is not labelled, the bundle needs none, or
        there are more than two classes.
    auc_within : float or None
        Mean over people of the area under the curve within each; None for more than two classes.
    """

    share: float
    rolling_balanced_accuracy: float | None
    coverage: float | None
    swap: SwapTest | None
    auc_within: float | None


def answers_on(
    decoded: Sequence[Decoded],
    column: int,
    labels: NDArray[np.int64],
    subject: NDArray[np.int64],
    swap: SwapTest | None,
) -> AnswerScore:
    """Summarise the answers on one target.

    Parameters
    ----------
    decoded : sequence of Decoded
        What the live code made of the scored windows.
    column : int
        The target among those of the bundle.
    labels, subject : ndarray of int64, shape (n_windows,)
        True classes, and who.
    swap : SwapTest or None
        As measured.
    """
    answered = np.array([_answers(window, column) for window in decoded])
    held = [
        bool(window.sets[column][label])  # type: ignore[index]
        for window, label in zip(decoded, labels, strict=True)
        if window.sets is not None and window.sets[column] is not None
    ]
    rolling = None
    if len(np.unique(labels[answered])) == len(np.unique(labels)):
        smoothed = np.array([window.smoothed[column] for window in decoded if _answers(window, column)])  # type: ignore[index]
        rolling = balanced_accuracy(smoothed.argmax(axis=1), labels[answered])
    return AnswerScore(
        share=float(answered.mean()),
        rolling_balanced_accuracy=rolling,
        coverage=float(np.mean(held)) if held else None,
        swap=swap,
        auc_within=_auc_within(decoded, column, labels, subject),
    )


def _answers(window: Decoded, column: int) -> bool:
    if window.smoothed is None:
        return False
    classes = None if window.sets is None else window.sets[column]
    return classes is None or int(classes.sum()) == 1


def _auc_within(
    decoded: Sequence[Decoded], column: int, labels: NDArray[np.int64], subject: NDArray[np.int64]
) -> float | None:
    from sklearn.metrics import roc_auc_score

    probabilities = np.array([window.probabilities[column] for window in decoded])  # type: ignore[index]
    if probabilities.shape[1] != 2:
        return None
    areas = [
        roc_auc_score(labels[own], probabilities[own, 1])
        for own in (subject == code for code in np.unique(subject))
        if len(np.unique(labels[own])) == 2
    ]
    return float(np.mean(areas)) if areas else None


def swapped(trials: Sequence[Trial], target: str, seconds: float) -> Iterator[Trial]:
    """Yield a person's trials with the beginning of the task as their rest.

    Parameters
    ----------
    trials : sequence of Trial
        All trials of one person.
    target : str
        Its class 0 is rest, and the recording of rest has its own beginning as the baseline; class 1 is the task.
    seconds : float
        Length of the rest baseline.

    Yields
    ------
    Trial
        Rest and task, the latter without its new baseline; nothing where rest is not labelled.
    """
    rest = next((trial for trial in trials if trial.labels[target] == 0 and trial.rest is None), None)
    task = next((trial for trial in trials if trial.labels[target] == 1 and trial.rest is not None), None)
    if rest is None or task is None:
        return
    yield replace(rest, rest=task.data)
    yield replace(task, rest=None, scored_from=max(task.scored_from, round(seconds * task.rate)))
