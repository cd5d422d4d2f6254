"""The head: where electrodes and sources lie, and how much of each source an electrode picks up."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bci_app.montage.headsets import HEADSETS
from bci_app.montage.names import canonical
from bci_app.montage.positions import electrode_places

Array = NDArray[np.float64]

# Electrodes of SEED that the 10-05 system does not have: below O1 and O2.
_FURTHER = {"CB1": (-0.75, -1.03), "CB2": (0.75, -1.03)}

N_SOURCES = 20
# Of the head's radius. Skull and scalp blur cortical sources by several centimetres (Nunez & Srinivasan 2006).
_BLUR = 0.4
# The sources reach a little below the equator of the head.
_LOWEST = -0.3


def electrode_points(channels: Sequence[str]) -> Array:
    """Return electrode positions on the unit sphere, shape (n_channels, 3): right, front, up.

    A name that the 10-05 system does not know gets a place that depends on the name alone.
    """
    places = {**_FURTHER, **electrode_places()}
    flat = [places.get(canonical(name)) or _anywhere(name) for name in channels]
    x, y = np.array(flat).reshape(-1, 2).T
    angle, azimuth = np.hypot(x, y) * np.pi / 2, np.arctan2(y, x)
    return np.stack([np.sin(angle) * np.cos(azimuth), np.sin(angle) * np.sin(azimuth), np.cos(angle)], axis=1)


def _anywhere(name: str) -> tuple[float, float]:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    radius, azimuth = np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
    return float(radius * np.cos(azimuth)), float(radius * np.sin(azimuth))


def _spread_sources() -> Array:
    """Spread the sources evenly over the upper part of the sphere, shape (N_SOURCES, 3)."""
    number = np.arange(N_SOURCES) + 0.5
    up = 1 - number / N_SOURCES * (1 - _LOWEST)
    around = np.pi * (1 + 5**0.5) * number
    flat = np.sqrt(1 - up**2)
    return np.stack([np.cos(around) * flat, np.sin(around) * flat, up], axis=1)


SOURCES = _spread_sources()
"""Positions of the sources on the unit sphere, (N_SOURCES, 3): right, front, up."""


def nearness(points: Array, centres: Array, reach: float) -> Array:
    """Return a Gaussian of the distance of every point from every centre, shape (n_points, n_centres)."""
    squared = ((points[:, None] - centres[None]) ** 2).sum(axis=2)
    return np.asarray(np.exp(-squared / (2 * reach**2)))


def _mean_pick_up() -> float:
    """Return the amplitude that an electrode of the 10-20 system picks up of unit sources, on average."""
    leads = nearness(electrode_points(HEADSETS["10-20"].channels), SOURCES, _BLUR)
    return float(np.sqrt((leads**2).sum(axis=1).mean()))


_PICK_UP = _mean_pick_up()


def lead_field(points: Array) -> Array:
    """Return how much of each source each electrode picks up, shape (n_electrodes, N_SOURCES).

    Independent sources of unit variance everywhere make a variance of about 1 at an electrode.
    """
    return nearness(points, SOURCES, _BLUR) / _PICK_UP


def turned(points: Array, turn: Array) -> Array:
    """Return points on the sphere after a small rotation by the vector `turn` (radians): a cap that sits askew."""
    moved = points + np.cross(turn, points)
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True))
