"""A session in the terminal: what goes wrong is reported at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from bci_app.events import Phase, Status
from bci_app.terminal import Lines

RUNNING = Status(Phase.RUNNING, "", 250.0, 250.0, 1000, 0, 0.01, 1.0, 1.0)


def test_each_trouble_is_told_once_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(Console(quiet=True))
    slow = [replace(RUNNING, notice=f"The stream runs at {rate} Hz.") for rate in (242.1, 242.3)]
    lost = replace(RUNNING, phase=Phase.LOST, message="The stream is lost.", recording="s.xdf")
    failed = replace(RUNNING, recording_error="Recording has [stopped].")
    for status in (RUNNING, *slow, RUNNING, *slow, lost, lost, RUNNING, failed, failed, lost):
        lines.show(status)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "The stream runs at 242.1 Hz.",
        "The stream is lost.",
        "Samples again.",
        "Recording has [stopped].",
        "The stream is lost.",
    ]
