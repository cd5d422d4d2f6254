"""One live session: pull, preprocess, predict, publish.

`Engine.step` does one round and returns what it brought. A thread is only a loop around it
(`bci_app.engine.runner`); tests call it directly.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic, sleep
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from bci_app.bundle.predictor import Predictor
from bci_app.bundle.store import LoadedBundle
from bci_app.engine.buffer import SignalBuffer
from bci_app.engine.device_quality import quality_columns, with_device_quality
from bci_app.engine.interpreter import Interpreter, Watcher
from bci_app.engine.rate import MOST_RATE_ERROR, ArrivalCheck, EffectiveRate
from bci_app.engine.sending import Sending
from bci_app.errors import BciError, ChannelError, FileError, StreamLostError
from bci_app.events import Contact, Gap, Phase, Prediction, Reason, SignalView, Status, StepResult, age_of
from bci_app.outputs.base import Output
from bci_app.preprocessing import Rest
from bci_app.recording.state import ModelState
from bci_app.sources.base import Device, Mapped, Patient, Several, Source
from bci_app.sources.channels import channel_uses, for_prediction
from bci_app.sources.lsl.beside import BesideChunk, BesideStreams
from bci_app.sources.lsl.library import local_clock
from bci_app.sources.lsl.markers import MarkerStreams
from bci_app.stream import Chunk, DeviceState, Marker, StreamInfo, microvolts_per

if TYPE_CHECKING:
    from pathlib import Path

    from bci_app.recording.recorder import Recorder
    from bci_app.recording.session_log import SessionLogFile

# Stamps further than this from the clock, in seconds, are not those of live samples.
_STAMPS_OFF = 1.0
# Battery and contact resistances are recorded so often.
_DEVICE_SECONDS = 5.0
# Longest wait for samples in `Engine.predictions`.
_WAIT = 0.1
# Samples on which nothing is due yet wait so long at most: a round over many costs hardly more than over few.
_GATHER_SECONDS = 0.2


class Engine:
    """A session with one source and one bundle.

    Parameters
    ----------
    source : Source
        Not started yet.
    bundle : LoadedBundle or None
        The model; None to watch and record signals without predictions.
    predictor : Predictor, optional
        Predicts in the place of the bundle's own network, as a person's profile does.
    outputs : sequence of Output
        Where predictions go.
    markers : sequence of str
        LSL marker streams whose events belong into the recording (see `MarkerStreams`).
    beside : sequence of str
        Further LSL streams of samples that belong into the recording (see `BesideStreams`).
    pick, drop : sequence of str
        The only channels to predict from, or channels not to use (see `channel_uses`). All are recorded.
    wait_for_baseline : bool
        True to check contact until `start_baseline` is called; False to measure the rest baseline
        from the first sample.
    buffer_seconds : float
        Raw signal kept for `signal`.
    clock : callable
        The LSL clock, or the system's steady one where liblsl is missing; injected by tests.

    Raises
    ------
    BundleError
        If the graph does not run.
    SourceError
        If a marker stream is named so that it cannot be read.
    """

    def __init__(
        self,
        source: Source,
        bundle: LoadedBundle | None,
        *,
        predictor: Predictor | None = None,
        outputs: Sequence[Output] = (),
        markers: Sequence[str] = (),
        beside: Sequence[str] = (),
        pick: Sequence[str] | None = None,
        drop: Sequence[str] = (),
        wait_for_baseline: bool = False,
        buffer_seconds: float = 30.0,
        clock: Callable[[], float] = local_clock,
    ) -> None:
        if predictor is None and bundle is not None:
            predictor = Predictor(bundle.spec, bundle.model)
        self._predictor = predictor
        self.bundle = None if predictor is None else predictor.spec
        self._source = source
        # Checked once: the test of a protocol costs more than the rest of a step.
        self._reporting = source if isinstance(source, Device) else None
        self._mapped = source if isinstance(source, Mapped) else None
        self._several = source if isinstance(source, Several) else None
        self._can_wait = isinstance(source, Patient) and source.can_wait
        self._wait_for_baseline = wait_for_baseline
        self._buffer_seconds = buffer_seconds
        self._clock = clock
        self._lock = threading.RLock()
        self._phase = Phase.CONNECTING
        self._message = ""
        self._recorder: Recorder | None = None
        self._recording_error = ""
        self._log: SessionLogFile | None = None
        self._unrecorded: list[tuple[str, Marker]] = []  # events that no recording holds, with their origin
        self._recorded: tuple[int, Rest | None] | None = None  # what was last recorded of the model
        self._failures: list[BciError] = []
        self._sending = Sending(outputs, self._failures.append)
        own = self._sending.has_outlet
        self._marker_streams = MarkerStreams(markers, self.note, own=own) if markers else None
        self._recorded_clocks: list[str] = []
        self._beside = BesideStreams(beside, self._record_beside) if beside else None
        self._pick, self._drop = pick, drop
        self._device_due = 0  # stream index from which the device's state is to be recorded again
        self._gathered: list[Chunk] = []  # read, not taken yet
        self._news = _News()
        self._info: StreamInfo | None = None
        self._model: Interpreter | None = None

    def start(self) -> StreamInfo:
        """Open the source and make everything ready for its stream.

        Raises
        ------
        SourceError, ChannelError, PreprocessingError
            If the source cannot be opened or does not fit the model.
        """
        self._load_libraries()
        info = self._source.start()
        try:
            seen = for_prediction(info, pick=self._pick, drop=self._drop)
            self._model = self._make_model(seen)
            self._reader = Watcher(seen) if self._model is None else self._model
            if self.bundle is not None:
                self._sending.start(self.bundle, info)
            if self._marker_streams is not None:
                self._marker_streams.start()
            if self._beside is not None:
                self._beside.start()
        except BaseException:
            self._source.stop()
            raise
        self._info = info
        self._buffer = SignalBuffer(len(info.channels), max(1, round(self._buffer_seconds * info.rate)))
        self._to_microvolts = np.array([_display_scale(unit) for unit in info.units])
        self._gather_samples = max(1, round(_GATHER_SECONDS * info.rate))
        self._quality_columns = quality_columns(info.channels)
        self._due = 0  # stream index that the samples gathered must reach to be taken
        self._received = self._lost = 0
        self._rate = EffectiveRate(info.rate)
        allowed = self.bundle.max_rate_error if self.bundle is not None else None
        self._arrival = ArrivalCheck(info.rate, MOST_RATE_ERROR if allowed is None else allowed)
        self._newest = self._arrived = float("nan")
        self._phase = self._read_phase
        return info

    def _load_libraries(self) -> None:
        """Load what the first window needs before the stream is open: its samples would wait for a second or more."""
        if self.bundle is not None and self._predictor is not None:
            spec = self.bundle.preprocessing
            info = StreamInfo("", spec.channels, spec.rate, ("uV",) * len(spec.channels))
            Interpreter(self.bundle, self._predictor, info, wait_for_baseline=True, clock=self._clock)

    def _make_model(self, info: StreamInfo) -> Interpreter | None:
        if self.bundle is None or self._predictor is None:
            return None
        self.bundle = self.bundle.for_stream(info.channels, info.units)
        return Interpreter(
            self.bundle, self._predictor, info, wait_for_baseline=self._wait_for_baseline, clock=self._clock
        )

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

    def step(self, timeout: float = 0.0) -> StepResult:
        """Do one round.

        Parameters
        ----------
        timeout : float
            Longest time to wait for samples, in seconds.

        Raises
        ------
        SourceError
            If the source has failed for good (a stream that came back with another layout).
        StandardOutputError
            If an output writes to standard output, and nobody reads it any more.
        """
        self._sending.check()
        if self._can_wait and self._sending.filling:
            # Nothing is lost in a source that waits, and outputs can catch up.
            sleep(min(timeout, _WAIT))
            return StepResult(0)
        try:
            chunk = self._source.read(timeout)
        except StreamLostError as error:
            with self._lock:
                self._take_gathered()
                self._phase, self._message = Phase.LOST, str(error)
                return self._news.result(0)
        with self._lock:
            for samples in self._several.take_beside() if self._several is not None else ():
                self._record_beside(samples)
            if chunk is None or not len(chunk):
                if self._source.finished:
                    self._take_gathered()
                    self._phase = Phase.FINISHED
                return self._news.result(0)
            self._gather(chunk)
            return self._news.result(len(chunk))

    def predictions(self, *, seconds: float = math.inf) -> Iterator[Prediction]:
        """Step until the source ends, or for some seconds, and give each prediction as it is made.

        Parameters
        ----------
        seconds : float
            Longest time to run.

        Raises
        ------
        SourceError
            As `step`.
        """
        end = monotonic() + seconds
        while not self.finished and monotonic() < end:
            yield from self.step(_WAIT).predictions

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def finished(self) -> bool:
        """True once the source has ended."""
        return self._phase is Phase.FINISHED

    def stop(self) -> None:
        """Close the source, the recording and the outputs. May be called twice."""
        if self._marker_streams is not None:
            self._marker_streams.stop()
        if self._beside is not None:
            self._beside.stop()
        self._source.stop()
        self.stop_recording()
        self._sending.close()
        if self._log is not None:
            self._log.close()

    def start_baseline(self) -> None:
        """Measure the rest baseline from the next sample on, also if there is one already."""
        with self._lock:
            if self._model is not None:
                self._take_gathered()
                self._model.start_baseline(self._buffer.end)
                self._record_state(self._buffer.end)

    def forget_rest(self) -> None:
        """Drop the rest baseline, and check contact until `start_baseline` is called: another person follows."""
        with self._lock:
            if self._model is not None:
                self._take_gathered()
                self._model.forget_rest()
                self._record_state(self._buffer.end)
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
                self._record_state(self._buffer.end)

    def reset_alignment(self) -> None:
        """Start the session alignment again from the next sample on: the headset was placed again."""
        with self._lock:
            if self._model is not None:
                self._take_gathered()
                self._model.set_alignment(None)
                self._recorded = None  # so that the new state is recorded
                self._record_state(self._buffer.end)

    def mark(self, text: str) -> Marker:
        """Note an event now."""
        with self._lock:
            now = self._clock()
            # Stamps of a recording played at another speed are not this clock's: the event belongs
            # to the newest sample.
            off = abs(self._newest - self._arrived) > _STAMPS_OFF if self._info else False
            marker = Marker(self._newest + now - self._arrived if off else now, text)
        self.note(marker, "")
        return marker

    def note(self, marker: Marker, origin: str) -> None:
        """Record an event: of the marker stream `origin`, or of the app if that is empty; then send it too.

        While nothing is recorded it waits for a recording begun later, and the session log holds it.
        """
        with self._lock:
            self._record_marker(marker, origin)
            if self._recorder is None:
                self._unrecorded.append((origin, marker))
            if self._log is not None:
                self._log.add(marker, origin=origin, recording=self._recorder.path if self._recorder else None)
            if origin:
                self._news.markers.append(marker)
            else:
                self._sending.announce(marker)

    def keep_log(self, log: SessionLogFile) -> None:
        """Write events to a log from now on, of another person than before if there is one already."""
        with self._lock:
            old, self._log = self._log, log
            if old is not None:
                self._unrecorded.clear()
            for origin, marker in self._unrecorded:
                log.add(marker, origin=origin)
        if old is not None:
            old.close()

    @property
    def log(self) -> SessionLogFile | None:
        """The log that events are written to, if there is one."""
        return self._log

    @property
    def unrecorded(self) -> int:
        """Events that no recording holds."""
        return len(self._unrecorded)

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
        if self.bundle is None:
            raise RuntimeError("without a model there are no predictions to send")
        output.start(self.bundle, self.info)
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
            self._record(lambda recorder: recorder.on_beside(samples))

    @property
    def failures(self) -> tuple[BciError, ...]:
        """Why recordings and outputs have ended that should not have, in order."""
        return tuple(self._failures)

    def start_recording(self, recorder: Recorder) -> None:
        """Record from the next chunk on, in place of a recording that is running."""
        self.stop_recording()
        with self._lock:
            self._recorder, self._recording_error = recorder, ""
            self._recorded = None
            self._recorded_clocks = []
            if self._pick is not None or self._drop:
                uses = channel_uses(self.info, pick=self._pick, drop=self._drop)
                recorder.describe({"left_out": [use.name for use in uses if not use.used]})
            if self.bundle is not None and self._predictor is not None:
                recorder.describe(
                    {
                        "bundle": self.bundle.name,
                        "model_sha256": self.bundle.model_sha256,
                        "targets": {target.name: target.classes for target in self.bundle.targets},
                        "preprocessing": self.bundle.preprocessing.model_dump(mode="json"),
                        **self._predictor.profile_facts,
                    }
                )
            self._record_state(self._buffer.end)
            self._device_due = 0
            self._record_earlier_events(recorder.path)

    def _record_marker(self, marker: Marker, origin: str) -> None:
        self._record(lambda recorder: recorder.on_marker(marker, origin=origin))

    def _record_earlier_events(self, path: Path) -> None:
        events, self._unrecorded = self._unrecorded, []
        for origin, marker in events:
            self._record_marker(marker, origin)
        if events and self._log is not None:
            self._log.taken(len(events), path)

    def stop_recording(self) -> None:
        """Close the recording, if there is one. A slow disk holds up the caller, not the session."""
        with self._lock:
            self._take_gathered()
            recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        try:
            recorder.close()
        except FileError as error:
            self._note_recording_failure(error)

    def status(self) -> Status:
        """Describe the session now."""
        with self._lock:
            self._take_gathered()
            model = self._model
            return Status(
                phase=self._phase,
                message=self._message,
                nominal_rate=self._info.rate if self._info else float("nan"),
                effective_rate=self._rate.hz if self._info else float("nan"),
                received=self._received if self._info else 0,
                lost=self._lost if self._info else 0,
                age_s=age_of(self._newest, self._clock()) if self._info else float("nan"),
                baseline_progress=model.baseline_progress if model else float(self._info is not None),
                compute_ms=model.compute_ms if model else float("nan"),
                contacts=self._contacts if self._info else (),
                recording=str(self._recorder.path) if self._recorder else "",
                recording_error=self._recording_error,
                output_error=self._sending.error,
                notice=(str(self._log.failure) if self._log is not None and self._log.failure else "")
                or (self._rate.notice or self._arrival.notice if self._info else "")
                or (model.notice if model else "")
                or self._sending.notice,
                device=self._device,
                clock=" ".join(self._clock_notes),
                artefact=self._reader.artefact if self._info else "",
            )

    @property
    def _contacts(self) -> tuple[Contact, ...]:
        contacts = self._reader.contacts
        if not self._quality_columns or not self._received:
            return contacts
        return with_device_quality(contacts, self._quality_columns, self._buffer.view(1).data[-1])

    def signal(self, seconds: float) -> SignalView:
        """Copy the newest raw signal, in µV where the unit is one of voltage."""
        with self._lock:
            self._take_gathered()
            return self._buffer.view(round(seconds * self.info.rate))

    def _gather(self, chunk: Chunk) -> None:
        """Take samples when something is due on them, or they have waited long."""
        if chunk.lost or chunk.reset:
            self._take_gathered()
        if not self._gathered:
            self._due = min(self._reader.due(chunk.first), chunk.first + self._gather_samples)
        self._gathered.append(chunk)
        self._newest, self._arrived = float(chunk.times[-1]), self._clock()
        if self.info.real_time:
            if chunk.reset:
                self._arrival.restart()
            self._arrival.add(self._newest, self._arrived)
        if chunk.first + len(chunk) >= self._due or chunk.lost or chunk.reset or chunk.markers:
            self._take_gathered()

    def _take_gathered(self) -> None:
        if not self._gathered:
            return
        chunk, self._gathered = _joined(self._gathered), []
        self._record_clocks()
        self._record(lambda recorder: recorder.on_chunk(chunk))
        self._record_device(chunk)
        self._buffer.append(chunk.data * self._to_microvolts, chunk.first, float(chunk.times[-1]))
        self._received += len(chunk)
        self._lost += chunk.lost
        if chunk.lost or chunk.reset:
            self._rate.restart()
        self._rate.add(float(chunk.times[-1]), self._received)
        predictions, gaps = self._reader.take(chunk, wrong_rate=self._arrival.wrong)
        # A baseline that is complete now holds for what follows the last window that went into it.
        measured = (prediction.sample + 1 for prediction in predictions if Reason.BASELINE in prediction.reasons)
        self._record_state(max(measured, default=chunk.first), exact=False)
        self._phase, self._message = self._read_phase, ""
        for marker in chunk.markers:
            self._sending.announce(marker)
        for prediction in predictions:
            self._publish(prediction)
        self._news.add(predictions, gaps, chunk.markers)

    @property
    def _clock_notes(self) -> list[str]:
        collectors = (self._marker_streams, self._beside)
        notes = [note for collector in collectors if collector is not None for note in collector.clock_notes]
        return [self._mapped.clock_note, *notes] if self._mapped is not None and self._mapped.clock_note else notes

    @property
    def _device(self) -> DeviceState | None:
        return self._reporting.device if self._reporting is not None else None

    def _record_clocks(self) -> None:
        """Record how stamps are mapped: in the metadata, and as an event if a clock is set later."""
        notes = self._clock_notes
        if self._recorder is None or notes == self._recorded_clocks:
            return
        self._recorder.describe({"clocks": notes})
        if self._recorded_clocks:
            event = Marker(self._clock(), " ".join(notes))
            self._record(lambda recorder: recorder.on_marker(event))
        self._recorded_clocks = notes

    def _record_device(self, chunk: Chunk) -> None:
        """Record from time to time what the device reports beside samples."""
        if chunk.first < self._device_due or (device := self._device) is None:
            return
        self._device_due = chunk.first + round(_DEVICE_SECONDS * self.info.rate)
        self._record(lambda recorder: recorder.on_device(device, float(chunk.times[-1])))

    def _record_state(self, sample: int, *, exact: bool = True) -> None:
        """Record what the model knows of the session from stream index `sample` on, if that has changed.

        `exact` says that no sample from there on has been taken yet, so that the alignment is that of `sample`.
        """
        if self._recorder is None or self.bundle is None or self._model is None:
            return
        known = (self._model.origin, self._model.rest)
        if self._recorded is not None and known[0] == self._recorded[0] and known[1] is self._recorded[1]:
            return
        self._recorded = known
        alignment = self._model.alignment if exact else None
        state = ModelState(self.bundle.name, self.bundle.preprocessing.digest, sample, *known, alignment)
        time = self._clock() if math.isnan(self._newest) else self._newest
        self._record(lambda recorder: recorder.on_state(state, time))

    def _publish(self, prediction: Prediction) -> None:
        self._record(lambda recorder: recorder.on_prediction(prediction))
        self._sending.publish(prediction)

    def _record(self, act: Callable[[Recorder], None]) -> None:
        """Do something with the recorder; a recording that fails ends, the session goes on."""
        if self._recorder is None:
            return
        try:
            act(self._recorder)
        except FileError as error:
            self._recorder = None
            self._note_recording_failure(error)

    def _note_recording_failure(self, error: FileError) -> None:
        self._recording_error = str(error)
        self._failures.append(error)


@dataclass(slots=True)
class _News:
    """What has happened since the last step that reported it."""

    predictions: list[Prediction] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)

    def add(self, predictions: Iterable[Prediction], gaps: Iterable[Gap], markers: Iterable[Marker]) -> None:
        """Note more of it."""
        self.predictions += predictions
        self.gaps += gaps
        self.markers += markers

    def result(self, samples: int) -> StepResult:
        """Return it, once, as the result of a step that has read so many samples."""
        if not (self.predictions or self.gaps or self.markers):
            return StepResult(samples)
        result = StepResult(samples, tuple(self.predictions), tuple(self.gaps), tuple(self.markers))
        self.predictions, self.gaps, self.markers = [], [], []
        return result


def _joined(chunks: Sequence[Chunk]) -> Chunk:
    """Make one chunk of some without gaps between them."""
    if len(chunks) == 1:
        return chunks[0]
    stamps = [chunk.stamps for chunk in chunks if chunk.stamps is not None]  # of all or of none
    return replace(
        chunks[0],
        data=np.concatenate([chunk.data for chunk in chunks]),
        times=np.concatenate([chunk.times for chunk in chunks]),
        stamps=np.concatenate(stamps) if stamps else None,
        offset=chunks[-1].offset,
        markers=tuple(marker for chunk in chunks for marker in chunk.markers),
    )


def _display_scale(unit: str) -> float:
    """Return the factor to µV, or 1 for a channel that is no voltage and is drawn in its own unit."""
    try:
        return microvolts_per(unit)
    except ChannelError:
        return 1.0
