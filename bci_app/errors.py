"""Errors that a user can act on.

Every error that reaches a user says what was found, what was expected and what to do. The command
line prints one as a single message and exits with code 1; the window shows it as a banner.
"""

import os
import sys
from collections.abc import Callable
from typing import IO, Any


class BciError(Exception):
    """A failure that the user can mend.

    Parameters
    ----------
    summary : str
        What went wrong, in one clause.
    found : str, optional
        The value met.
    expected : str, optional
        The value that would have been right.
    fix : str, optional
        What to do about it, as a sentence.
    """

    def __init__(
        self,
        summary: str,
        *,
        found: str | None = None,
        expected: str | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(summary)
        self.summary = summary
        self.found = found
        self.expected = expected
        self.fix = fix

    def __str__(self) -> str:
        details = ", ".join(
            f"{label} {value}"
            for label, value in (("found", self.found), ("expected", self.expected))
            if value is not None
        )
        text = f"{self.summary}: {details}." if details else f"{self.summary}."
        return f"{text} {self.fix}" if self.fix else text


class ChannelError(BciError):
    """Channel names, units or montage do not fit."""


class SourceError(BciError):
    """A stream or device cannot be found, opened or read."""


class StreamLostError(SourceError):
    """A stream that was running has stopped delivering."""


class FileError(BciError):
    """A recording cannot be read or written."""


class StandardOutputError(BciError):
    """Standard output takes nothing any more: its reader has gone, or its disk is full."""


class BundleError(BciError):
    """A model bundle is malformed, altered or does not fit."""


class PreprocessingError(BciError):
    """A preprocessing specification cannot be applied to a stream."""


class DatasetError(BciError):
    """A data set is missing, incomplete or damaged."""


class DependencyError(BciError):
    """A library or an optional extra is not installed or does not load."""


def run_command_line(program: str, command: Callable[[], object]) -> None:
    """Run a command; a failure is one message on standard error and exit code 1.

    What was printed is written out here: what fails when the interpreter ends is told in its words, with
    its exit code.

    Parameters
    ----------
    program : str
        Name before the message.
    command : callable
        May end with SystemExit.

    Raises
    ------
    SystemExit
        If it fails.
    """
    try:
        try:
            command()
        except BciError as error:
            _tell(f"{program}: {error}")
            sys.exit(1)
        finally:
            if sys.stdout is not None:
                _write_out(sys.stdout)
    except BrokenPipeError:
        # Whoever read has read enough.
        sys.exit(1)
    except OSError as error:  # a full or vanished disk may be met at any file
        _tell(f"{program}: A file or the output cannot be read or written: found {error}.")
        sys.exit(1)


def _tell(message: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{message}\n")


def _write_out(file: IO[Any]) -> None:
    try:
        file.flush()
    except OSError:
        abandon(file)
        raise


def abandon(file: IO[Any]) -> None:
    """Send to nowhere what a file still holds, so that Python does not stumble over it when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, file.fileno())
    os.close(nowhere)
