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
            found=f"{url}: {reason(error)}",
            fix=f"Connect to the net and try again, or put the file into {cache}.",
        ) from error
    except ValueError as error:  # pooch's answer to another checksum
        raise FileError(
            f"{name} is not the expected file",
            found=f"another checksum, from {url}",
            expected=checksum,
            fix="Try again later.",
        ) from error


def reason(error: OSError) -> str:
    """Say in a few words why a download failed."""
    import requests

    if not isinstance(error, requests.RequestException):
        return str(error)
    if error.response is not None:
        return f"{error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke"
    if isinstance(error, requests.ConnectionError) and error.args and not isinstance(error.args[0], str):
        return "no connection"
    return str(error) or type(error).__name__
