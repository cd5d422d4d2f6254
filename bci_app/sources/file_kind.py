"""Recordings among the kinds of sources. Readers are loaded when one is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bci_app.errors import SourceError
from bci_app.sources.base import Source
from bci_app.sources.kind import Kind, Listing, Overrides, split_options

_OPTIONS = ("speed", "stream", "board")


@dataclass(frozen=True, slots=True)
class FileText:
    """What the text of a file source says.

    Attributes
    ----------
    paths : tuple of Path
        Recordings, one after the other.
    speed : float or None
        Factor; None for as fast as possible.
    stream, board : str or None
        As `read_recording` takes them.
    """

    paths: tuple[Path, ...]
    speed: float | None = 1.0
    stream: str | None = None
    board: str | None = None


def parse_file(what: str) -> FileText:
    """Read what follows ``file:``.

    Raises
    ------
    SourceError
        If no file is named or an option cannot be read.
    """
    from bci_app.sources.file import parse_speed

    if Path(what).is_file():
        # A name that holds a question mark or a semicolon is taken as it is.
        return FileText((Path(what),))
    text, options = split_options(what, known=_OPTIONS)
    paths = [Path(text)] if Path(text).is_file() else [Path(part) for part in text.split(";") if part.strip()]
    if not paths:
        raise SourceError("No file is named", expected="file:PATH, or file:PATH;PATH for several")
    return FileText(
        tuple(paths),
        speed=parse_speed(options.get("speed", "1")),
        stream=options.get("stream"),
        board=options.get("board"),
    )


def _open(what: str, overrides: Overrides) -> Source:
    from bci_app.sources.file import FileSource

    overrides.refuse("file", "rate", "unit")
    said = parse_file(what)
    return FileSource(said.paths, speed=said.speed, stream=said.stream, board=said.board, channels=overrides.channels)


def _list() -> list[Listing]:
    return [Listing("file", "file:PATH?speed=max", "a recording; several with ; between them")]


KIND = Kind("file:PATH?speed=max", _open, _list)
