"""Small synthetic data sets, made once."""

from pathlib import Path

import pytest

from offline.datasets.synth import synth


@pytest.fixture(scope="session")
def deap_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two subjects of four trials."""
    root = tmp_path_factory.mktemp("deap")
    synth("deap", root, subjects=2, trials=4, seed=7)
    return root


@pytest.fixture(scope="session")
def dreamer_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two subjects of two films."""
    root = tmp_path_factory.mktemp("dreamer")
    synth("dreamer", root, subjects=2, trials=2, seed=7)
    return root


@pytest.fixture(scope="session")
def seed_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two subjects of three sessions of three clips."""
    root = tmp_path_factory.mktemp("seed")
    synth("seed", root, subjects=2, trials=3, seed=7)
    return root
