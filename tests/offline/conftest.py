"""Shared by the tests of the offline side."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.offline.mental_arithmetic import write_npz
from tests.once import made_once


@pytest.fixture(scope="session")
def arithmetic_npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up rest and arithmetic of Subject01 to Subject06, 60 s each."""
    return made_once(tmp_path_factory, "arithmetic", lambda folder: write_npz(folder / "six.npz")) / "six.npz"
