"""A map over the head from values at electrodes. No Qt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bci_app.presentation.electrodes import position

Floats = NDArray[np.float64]

# Points across the map, and how far it reaches: the head's own circle.
GRID_POINTS = 64
EDGE = 1.0
_STIFFNESS = 1e-3
_FEWEST = 4


class Topography:
    """Interpolation between electrodes by thin-plate splines (Duchon 1977).

    Parameters
    ----------
    channels : sequence of str
        Those that are no electrodes of the 10-05 system are left out.

    Attributes
    ----------
    used : ndarray of int64
        Positions in `channels` of those that are used.
    """

    def __init__(self, channels: Sequence[str]) -> None:
        places = [position(name) for name in channels]
        self.used = np.array([index for index, place in enumerate(places) if place is not None], dtype=np.int64)
        self._places = np.array([place for place in places if place is not None], dtype=np.float64).reshape(-1, 2)
        axis = np.linspace(-EDGE, EDGE, GRID_POINTS)
        x, y = np.meshgrid(axis, axis[::-1])  # the front is up
        self._points = np.stack([x.ravel(), y.ravel()], axis=1)

    def map(self, values: Floats) -> Floats | None:
        """Interpolate.

        Parameters
        ----------
        values : ndarray, shape (n_channels,)
            One value a channel; nan where a channel is not to be used.

        Returns
        -------
        ndarray, shape (GRID_POINTS, GRID_POINTS), or None
            The square around the head from front left to back right, within the values' own range; None if
            there are fewer than four values.
        """
        mine = values[self.used]
        known = np.isfinite(mine)
        if known.sum() < _FEWEST:
            return None
        places, mine = self._places[known], mine[known]
        n = len(mine)
        system = np.zeros((n + 3, n + 3))
        system[:n, :n] = _kernel(places, places) + _STIFFNESS * np.eye(n)
        system[:n, n] = system[n, :n] = 1
        system[:n, n + 1 :] = places
        system[n + 1 :, :n] = places.T
        weights = np.linalg.lstsq(system, np.append(mine, np.zeros(3)), rcond=None)[0]
        found = _kernel(self._points, places) @ weights[:n] + weights[n] + self._points @ weights[n + 1 :]
        result: Floats = np.clip(found, mine.min(), mine.max()).reshape(GRID_POINTS, GRID_POINTS)
        return result


def _kernel(a: Floats, b: Floats) -> Floats:
    """Thin-plate kernel r² ln r between points (n, 2) and (m, 2)."""
    squared = ((a[:, None] - b[None]) ** 2).sum(axis=2)
    kernel: Floats = 0.5 * squared * np.log(np.maximum(squared, 1e-12))
    return kernel
