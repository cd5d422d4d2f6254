"""Version 5 MAT files, with one kind of error for all that can be wrong with them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat, whosmat
from scipy.io.matlab import MatReadError

from bci_app.errors import DatasetError

# scipy lets the failure of whichever layer met the damage through.
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    MemoryError,
    NotImplementedError,
    zlib.error,
    MatReadError,
)


def mat_names(path: Path, *, expected: str) -> dict[str, tuple[int, ...]]:
    """Give names and shapes of the variables in a file.

    Raises
    ------
    DatasetError
        If the file cannot be read.
    """
    try:
        return {name: shape for name, shape, _ in whosmat(path)}
    except _DAMAGE as error:
        raise _damaged(path, error, expected) from error


def read_mat(path: Path, names: Sequence[str], *, expected: str) -> dict[str, NDArray[Any]]:
    """Read variables of a file.

    Raises
    ------
    DatasetError
        If the file cannot be read or lacks one of them.
    """
    try:
        found = loadmat(path, variable_names=list(names))
    except _DAMAGE as error:
        raise _damaged(path, error, expected) from error
    missing = [name for name in names if name not in found]
    if missing:
        present = ", ".join(mat_names(path, expected=expected)) or "no variables"
        raise DatasetError(f"{path.name} lacks {', '.join(missing)}", found=present, expected=expected)
    return {name: found[name] for name in names}


def as_float(value: object, where: str) -> NDArray[np.float64]:
    """Give a variable as real numbers.

    Raises
    ------
    DatasetError
        If it holds anything else.
    """
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        kind = f"type {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
        raise DatasetError(f"{where} holds no real numbers", found=kind, expected="float64")
    return value.astype(np.float64, copy=False)


def _damaged(path: Path, error: Exception, expected: str) -> DatasetError:
    return DatasetError(
        f"Cannot read {path.name}: it is truncated or no MAT file of version 5",
        found=str(error) or type(error).__name__,
        expected=expected,
        fix="Obtain the file anew.",
    )
