"""Data with a planted effect, and a run over them that takes seconds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bci_app.bundle.spec import Target
from offline.datasets.base import DatasetInfo, Split, Trial, WindowSet
from offline.presets import Preset
from offline.run import RunResult, RunSettings, run
from offline.run.fold import FoldResult, Task
from offline.run.stages import run_networks
from offline.run.watch import Progress, Unwatched, Watch
from offline.search.evolution import Evolution
from offline.supernet.space import SearchSpace
from offline.training import Recipe

CHANNELS = ("Fz", "Cz", "Pz", "O1")


@dataclass(frozen=True)
class Planted:
    """Rest and load recordings in which load raises the power at 20 Hz."""

    n_subjects: int = 8
    microvolts: float = 5.0
    info: DatasetInfo = field(
        default=DatasetInfo(
            name="planted",
            title="Planted effect",
            source="made by this test",
            licence="none",
            obtain="",
            expected_files="",
            targets=(Target(name="load", classes=("low", "high")),),
            channels=CHANNELS,
            rate=128.0,
            synthetic=True,
            rest_seconds=30.0,
        )
    )

    def subjects(self) -> list[str]:
        return [f"s{i}" for i in range(self.n_subjects)]

    def files(self, subject: str) -> tuple[Path, ...]:
        return (Path(__file__),)

    def trials(self, subject: str) -> Iterator[Trial]:
        rng = np.random.default_rng(int(subject[1:]))
        n = 46 * 128
        t = np.arange(n) / 128
        noise = rng.standard_normal((2, n, 4)).cumsum(axis=1) * 0.5 + rng.standard_normal((2, n, 4)) * self.microvolts
        wave = np.sin(2 * np.pi * 20 * t)[:, None]
        rest, load = noise[0] + wave * 2, noise[1] + wave * 3
        base = Trial(subject, subject, "rest", rest, 128.0, CHANNELS, {"load": 0}, scored_from=30 * 128)
        yield base
        yield replace(base, trial="load", data=load, labels={"load": 1}, scored_from=0, rest=rest)


PRESET = Preset(
    name="compact",
    tokens="band power",
    space=SearchSpace("tiny", (8, 16), (2,), (1.0, 2.0), (1, 2)),
    recipe=Recipe(epochs=4, learning_rate=1e-2, class_weights=True),
    search=Evolution(population=6, generations=2, kept=3, mutations=3, crossovers=3),
    finetune=6,
    protocol="subjects",
    folds=3,
)
SETTINGS = RunSettings(dataset="planted", preset=PRESET, protocols=("subjects",), folds=3)
SPEC = PRESET.preprocessing(Planted().info)


class Told(Unwatched):
    """Remembers progress, and may be struck by it."""

    def __init__(self, strike: Callable[[Progress], None] = lambda _: None) -> None:
        self.all: list[Progress] = []
        self._strike = strike

    def progress(self, progress: Progress) -> None:
        self.all.append(progress)
        self._strike(progress)


def start(out: Path, settings: RunSettings = SETTINGS, watch: Watch | None = None) -> RunResult:
    result = run(settings, out, watch=watch)
    assert result is not None
    return result


class Finished(NamedTuple):
    """A run that nothing happened to; only read from."""

    folder: Path
    result: RunResult


def alone(
    windows: WindowSet, split: Split, folder: Path, *, preset: Preset = PRESET, watch: Watch | None = None
) -> FoldResult:
    task = Task(split.name, split, tuple(target.name for target in windows.targets), 1, 0, folder)
    (result,) = run_networks(windows, [task], preset, SPEC, report=(watch or Unwatched()).progress)
    assert result is not None
    return result
