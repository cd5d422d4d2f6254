"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.once import made_once

# Two test processes share two cores; threads that wait for each other by spinning would stall both.
# Before torch or numpy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

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
def sample_recordings(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Rest and a task of a made-up person, as EDF files."""
    from tests.sample_session import FILES, write_session

    folder = made_once(tmp_path_factory, "session", write_session)
    return folder / FILES[0], folder / FILES[1]


@pytest.fixture(scope="session", autouse=True)
def _no_downloads(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests never see what this user has downloaded."""
    os.environ["BCI_APP_DATA"] = str(tmp_path_factory.getbasetemp() / "no-downloads")


@pytest.fixture(scope="session", autouse=True)
def _loopback() -> None:
    """LSL tests stay on this machine."""
    from bci_app.sources.lsl.library import use_loopback

    use_loopback()


# Reasons for which a test may be skipped where all checks run.
_EXPECTED_SKIPS = (
    "the recordings in ../shared/data are not on this machine",
    "this machine has no time namespaces",
    "this machine has no Chromium",
)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Where all checks run, a skip that nobody expected is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("CI") or reporter is None:
        return
    unexpected = [
        f"{report.nodeid}: {report.longrepr[2]}"
        for report in reporter.stats.get("skipped", [])
        if not any(reason in str(report.longrepr) for reason in _EXPECTED_SKIPS)
    ]
    if unexpected:
        reporter.write_line("unexpected skips:\n  " + "\n  ".join(unexpected), red=True)
        session.exitstatus = 1
