"""The log of a session's events: none is lost that comes while nothing is recorded, or before a crash."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

from bci_app import __version__
from bci_app.errors import FileError
from bci_app.stream import Marker

_END_SECONDS = 5.0  # a disk that takes nothing for so long at the end is not waited for


class SessionLogFile:
    """A file of JSON lines beside the recordings, one for each event: ``CODE_YYYYMMDD-HHMMSS_log.jsonl``.

    ``{"time": LSL seconds, "wall": ISO time of writing, "text", "origin": marker stream, "recording": file name}``. The
    last is null while nothing is recorded; ``{"recording", "took": n}`` follows where a recording begun later has taken
    the n events before that none held. The first line names application and participant.

    There is no file before the first event. Each line is forced to the disk before the next is written, in a thread
    of the log, so that a slow disk delays nobody. It is never overwritten.

    Parameters
    ----------
    folder : Path
        Where recordings lie; made with the first event.
    participant : str
        Code, for the name of the file.
    now : callable
        Returns the time of day; injected by tests.
    """

    def __init__(self, folder: Path, participant: str = "", *, now: Callable[[], datetime] = datetime.now) -> None:
        self._folder = folder
        self._participant = participant
        self._now = now
        self._started = now()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self._failure: FileError | None = None
        self._thread = threading.Thread(target=self._run, name="session log", daemon=True)
        self._thread.start()

    @property
    def path(self) -> Path | None:
        """The file; None before the first event."""
        return self._path

    @property
    def failure(self) -> FileError | None:
        """Why the log has ended, if it has."""
        return self._failure

    def add(self, marker: Marker, *, origin: str = "", recording: Path | None = None) -> None:
        """Write an event down. Returns at once.

        Parameters
        ----------
        marker : Marker
            The event.
        origin : str
            Marker stream that it is of; empty for the app.
        recording : Path, optional
            The recording that holds it.
        """
        entry = {"time": marker.time, "text": marker.text, "origin": origin, "recording": _name(recording)}
        self._jobs.put(lambda: self._write(entry))

    def taken(self, n: int, recording: Path) -> None:
        """Note that a recording has taken the `n` events before that none held."""
        self._jobs.put(lambda: self._write({"recording": _name(recording), "took": n}))

    def rename(self, participant: str) -> None:
        """Name the file after another code of the same person."""
        self._jobs.put(lambda: self._rename(participant))

    def close(self) -> None:
        """Write what waits, and close the file. May be called twice."""
        self._jobs.put(None)
        self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self._failure is None:
                try:
                    job()
                except OSError as error:
                    self._failure = self._as_failure(error)
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _write(self, entry: dict[str, object]) -> None:
        if self._file is None:
            self._file = self._open()
            self._append({"application": f"bci-app {__version__}", "participant": self._participant})
        self._append(entry)

    def _append(self, entry: dict[str, object]) -> None:
        assert self._file is not None
        wall = self._now().astimezone().isoformat(timespec="milliseconds")
        line = json.dumps(entry | {"wall": wall}, ensure_ascii=False)
        self._file.write(line.encode() + b"\n")
        os.fsync(self._file.fileno())

    def _open(self) -> BinaryIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._free_paths():
            try:
                file = path.open("xb", buffering=0)
            except FileExistsError:
                continue
            self._path = path
            return file
        raise AssertionError  # there are always further names

    def _rename(self, participant: str) -> None:
        self._participant = participant
        if self._path is not None:
            path = next(path for path in self._free_paths() if not path.exists())
            self._path = self._path.rename(path)

    def _free_paths(self) -> Iterator[Path]:
        stem = f"{code_in_name(self._participant) or 'session'}_{self._started:%Y%m%d-%H%M%S}"
        yield self._folder / f"{stem}_log.jsonl"
        yield from (self._folder / f"{stem}-{number}_log.jsonl" for number in count(2))

    def _as_failure(self, error: OSError) -> FileError:
        return FileError(
            "Events are no longer written to the session log",
            found=f"{self._path or self._folder}: {error.strerror or error}",
            expected="a folder on a disk with free space",
            fix="Record the session, or choose another folder for recordings.",
        )


def code_in_name(participant: str) -> str:
    """Return a participant's code as file names hold it: characters that file systems refuse are replaced."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", participant).strip("-")


def _name(recording: Path | None) -> str | None:
    return None if recording is None else recording.name
