"""Starting and watching a recording. No Qt."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic

from bci_app.bundle.spec import Bundle
from bci_app.engine import Engine
from bci_app.errors import FileError
from bci_app.recording.recorder import Recorder
from bci_app.recording.session_log import code_in_name


@dataclass(frozen=True, slots=True)
class RecordingState:
    """A recording at a moment.

    Attributes
    ----------
    path : Path
        Where it goes.
    seconds : float
        Since it began.
    size : int
        Bytes written.
    free : int or None
        Bytes left on the disk; None where its folder is out of reach.
    """

    path: Path
    seconds: float
    size: int
    free: int | None


class RecordingControl:
    """At most one recording at a time.

    Attributes
    ----------
    participant : str
        Code that the recording has, from its beginning or by a marker.
    """

    def __init__(self) -> None:
        self.participant = ""
        self._recorder: Recorder | None = None
        self._began = 0.0
        self._free: int | None = None

    @property
    def running(self) -> bool:
        """Whether a recording is open."""
        return self._recorder is not None

    def start(self, engine: Engine, folder: Path, *, participant: str, source_text: str) -> Path:
        """Record into a new file of `folder`, named after participant and time.

        Raises
        ------
        FileError
            If the file cannot be created.
        """
        given = {"participant": participant, "source": source_text}
        metadata = {name: value for name, value in given.items() if value}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(
                f"Cannot record into {folder}",
                found=error.strerror or str(error),
                expected="a folder that this user may write to",
                fix="Choose another folder for recordings.",
            ) from error
        recorder = Recorder(folder / file_name(engine.spec, participant), engine.info, metadata=metadata)
        engine.start_recording(recorder)
        self._recorder, self._began, self.participant = recorder, monotonic(), participant
        self._free = _free(folder)
        return recorder.path

    def stop(self, engine: Engine) -> Recorder | None:
        """Close the recording and return it."""
        engine.stop_recording()
        return self.forget()

    def forget(self) -> Recorder | None:
        """Forget a recording that has ended by itself, or ends with its session, and return it."""
        recorder, self._recorder = self._recorder, None
        return recorder

    def failed(self) -> bool:
        """Return whether the recording has ended by itself."""
        return self._recorder is not None and self._recorder.failure is not None

    @property
    def free(self) -> float | None:
        """Bytes left on the disk that is recorded to, as `state` found them last; infinite without a recording."""
        return self._free if self.running else float("inf")

    def state(self) -> RecordingState | None:
        """Describe the recording now."""
        if self._recorder is None:
            return None
        path = self._recorder.path
        self._free = _free(path.parent)
        return RecordingState(path, monotonic() - self._began, self._recorder.size, self._free)


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:  # renamed, or a disk that was pulled
        return None


def file_name(bundle: Bundle | None, participant: str) -> str:
    """Name a recording after participant and moment; characters that file systems refuse are replaced."""
    code = code_in_name(participant) or (bundle.name if bundle else "signals")
    return f"{code}_{datetime.now():%Y%m%d-%H%M%S}.xdf"
