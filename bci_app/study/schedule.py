"""From a protocol to the trials of one session, in their order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bci_app.study.protocol import InstructionBlock, Protocol, RestBlock, TrialsBlock, TrialSpec

_TRIES = 200


@dataclass(frozen=True, slots=True)
class Instruction:
    """A text that waits until it is read."""

    block: InstructionBlock


@dataclass(frozen=True, slots=True)
class RestPeriod:
    """A rest.

    Attributes
    ----------
    number : int
        From 1 in the session.
    """

    number: int
    block: RestBlock


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """A trial at its place in the session.

    Attributes
    ----------
    number : int
        From 1 in the session; also after a break the number of the same trial.
    spec : TrialSpec
        What is presented.
    block : TrialsBlock
        Where it belongs.
    """

    number: int
    spec: TrialSpec
    block: TrialsBlock

    @property
    def fixation(self) -> float:
        """Seconds of a cross before it."""
        return self.block.fixation if self.spec.fixation is None else self.spec.fixation

    @property
    def pause(self) -> float:
        """Seconds of an empty screen after it."""
        return self.block.pause if self.spec.pause is None else self.spec.pause


Item = Instruction | RestPeriod | PlannedTrial


def plan(protocol: Protocol, *, participant: str, session: str) -> tuple[Item, ...]:
    """Return everything that a session goes through, in order.

    The order depends on the protocol's seed, the participant and the session, so that a session that was broken off
    continues in the same order.

    Parameters
    ----------
    protocol : Protocol
        What to show.
    participant, session : str
        Whose session it is.
    """
    digest = hashlib.sha256(f"{protocol.seed} {participant} {session}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    items: list[Item] = []
    trials = rests = 0
    for block in protocol.blocks:
        if isinstance(block, InstructionBlock):
            items.append(Instruction(block))
        elif isinstance(block, RestBlock):
            rests += 1
            items.append(RestPeriod(rests, block))
        else:
            for spec in _ordered(block, rng):
                trials += 1
                items.append(PlannedTrial(trials, spec, block))
    return tuple(items)


def _ordered(block: TrialsBlock, rng: np.random.Generator) -> Sequence[TrialSpec]:
    specs = list(block.trials)
    if block.order == "given":
        return specs * block.repetitions
    if block.order == "random":
        everything = specs * block.repetitions
        return [everything[i] for i in rng.permutation(len(everything))]
    order: list[TrialSpec] = []
    for _ in range(block.repetitions):
        order += _shuffled_after(order[-1:], specs, rng)
    return order


def _shuffled_after(
    before: Sequence[TrialSpec], specs: Sequence[TrialSpec], rng: np.random.Generator
) -> list[TrialSpec]:
    """Shuffle one repetition so that it does not begin with the condition that ended the one before."""
    for _ in range(_TRIES):
        shuffled = [specs[i] for i in rng.permutation(len(specs))]
        if len(specs) < 2 or not before or shuffled[0].name != before[0].name:
            break
    return shuffled
