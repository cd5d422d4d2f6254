"""Where electrodes lie on a head drawn from above."""

from __future__ import annotations

from bci_app.montage.names import canonical
from bci_app.montage.positions import electrode_places

# A head is drawn to its widest girth, which lies below the electrodes of 10-20.
_GIRTH = 1.22


def position(name: str) -> tuple[float, float] | None:
    """Return the place of an electrode, in any spelling of its name.

    Returns
    -------
    (float, float) or None
        x to the right and y to the front; the head is the unit circle. None for what is no
        electrode of the 10-05 system.
    """
    place = electrode_places().get(canonical(name))
    return None if place is None else (place[0] / _GIRTH, place[1] / _GIRTH)
