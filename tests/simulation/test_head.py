"""Electrodes lie where their names say, those of every data set and headset."""

from __future__ import annotations

import numpy as np

from bci_app.montage.headsets import HEADSETS
from bci_app.simulation.head import electrode_points, lead_field

NAMES = (*HEADSETS["deap"].channels, *HEADSETS["epoc"].channels, *HEADSETS["muse"].channels, "CB1", "CB2", "T3", "FCz")


def test_electrodes_lie_where_their_names_say() -> None:
    points = electrode_points(NAMES)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1)
    for name, (right, front, _) in zip(NAMES, points, strict=True):
        number = name.lstrip("ABCFOPTpz")
        if number:
            assert (right > 0) == (int(number) % 2 == 0), name
        else:
            assert abs(right) < 0.02, name
        if name[0] in "AF" and not name.startswith(("FT", "FC")):
            assert front > 0.3, name
        if name[0] in "PO" or name.startswith("CB"):
            assert front < -0.3, name


def test_unknown_names_have_a_place_that_depends_on_the_name_alone() -> None:
    np.testing.assert_array_equal(electrode_points(["EXG 7"]), electrode_points(["Cz", "EXG 7"])[1:])
    assert not np.allclose(electrode_points(["EXG 7"]), electrode_points(["EXG 8"]))


def test_sources_everywhere_make_about_the_same_level_at_every_electrode_of_the_scalp() -> None:
    level = np.sqrt((lead_field(electrode_points(HEADSETS["10-20"].channels)) ** 2).sum(axis=1))
    assert 0.7 < level.min() < level.max() < 1.4
