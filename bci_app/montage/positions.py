"""Where the electrodes of the 10-05 system lie on the head."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType


def standard_montage() -> str:
    """Name MNE's montage of the 10-05 system, which MNE 1.13 renamed."""
    from mne.channels import get_builtin_montages

    return "colin27_1005" if "colin27_1005" in get_builtin_montages() else "standard_1005"


@cache
def electrode_places() -> Mapping[str, tuple[float, float]]:
    """Give where the electrodes of the 10-05 system lie on a head seen from above.

    Returns
    -------
    mapping of str to (float, float)
        x to the right and y to the front, azimuthal equidistant from the vertex: 1 is 90 degrees.
    """
    text = Path(__file__).with_name("electrodes.csv").read_text(encoding="utf-8")
    rows = (line.split(",") for line in text.splitlines() if not line.startswith(("#", "name,")))
    return MappingProxyType({name: (float(x), float(y)) for name, x, y in rows})
