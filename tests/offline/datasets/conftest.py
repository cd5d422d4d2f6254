"""Small synthetic data sets, made once."""

from pathlib import Path

import pytest

from offline.datasets.synth import synth
from tests.once import made_once


@pytest.fixture(scope="session")
def deap_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two subjects of four trials."""
    return made_once(tmp_path_factory, "deap", lambda root: synth("deap", root, subjects=2, trials=4, seed=7))


@pytest.fixture(scope="session")
def dreamer_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two subjects of two films."""
    return made_once(tmp_path_factory, "dreamer", lambda root: synth("dreamer", root, subjects=2, trials=2, seed=7))


@pytest.fixture(scope="session")
def seed_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two subjects of three sessions of three clips."""
    return made_once(tmp_path_factory, "seed", lambda root: synth("seed", root, subjects=2, trials=3, seed=7))
