"""Shared by the loaders: natural order, the folder of downloads, and checks that name the faulty file."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import DatasetError
from offline.datasets.base import Dataset, DatasetInfo

SYNTHETIC_MARK = "synthetic.json"
"""A file of this name lies beside synthetic files."""

DATA_VARIABLE = "BCI_APP_DATA"
"""Environment variable with the folder of downloads; the user's cache folder if it is not set."""


def data_folder(name: str) -> Path:
    """Return the folder to which a data set is downloaded. It need not exist."""
    if chosen := os.environ.get(DATA_VARIABLE):
        return Path(chosen) / name
    import pooch

    return Path(pooch.os_cache("bci-app")) / "datasets" / name


class FileDataset(Dataset, Protocol):
    """A data set that can say which files hold a subject, so that windows made from them can be cached."""

    def files(self, subject: str) -> tuple[Path, ...]:
        """Files that hold a subject."""
        ...


def marked(info: DatasetInfo, root: Path) -> DatasetInfo:
    """Return the description of the files in `root`, changed if they are synthetic."""
    if not is_synthetic(root):
        return info
    return replace(
        info,
        title=f"Synthetic files in the format of {info.name.upper()}",
        source="bci-offline synth",
        licence="none needed: not recorded from people",
        synthetic=True,
    )


def is_synthetic(root: Path) -> bool:
    """Return True if the files in a folder are marked as synthetic."""
    return (root / SYNTHETIC_MARK).is_file()


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key under which ``s2`` comes before ``s10``."""
    return tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", text.lower()) if part
    )


def require_finite(data: NDArray[np.float64], where: str) -> NDArray[np.float64]:
    """Return `data` (n_samples, n_channels) after a check that every value is finite.

    Raises
    ------
    DatasetError
        If it is empty or holds NaN or infinity.
    """
    if data.size == 0:
        raise DatasetError(f"{where} is empty", found=f"shape {data.shape}", expected="samples")
    # A sum is one pass without a boolean copy; it is finite unless a value is not (or it overflows).
    with np.errstate(invalid="ignore", over="ignore"):
        total = data.sum()
    if not np.isfinite(total) and not (finite := np.isfinite(data)).all():
        sample = int(np.argmin(finite.all(axis=tuple(range(1, data.ndim)))))
        raise DatasetError(
            f"{where} holds values that are not numbers",
            found=f"{int((~finite).sum())} NaN or infinite values, the first at index {sample}",
            expected="finite samples",
            fix="Obtain the file again, or leave this subject out.",
        )
    return data


def require_shape(shape: Sequence[int], expected: Sequence[int | None], where: str) -> None:
    """Check a shape against the documented one; None allows any length of at least 1.

    Raises
    ------
    DatasetError
        If it differs.
    """
    fits = len(shape) == len(expected) and all(
        n == want or (want is None and n > 0) for n, want in zip(shape, expected, strict=True)
    )
    if not fits:
        raise DatasetError(
            f"{where} is not shaped as documented",
            found=f"shape {tuple(shape)}",
            expected="(" + ", ".join("any" if n is None else str(n) for n in expected) + ")",
            fix="Obtain the file again, or leave this subject out.",
        )
