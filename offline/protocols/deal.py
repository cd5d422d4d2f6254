"""Deal units to parts so that each part has its share of windows and classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def contents_of(labels: Indices, of_row: NDArray[np.intp], n_units: int) -> NDArray[np.float64]:
    """Count the windows, and those of each class of each target, in every unit: (n_units, 1 + n_classes)."""
    columns = [np.ones(len(labels))]
    for target in labels.T:
        columns += [(target == label).astype(np.float64) for label in np.unique(target)]
    return np.stack([np.bincount(of_row, weights=column, minlength=n_units) for column in columns], axis=1)


def deal(
    contents: NDArray[np.float64], shares: NDArray[np.float64], rng: np.random.Generator, *, most: int | None = None
) -> Indices:
    """Deal units to parts so that each part comes close to its share of every column.

    Parameters
    ----------
    contents : ndarray of float64, shape (n_units, n_columns)
        What a unit holds.
    shares : ndarray of float64, shape (n_parts,)
        Add up to 1. No part stays empty.
    most : int, optional
        Units that a part takes at most; any number by default.

    Returns
    -------
    ndarray of int64, shape (n_units,)
        The part of each unit.
    """
    n_units = len(contents)
    if contents.shape[1] == 1 and np.ptp(contents) == 0:
        # Nothing to balance: equal units, shuffled.
        sizes = np.maximum(1, np.diff(np.round(np.cumsum([0, *shares]) * n_units))).astype(int)
        sizes[np.argmax(sizes)] += n_units - sizes.sum()
        return rng.permutation(np.repeat(np.arange(len(shares)), sizes)).astype(np.int64)
    total = contents.sum(axis=0)
    contents, total = contents[:, total > 0], total[total > 0]
    relative = contents / total
    # Large units first, the others fill up; equal ones in random order.
    order = rng.permutation(n_units)
    order = order[np.argsort(-contents[order, 0], kind="stable")]
    filled = np.zeros((len(shares), len(total)))
    sizes = np.zeros(len(shares), dtype=np.int64)
    part_of = np.empty(n_units, dtype=np.int64)
    for done, unit in enumerate(order):
        # The fall of the squared distance to the shares, weighed so that small parts count as much.
        lack = (shares[:, None] - filled) / shares[:, None]
        step = relative[unit] / shares[:, None]
        gain = (lack**2 - (lack - step) ** 2).sum(axis=1)
        if n_units - done <= (sizes == 0).sum():
            gain[sizes > 0] = -np.inf
        if most is not None:
            gain[sizes >= most] = -np.inf
        part = int(np.argmax(gain))
        filled[part] += relative[unit]
        sizes[part] += 1
        part_of[unit] = part
    return part_of
