"""One file over HTTP, by pooch: checksum, mirrors, and a broken download that goes on where it stopped."""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import requests

from bci_app import __version__
from bci_app.download import reason
from bci_app.errors import DatasetError

HEADERS = {"User-Agent": f"bci-app/{__version__}", "Accept-Encoding": "identity"}
"""Sent with every request. Bytes that the server compressed could not be counted, nor asked for from the middle."""
TIMEOUT = (10.0, 60.0)
"""Seconds to wait for a connection, and for the next bytes."""

_ATTEMPTS = 4
FIRST_PAUSE = 0.5
_CHUNK = 1 << 16

OnBytes = Callable[[int, int | None], None]
"""Called with the bytes of a file that are here, and its size where the server states it."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of an archive.

    Attributes
    ----------
    path : str
        Where it belongs in the folder of the data set, with forward slashes.
    urls : tuple of str
        Its address, and those of mirrors.
    size : int or None
        Bytes, where the archive states them.
    checksum : str or None
        ``sha256:…`` or ``md5:…``, where the archive states one.

    Raises
    ------
    DatasetError
        If the path leads out of the folder.
    """

    path: str
    urls: tuple[str, ...]
    size: int | None = None
    checksum: str | None = None

    def __post_init__(self) -> None:
        path = PurePosixPath(self.path)
        if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in self.path:
            raise DatasetError(
                "The archive lists a file outside its folder", found=repr(self.path), expected="a path inside it"
            )

    def place(self, folder: Path) -> Path:
        """Return where the file lies in a folder."""
        return folder.joinpath(*PurePosixPath(self.path).parts)

    def is_here(self, folder: Path) -> bool:
        """Return True if a file of that name and size is there. Contents are not read."""
        place = self.place(folder)
        return place.is_file() and self.size in (None, place.stat().st_size)


class _Resuming:
    """A downloader for pooch that appends to a partial file, which survives a broken connection."""

    def __init__(self, part: Path, on_bytes: OnBytes) -> None:
        self._part, self._on_bytes = part, on_bytes

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        here = self._part.stat().st_size if self._part.exists() else 0
        asked = HEADERS | ({"Range": f"bytes={here}-"} if here else {})
        with requests.get(url, headers=asked, stream=True, timeout=TIMEOUT) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                self._part.unlink()  # longer than the file: of another version
                raise requests.ConnectionError("the part that was here does not fit the file")
            response.raise_for_status()
            resumed = response.status_code == requests.codes.partial_content
            here = here if resumed else 0
            length = response.headers.get("Content-Length")
            total = here + int(length) if length else None
            with self._part.open("ab" if resumed else "wb") as file:
                for block in response.iter_content(_CHUNK):
                    file.write(block)
                    here += len(block)
                    self._on_bytes(here, total)
        os.replace(self._part, output_file)  # noqa: PTH105


def fetch(file: RemoteFile, folder: Path, on_bytes: OnBytes) -> None:
    """Download a file, or check the one that is there.

    Parameters
    ----------
    file : RemoteFile
        Which one.
    folder : Path
        Folder of the data set.
    on_bytes : callable
        Called as bytes arrive.

    Raises
    ------
    DatasetError
        If no mirror has it, its checksum does not match, or the disk is full. What has arrived is kept in
        a file ``….part`` beside it, and the next call goes on from there.
    """
    place = file.place(folder)
    part = place.with_name(place.name + ".part")
    failures: list[str] = []
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        for url in file.urls:
            for attempt in range(_ATTEMPTS):
                if attempt:
                    time.sleep(FIRST_PAUSE * 2**attempt)
                try:
                    _retrieve(url, file, folder, _Resuming(part, on_bytes))
                    return
                except requests.RequestException as error:
                    failures.append(f"{url}: {reason(error)}")
                    if error.response is not None and error.response.status_code < 500:
                        break  # asking again will not help
                except ValueError:  # pooch's answer to a wrong checksum; it has removed the file
                    failures.append(f"{url}: the checksum does not match")
                    if attempt:
                        break  # the first time, a part of an older version may be to blame
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise DatasetError(
            "The disk is full" if full else f"{place.name} cannot be written",
            found=str(error),
            expected=f"a folder with free space at {folder}",
            fix="Free some space or name another folder with --root. What has arrived is kept.",
        ) from error
    raise DatasetError(
        f"{file.path} could not be downloaded",
        found="; ".join(dict.fromkeys(failures)),
        expected=f"the file with checksum {file.checksum}" if file.checksum else "the file",
        fix="Try again later: the same command goes on where it stopped.",
    )


def _retrieve(url: str, file: RemoteFile, folder: Path, downloader: _Resuming) -> None:
    import pooch

    place = file.place(folder)
    pooch.get_logger().setLevel(logging.WARNING)  # it would print each address and, where none is known, a checksum
    if file.checksum is None and not file.is_here(folder):
        place.unlink(missing_ok=True)  # pooch keeps whatever is there if it knows no checksum
    pooch.retrieve(url, known_hash=file.checksum, fname=place.name, path=place.parent, downloader=downloader)
    if file.size not in (None, place.stat().st_size):
        found = place.stat().st_size
        place.unlink()
        raise requests.ConnectionError(f"{found} bytes of {file.size} arrived")
