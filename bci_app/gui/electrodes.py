"""Where electrodes lie on a head drawn from above."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import MappingProxyType

from bci_app.channels import canonical

_TABLE = Path(__file__).with_name("electrodes.csv")
# A head is drawn to its widest girth, which lies below the electrodes of 10-20.
_GIRTH = 1.22


@cache
def _table() -> MappingProxyType[str, tuple[float, float]]:
    lines = [line for line in _TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = (line.split(",") for line in lines[1:])
    return MappingProxyType({name: (float(x) / _GIRTH, float(y) / _GIRTH) for name, x, y in rows})


def position(name: str) -> tuple[float, float] | None:
    """Give the place of an electrode, in any spelling of its name.

    Returns
    -------
    (float, float) or None
        x to the right and y to the front; the head is the unit circle. None for what is no
        electrode of the 10-05 system.
    """
    return _table().get(canonical(name))
