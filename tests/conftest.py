"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def project_root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real recordings beside the checkout that may not be copied into the project."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the recordings in ../shared/data are not on this machine")
    return folder


@pytest.fixture(scope="session")
def sample_recordings() -> tuple[Path, Path]:
    """Rest and arithmetic of EEGMAT's Subject 01, as shipped."""
    folder = ROOT / "bci_app" / "sample"
    return folder / "Subject01_1.edf", folder / "Subject01_2.edf"
