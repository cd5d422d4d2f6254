"""What is asked of a running session: rest, events, outputs and recordings."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bci_app.bundle.predictor import Predictor
from bci_app.engine.intake import Intake
from bci_app.engine.interpreter import Interpreter
from bci_app.engine.news import News
from bci_app.engine.sending import Sending
from bci_app.engine.session_recording import SessionRecording
from bci_app.errors import BciError
from bci_app.events import Phase
from bci_app.outputs.base import Output
from bci_app.preprocessing import Rest
from bci_app.sources.channels import channel_uses
from bci_app.sources.lsl.beside import BesideChunk, BesideStreams
from bci_app.sources.lsl.markers import MarkerStreams
from bci_app.stream import Marker, StreamInfo

if TYPE_CHECKING:
    from bci_app.recording.recorder import Recorder
    from bci_app.recording.session_log import SessionLogFile


class Controls(ABC):
    """Everything of `Engine` but its loop; parameters as there."""

    _intake: Intake

    def __init__(
        self,
        predictor: Predictor | None,
        *,
        outputs: Sequence[Output],
        markers: Sequence[str],
        beside: Sequence[str],
        pick: Sequence[str] | None,
        drop: Sequence[str],
        clock: Callable[[], float],
    ) -> None:
        self._predictor = predictor
        self.spec = None if predictor is None else predictor.spec
        self._clock = clock
        self._lock = threading.RLock()
        self._phase = Phase.CONNECTING
        self._failures: list[BciError] = []
        self._recording = SessionRecording(clock, self._failures.append)
        self._sending = Sending(outputs, self._failures.append)
        own = self._sending.has_outlet
        self._marker_streams = MarkerStreams(markers, self.note, own=own) if markers else None
        self._beside = BesideStreams(beside, self._record_beside) if beside else None
        self._pick, self._drop = pick, drop
        self._news = News()
        self._info: StreamInfo | None = None
        self._model: Interpreter | None = None

    @abstractmethod
    def _take_gathered(self, *, wait: bool = True) -> None:
        """Take what is gathered; with `wait` what has waited for the filters too, however long they load."""

    @property
    def _read_phase(self) -> Phase:
        """Where the session stands while samples arrive; without a model only contact is judged."""
        return Phase.CONTACT if self._model is None else self._model.phase

    @property
    def info(self) -> StreamInfo:
        """The stream, once the engine is started."""
        if self._info is None:
            raise RuntimeError("the engine is not started")
        return self._info

    def start_baseline(self) -> None:
        """Measure the rest baseline from the next sample on, also if there is one already."""
        with self._lock:
            if self._model is not None:
                self._take_gathered()
                self._model.start_baseline(self._intake.end)
                self._record_state(self._intake.end)

    def forget_rest(self) -> None:
        """Drop the rest baseline, and check contact until `start_baseline` is called: another person follows."""
        with self._lock:
            if self._model is not None:
                self._take_gathered()
                self._model.forget_rest()
                self._record_state(self._intake.end)
                self._phase = self._read_phase

    @property
    def rest(self) -> Rest | None:
        """The rest baseline, once it is measured."""
        return self._model.rest if self._model is not None else None

    def set_rest(self, rest: Rest) -> None:
        """Use a rest baseline measured before, on the same person with the same montage."""
        with self._lock:
            if self._model is not None:
                self._take_gathered()
                self._model.set_rest(rest)
                self._record_state(self._intake.end)

    def mark(self, text: str) -> Marker:
        """Note an event now."""
        with self._lock:
            now = self._clock()
            marker = Marker(self._intake.moment(now) if self._info else now, text)
        self.note(marker, "")
        return marker

    def note(self, marker: Marker, origin: str) -> None:
        """Record an event: of the marker stream `origin`, or of the app if that is empty; then send it too.

        While nothing is recorded it waits for a recording begun later, and the session log holds it.
        """
        with self._lock:
            self._recording.on_marker(marker, origin)
            if origin:
                self._news.markers.append(marker)
            else:
                self._sending.announce(marker)

    def keep_log(self, log: SessionLogFile) -> None:
        """Write events to a log from now on, of another person than before if there is one already."""
        with self._lock:
            old = self._recording.keep_log(log)
        if old is not None:
            old.close()

    @property
    def log(self) -> SessionLogFile | None:
        """The log that events are written to, if there is one."""
        return self._recording.log

    @property
    def unrecorded(self) -> int:
        """Events that no recording holds."""
        return self._recording.unrecorded

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Where predictions go now, without those that have failed."""
        return self._sending.outputs

    def add_output(self, output: Output) -> None:
        """Send predictions there too from now on, in a session that has a model.

        May take as long as the output's `start`, while the session goes on.

        Raises
        ------
        BciError
            If it cannot be opened.
        """
        if self.spec is None:
            raise RuntimeError("without a model there are no predictions to send")
        output.start(self.spec, self.info)
        with self._lock:
            self._sending.add(output)

    def remove_output(self, output: Output) -> None:
        """Send nothing there any more, and close it. A receiver that stalls holds up the caller, not the session."""
        self._sending.remove(output)

    @property
    def marker_streams(self) -> MarkerStreams | None:
        """The marker streams received, if any are asked for."""
        return self._marker_streams

    @property
    def beside(self) -> BesideStreams | None:
        """The streams recorded beside the source, if any are asked for."""
        return self._beside

    def _record_beside(self, samples: BesideChunk) -> None:
        with self._lock:
            self._recording.on_beside(samples)
            self._intake.note_beside(samples)

    @property
    def failures(self) -> tuple[BciError, ...]:
        """Why recordings and outputs have ended that should not have, in order."""
        return tuple(self._failures)

    def start_recording(self, recorder: Recorder) -> None:
        """Record from the next chunk on, in place of a recording that is running."""
        self.stop_recording()
        with self._lock:
            self._recording.begin(recorder, self._metadata)
            self._record_state(self._intake.end)

    @property
    def _metadata(self) -> dict[str, object]:
        """What a recording says of the session's channels and model."""
        known: dict[str, object] = {}
        uses = channel_uses(self.info, pick=self._pick, drop=self._drop)
        left_out = [use.name for use in uses if not use.used]
        if left_out and (self.spec is not None or self._pick is not None or self._drop):
            known["left_out"] = left_out
        if self.spec is not None and self._predictor is not None:
            known |= {
                **self._predictor.profile_facts,
                "bundle": self.spec.name,
                "model_sha256": self.spec.model_sha256,
                "targets": {target.name: target.classes for target in self.spec.targets},
                "preprocessing": self.spec.preprocessing.model_dump(mode="json"),
            }
        return known

    def stop_recording(self) -> None:
        """Close the recording, if there is one. A slow disk holds up the caller, not the session."""
        with self._lock:
            self._take_gathered()
            recorder = self._recording.end()
        if recorder is not None:
            self._recording.close(recorder)

    def _record_state(self, sample: int, *, exact: bool = True) -> None:
        if self.spec is not None and self._model is not None:
            self._recording.on_state(self.spec, self._model, sample, self._intake.newest, exact=exact)
