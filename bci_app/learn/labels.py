"""From ratings and intended classes to the two classes of a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import StudyError
from bci_app.study.trials import RecordedTrial

LOW_HIGH = ("low", "high")
SCALE_MIDDLE = 5.0
"""Ratings of 1 to 9 above it are high."""

_LEAST = 3


@dataclass(frozen=True)
class Labels:
    """The class of each trial that has one.

    Attributes
    ----------
    target : str
        What is labelled.
    classes : tuple of (str, str)
        The two classes; `high` is true for the second.
    index : ndarray of int64, shape (n_labelled,)
        Which of the trials are labelled.
    high : ndarray of bool, shape (n_labelled,)
        Their class.
    origin : str
        Where the labels come from, in words.
    """

    target: str
    classes: tuple[str, str]
    index: NDArray[np.int64]
    high: NDArray[np.bool_]
    origin: str


def known_targets(trials: Sequence[RecordedTrial]) -> list[str]:
    """List what the trials could be labelled with, ratings first."""
    rated = {name for trial in trials for name, value in trial.ratings.items() if _is_number(value)}
    intended = {name for trial in trials for name in trial.intended}
    return [*sorted(rated), *sorted(intended - rated)]


def labels_of(trials: Sequence[RecordedTrial], target: str) -> Labels:
    """Label trials by their ratings of a target, or by what was intended where they are not rated.

    A rating of 1 to 9 above 5 is high. Ratings are taken if at least half of the trials are rated and both classes
    have three trials; otherwise the intended classes are.

    Raises
    ------
    StudyError
        If neither gives two classes with three trials each.
    """
    rated = [(n, float(t.ratings[target])) for n, t in enumerate(trials) if _is_number(t.ratings.get(target, ""))]
    intended = [(n, t.intended[target]) for n, t in enumerate(trials) if target in t.intended]
    tried = []
    if len(rated) * 2 >= len(trials):
        high = np.array([value > SCALE_MIDDLE for _, value in rated], dtype=np.bool_)
        tried.append(Labels(target, LOW_HIGH, _index(rated), high, "the participant's ratings, above 5 of 9"))
    if intended:
        words = [_word(value) for _, value in intended]
        classes = _two_classes(words)
        if classes is not None:
            high = np.array([word == classes[1] for word in words], dtype=np.bool_)
            tried.append(Labels(target, classes, _index(intended), high, "what the protocol intended"))
    for labels in tried:
        if min(labels.high.sum(), (~labels.high).sum()) >= _LEAST:
            return labels
    known = known_targets(trials)
    counts = "; ".join(f"{(~one.high).sum()} low and {one.high.sum()} high by {one.origin}" for one in tried)
    raise StudyError(
        f"The trials cannot be labelled with {target}",
        found=counts or (f"labels of {', '.join(known)}" if known else "no ratings and no intended classes"),
        expected=f"at least {_LEAST} trials of each of two classes",
        fix="Record more trials, or name another --target.",
    )


def _index(pairs: Sequence[tuple[int, object]]) -> NDArray[np.int64]:
    return np.array([number for number, _ in pairs], dtype=np.int64)


def _word(value: str) -> str:
    return LOW_HIGH[float(value) > SCALE_MIDDLE] if _is_number(value) else value


def _two_classes(words: Sequence[str]) -> tuple[str, str] | None:
    found = sorted(set(words))
    if len(found) != 2:
        return None
    return LOW_HIGH if set(found) == set(LOW_HIGH) else (found[0], found[1])


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
