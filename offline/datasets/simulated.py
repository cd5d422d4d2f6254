"""Simulated people with a planted effect of emotion: a data set without a file.

Every person is `bci_app.simulation.SimulatedParticipant`, the same that ``synthetic:`` plays. People, trials and
the strength of the effect can be stated in a small file; scores on them say how well a method finds an effect of
that strength, and nothing about people.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bci_app.bundle.spec import Target
from bci_app.errors import BciError, DatasetError
from bci_app.montage.headsets import montage_channels
from bci_app.simulation import DIMENSIONS, Emotion, Settings, SimulatedParticipant, plan_session
from offline.atomic import write_atomically
from offline.datasets.base import DatasetInfo, Trial
from offline.datasets.entry import DatasetEntry
from offline.datasets.files import FileDataset
from offline.datasets.labels import Threshold

FILE = "simulated.json"
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

    people: int = Field(default=30, ge=1, le=10_000)
    trials: int = Field(default=16, ge=2, le=1000)
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
        obtain="It needs no file. `bci-offline synth simulated FOLDER` writes other settings, for --root.",
        expected_files=f"none, or {FILE} with people, trials, effect, montage, noise and first",
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

    @classmethod
    def read(cls, root: Path) -> Simulated:
        """Read the settings in a folder.

        Raises
        ------
        DatasetError
            If the file is missing or states something impossible.
        """
        path = root / FILE
        try:
            simulation = Simulation.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ValidationError) as error:
            raise DatasetError(
                f"{FILE} does not describe simulated people",
                found=_reason(error),
                expected=f"a file that `bci-offline synth simulated` wrote in {root}",
                fix="Leave --root out for the usual settings.",
            ) from error
        return cls(simulation)

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


def write_simulated(
    folder: Path, *, subjects: int, trials: int, seed: int = 0, effect: float | None = None, montage: str = "10-20"
) -> Path:
    """Describe simulated people in a file, which ``--dataset simulated --root FOLDER`` reads.

    Parameters
    ----------
    folder : Path
        Made if need be.
    subjects, trials : int
        People, and trials of each.
    seed : int
        Another seed makes other people.
    effect : float, optional
        Standard deviations of log band power; that of the data set by default.
    montage : str
        A headset's name, or electrodes separated by commas.

    Raises
    ------
    DatasetError
        If a value is impossible or the folder cannot be written to.
    """
    values = {"people": subjects, "trials": trials, "montage": montage, "first": FIRST_PERSON * (1 + seed)}
    try:
        simulation = Simulation(**values, **({} if effect is None else {"effect": effect}))
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / FILE, json.dumps(simulation.model_dump(), indent=2) + "\n")
    except (ValidationError, OSError) as error:
        raise DatasetError("Simulated people cannot be described", found=_reason(error)) from error
    return folder / FILE


def _reason(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))} {first['input']!r}: {first['msg']}"


def _states(trials: int, rng: np.random.Generator) -> list[Emotion]:
    """Draw the states of trials: in each dimension half low and half high, at random and independently."""
    sign = np.where(np.arange(trials) % 2, 1.0, -1.0)
    columns = [rng.permutation(sign) * rng.uniform(0.6, 1.0, trials) for _ in DIMENSIONS]
    return [Emotion(*row) for row in np.stack(columns, axis=1).tolist()]


def _open(root: Path, _: Threshold) -> FileDataset:
    return Simulated.read(root)


ENTRY = DatasetEntry(info=_info(Simulation()), open=_open, without_files=Simulated)
