"""Files from the net, kept in the user's cache with their checksum. Nothing is downloaded unless a command asks."""

from __future__ import annotations

import logging
from pathlib import Path

from bci_app.errors import FileError


def fetch_file(url: str, checksum: str, folder: str) -> Path:
    """Return a file, downloading it if it is not in the cache yet.

    Parameters
    ----------
    url : str
        Its address.
    checksum : str
        ``sha256:…``.
    folder : str
        Name of the folder in the cache.

    Returns
    -------
    Path
        Where it lies.

    Raises
    ------
    FileError
        If it cannot be downloaded or is another file than expected.
    """
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)  # the command says what it does
    name = url.rsplit("/", 1)[-1]
    cache = Path(pooch.os_cache("bci-app")) / folder
    try:
        return Path(pooch.retrieve(url, known_hash=checksum, fname=name, path=cache))
    except (requests.RequestException, OSError) as error:
        raise FileError(
            f"{name} cannot be downloaded",
            found=str(error),
            fix=f"Connect to the net and try again, or put the file into {cache}.",
        ) from error
    except ValueError as error:  # pooch's answer to another checksum
        raise FileError(
            f"{name} is not the expected file",
            found=f"another checksum, from {url}",
            expected=checksum,
            fix="Try again later.",
        ) from error
