"""What sources and readers share: the texts of events."""

from __future__ import annotations

import numpy as np
import pytest

from bci_app.stream import marker_text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([7], "7"),
        ([np.int32(1234567)], "1234567"),
        ([np.int64(2**53 + 1)], "9007199254740993"),
        ([np.float64(100001.0)], "100001"),
        ([1234567.25], "1234567.25"),
        ([np.float32(0.1)], "0.1"),
        ([float("nan")], "nan"),
        (["trial 1"], "trial 1"),
        ([""], ""),
        (["x", "z", ""], "x, z"),
        (["x", "", "z"], "x, , z"),
        (np.array([1.0, 2.5], np.float32), "1, 2.5"),
    ],
)
def test_an_event_keeps_every_digit_and_the_place_of_each_value(values: list[float], text: str) -> None:
    assert marker_text(values) == text
