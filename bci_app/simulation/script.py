"""How a participant's emotion moves over time."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from bci_app.errors import SourceError
from bci_app.simulation.emotion import DIMENSIONS, Emotion
from bci_app.simulation.head import Array

CHANGE_SECONDS = 2.0
"""How long a change of state takes that is made from outside."""

_NEEDED = ("time", "valence", "arousal")
_SHIPPED_REST = 45.0
_SHIPPED_STAY = 40.0
_SHIPPED_CHANGE = 5.0
_SHIPPED_STATES = (
    Emotion(0.9, 0.7, 0.4),
    Emotion(-0.9, -0.6, -0.5),
    Emotion(0.8, -0.8, 0.5),
    Emotion(-0.8, 0.9, -0.6),
)


@dataclass(frozen=True)
class Script:
    """A course of emotion: straight lines between rows of time and state.

    Attributes
    ----------
    times : tuple of float
        Seconds, increasing.
    states : tuple of Emotion
        The state at each time. The first holds before it and the last after it.
    repeat_from : float or None
        After the last row the script goes on from this second; None if it ends there.
    """

    times: tuple[float, ...] = (0.0,)
    states: tuple[Emotion, ...] = (Emotion(),)
    repeat_from: float | None = None

    @classmethod
    def shipped(cls) -> Script:
        """Return the course of participants without a script: rest, then happy, sad, calm and tense in turn."""
        times, states = [0.0, _SHIPPED_REST], [Emotion(), Emotion()]
        for state in _SHIPPED_STATES:
            start = times[-1] + _SHIPPED_CHANGE
            times += [start, start + _SHIPPED_STAY]
            states += [state, state]
        times.append(times[-1] + _SHIPPED_CHANGE)
        states.append(_SHIPPED_STATES[0])
        return cls(tuple(times), tuple(states), repeat_from=_SHIPPED_REST + _SHIPPED_CHANGE)

    @classmethod
    def read(cls, path: Path) -> Script:
        """Read a CSV file with the columns time, valence, arousal and, if wanted, dominance.

        Raises
        ------
        SourceError
            If it cannot be read or a value is impossible.
        """
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file, skipinitialspace=True))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SourceError(
                "The script of a synthetic participant cannot be read", found=str(error), expected="a CSV file"
            ) from error
        columns = tuple(rows[0]) if rows else ()
        if not set(_NEEDED) <= set(columns):
            raise SourceError(
                f"The script {path.name} lacks columns",
                found=", ".join(str(column) for column in columns) or "no rows",
                expected="a first line time,valence,arousal and rows of numbers",
            )
        times = [_value(path, number, row, "time", 0.0, 1e7) for number, row in enumerate(rows, 2)]
        for number, (before, after) in enumerate(pairwise(times), 3):
            if after <= before:
                raise SourceError(
                    f"The script {path.name} goes back in time",
                    found=f"{after:g} s in line {number}, after {before:g} s",
                    expected="times that increase",
                )
        used = [name for name in DIMENSIONS if name in columns]
        states = [
            Emotion(**{name: _value(path, number, row, name, -1.0, 1.0) for name in used})
            for number, row in enumerate(rows, 2)
        ]
        return cls(tuple(times), tuple(states))

    def at(self, times: Array) -> Array:
        """Return the states at `times` (seconds), shape (n_times, 3)."""
        end = self.times[-1]
        if self.repeat_from is not None:
            again = self.repeat_from + np.mod(times - end, end - self.repeat_from)
            times = np.where(times > end, again, times)
        return _lines(times, self.times, self.states)


class Course:
    """A script, and what has changed the state from outside since.

    Parameters
    ----------
    script : Script
        Holds until the first change.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._times: list[float] = []
        self._states: list[Emotion] = []

    def at(self, times: Array) -> Array:
        """Return the states at `times` (seconds), shape (n_times, 3)."""
        states = self._script.at(times)
        if not self._times:
            return states
        changed = times >= self._times[0]
        states[changed] = _lines(times[changed], self._times, self._states)
        return states

    def change(self, time: float, state: Emotion) -> None:
        """Move to `state` within 2 s from `time` on, and stay there; what was planned after `time` is dropped."""
        now = Emotion(*self.at(np.array([time]))[0].tolist())
        kept = sum(known < time for known in self._times)
        self._times[kept:] = [time, time + CHANGE_SECONDS]
        self._states[kept:] = [now, state]


def _lines(times: Array, known: Sequence[float], states: Sequence[Emotion]) -> Array:
    columns = np.array(states)
    return np.stack([np.interp(times, known, columns[:, column]) for column in range(len(DIMENSIONS))], axis=1)


def _value(path: Path, number: int, row: dict[str, str], name: str, low: float, high: float) -> float:
    try:
        value = float(row[name])
    except (TypeError, ValueError):
        value = math.nan
    if not low <= value <= high:
        raise SourceError(
            f"The script {path.name} holds an impossible {name}",
            found=f"{row[name]!r} in line {number}",
            expected=f"a number from {low:g} to {high:g}",
        )
    return value
