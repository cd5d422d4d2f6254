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
_SMOOTHING = 1e-3
_FEWEST = 4
_LINE = 0.05  # radii of the head


class Topography:
    """Interpolation between electrodes by thin-plate splines (Duchon 1977), SciPy's default kernel.

    Parameters
    ----------
    channels : sequence of str
        Names that are not in the 10-05 system are left out.

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
            there are fewer than four values, or all their electrodes lie in one line.
        """
        mine = values[self.used]
        known = np.isfinite(mine)
        places = self._places[known]
        # Electrodes in one line say nothing of what lies beside it.
        if len(places) < _FEWEST or np.linalg.matrix_rank(places - places.mean(axis=0), tol=_LINE) < 2:
            return None
        # Few sessions show a map, and the import takes a tenth of a second.
        from scipy.interpolate import RBFInterpolator

        low, high = mine[known].min(), mine[known].max()
        spline = RBFInterpolator(places, mine[known], smoothing=_SMOOTHING)
        found = spline(self._points)
        result: Floats = np.clip(found, low, high).reshape(GRID_POINTS, GRID_POINTS)
        return result
