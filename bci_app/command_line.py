"""What every command of the command line shares: errors as one message, and exit codes."""

import os
import sys
from collections.abc import Callable
from typing import IO, Any

from bci_app.errors import BciError
from bci_app.text import printable_lines


def run_command_line(program: str, command: Callable[[], object]) -> None:
    """Run a command. A failure is one message on standard error and exit code 1.

    Standard output is flushed here, because a failure at the end of the interpreter would have its wording
    and its exit code. Control characters in a message are escaped.

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
            _report(f"{program}: {error}")
            sys.exit(1)
        finally:
            if sys.stdout is not None:
                _write_out(sys.stdout)
    except BrokenPipeError:
        # The reader has read enough.
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:  # any file may be on a disk that is full or has vanished
        _report(f"{program}: A file or the output cannot be read or written: found {error}.")
        sys.exit(1)


def _report(message: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{printable_lines(message)}\n")


def _write_out(file: IO[Any]) -> None:
    try:
        file.flush()
    except OSError:
        abandon(file)
        raise


def abandon(file: IO[Any]) -> None:
    """Discard what a file still holds, so that Python does not fail over it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, file.fileno())
    os.close(nowhere)
