"""Shared by the tests of runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bci_app.bundle import load_bundle
from offline.datasets import make_windows
from offline.datasets.base import WindowSet
from offline.run import RunRecord, RunResult, experiment, stages
from tests.offline.run.planted import SPEC, Finished, Planted, start
from tests.once import made_once


@pytest.fixture(scope="module")
def planted() -> Iterator[None]:
    """Runs read the data with the planted effect, and their networks answer: a line learns more in so few epochs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "open_dataset", lambda *_, **__: Planted())
        patch.setattr(stages, "chosen_lines", lambda windows, *_, **__: (None,) * len(windows.targets))
        yield


@pytest.fixture(scope="session")
def windows() -> WindowSet:
    return make_windows(Planted(), SPEC)


@pytest.fixture
def finished(planted: None, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder: Path = made_once(tmp_path_factory, "planted-run", start)
    return Finished(folder, RunResult(RunRecord.read(folder), load_bundle(folder / "bundle" / "planted-compact")))
