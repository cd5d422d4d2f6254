"""What fault tests share: bundles, and the figures that go into docs/reliability.md."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bci_app.bundle import LoadedBundle, load_bundle
from bci_app.preprocessing.spec import NoBaseline
from tests.bundles import small_spec, write_bundle

_ROW = "fault"


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> LoadedBundle:
    """A small model without a rest baseline: predictions begin after 1.5 s."""
    folder = tmp_path_factory.mktemp("bundles") / "b"
    return load_bundle(write_bundle(folder, spec=small_spec(baseline=NoBaseline())))


@pytest.fixture
def limit_s(request: pytest.FixtureRequest) -> float:
    """Seconds within which a loss is noticed, or a stream is back: 2 in a soak, more beside other tests."""
    return 2.0 if request.node.get_closest_marker("soak") else 15.0


@pytest.fixture
def report(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Note a row of the table: fault, times tried, lost, recovered after."""

    def note(fault: str, *, tried: str, lost: str, recovered: str) -> None:
        record_property(_ROW, [fault, tried, lost, recovered])

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]
    rows = [row for report in reports for name, row in getattr(report, "user_properties", []) if name == _ROW]
    if rows:
        terminalreporter.section("faults")
        for row in (("fault", "tried", "lost", "recovered after"), ("---",) * 4, *rows):
            terminalreporter.write_line(f"| {' | '.join(row)} |")
