"""Shared by the tests of the offline side."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.offline.mental_arithmetic import write_npz


@pytest.fixture(scope="session")
def arithmetic_npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up rest and arithmetic of Subject01 to Subject06, 60 s each."""
    return write_npz(tmp_path_factory.mktemp("arithmetic") / "six.npz")
