"""Version 5 MAT files, with one kind of error for all that can be wrong with them."""

from __future__ import annotations

import mmap
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat, whosmat

from bci_app.errors import DatasetError
from bci_app.recording.mat_check import check_mat
from bci_app.recording.parsing import PARSER_ERRORS

# scipy passes on the error of whichever layer found the damage.
_DAMAGE = (*PARSER_ERRORS, zlib.error)


def mat_names(path: Path, *, expected: str) -> dict[str, tuple[int, ...]]:
    """Check a file and return names and shapes of the variables in it.

    Raises
    ------
    DatasetError
        If the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        # scipy's compiled reader trusts sizes in the file; a damaged one can end the process.
        check_mat(cast(bytes, content))  # a map slices as bytes do
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return {name: shape for name, shape, _ in whosmat(path)}
    except _DAMAGE as error:
        raise _damaged(path, error, expected) from error


def read_mat(path: Path, names: Sequence[str], *, expected: str, checked: bool = False) -> dict[str, NDArray[Any]]:
    """Read variables of a file.

    Parameters
    ----------
    path : Path
        The file.
    names : sequence of str
        Which variables.
    expected : str
        What the file should hold, for messages.
    checked : bool
        True if `mat_names` has checked this file.

    Raises
    ------
    DatasetError
        If the file cannot be read or lacks one of them.
    """
    present = None if checked else mat_names(path, expected=expected)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = loadmat(path, variable_names=list(names))
    except _DAMAGE as error:
        raise _damaged(path, error, expected) from error
    if missing := [name for name in names if name not in found]:
        raise DatasetError(
            f"{path.name} lacks {', '.join(missing)}",
            found=", ".join(present or ()) or "no variables",
            expected=expected,
        )
    return {name: found[name] for name in names}


def as_float(value: object, where: str) -> NDArray[np.float64]:
    """Return a variable as real numbers.

    Raises
    ------
    DatasetError
        If it holds anything else.
    """
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        kind = f"type {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
        raise DatasetError(f"{where} holds no real numbers", found=kind, expected="float64")
    return value.astype(np.float64, copy=False)


def _damaged(path: Path, error: BaseException, expected: str) -> DatasetError:
    return DatasetError(
        f"Cannot read {path.name}: it is truncated, damaged or no MAT file of version 5",
        found=str(error) or type(error).__name__,
        expected=expected,
        fix="Obtain the file again.",
    )
