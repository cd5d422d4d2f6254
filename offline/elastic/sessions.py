"""Recordings of rest and task, referred to any stretch of either: what a directional model is trained and tested on.

A model that is only shown rest as the baseline may learn "another recording than the baseline's". So it is also shown
rest that is referred to the task, which must stay low.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import DatasetError
from bci_app.montage.positions import electrode_positions
from bci_app.preprocessing import Pipeline, measure_rest, network_input
from bci_app.preprocessing.spec import (
    AverageReference,
    BandPass,
    LogBandPowerToken,
    PreprocessingSpec,
    RestBaseline,
)
from offline.datasets.base import Dataset
from offline.datasets.windows import choose_subjects

BANDS = ((4, 6), (6, 8), (8, 10), (10, 13), (13, 17), (17, 22), (22, 28))
"""Hz. Nothing above 28 Hz is read, where the muscles of face and neck are strongest."""

MUSCLE_BANDS = ((28, 36), (36, 45))
"""Hz. What is left out; the control that reads them alone shows what they would have added."""

MONTAGES = ("10-20", "daisy", "epoc", "cyton", "muse")
"""Headsets that are scored, the largest first."""

RATE = 128
REST_SECONDS = 30
CLASSES = (0, 1)
"""Rest and task."""

REST, TASK = CLASSES


@dataclass(frozen=True)
class Session:
    """Windows of rest and task of one person, referred to the first seconds of one of them.

    Attributes
    ----------
    tokens : ndarray of float32, shape (n_windows, n_electrodes, n_features)
        Network input.
    labels : ndarray of int64, shape (n_windows,)
        0 rest, 1 task.
    second_half : ndarray of bool, shape (n_windows,)
        Whether the window is in the second half of those of its recording.
    seconds : ndarray of float64, shape (n_windows,)
        From the first window of its recording to the window.
    """

    tokens: NDArray[np.float32]
    labels: NDArray[np.int64]
    second_half: NDArray[np.bool_]
    seconds: NDArray[np.float64]


@dataclass(frozen=True)
class Person:
    """The features of a person's two recordings, each (n_windows, n_electrodes, n_bands), rest first."""

    name: str
    spec: PreprocessingSpec
    recordings: tuple[NDArray[np.float64], NDArray[np.float64]]

    def session(self, baseline: int = REST, *, late: bool = False) -> Session:
        """Refer both recordings to the beginning (or the end) of one of them, whose windows are then left out.

        Parameters
        ----------
        baseline : {0, 1}
            The recording that stands for rest: 1 is the swap test.
        late : bool
            Use its last seconds instead of its first.
        """
        spec = self.spec
        n = spec.baseline_windows
        start = len(self.recordings[baseline]) - n if late else 0
        rest = measure_rest(spec, list(self.recordings[baseline][start : start + n]))
        tokens, labels, second_half, seconds = [], [], [], []
        for label, recording in enumerate(self.recordings):
            number = np.arange(len(recording))
            if label == baseline:
                number = number[_apart(spec, number, start)]
            tokens += [network_input(spec, recording[k], rest) for k in number]
            labels += [label] * len(number)
            second_half += [k >= np.median(number) for k in number]
            seconds += [k * spec.hop_seconds for k in number]
        return Session(np.stack(tokens), np.array(labels, dtype=np.int64), np.array(second_half), np.array(seconds))

    @cached_property
    def standard(self) -> Session:
        """The session as it is live: the first seconds of rest are the baseline."""
        return self.session()

    @cached_property
    def swapped(self) -> Session:
        """The swap test: the first seconds of the task stand for rest."""
        return self.session(TASK)

    @cached_property
    def training(self) -> tuple[tuple[int, Session], ...]:
        """Sessions to learn from, each with the recording of its baseline: the beginnings and ends of both."""
        late = ((label, self.session(label, late=True)) for label in CLASSES)
        return ((REST, self.standard), (TASK, self.swapped), *late)


def _apart(spec: PreprocessingSpec, number: NDArray[np.int64], start: int) -> NDArray[np.bool_]:
    """Return which windows share no sample with a baseline that begins with window `start`."""
    first, begin = number * spec.hop, start * spec.hop
    end = begin + spec.baseline_windows * spec.hop + spec.window - spec.hop
    return (first >= end) | (first + spec.window <= begin)


def load_preprocessing(
    channels: Sequence[str], bands: Sequence[tuple[float, float]] = BANDS, *, shape: bool = True
) -> PreprocessingSpec:
    """Return the preprocessing of the elastic model: log band power in 4-s windows, referred to 30 s of rest.

    The reference is the average of the electrodes that are there.
    """
    return PreprocessingSpec(
        channels=tuple(channels),
        rate=RATE,
        steps=(BandPass(low=1, high=60), AverageReference()),
        warm_up=RATE,
        window=4 * RATE,
        hop=RATE,
        token=LogBandPowerToken(bands=tuple(bands), sine_tapers=10),
        baseline=RestBaseline(kind="feature", samples=REST_SECONDS * RATE, shape=shape),
    )


def read_people(dataset: Dataset, spec: PreprocessingSpec, *, subjects: Sequence[str] | None = None) -> list[Person]:
    """Run the recordings of people through the live preprocessing.

    Raises
    ------
    DatasetError
        If a person has not exactly one recording of each class of the first target.
    """
    target = dataset.info.targets[0].name
    people = []
    for name in choose_subjects(dataset, subjects):
        found: dict[int, NDArray[np.float64]] = {}
        trials = list(dataset.trials(name))
        for trial in trials:
            units = ("uV",) * len(trial.channels)
            pipeline = Pipeline(spec, channels=trial.channels, rate=trial.rate, units=units)
            found[trial.labels[target]] = np.stack([window.features for window in pipeline.process(trial.data)])
        if len(trials) != len(CLASSES) or sorted(found) != list(CLASSES):
            raise DatasetError(
                f"{name} cannot be part of a study of rest against task",
                found=f"{len(trials)} recordings of the classes {sorted(found)}",
                expected="one recording of rest (class 0) and one of the task (class 1)",
            )
        people.append(Person(name, spec, (found[REST], found[TASK])))
    return people


def positions_of(channels: Sequence[str]) -> NDArray[np.float64]:
    """Return the places of electrodes on the unit sphere, shape (n_electrodes, 3).

    Raises
    ------
    DatasetError
        If one has no known place.
    """
    found = electrode_positions(channels)
    if unknown := [name for name, place in zip(channels, found, strict=True) if place is None]:
        raise DatasetError(
            "Electrodes without a known place",
            found=", ".join(unknown),
            expected="names of the 10-05 system",
        )
    return np.array(found, dtype=np.float64)


def nearest(wanted: Sequence[str], available: Sequence[str]) -> tuple[str, ...]:
    """Return for each wanted electrode the nearest available one, each used once."""
    cosines = positions_of(wanted) @ positions_of(available).T
    chosen: list[int] = []
    for row in cosines:
        chosen.append(next(int(k) for k in np.argsort(-row, kind="stable") if int(k) not in chosen))
    return tuple(available[k] for k in chosen)
