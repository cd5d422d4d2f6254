"""Scripts of emotion: read from CSV, straight lines between rows, errors that name the line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bci_app.errors import SourceError
from bci_app.simulation import Script


def test_a_script_moves_in_straight_lines_and_holds_at_its_ends(tmp_path: Path) -> None:
    path = tmp_path / "script.csv"
    path.write_text("time, arousal, valence\n10,0,-1\n20,1,1\n", encoding="utf-8")
    states = Script.read(path).at(np.array([0.0, 10.0, 15.0, 20.0, 99.0]))
    np.testing.assert_allclose(states, [[-1, 0, 0], [-1, 0, 0], [0, 0.5, 0], [1, 1, 0], [1, 1, 0]])


def test_the_shipped_script_rests_and_then_repeats_its_four_states_for_ever() -> None:
    script = Script.shipped()
    assert not script.at(np.arange(45.0)).any()
    period = 4 * 45.0
    np.testing.assert_allclose(script.at(np.array([60.0, 110.0])), script.at(np.array([60.0, 110.0]) + 1000 * period))
    states = script.at(np.arange(60.0, 60.0 + period, 45.0))
    assert {tuple(state) for state in np.sign(states[:, :2]).tolist()} == {(1, 1), (-1, -1), (1, -1), (-1, 1)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no rows"),
        ("time,valence\n1,0\n", "found time, valence"),
        ("time,valence,arousal\n0,0,0\n0,1,1\n", "line 3, after 0 s"),
        ("time,valence,arousal\n0,2,0\n", "'2' in line 2, expected a number from -1 to 1"),
        ("time,valence,arousal\n0,nan,0\n", "impossible valence"),
        ("time,valence,arousal\n0\n", "impossible valence"),
    ],
)
def test_scripts_that_cannot_be_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "script.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=message):
        Script.read(path)
    with pytest.raises(SourceError, match="cannot be read"):
        Script.read(tmp_path / "absent.csv")
