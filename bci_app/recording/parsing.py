"""What the readers share: the errors of foreign parsers, and how they become ours."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bci_app.errors import FileError

# What pyxdf raises on malformed files.
PARSER_ERRORS = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RuntimeError,
    ArithmeticError,
    AssertionError,
    SyntaxError,
    OSError,
    EOFError,
    MemoryError,
    struct.error,
)

MICROVOLT = "µV"
NO_UNIT = "n/a"


def unreadable(path: Path, name: str, found: BaseException | str) -> FileError:
    """Make the error for a file that a parser refuses.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Name of the format.
    found : exception or str
        What the parser raised, or what was found.
    """
    if isinstance(found, BaseException):
        lines = str(found).strip().splitlines()
        found = f"{type(found).__name__}: {lines[0]}" if lines else type(found).__name__
    return FileError(
        f"{path.name} cannot be read as {name}",
        found=found,
        expected=f"a complete {name} recording",
        fix="The file is damaged, incomplete or not what its name says; export or copy it again.",
    )


@contextmanager
def captured_log(name: str) -> Iterator[list[str]]:
    """Collect the warnings of a library's logger instead of letting them reach the terminal."""
    messages: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    logger = logging.getLogger(name)
    handlers, propagate = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [Collector(logging.WARNING)], False
    try:
        yield messages
    finally:
        logger.handlers, logger.propagate = handlers, propagate
