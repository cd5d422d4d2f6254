"""Recording a session: what the source gave, markers and predictions, into one XDF file.

The engine hands values over and goes on; a thread of the recorder writes them, so that a slow disk delays
no prediction. The thread is a loop around `Recorder.step`.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from bci_app.errors import FileError
from bci_app.events import Prediction
from bci_app.recording.session_files import Beside, Item, SessionFiles, Split
from bci_app.recording.session_streams import known_metadata
from bci_app.recording.state import ModelState
from bci_app.stream import Chunk, DeviceState, Marker, StreamInfo

__all__ = ["Recorder", "Split"]

MAX_BACKLOG = 2**28  # bytes of samples that wait for the disk
STALLED_SECONDS = 10.0  # a disk that takes nothing for so long at the end is not waited for
_APP_MARKERS = "Markers"


class Recorder:
    """An XDF file with the streams of a session: see `SessionFiles` for what it holds.

    What is recorded before the first sample, such as markers of the time before, has its true time too.

    Parameters
    ----------
    path : str or Path
        Where to record; an existing file is never touched (see `XdfWriter`).
    info : StreamInfo
        The source.
    metadata : mapping, optional
        Values that JSON can hold: participant code, source, notes, ... What the recorder and the engine know is
        added: application, moment, device, and of the model its name, sha256, targets and preprocessing.
    split : Split, optional
        When to go on in another file; never by default.
    threaded : bool, optional
        False if the caller calls `step` itself.

    Attributes
    ----------
    path : Path
        The file that was taken first.

    Raises
    ------
    FileError
        If the file cannot be created. If writing fails later, the next call raises it, and the recording
        has ended with all that was written before in place.
    """

    def __init__(
        self,
        path: str | Path,
        info: StreamInfo,
        *,
        metadata: Mapping[str, object] | None = None,
        split: Split | None = None,
        threaded: bool = True,
    ) -> None:
        self._info = info
        self._metadata = known_metadata(info)
        self.describe(metadata or {})
        self._files = SessionFiles(path, info, self._metadata, split or Split())
        self.path = self._files.paths[0]
        self._pending: deque[Item] = deque()
        self._backlog = 0
        self._changed = threading.Condition()
        self._closing = False
        self._closed = False
        self._failure: FileError | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True) if threaded else None
        if self._thread is not None:
            self._thread.start()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def size(self) -> int:
        """Bytes written so far, to the present file."""
        return self._files.size

    @property
    def samples(self) -> int:
        """Samples of the source that are in the files."""
        return self._files.samples

    @property
    def paths(self) -> list[Path]:
        """All files of the recording, in order: ``NAME.xdf``, ``NAME-part2.xdf``, ... Each is a whole recording."""
        return list(self._files.paths)

    @property
    def failure(self) -> FileError | None:
        """Why the recording has ended, if it has."""
        return self._failure

    def describe(self, metadata: Mapping[str, object]) -> None:
        """Add to the metadata, before anything is recorded.

        Parameters
        ----------
        metadata : mapping
            Values that JSON can hold.
        """
        self._metadata |= json.loads(json.dumps(dict(metadata)))

    def on_chunk(self, chunk: Chunk) -> None:
        """Record samples, and the markers that came with them.

        Raises
        ------
        FileError
            If the recording has ended by a failure.
        ValueError
            If the chunk has not as many channels as the source.
        """
        if chunk.data.shape[1:] != (len(self._info.channels),):
            raise ValueError(f"a chunk of shape {chunk.data.shape} from {len(self._info.channels)} channels")
        self._put(chunk, chunk.data.nbytes)

    def on_beside(self, beside: Beside) -> None:
        """Record samples of another stream, with its sender's header, type and number format.

        Raises
        ------
        FileError
            As `on_chunk`.
        """
        self._put(beside, beside.data.nbytes)

    def on_marker(self, marker: Marker, *, origin: str = "") -> None:
        """Record an event of the app, or of the LSL marker stream named `origin`.

        Raises
        ------
        FileError
            As `on_chunk`.
        """
        self._put((origin or _APP_MARKERS, marker), 0)

    def on_prediction(self, prediction: Prediction) -> None:
        """Record a prediction, valid or not.

        Raises
        ------
        FileError
            As `on_chunk`.
        """
        self._put(prediction, 0)

    def on_state(self, state: ModelState, time: float) -> None:
        """Record what the model knows of the session from LSL time `time` on.

        Raises
        ------
        FileError
            As `on_chunk`.
        """
        self._put((state, time), 0)

    def on_device(self, state: DeviceState, time: float) -> None:
        """Record what the device reports beside samples at LSL time `time`; always the same contacts.

        Raises
        ------
        FileError
            As `on_chunk`.
        """
        self._put((state, time), 0)

    def step(self) -> int:
        """Write all that waits. Returns the number of values written."""
        with self._changed:
            items = list(self._pending)
            self._pending.clear()
        for item in items:
            try:
                self._files.write(item)
            except Exception as error:  # noqa: BLE001 - whatever ends a recording must be noticed
                self._fail(_as_failure(self.path, error))
                break
            if not isinstance(item, tuple | Prediction):
                with self._changed:
                    self._backlog -= item.data.nbytes
        return len(items)

    def close(self) -> None:
        """Write what waits and the footers. May be called twice.

        Raises
        ------
        FileError
            If the recording ended by a failure, or the disk takes nothing for 10 s.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        try:
            if self._thread is not None:
                self._wait_for_disk(self._thread)
            if not self._closed:
                self._closed = True
                self._write_the_rest()
        finally:
            self._ended.set()

    def wait_closed(self, timeout: float) -> bool:
        """Wait until `close` has written everything. Returns whether it has, within `timeout` seconds."""
        return self._ended.wait(timeout)

    def _write_the_rest(self) -> None:
        self.step()
        try:
            if self._failure is None:
                self._files.close()
            else:
                self._files.abandon()
        except FileError as error:
            self._failure = error
        if self._failure is not None:
            raise self._failure

    def _wait_for_disk(self, thread: threading.Thread) -> None:
        size = -1
        while thread.is_alive() and size != self.size:
            size = self.size
            thread.join(STALLED_SECONDS)
        if thread.is_alive():
            # The thread may never come back from the system's call, so nothing more is done to the file.
            self._closed = True
            self._failure = FileError(
                f"Recording to {self.path} has stopped: the disk does not answer",
                found=f"nothing written for {STALLED_SECONDS:g} s",
                expected="a disk that takes what is written",
                fix=f"The first {size} bytes are valid. Record to a local disk.",
            )
            raise self._failure

    # Between the engine and the thread ------------------------------------------------------

    def _put(self, item: Item, n_bytes: int) -> None:
        with self._changed:
            if self._failure is not None:
                raise self._failure
            self._pending.append(item)
            self._backlog += n_bytes
            if self._backlog > MAX_BACKLOG:
                self._failure = FileError(
                    f"Recording to {self.path} has stopped: the disk is too slow",
                    found=f"{self._backlog / 2**20:.0f} MB that wait to be written",
                    expected=f"at most {MAX_BACKLOG / 2**20:.0f} MB",
                    fix="Record to a local disk.",
                )
                self._pending.clear()
                self._changed.notify()
                raise self._failure
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._closing or self._failure)
                ended = self._failure is not None or (self._closing and not self._pending)
            if not ended:
                self.step()
                continue
            if self._failure is not None:  # nobody may call `close` after that
                with suppress(FileError):
                    self._files.abandon()
            return

    def _fail(self, error: FileError) -> None:
        with self._changed:
            self._failure = error
            self._pending.clear()
        with suppress(FileError):  # the first failure is the one to report
            self._files.abandon()


def _as_failure(path: Path, error: Exception) -> FileError:
    if isinstance(error, FileError):
        return error
    failure = FileError(
        f"Recording to {path} has stopped because of a fault in the program",
        found=f"{type(error).__name__}: {error}",
        fix="What was written before is valid. Record to a new file, and please report this message.",
    )
    failure.__cause__ = error
    return failure
