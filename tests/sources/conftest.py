"""LSL tests stay on this machine."""

from __future__ import annotations

import pytest

from bci_app.sources.liblsl import use_loopback


@pytest.fixture(scope="session", autouse=True)
def _loopback() -> None:
    use_loopback()
