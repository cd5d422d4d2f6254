"""What fault tests share: bundles, and the figures that go into docs/reliability.md."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bci_app.bundle import LoadedBundle, load_bundle
from bci_app.preprocessing.spec import NoBaseline
from tests.bundles import small_spec, write_bundle

_rows: list[tuple[str, str, str, str]] = []


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> LoadedBundle:
    """A small model without a rest baseline: predictions begin after 1.5 s."""
    folder = tmp_path_factory.mktemp("bundles") / "b"
    return load_bundle(write_bundle(folder, spec=small_spec(baseline=NoBaseline())))


@pytest.fixture
def tell() -> Callable[..., None]:
    """Note a row of the table: fault, times tried, lost, recovered after."""

    def note(fault: str, *, tried: str, lost: str, recovered: str) -> None:
        _rows.append((fault, tried, lost, recovered))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _rows:
        terminalreporter.section("faults")
        for row in (("fault", "tried", "lost", "recovered after"), ("---",) * 4, *_rows):
            terminalreporter.write_line(f"| {' | '.join(row)} |")
