"""All files of a data set: what is missing, whether it fits on the disk, and one after the other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bci_app.atomic import write_atomically
from bci_app.errors import DatasetError
from offline.datasets.downloads.archives import Archive
from offline.datasets.downloads.transfer import RemoteFile, fetch

LISTING = "files.json"
"""The archive's list of files, kept beside them."""

OnProgress = Callable[[int, int, str, int, int | None], None]
"""Called with the file's number from 1, how many there are, its path, its bytes that are here, and its size."""


@dataclass(frozen=True)
class Download:
    """What a download left on the disk.

    Attributes
    ----------
    folder : Path
        Where the files are.
    n_files : int
        How many.
    n_bytes : int
        Their bytes.
    """

    folder: Path
    n_files: int
    n_bytes: int


def download(archive: Archive, folder: Path, on_progress: OnProgress) -> Download:
    """Download a data set. Files that are there with the right checksum are kept.

    Raises
    ------
    DatasetError
        If the archive cannot be reached, the files do not fit on the disk, or one of them cannot be
        downloaded. The same call then goes on where it stopped.
    """
    files = archive.list_files()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _require_space(files, folder)
        write_atomically(folder / LISTING, json.dumps([[file.path, file.size] for file in files], indent=0) + "\n")
    except OSError as error:
        raise DatasetError(
            f"{folder} cannot be written", found=str(error), fix="Name another folder with --root."
        ) from error
    for number, file in enumerate(files, start=1):
        fetch(file, folder, lambda here, size, n=number, f=file: on_progress(n, len(files), f.path, here, size))  # type: ignore[misc]
    return Download(folder, len(files), sum(file.place(folder).stat().st_size for file in files))


def find_missing(archive: Archive, folder: Path) -> tuple[list[str], int]:
    """List the files that are not there, without any connection.

    Returns
    -------
    missing : list of str
        Their paths.
    n_files : int
        How many files the data set has.

    Raises
    ------
    DatasetError
        If nothing is known of the files: the list comes with the first download.
    """
    try:
        listed = [RemoteFile(path, (), size) for path, size in json.loads((folder / LISTING).read_text("utf-8"))]
    except (OSError, ValueError, TypeError) as error:
        listed = [RemoteFile(name, ()) for name in archive.names]
        if not listed:
            raise DatasetError(
                "The list of files is not known without a connection",
                found=f"no {LISTING} in {folder}",
                expected="a download that was begun",
                fix="Run the same command without --offline.",
            ) from error
    return [file.path for file in listed if not file.is_here(folder)], len(listed)


def _require_space(files: list[RemoteFile], folder: Path) -> None:
    needed = sum(file.size or 0 for file in files if not file.is_here(folder))
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DatasetError(
            "The data set does not fit on the disk",
            found=f"{free / 1e6:.1f} MB free in {folder}",
            expected=f"{needed / 1e6:.1f} MB",
            fix="Free some space or name another folder with --root.",
        )
