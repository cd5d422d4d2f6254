"""The known data sets by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bci_app.errors import DatasetError
from offline.datasets.base import DatasetInfo
from offline.datasets.deap import THRESHOLD as DEAP_THRESHOLD
from offline.datasets.deap import Deap, deap_info
from offline.datasets.deap_original import DeapOriginal
from offline.datasets.dreamer import THRESHOLD as DREAMER_THRESHOLD
from offline.datasets.dreamer import Dreamer
from offline.datasets.eegmat import INFO as EEGMAT
from offline.datasets.eegmat import EegmatFolder, EegmatSample
from offline.datasets.files import FileDataset
from offline.datasets.labels import Threshold
from offline.datasets.recordings import EXPECTED as RECORDINGS_EXPECTED
from offline.datasets.recordings import OBTAIN as RECORDINGS_OBTAIN
from offline.datasets.recordings import THRESHOLD as RECORDINGS_THRESHOLD
from offline.datasets.recordings import Recordings
from offline.datasets.seed import INFO as SEED
from offline.datasets.seed import Seed


@dataclass(frozen=True)
class _Known:
    """A data set that can be opened.

    Attributes
    ----------
    title, source, licence, obtain, expected_files : str
        As in `DatasetInfo`, known without any file.
    open : callable
        Opens a folder.
    threshold : Threshold or None
        What makes a rating high unless told otherwise; None where labels are no ratings.
    """

    title: str
    source: str
    licence: str
    obtain: str
    expected_files: str
    open: Callable[[Path, Threshold], FileDataset]
    threshold: Threshold | None = None


def _known(info: DatasetInfo, opener: Callable[[Path, Threshold], FileDataset], threshold: Threshold | None) -> _Known:
    return _Known(info.title, info.source, info.licence, info.obtain, info.expected_files, opener, threshold)


_NOWHERE = Path("/nonexistent")
_DATASETS = {
    "eegmat": _known(EEGMAT, lambda root, _: _open_eegmat(root), None),
    "deap": _known(deap_info(DEAP_THRESHOLD), Deap, DEAP_THRESHOLD),
    "deap-original": _known(DeapOriginal(_NOWHERE).info, DeapOriginal, DEAP_THRESHOLD),
    "dreamer": _known(Dreamer(_NOWHERE).info, Dreamer, DREAMER_THRESHOLD),
    "seed": _known(SEED, lambda root, _: Seed(root), None),
    "recordings": _Known(
        title="Own recordings with BIDS events tables",
        source="yourself",
        licence="your participants' consent",
        obtain=RECORDINGS_OBTAIN,
        expected_files=RECORDINGS_EXPECTED,
        open=Recordings,
        threshold=RECORDINGS_THRESHOLD,
    ),
}

DATASETS = tuple(_DATASETS)
"""Their names."""


def _open_eegmat(root: Path) -> FileDataset:
    return EegmatSample(root) if root.is_file() else EegmatFolder(root)


def _find(name: str) -> _Known:
    try:
        return _DATASETS[name]
    except KeyError:
        raise DatasetError("Unknown data set", found=repr(name), expected=", ".join(_DATASETS)) from None


def open_dataset(name: str, root: Path | None = None, *, threshold: Threshold | None = None) -> FileDataset:
    """Open a data set.

    Parameters
    ----------
    name : str
        ``eegmat``, ``deap``, ``deap-original``, ``dreamer``, ``seed`` or ``recordings``.
    root : Path, optional
        Folder with its files. EEGMAT needs none: its sample is part of the project; it also takes
        an npz file of the sample's shape.
    threshold : Threshold, optional
        What makes a rating high; the data set's own by default. Stated in the description of the
        targets.

    Raises
    ------
    DatasetError
        If the name is unknown, the folder does not hold the data set, or a threshold is given to one
        without ratings.
    """
    known = _find(name)
    if threshold is not None and known.threshold is None:
        raise DatasetError(f"Data set {name} has no ratings to divide", found=f"threshold {threshold}", expected="none")
    if root is None:
        if name == "eegmat":
            return EegmatSample()
        raise DatasetError(
            f"Data set {name} needs a folder", expected=known.expected_files, fix=f"Name it with --root. {known.obtain}"
        )
    if not root.exists():
        raise DatasetError(
            f"The folder of data set {name} is not there",
            found=str(root),
            expected=known.expected_files,
            fix=known.obtain,
        )
    dataset = known.open(root, threshold or known.threshold or Threshold(0.0))
    dataset.subjects()  # meets missing files now, not in the middle of a run
    return dataset


@dataclass(frozen=True)
class DatasetRow:
    """A line of ``bci-offline datasets``.

    Attributes
    ----------
    name, title, source, licence, obtain, expected_files : str
        What it is and how it is had.
    held : bool
        Whether it can be opened here.
    found : str
        What was found: number of subjects, or why it cannot be opened.
    """

    name: str
    title: str
    source: str
    licence: str
    obtain: str
    expected_files: str
    held: bool
    found: str


def list_datasets(root: Path | None = None) -> list[DatasetRow]:
    """Describe every data set and tell whether it is there.

    Parameters
    ----------
    root : Path, optional
        Folder to look in: for each data set's files, and for a subfolder of its name. Without one
        only the embedded sample is there.
    """
    rows = []
    for name, known in _DATASETS.items():
        held, found = _look(name, root)
        rows.append(
            DatasetRow(name, known.title, known.source, known.licence, known.obtain, known.expected_files, held, found)
        )
    return rows


def _look(name: str, root: Path | None) -> tuple[bool, str]:
    if root is not None and not root.is_dir():
        raise DatasetError("The folder is not there", found=str(root), expected="a folder with data sets")
    reason = "name a folder with --root"
    for folder in (root, root / name) if root is not None else ():
        if not folder.is_dir():
            continue
        try:
            dataset = open_dataset(name, folder)
        except DatasetError as error:
            reason = f"{error.summary}: {error.found}"
            continue
        n = len(dataset.subjects())
        marked = " of synthetic files" if name != "recordings" and dataset.info.synthetic else ""
        return True, f"{n} subject{'s' * (n != 1)}{marked} in {folder}"
    if name == "eegmat":
        return True, f"embedded sample, {len(EegmatSample().subjects())} subjects"
    return False, reason
