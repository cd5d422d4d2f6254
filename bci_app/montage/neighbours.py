"""Which electrodes lie around each electrode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bci_app.montage.positions import electrode_positions

# Reaches from each electrode of the 10-20 system to the next (33 to 50 degrees) and not to the one
# after (58 and more); of a denser cap the closest four.
_NEIGHBOUR_DEGREES = 54.0
_MOST_NEIGHBOURS = 4


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
    positions = electrode_positions(channels)
    known = [index for index, place in enumerate(positions) if place is not None]
    unit = np.array([place for place in positions if place is not None]).reshape(-1, 3).T
    degrees = np.degrees(np.arccos(np.clip(unit.T @ unit, -1.0, 1.0)))
    np.fill_diagonal(degrees, np.inf)
    result: list[list[int]] = [[] for _ in channels]
    for row, index in enumerate(known):
        closest = np.argsort(degrees[row], kind="stable")[:_MOST_NEIGHBOURS]
        result[index] = [known[column] for column in closest if degrees[row, column] <= _NEIGHBOUR_DEGREES]
    return result
