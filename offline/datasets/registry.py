"""The known data sets by name. A new data set is one module and one entry here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl

from bci_app.errors import DatasetError
from offline.datasets import (
    bids,
    deap,
    deap_original,
    dreamer,
    eegmat,
    faced,
    faced_processed,
    recordings,
    seed,
    simulated,
)
from offline.datasets.base import DatasetInfo
from offline.datasets.bids_layout import Layout
from offline.datasets.cross import cross_entry
from offline.datasets.downloads.archives import Archive, Nemar, OpenNeuro
from offline.datasets.entry import DatasetEntry
from offline.datasets.files import FileDataset, data_folder, is_synthetic
from offline.datasets.labels import Threshold
from offline.datasets.on_request import ON_REQUEST

DATASETS: dict[str, DatasetEntry] = {
    entry.info.name: entry
    for entry in (
        eegmat.ENTRY,
        deap.ENTRY,
        deap_original.ENTRY,
        dreamer.ENTRY,
        seed.ENTRY,
        faced.ENTRY,
        faced_processed.ENTRY,
        bids.ENTRY,
        recordings.ENTRY,
        simulated.ENTRY,
        cross_entry(lambda name, root: open_dataset(name, root)),
    )
}
"""Every data set by its name."""

DEFAULT = eegmat.ENTRY.info.name
"""The data set that ``bci-offline evaluate`` scores on unless another is named."""

_ARCHIVES: dict[str, tuple[str, Callable[[str], Archive]]] = {
    "ds": ("OpenNeuro", OpenNeuro), "nm": ("NEMAR", Nemar), "on": ("NEMAR", Nemar),
}  # fmt: skip
_ACCESSION = re.compile(rf"({'|'.join(_ARCHIVES)})\d{{6}}")


def plain_name(name: str) -> str:
    """Return the name of a data set without its options."""
    return name.partition("?")[0]


def is_accession(name: str) -> bool:
    """Return True for an accession number of OpenNeuro (``ds002721``) or NEMAR (``nm000112``)."""
    return _ACCESSION.fullmatch(name) is not None


def _of_archive(accession: str) -> DatasetEntry:
    """Return the entry of a BIDS folder that an archive knows by this number."""
    title, archive = _ARCHIVES[accession[:2]]
    about = replace(
        bids.INFO,
        name=accession,
        title=f"{accession}, a BIDS-EEG folder of {title}",
        source=f"{title} {accession}",
        licence=f"that of {accession}",
        obtain=f"bci-offline datasets get {accession} downloads it. "
        f"Name the columns of labels: --dataset '{accession}?labels=valence,arousal'",
    )
    return bids.bids_entry(about, Layout(), bids.THRESHOLD, archive(accession))


def find_dataset(name: str) -> DatasetEntry:
    """Return the entry of a data set.

    Parameters
    ----------
    name : str
        A name in `DATASETS` or an accession number, which options may follow: ``bids?labels=valence&scale=1-9``.

    Raises
    ------
    DatasetError
        If the name is unknown, or its options are.
    """
    plain, _, options = name.partition("?")
    if plain not in DATASETS and not is_accession(plain):
        raise DatasetError(
            "Unknown data set",
            found=repr(plain),
            expected=", ".join([*DATASETS, "or a number as ds002721 or nm000112"]),
        )
    entry = DATASETS[plain] if plain in DATASETS else _of_archive(plain)
    if not options:
        return entry
    if entry.configured is None:
        raise DatasetError(f"Data set {plain} has no options", found=repr(options), expected=plain)
    try:
        return entry.configured(dict(parse_qsl(options, keep_blank_values=True, strict_parsing=True)))
    except ValueError:
        raise DatasetError(
            "Options of a data set cannot be read", found=repr(options), expected="name=value, joined by &"
        ) from None


def open_dataset(name: str, root: Path | None = None, *, threshold: Threshold | None = None) -> FileDataset:
    """Open a data set.

    Parameters
    ----------
    name : str
        A name in `DATASETS`, with options if it has any: see `find_dataset`.
    root : Path, optional
        The folder with its files, or a file where the data set is one. By default the folder to which
        ``bci-offline datasets get`` downloads it.
    threshold : Threshold, optional
        The limit between low and high ratings; the data set's usual one by default. The description of
        the targets states it.

    Raises
    ------
    DatasetError
        If the name is unknown, the files are not there, or a threshold is passed for a data set without
        ratings.
    """
    entry = find_dataset(name)
    if threshold is not None and entry.threshold is None:
        raise DatasetError(f"Data set {name} has no ratings to divide", found=f"threshold {threshold}", expected="none")
    if root is None and entry.without_files is not None:
        return entry.without_files()
    downloaded = data_folder(plain_name(name))
    if root is None and not downloaded.is_dir():
        raise DatasetError(
            f"Data set {name} needs a folder",
            found=f"no --root, and nothing downloaded to {downloaded}",
            expected=entry.info.expected_files,
            fix=f"Name the folder with --root. {entry.info.obtain}",
        )
    folder = root or downloaded
    if not folder.exists():
        raise DatasetError(
            f"The folder of data set {name} is not there",
            found=str(folder),
            expected=entry.info.expected_files,
            fix=entry.info.obtain,
        )
    dataset = entry.open(folder, threshold or entry.threshold or Threshold(0.0))
    dataset.subjects()  # finds missing files now, not in the middle of a run
    return dataset


def find_archive(name: str) -> Archive:
    """Return where a data set can be downloaded.

    Parameters
    ----------
    name : str
        A name in `DATASETS`, or an accession number of OpenNeuro (``ds002721``) or NEMAR (``nm000112``).

    Raises
    ------
    DatasetError
        If it is unknown, or its owners pass it on themselves: the message says whom to ask.
    """
    obtain = ON_REQUEST.get(name) or find_dataset(name).info.obtain
    archive = None if name in ON_REQUEST else find_dataset(name).archive
    if archive is None:
        raise DatasetError(f"Data set {name} cannot be downloaded by a program", found="no public archive", fix=obtain)
    return archive


@dataclass(frozen=True)
class DatasetRow:
    """A line of ``bci-offline datasets``.

    Attributes
    ----------
    info : DatasetInfo
        The description.
    held : bool
        Whether the data set can be opened here.
    found : str
        The number of subjects found, or why the data set cannot be opened.
    """

    info: DatasetInfo
    held: bool
    found: str


def list_datasets(root: Path | None = None) -> list[DatasetRow]:
    """Describe every data set and say whether it is there.

    Parameters
    ----------
    root : Path, optional
        Folder to look in: for each data set's files, and for a subfolder of its name. The folder of
        downloads is searched too.

    Raises
    ------
    DatasetError
        If `root` is not a folder.
    """
    if root is not None and not root.is_dir():
        raise DatasetError("The folder is not there", found=str(root), expected="a folder with data sets")
    return [DatasetRow(entry.info, *_look(name, root)) for name, entry in DATASETS.items()]


def _look(name: str, root: Path | None) -> tuple[bool, str]:
    """Return whether a data set can be opened, and what was found."""
    reason = "not downloaded; name a folder with --root"
    places = (root, root / name, data_folder(name)) if root is not None else (data_folder(name),)
    for folder in places:
        if not folder.is_dir():
            continue
        try:
            dataset = open_dataset(name, folder)
            synthetic = " of synthetic files" if is_synthetic(folder) else ""
        except DatasetError as error:
            reason = f"{error.summary}: {error.found}"
            continue
        n = len(dataset.subjects())
        return True, f"{n} subject{'s' * (n != 1)}{synthetic} in {folder}"
    if DATASETS[name].without_files is not None:
        return True, "needs no file"
    return False, reason
