"""The demo plays a synthetic signal, says so, and ends by itself where that is asked for."""

from __future__ import annotations

import subprocess
import sys


def test_headless_demo_shows_the_session_in_the_terminal_and_ends_by_itself() -> None:
    command = [sys.executable, "-m", "bci_app", "demo", "--headless", "--seconds", "3"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert "Mental load" in result.stdout
    assert "synthetic signal" in result.stdout
    assert "500 Hz" in result.stdout
    assert "no prediction: warming up" in result.stdout
