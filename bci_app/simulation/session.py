"""A session of a simulated participant: rest, then trials in which they are in a stated state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bci_app.simulation.emotion import Emotion
from bci_app.simulation.script import CHANGE_SECONDS, Script


class PlannedTrial(NamedTuple):
    """A trial: seconds at which it begins and ends, and the state in it. The state is reached 2 s after the onset."""

    onset: float
    end: float
    state: Emotion

    @property
    def reached(self) -> float:
        """Seconds from which the state holds."""
        return self.onset + CHANGE_SECONDS


def plan_session(
    states: Sequence[Emotion], *, rest: float, seconds: float | Sequence[float], pause: float
) -> tuple[Script, list[PlannedTrial]]:
    """Lay out trials one after the other.

    Parameters
    ----------
    states : sequence of Emotion
        The state of each trial.
    rest : float
        Seconds in a neutral state before the first trial.
    seconds : float or sequence of float
        Length of the trials, or of each.
    pause : float
        Seconds in a neutral state after each trial; more than the 2 s that the change takes.
    """
    lengths = [float(seconds)] * len(states) if isinstance(seconds, int | float) else list(seconds)
    times, course, trials, onset = [0.0], [Emotion()], [], rest
    for state, length in zip(states, lengths, strict=True):
        trial = PlannedTrial(onset, onset + length, state)
        times += [onset, trial.reached, trial.end, trial.end + CHANGE_SECONDS]
        course += [Emotion(), state, state, Emotion()]
        trials.append(trial)
        onset = trial.end + pause
    return Script(tuple(times), tuple(course)), trials
