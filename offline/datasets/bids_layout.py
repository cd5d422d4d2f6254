"""What is a label, a trial and rest in a BIDS folder.

Options after the name of the data set say it on the command line::

    --dataset "bids?labels=valence,arousal&scale=1-9&rest=rest&trial=stim_file"

``labels``
    Columns of ``events.tsv`` or ``participants.tsv``: numbers are ratings, words are classes.
``scale``
    Lowest and highest rating.
``rest``
    Values of ``trial_type`` that mark the rest baseline of the trials after it. Without such a row the
    baseline is what was recorded before the first trial.
``lead``
    Seconds before each trial that are its own baseline, for instance a fixation cross.
``trial``
    The column that names a trial, for instance by its stimulus.
``trial_type``
    Values of ``trial_type`` that are trials; by default every row with a label.
``task``
    The task that is read; by default all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bci_app.errors import DatasetError
from offline.datasets.tables import is_number, parse_number


@dataclass(frozen=True)
class Layout:
    """What is a label, a trial and rest in a folder. The module describes each field.

    Attributes
    ----------
    words : mapping of str to str
        Words of labels that mean another one, in lower case.
    units_vary : bool
        True if headers of the data set are known to state V for samples in µV.
    """

    labels: tuple[str, ...] = ()
    scale: tuple[float, float] = (1.0, 9.0)
    rest: tuple[str, ...] = ("rest", "baseline")
    lead: float = 0.0
    trial: str = "trial"
    trial_type: tuple[str, ...] = ()
    task: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    units_vary: bool = False

    def changed(self, options: Mapping[str, str]) -> Layout:
        """Return the layout with options of the command line.

        Raises
        ------
        DatasetError
            If an option is unknown or its value cannot be used.
        """
        read: dict[str, Callable[[str], Any]] = {
            "labels": _names, "rest": _names, "trial_type": _names, "scale": _scale, "trial": str.lower, "task": str,
            "lead": lambda text: parse_number(text, "lead", "the data set's options"),
        }  # fmt: skip
        if unknown := [name for name in options if name not in read]:
            raise DatasetError("Unknown option of a BIDS data set", found=", ".join(unknown), expected=", ".join(read))
        changes = {name: read[name](text) for name, text in options.items()}
        return replace(self, **changes)


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


def _scale(text: str) -> tuple[float, float]:
    low, _, high = text.partition("-")
    if not (is_number(low) and is_number(high) and float(low) < float(high)):
        raise DatasetError("Not a scale of ratings", found=repr(text), expected="lowest-highest, as 1-9")
    return float(low), float(high)
