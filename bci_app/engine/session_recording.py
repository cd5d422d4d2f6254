"""What of a session goes into its recording and its log, beside the samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bci_app.bundle.spec import Bundle
from bci_app.engine.interpreter import Interpreter
from bci_app.errors import BciError, FileError
from bci_app.events import Prediction
from bci_app.preprocessing import Rest
from bci_app.recording.state import ModelState
from bci_app.sources.lsl.beside import BesideChunk
from bci_app.stream import Chunk, DeviceState, Marker

if TYPE_CHECKING:
    from bci_app.recording.recorder import Recorder
    from bci_app.recording.session_log import SessionLogFile

# Battery and contact resistances are recorded so often.
_DEVICE_SECONDS = 5.0


class SessionRecording:
    """The recording of a session, if one runs, and its log, if one is kept.

    A recording that fails ends, and the session goes on. Events that no recording holds wait for the next one. All
    methods but `close` are called under the engine's lock.

    Parameters
    ----------
    clock : callable
        LSL's clock.
    failed : callable
        Called with the reason when a recording has ended by a failure.

    Attributes
    ----------
    log : SessionLogFile or None
        Where events are written, recorded or not.
    error : str
        Why the last recording has ended by a failure; else empty.
    """

    def __init__(self, clock: Callable[[], float], failed: Callable[[BciError], None]) -> None:
        self._clock = clock
        self._failed = failed
        self._recorder: Recorder | None = None
        self.log: SessionLogFile | None = None
        self.error = ""
        self._unrecorded: list[tuple[str, Marker]] = []  # events that no recording holds, with their origin
        self._state: tuple[int, Rest | None] | None = None  # what was last recorded of the model
        self._clocks: list[str] = []
        self._device_due = 0  # stream index from which the device's state is to be recorded again

    @property
    def path(self) -> Path | None:
        """The file that is recorded to; None if nothing is."""
        return self._recorder.path if self._recorder is not None else None

    @property
    def unrecorded(self) -> int:
        """Events that no recording holds."""
        return len(self._unrecorded)

    def keep_log(self, log: SessionLogFile) -> SessionLogFile | None:
        """Write events to a log from now on. Returns the one before, of another person, for the caller to close."""
        old, self.log = self.log, log
        if old is not None:
            self._unrecorded.clear()
        for origin, marker in self._unrecorded:
            log.add(marker, origin=origin)
        return old

    def begin(self, recorder: Recorder, metadata: Mapping[str, object]) -> None:
        """Record from now on, the events from before too that no recording holds."""
        self._recorder, self.error = recorder, ""
        self._state, self._clocks, self._device_due = None, [], 0
        recorder.describe(metadata)
        events, self._unrecorded = self._unrecorded, []
        for origin, marker in events:
            self._record_marker(marker, origin)
        if events and self.log is not None:
            self.log.taken(len(events), recorder.path)

    def end(self) -> Recorder | None:
        """Record no more. Returns the recorder, which is to be closed by `close`; None if there is none."""
        recorder, self._recorder = self._recorder, None
        return recorder

    def close(self, recorder: Recorder) -> None:
        """Close a recorder. A slow disk holds up the caller."""
        try:
            recorder.close()
        except FileError as error:
            self._note_failure(error)

    def on_chunk(self, chunk: Chunk, device: DeviceState | None, rate: float) -> None:
        """Record samples, and from time to time what the device reports beside them."""
        self._record(lambda recorder: recorder.on_chunk(chunk))
        if chunk.first >= self._device_due and device is not None:
            self._device_due = chunk.first + round(_DEVICE_SECONDS * rate)
            self._record(lambda recorder: recorder.on_device(device, float(chunk.times[-1])))

    def on_beside(self, samples: BesideChunk) -> None:
        """Record samples of a stream beside."""
        self._record(lambda recorder: recorder.on_beside(samples))

    def on_prediction(self, prediction: Prediction) -> None:
        """Record a prediction."""
        self._record(lambda recorder: recorder.on_prediction(prediction))

    def on_marker(self, marker: Marker, origin: str) -> None:
        """Record an event and write it to the log. While nothing is recorded it waits for a recording."""
        self._record_marker(marker, origin)
        if self._recorder is None:
            self._unrecorded.append((origin, marker))
        if self.log is not None:
            self.log.add(marker, origin=origin, recording=self.path)

    def on_clocks(self, notes: list[str]) -> None:
        """Record how stamps are mapped: in the metadata, and as an event if a clock is set later."""
        if self._recorder is None or notes == self._clocks:
            return
        self._recorder.describe({"clocks": notes})
        if self._clocks:
            self._record_marker(Marker(self._clock(), " ".join(notes)), "")
        self._clocks = notes

    def on_state(self, bundle: Bundle, model: Interpreter, sample: int, newest: float, *, exact: bool) -> None:
        """Record what the model knows of the session from stream index `sample` on, if that has changed.

        `exact` says that no sample from there on has been taken yet, so that the alignment is that of `sample`.
        `newest` is the time of the newest sample.
        """
        if self._recorder is None:
            return
        known = (model.origin, model.rest)
        if self._state is not None and known[0] == self._state[0] and known[1] is self._state[1]:
            return
        self._state = known
        alignment = model.alignment if exact else None
        state = ModelState(bundle.name, bundle.preprocessing.digest, sample, *known, alignment)
        time = self._clock() if math.isnan(newest) else newest
        self._record(lambda recorder: recorder.on_state(state, time))

    def _record_marker(self, marker: Marker, origin: str) -> None:
        self._record(lambda recorder: recorder.on_marker(marker, origin=origin))

    def _record(self, act: Callable[[Recorder], None]) -> None:
        """Do something with the recorder; a recording that fails ends, the session goes on."""
        if self._recorder is None:
            return
        try:
            act(self._recorder)
        except FileError as error:
            self._recorder = None
            self._note_failure(error)

    def _note_failure(self, error: FileError) -> None:
        self.error = str(error)
        self._failed(error)
