"""Simulated people with a planted effect of emotion: a data set without a file.

Every person is `bci_app.simulation.SimulatedParticipant`, the same that ``synthetic:`` plays. People, trials and
the strength of the effect can follow the name, as in ``simulated?people=20&effect=0``. Scores on them say how well a
method finds an effect of that strength, and nothing about people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bci_app.bundle.spec import Target
from bci_app.errors import BciError, DatasetError
from bci_app.montage.headsets import montage_channels
from bci_app.simulation import DIMENSIONS, Emotion, Settings, SimulatedParticipant, plan_session
from offline.datasets.base import DatasetInfo, Trial
from offline.datasets.entry import DatasetEntry
from offline.datasets.files import FileDataset
from offline.datasets.labels import Threshold

RATE = 128
REST_SECONDS = 40.0
TRIAL_SECONDS = 22.0
PAUSE_SECONDS = 6.0
# Signal before the onset, in which filters settle.
_LEAD_SECONDS = 2.0
# People are counted from here: no person of a training set is among the first thousand, who serve demos and tests.
FIRST_PERSON = 1000


class Simulation(BaseModel):
    """What is simulated.

    Attributes
    ----------
    people, trials : int
        How many, and how many trials each.
    effect : float
        Standard deviations of log band power between low and high states (`bci_app.simulation.Settings`).
    montage : str
        A headset's name, or electrodes separated by commas.
    noise : float
        1 for good recordings.
    first : int
        Number of the first person.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: int = Field(default=16, ge=1, le=10_000)
    trials: int = Field(default=12, ge=2, le=1000)
    effect: float = Field(default=1.5, ge=0, le=10)
    montage: str = "10-20"
    noise: float = Field(default=1.0, ge=0, le=10)
    first: int = Field(default=FIRST_PERSON, ge=0)

    @field_validator("montage")
    @classmethod
    def _known(cls, montage: str) -> str:
        try:
            montage_channels(montage)
        except BciError as error:
            raise ValueError(str(error)) from error
        return montage

    @property
    def channels(self) -> tuple[str, ...]:
        """Electrodes that are worn."""
        return montage_channels(self.montage)


def _info(simulation: Simulation) -> DatasetInfo:
    return DatasetInfo(
        name="simulated",
        title=f"Simulated people, effect {simulation.effect:g}",
        source="bci_app.simulation",
        licence="none needed: not recorded from people",
        obtain="It needs no file. Other settings follow the name: simulated?people=20&effect=0&montage=muse.",
        expected_files="none",
        targets=tuple(Target(name=name, classes=("low", "high")) for name in DIMENSIONS),
        channels=simulation.channels,
        rate=float(RATE),
        synthetic=True,
        rest_seconds=REST_SECONDS,
    )


@dataclass(frozen=True)
class Simulated:
    """Simulated people in trials of low and high valence, arousal and dominance, after a rest.

    Parameters
    ----------
    simulation : Simulation
        Who and how.
    """

    simulation: Simulation = field(default_factory=Simulation)

    @property
    def info(self) -> DatasetInfo:
        """Its description."""
        return _info(self.simulation)

    def subjects(self) -> list[str]:
        """People by number."""
        first = self.simulation.first
        return [f"P{number:04d}" for number in range(first, first + self.simulation.people)]

    def files(self, subject: str) -> tuple[Path, ...]:
        """Return no file: all that decides the signals stands in `simulation`."""
        return ()

    def trials(self, subject: str) -> Iterator[Trial]:
        """Trials of one person in their order."""
        simulation, number = self.simulation, int(subject[1:])
        states = _states(simulation.trials, np.random.default_rng((number, 12)))
        script, planned = plan_session(states, rest=REST_SECONDS, seconds=TRIAL_SECONDS, pause=PAUSE_SECONDS)
        settings = Settings(simulation.channels, float(RATE), effect=simulation.effect, noise=simulation.noise)
        participant = SimulatedParticipant(number, settings, script=script)
        rest = participant.samples(0, round(REST_SECONDS * RATE))
        for index, trial in enumerate(planned, start=1):
            begin = round((trial.onset - _LEAD_SECONDS) * RATE)
            yield Trial(
                subject=subject,
                session="1",
                trial=f"{index:03d}",
                data=participant.samples(begin, round(trial.end * RATE)),
                rate=float(RATE),
                channels=simulation.channels,
                labels={name: int(value > 0) for name, value in zip(DIMENSIONS, trial.state, strict=True)},
                scored_from=round(trial.reached * RATE) - begin,
                rest=rest,
            )


def _states(trials: int, rng: np.random.Generator) -> list[Emotion]:
    """Draw the states of trials: in each dimension half low and half high, at random and independently."""
    sign = np.where(np.arange(trials) % 2, 1.0, -1.0)
    columns = [rng.permutation(sign) * rng.uniform(0.6, 1.0, trials) for _ in DIMENSIONS]
    return [Emotion(*row) for row in np.stack(columns, axis=1).tolist()]


def _open(root: Path, _: Threshold) -> FileDataset:
    raise DatasetError("Data set simulated has no files", found=f"--root {root}", fix="Leave --root out.")


def _entry(simulation: Simulation) -> DatasetEntry:
    return DatasetEntry(
        info=_info(simulation),
        open=_open,
        without_files=lambda: Simulated(simulation),
        configured=_configured,
    )


def _configured(options: Mapping[str, str]) -> DatasetEntry:
    """Return the entry under options.

    Raises
    ------
    DatasetError
        If one is unknown or impossible.
    """
    try:
        return _entry(Simulation.model_validate(dict(options)))
    except ValidationError as error:
        first = error.errors()[0]
        raise DatasetError(
            "People cannot be simulated like this",
            found=f"{'.'.join(map(str, first['loc']))} {first['input']!r}: {first['msg']}",
            expected=f"simulated?{'&'.join(f'{name}=…' for name in Simulation.model_fields)}",
        ) from error


ENTRY = _entry(Simulation())
