"""Which electrodes lie around each electrode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bci_app.montage.names import canonical
from bci_app.montage.positions import electrode_places

# Reaches from each electrode of the 10-20 system to the next (33 to 50 degrees) and not to the one
# after (58 and more); of a denser cap the closest four.
_NEIGHBOUR_DEGREES = 54.0
_MOST_NEIGHBOURS = 4
# Ears and mastoids are references more often than not.
_OFF_SCALP = frozenset({"A1", "A2", "M1", "M2"})


def neighbours(channels: Sequence[str]) -> list[list[int]]:
    """Find the electrodes around each electrode.

    Parameters
    ----------
    channels : sequence of str
        Names in any spelling.

    Returns
    -------
    list of list of int
        For each channel the positions in `channels` of the up to four electrodes within 54 degrees,
        the closest first; none for ears, mastoids and names without a standard position.
    """
    places = electrode_places()
    scalp = places.keys() - _OFF_SCALP
    known = [index for index, name in enumerate(channels) if canonical(name) in scalp]
    x, y = np.array([places[canonical(channels[index])] for index in known]).reshape(-1, 2).T
    polar, azimuth = np.hypot(x, y) * np.pi / 2, np.arctan2(y, x)
    unit = np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)])
    degrees = np.degrees(np.arccos(np.clip(unit.T @ unit, -1.0, 1.0)))
    np.fill_diagonal(degrees, np.inf)
    result: list[list[int]] = [[] for _ in channels]
    for row, index in enumerate(known):
        closest = np.argsort(degrees[row], kind="stable")[:_MOST_NEIGHBOURS]
        result[index] = [known[column] for column in closest if degrees[row, column] <= _NEIGHBOUR_DEGREES]
    return result
