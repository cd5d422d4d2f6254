"""Labelled data sets, the windows made of them, and their cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bci_app.errors import DatasetError
from offline.datasets.base import Dataset, DatasetInfo, Split, Trial, WindowSet
from offline.datasets.eegmat import INFO as EEGMAT
from offline.datasets.eegmat import EegmatFolder, EegmatSample
from offline.datasets.files import require_folder
from offline.datasets.windows import make_windows

__all__ = ["Dataset", "DatasetInfo", "Split", "Trial", "WindowSet", "make_windows", "open_dataset"]


def _eegmat(root: Path | None) -> Dataset:
    if root is None:
        return EegmatSample()
    if root.suffix == ".npz":
        return EegmatSample(root)
    return EegmatFolder(require_folder(root, "eegmat", expected=EEGMAT.expected_files, fix=EEGMAT.obtain))


_DATASETS: dict[str, Callable[[Path | None], Dataset]] = {"eegmat": _eegmat}


def open_dataset(name: str, root: Path | None = None) -> Dataset:
    """Open a data set.

    Parameters
    ----------
    name : str
        One of the known data sets.
    root : Path, optional
        Folder with its files. EEGMAT needs none: its sample is part of the project; it also takes
        an npz file of the sample's shape.

    Raises
    ------
    DatasetError
        If the name is unknown or the folder does not hold the data set.
    """
    try:
        opener = _DATASETS[name]
    except KeyError:
        raise DatasetError("Unknown data set", found=repr(name), expected=", ".join(_DATASETS)) from None
    return opener(root)
