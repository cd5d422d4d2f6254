"""Drives a sweep of two networks."""

from pathlib import Path

from offline.datasets.windows import make_windows
from offline.protocols import make_splits
from offline.run.fold import Task
from offline.run.workers import NetworkFrame
from offline.sweep import ENGINES, Sweep
from tests.offline.run.planted import PRESET, SPEC, Planted


def tasks(folder: Path) -> tuple[NetworkFrame, list[Task]]:
    windows = make_windows(Planted(), SPEC)
    splits = make_splits(windows, "subjects", folds=3)[:2]
    return NetworkFrame(windows, PRESET, SPEC), [Task(s.name, s, ("load",), 5, 0, folder / s.name) for s in splits]


def drive(engine: str, out: Path) -> None:
    """Do the sweep, and write the stages of the networks into a file as they are reported."""
    with (out / "stages").open("a") as file:
        Sweep(ENGINES[engine](2, None), str(out / "store"))(*tasks(out), lambda p: print(p.stage, file=file))
