"""What a file format is: how its files are recognised, and what reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bci_app.recording.model import Recording


@dataclass(frozen=True, slots=True)
class Format:
    """A file format.

    Attributes
    ----------
    name : str
        As in `Recording.format`.
    extensions : tuple of str
        With the dot, in lower case.
    begins : callable
        Returns from a file's first bytes whether it is of this format.
    expected : str
        What those bytes should be, in words.
    read : callable
        From the path, and the option where there is one, to a `Recording`; raises `FileError`.
    companions : tuple of str
        Extensions of files that belong to a recording and are not recognised by their first bytes.
    option : str or None
        Name of the keyword that `read` takes.
    """

    name: str
    extensions: tuple[str, ...]
    begins: Callable[[bytes], bool]
    expected: str
    read: Callable[..., Recording]
    companions: tuple[str, ...] = ()
    option: str | None = None


def without_mark(head: bytes) -> bytes:
    """Return the first bytes of a text file without the byte order mark that some programs write."""
    return head.removeprefix(b"\xef\xbb\xbf")
