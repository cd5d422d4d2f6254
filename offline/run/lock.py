"""One process a run folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bci_app.errors import FileError

LOCK_FILE = "run.lock"


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Tell what the system says of a run folder that cannot be written.

    Raises
    ------
    FileError
        If it says something.
    """
    try:
        yield
    except OSError as error:
        raise FileError(
            f"The folder {out} cannot be written",
            found=str(error),
            expected="a folder, new or of this run, with free space",
            fix="Give another --out.",
        ) from error


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Keep a run folder to this process; a lock whose process is gone is taken over.

    Raises
    ------
    FileError
        If another process works there, or it cannot be written.
    """
    path = out / LOCK_FILE
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        _take(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _take(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        owner = _owner(path)
        if owner is not None:
            raise FileError(
                f"Another process works in {path.parent}",
                found=f"process {owner}",
                expected="one run at a time in a folder",
                fix=f"Wait for it to end. If there is none, delete {path.name}.",
            ) from None
        path.unlink(missing_ok=True)
        _take(path)
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{os.getpid()} {psutil.Process().create_time():.2f}")


def _owner(path: Path) -> int | None:
    """Give the process that holds a lock, None if it is gone: its number may be another's by now."""
    try:
        number, started = path.read_text().split()
        process = psutil.Process(int(number))
        return process.pid if abs(process.create_time() - float(started)) < 1 else None
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None
