"""A run folder belongs to one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bci_app.errors import FileError

LOCK_FILE = "run.lock"


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Report what the system says of a run folder that cannot be written.

    Raises
    ------
    FileError
        If the system refuses.
    """
    try:
        yield
    except OSError as error:
        raise FileError(
            f"The folder {out} cannot be written",
            found=str(error),
            expected="a folder, new or of this run, with free space",
            fix="Choose another --out.",
        ) from error


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Keep a run folder to this process. The system frees the lock of a process that was killed.

    Raises
    ------
    FileError
        If another process works there, or the folder cannot be written.
    """
    lock = FileLock(out / LOCK_FILE, timeout=0)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout as error:
            raise FileError(
                f"Another process works in {out}",
                found=f"a lock on {LOCK_FILE}",
                expected="one run at a time in a folder",
                fix="Wait for it to end, or choose another --out.",
            ) from error
    try:
        yield
    finally:
        lock.release()
        (out / LOCK_FILE).unlink(missing_ok=True)
