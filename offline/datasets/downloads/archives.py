"""The public archives: what files a data set has, and where each lies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

import requests

from bci_app.download import reason
from bci_app.errors import DatasetError
from offline.datasets.downloads.transfer import HEADERS, TIMEOUT, RemoteFile

PHYSIONET = ("https://physionet.org/files", "https://physionet-open.s3.amazonaws.com")
OPENNEURO = "https://s3.amazonaws.com/openneuro.org"
NEMAR = "https://data.nemar.org"

_S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"
_MD5 = re.compile(r"[0-9a-f]{32}")


class Archive(Protocol):
    """A data set in an archive."""

    def list_files(self) -> list[RemoteFile]:
        """Ask the archive for the files.

        Raises
        ------
        DatasetError
            If it cannot be reached or answers something unexpected.
        """
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Paths of the files that are known without asking; empty if none are."""
        ...


@dataclass(frozen=True)
class PhysioNet:
    """A project of PhysioNet, which serves ``SHA256SUMS.txt`` beside the files.

    Parameters
    ----------
    project : str
        Name and version, joined by a slash.
    names : tuple of str
        The files that are wanted.
    mirrors : tuple of str
        Addresses under which projects lie.
    """

    project: str
    names: tuple[str, ...]
    mirrors: tuple[str, ...] = PHYSIONET

    def list_files(self) -> list[RemoteFile]:
        """Read the checksums that the archive publishes."""
        homes = tuple(f"{mirror}/{self.project}" for mirror in self.mirrors)
        text = _get([f"{home}/SHA256SUMS.txt" for home in homes]).text
        sums = {path: digest for digest, path in (line.split(maxsplit=1) for line in text.splitlines() if line.strip())}
        if missing := [name for name in self.names if name not in sums]:
            raise DatasetError(
                f"The archive does not list all files of {self.project}",
                found=f"{len(sums)} files, without {', '.join(missing[:5])}",
                expected=", ".join(self.names),
            )
        return [
            RemoteFile(name, tuple(f"{home}/{quote(name)}" for home in homes), checksum=f"sha256:{sums[name]}")
            for name in self.names
        ]


@dataclass(frozen=True)
class OpenNeuro:
    """A data set of OpenNeuro, listed by its public bucket. One-part objects carry an MD5 checksum.

    Parameters
    ----------
    accession : str
        As ``ds002721``.
    home : str
        Address of the bucket.
    """

    accession: str
    home: str = OPENNEURO

    names: tuple[str, ...] = ()

    def list_files(self) -> list[RemoteFile]:
        """Read the listing, page by page."""
        files = [
            RemoteFile(
                key.removeprefix(f"{self.accession}/"),
                (f"{self.home}/{quote(key)}",),
                size=size,
                checksum=f"md5:{tag}" if _MD5.fullmatch(tag) else None,
            )
            for key, size, tag in self._objects()
            if not key.endswith("/")
        ]
        if not files:
            raise DatasetError(
                f"OpenNeuro has no data set {self.accession}",
                found="no files",
                expected="an accession number as on openneuro.org",
            )
        return files

    def _objects(self) -> Iterator[tuple[str, int, str]]:
        """Yield key, bytes and tag of each object."""
        token: str | None = None
        while True:
            asked = {"list-type": "2", "prefix": f"{self.accession}/"}
            answer = _get([self.home], params=asked | ({"continuation-token": token} if token else {}))
            try:
                page = ElementTree.fromstring(answer.content)
                for item in page.iter(f"{_S3}Contents"):
                    key, size, tag = (item.findtext(f"{_S3}{name}", "") for name in ("Key", "Size", "ETag"))
                    yield key, int(size), tag.strip('"')
            except (ElementTree.ParseError, ValueError) as error:
                raise _unexpected(self.home, error) from error
            token = page.findtext(f"{_S3}NextContinuationToken")
            if not token:
                return


@dataclass(frozen=True)
class Nemar:
    """A data set of NEMAR, whose manifest states address, bytes and checksum of each file.

    Parameters
    ----------
    accession : str
        As ``nm000112``.
    home : str
        Address of the catalogue.
    """

    accession: str
    home: str = NEMAR

    names: tuple[str, ...] = ()

    def list_files(self) -> list[RemoteFile]:
        """Read the manifest of the newest version."""
        about = _json(f"{self.home}/{self.accession}")
        try:
            newest = max(about["versions"], key=lambda version: version["created_at"])
            address = newest.get("manifest_url") or f"{self.home}/{self.accession}/{newest['version']}/manifest.json"
            return [
                RemoteFile(entry["path"], (entry["url"],), size=int(entry["size"]), checksum=_checksum(entry))
                for entry in _json(address)
            ]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _unexpected(self.home, error) from error


def _checksum(entry: dict[str, Any]) -> str | None:
    """Return the checksum of a manifest's entry. Those of files kept in git are of another kind."""
    algorithm = str(entry.get("checksum_algorithm", "")).lower()
    return f"{algorithm}:{entry['checksum']}" if algorithm in ("sha256", "md5") else None


def _json(address: str) -> Any:
    try:
        return _get([address]).json()
    except ValueError as error:
        raise _unexpected(address, error) from error


def _get(addresses: list[str], params: dict[str, str] | None = None) -> requests.Response:
    """Return the answer of the first address that has one."""
    failures = []
    for address in addresses:
        try:
            response = requests.get(address, params=params, headers=HEADERS, timeout=TIMEOUT)
            response.raise_for_status()
            return response
        except requests.RequestException as error:
            failures.append(f"{urlsplit(address).hostname}: {reason(error)}")
    raise DatasetError(
        "The archive cannot be reached",
        found="; ".join(failures),
        expected="an answer of " + " or ".join(addresses),
        fix="Check the connection. With --offline the command lists what is missing.",
    )


def _unexpected(address: str, error: Exception) -> DatasetError:
    return DatasetError(
        "The archive answers something unexpected",
        found=f"{type(error).__name__}: {error}",
        expected=f"a list of files from {address}",
    )
