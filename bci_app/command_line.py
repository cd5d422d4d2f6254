"""What every command of the command line shares: errors as one message, and exit codes."""

import os
import sys
from collections.abc import Callable
from typing import IO, Any

from bci_app.errors import BciError


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
