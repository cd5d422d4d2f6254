"""Where the recordings of a study lie: BIDS names, one folder a session, and where a broken-off session goes on."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from bci_app.atomic import write_atomically
from bci_app.errors import StudyError
from bci_app.study.protocol import Protocol

_LABEL = re.compile(r"^[A-Za-z0-9]{1,40}$")
_SESSION = re.compile(r"^ses-([A-Za-z0-9]+)$")
_RUN = re.compile(r"_run-(\d+)_")
_STATE_VERSION = 1


@dataclass(frozen=True, slots=True)
class StudySession:
    """One session of one participant in a study's folder.

    Attributes
    ----------
    root : Path
        Folder of the study.
    participant, session, task : str
        BIDS labels.
    """

    root: Path
    participant: str
    session: str
    task: str

    def __post_init__(self) -> None:
        for what, label in (("participant", self.participant), ("session", self.session)):
            if not _LABEL.match(label):
                raise StudyError(
                    f"The {what} cannot be part of a file name",
                    found=repr(label),
                    expected="1 to 40 letters and digits",
                    fix=f"Choose another code with --{what}.",
                )

    @property
    def stem(self) -> str:
        """Beginning of all file names."""
        return f"sub-{self.participant}_ses-{self.session}_task-{self.task}"

    @property
    def folder(self) -> Path:
        """Folder of the session's recordings."""
        return self.root / f"sub-{self.participant}" / f"ses-{self.session}" / "eeg"

    @property
    def recordings(self) -> list[Path]:
        """Recordings of the session, by run."""
        return sorted(self.folder.glob(f"{self.stem}_run-*_eeg.xdf"), key=lambda path: _run_of(path.name))

    @property
    def next_run(self) -> int:
        """Number of the run that a new recording is."""
        return max((_run_of(path.name) for path in self.recordings), default=0) + 1

    def recording(self, run: int) -> Path:
        """Return the file of a run."""
        return self.folder / f"{self.stem}_run-{run:02d}_eeg.xdf"

    @property
    def _state_file(self) -> Path:
        return self.folder / f"{self.stem}_study.json"

    def save(self, protocol: Protocol, done: Collection[int], *, finished: bool = False, running: bool = False) -> None:
        """Write down which trials are completed, so that the session can go on later; not while it is `running`.

        Raises
        ------
        StudyError
            If the file cannot be written.
        """
        content = {
            "version": _STATE_VERSION,
            "protocol": protocol.model_dump(mode="json"),
            "done": sorted(done),
            "finished": finished,
            "process": _this_process() if running else None,
        }
        try:
            write_atomically(self._state_file, json.dumps(content, indent=1, ensure_ascii=False))
        except OSError as error:
            raise StudyError(
                f"Cannot write the state of the study to {self._state_file}",
                found=error.strerror or str(error),
                expected="a folder on a disk with free space",
                fix="What was recorded is kept. Free some space, then continue with the same command.",
            ) from error

    def resume(self, protocol: Protocol) -> frozenset[int]:
        """Return the numbers of the trials that are completed already.

        Raises
        ------
        StudyError
            If the session is finished, runs in another program, belongs to another protocol, or its state cannot be
            read.
        """
        if not self._state_file.exists():
            return frozenset()
        try:
            content = json.loads(self._state_file.read_text(encoding="utf-8"))
            done = frozenset(int(number) for number in content["done"])
            same = Protocol.model_validate(content["protocol"]) == protocol
            finished = bool(content["finished"])
            process = content.get("process")
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise StudyError(
                f"Cannot read {self._state_file}",
                found=str(error).splitlines()[0],
                expected="the state of a study",
                fix="Choose another --session; the recordings stay as they are.",
            ) from error
        if finished or not same:
            raise StudyError(
                f"Participant {self.participant} has a session {self.session} already",
                found="it is finished" if finished else "it follows another protocol",
                expected="a new session, or one that was broken off",
                fix="Choose another --session.",
            )
        if process and process != _this_process() and process == _process(process["pid"]):
            raise StudyError(
                f"Session {self.session} of participant {self.participant} is being recorded by another program",
                found=f"process {process['pid']}, which runs",
                expected="a session that nobody records now",
                fix="End it there, or choose another --session.",
            )
        return done


def _this_process() -> dict[str, object]:
    return _process(os.getpid()) or {}


def _process(pid: int) -> dict[str, object] | None:
    """Describe a process of this machine so that no later one is taken for it; None if there is none."""
    import psutil

    try:
        return {"pid": pid, "started": psutil.Process(pid).create_time(), "machine": platform.node()}
    except psutil.Error:
        return None


def _run_of(name: str) -> int:
    found = _RUN.search(name)
    return int(found.group(1)) if found else 0


def open_session(root: Path, protocol: Protocol, *, participant: str, session: str | None) -> StudySession:
    """Return the session that is to be recorded.

    Parameters
    ----------
    root : Path
        Folder of the study.
    protocol : Protocol
        Its protocol.
    participant : str
        Code of the participant.
    session : str, optional
        Its label. Without one: the participant's newest session if that was broken off, else the next number.

    Raises
    ------
    StudyError
        If a label cannot be part of a file name, or `root` is a file.
    """
    if root.exists() and not root.is_dir():
        raise StudyError(f"{root} is a file", expected="the folder of the study", fix="Choose another --out.")
    if session is not None:
        return StudySession(root, participant, session, protocol.task)
    StudySession(root, participant, "01", protocol.task)  # checks the participant's code
    known = [found.group(1) for path in root.glob(f"sub-{participant}/ses-*") if (found := _SESSION.match(path.name))]
    numbers = sorted(int(label) for label in known if label.isdecimal())
    if numbers:
        newest = StudySession(root, participant, f"{numbers[-1]:02d}", protocol.task)
        try:
            if newest.resume(protocol):
                return newest
        except StudyError:
            pass
    return StudySession(root, participant, f"{(numbers[-1] if numbers else 0) + 1:02d}", protocol.task)
