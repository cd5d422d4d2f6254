"""A simulated participant who takes part in a study: their state follows the trials, and they answer by themselves."""

from __future__ import annotations

from collections.abc import Mapping

from bci_app.simulation import Emotion, SimulatedParticipant
from bci_app.study.protocol import Scale
from bci_app.study.runner import Stage, StageKind
from bci_app.study.schedule import PlannedTrial

_NEUTRAL = Emotion()
# Mental load is felt as arousal: the simulation knows no other dimension that is near.
_DIMENSIONS = {"valence": "valence", "arousal": "arousal", "dominance": "dominance", "mental_load": "arousal"}


def intended_state(intended: Mapping[str, str | float]) -> Emotion:
    """Return the state that a trial intends: classes low and high as -1 and 1, ratings of 1 to 9 between them."""
    values: dict[str, float] = {}
    for target, value in intended.items():
        dimension = _DIMENSIONS.get(target)
        if dimension is None:
            continue
        if isinstance(value, str):
            values[dimension] = {"low": -1.0, "high": 1.0}.get(value, 0.0)
        else:
            values[dimension] = min(1.0, max(-1.0, (value - 5) / 4))
    return Emotion(**values)


class SimulatedTakingPart:
    """Moves a participant's state with the stages of a study, and answers for them.

    Parameters
    ----------
    participant : SimulatedParticipant
        Whose EEG is recorded.
    """

    def __init__(self, participant: SimulatedParticipant) -> None:
        self._participant = participant
        self._now = _NEUTRAL

    def on_stage(self, stage: Stage, sample: int) -> None:
        """Feel what a stage asks for, from a sample on."""
        trial = stage.trial
        if trial is not None and stage.kind is StageKind.STIMULUS:
            self._become(intended_state(trial.spec.intended), sample)
        elif stage.kind not in (StageKind.RATING,):
            self._become(_NEUTRAL, sample)

    def answer(self, trial: PlannedTrial, scale: Scale) -> str | None:
        """Rate what was felt in a trial."""
        state = intended_state(trial.spec.intended)
        ratings = self._participant.rate(state, trial=trial.number)
        if scale.name in ratings and scale.kind != "words":
            return str(min(scale.high, max(scale.low, ratings[scale.name])))
        # A scale that the simulation does not know is answered by arousal, over its length.
        position = round((ratings["arousal"] - 1) / 8 * (len(scale.answers) - 1))
        return scale.answers[position]

    def _become(self, state: Emotion, sample: int) -> None:
        if state != self._now:
            self._participant.set_state(sample, state)
            self._now = state
