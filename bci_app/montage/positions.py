"""Where the electrodes of the 10-05 system lie on the head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

from bci_app.montage.names import canonical

OFF_SCALP = frozenset({"A1", "A2", "M1", "M2"})
"""Ears and mastoids, which are references more often than not."""


def standard_montage() -> str:
    """Return the name of MNE's montage of the 10-05 system, which MNE 1.13 renamed."""
    from mne.channels import get_builtin_montages

    return "colin27_1005" if "colin27_1005" in get_builtin_montages() else "standard_1005"


@cache
def electrode_places() -> Mapping[str, tuple[float, float]]:
    """Return where the electrodes of the 10-05 system lie on a head seen from above.

    Returns
    -------
    mapping of str to (float, float)
        x to the right and y to the front, azimuthal equidistant from the vertex: 1 is 90 degrees.
    """
    text = Path(__file__).with_name("electrodes.csv").read_text(encoding="utf-8")
    rows = (line.split(",") for line in text.splitlines() if not line.startswith(("#", "name,")))
    return MappingProxyType({name: (float(x), float(y)) for name, x, y in rows})


def electrode_positions(names: Sequence[str]) -> list[tuple[float, float, float] | None]:
    """Return the places of electrodes on the unit sphere.

    Parameters
    ----------
    names : sequence of str
        Names in any spelling.

    Returns
    -------
    list of (float, float, float) or None
        x to the right, y to the front, z up. None for a name without a standard position, and for ears and mastoids.
    """
    return [_position(name) for name in names]


@lru_cache(maxsize=4096)
def _position(name: str) -> tuple[float, float, float] | None:
    place = electrode_places().get(canonical(name))
    if place is None or canonical(name) in OFF_SCALP:
        return None
    x, y = place
    polar, azimuth = np.hypot(x, y) * np.pi / 2, np.arctan2(y, x)
    across = np.sin(polar)
    return float(across * np.cos(azimuth)), float(across * np.sin(azimuth)), float(np.cos(polar))
