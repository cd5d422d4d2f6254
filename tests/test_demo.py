"""The demo plays the shipped person's rest and arithmetic, and ends by itself where that is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bci_app.demo import recordings
from bci_app.recording import read_recording


def test_the_demo_plays_a_minute_of_rest_and_one_of_arithmetic(sample_recordings: tuple[Path, Path]) -> None:
    rest, arithmetic = recordings()
    files = [read_recording(path) for path in sample_recordings]
    np.testing.assert_array_equal(rest.data, files[0].data[60_000:90_000])
    np.testing.assert_array_equal(arithmetic.data, files[1].data[:30_000])
    assert rest.duration == pytest.approx(60)
    assert [a.text for recording in (rest, arithmetic) for a in recording.annotations] == ["rest", "mental arithmetic"]


def test_headless_demo_shows_the_session_in_the_terminal_and_ends_by_itself() -> None:
    command = [sys.executable, "-m", "bci_app", "demo", "--headless", "--seconds", "3"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert "Mental load" in result.stdout
    assert "500 Hz" in result.stdout
    assert "no prediction: warming up" in result.stdout
