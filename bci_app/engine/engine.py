"""One live session: pull, preprocess, predict, publish.

`Engine.step` does one round and returns what it brought. A thread is only a loop around it
(`bci_app.engine.runner`); tests call it directly.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from time import monotonic, sleep
from types import TracebackType
from typing import Self

from bci_app.bundle.predictor import Predictor
from bci_app.bundle.store import LoadedBundle
from bci_app.engine.controls import Controls
from bci_app.engine.intake import Intake
from bci_app.engine.interpreter import Interpreter
from bci_app.engine.rate import MOST_RATE_ERROR
from bci_app.engine.watcher import Watcher
from bci_app.errors import StreamLostError
from bci_app.events import Phase, Prediction, Reason, SignalView, Status, StepResult
from bci_app.outputs.base import Output
from bci_app.preprocessing.steps.filters import load_filters
from bci_app.sources.base import Device, Mapped, Patient, Several, Source
from bci_app.sources.channels import for_prediction
from bci_app.sources.lsl.library import local_clock
from bci_app.stream import Chunk, DeviceState, StreamInfo

# Longest wait for samples in `Engine.predictions`.
_WAIT = 0.1


class Engine(Controls):
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
    show_first : bool
        True to open the source before the library of filters is loaded, which takes a second: samples are shown and
        recorded meanwhile, and predicted from afterwards. False to load it first, so that no sample waits.
    wait_for_baseline : bool
        True to check contact until `start_baseline` is called; False to measure the rest baseline
        from the first sample.
    buffer_seconds : float
        Raw signal kept for `signal`.
    clock : callable
        The LSL clock, or the system's steady one where liblsl is missing; injected by tests.

    Attributes
    ----------
    spec : Bundle or None
        The model's description, as it fits the stream once the engine is started; None without a model.

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
        show_first: bool = False,
        wait_for_baseline: bool = False,
        buffer_seconds: float = 30.0,
        clock: Callable[[], float] = local_clock,
    ) -> None:
        if predictor is None and bundle is not None:
            predictor = Predictor(bundle.spec, bundle.model)
        super().__init__(predictor, outputs=outputs, markers=markers, beside=beside, pick=pick, drop=drop, clock=clock)
        self._source = source
        # Checked once: the test of a protocol costs more than the rest of a step.
        self._reporting = source if isinstance(source, Device) else None
        self._mapped = source if isinstance(source, Mapped) else None
        self._several = source if isinstance(source, Several) else None
        self._can_wait = isinstance(source, Patient) and source.can_wait
        self._loading = threading.Thread(target=load_filters, name="loading", daemon=True) if show_first else None
        self._wait_for_baseline = wait_for_baseline
        self._buffer_seconds = buffer_seconds
        self._message = ""
        self._unread: list[tuple[Chunk, bool]] = []  # taken while filters are loaded; and whether they arrive wrong

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
            allowed = self.spec.max_rate_error if self.spec is not None else None
            self._intake = Intake(
                info,
                most_rate_error=MOST_RATE_ERROR if allowed is None else allowed,
                buffer_seconds=self._buffer_seconds,
                clock=self._clock,
            )
            if self.spec is not None:
                self._sending.start(self.spec, info)
            if self._marker_streams is not None:
                self._marker_streams.start()
            if self._beside is not None:
                self._beside.start()
        except BaseException:
            self._source.stop()
            raise
        self._info = info
        self._phase = self._read_phase
        if self._loading is not None:
            self._loading.start()
        return info

    def _load_libraries(self) -> None:
        """Load what the first window needs before the stream is open: its samples would wait for a second or more."""
        if self._loading is None:
            load_filters()
        if self.spec is not None and self._predictor is not None:
            spec = self.spec.preprocessing
            info = StreamInfo("", spec.channels, spec.rate, ("uV",) * len(spec.channels))
            Interpreter(self.spec, self._predictor, info, wait_for_baseline=True, clock=self._clock)

    def _make_model(self, info: StreamInfo) -> Interpreter | None:
        if self.spec is None or self._predictor is None:
            return None
        self.spec = self.spec.for_stream(info.channels, info.units)
        return Interpreter(
            self.spec, self._predictor, info, wait_for_baseline=self._wait_for_baseline, clock=self._clock
        )

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
        if timeout > 0 and (spare := min(timeout, self._intake.spare)) > 0:
            sleep(spare)
            timeout -= spare
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
        """Step until the source ends, or for some seconds, and yield each prediction as it is made.

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
        if self._loading is not None and self._loading.is_alive():
            self._loading.join()  # a process may not end in the middle of an import
        if self._marker_streams is not None:
            self._marker_streams.stop()
        if self._beside is not None:
            self._beside.stop()
        self._source.stop()
        self.stop_recording()
        self._sending.close()
        if self.log is not None:
            self.log.close()

    def status(self) -> Status:
        """Describe the session now."""
        with self._lock:
            self._take_gathered(wait=False)
            model = self._model
            return Status(
                phase=self._phase,
                message=self._message,
                nominal_rate=self._info.rate if self._info else float("nan"),
                effective_rate=self._intake.hz if self._info else float("nan"),
                received=self._intake.received if self._info else 0,
                lost=self._intake.lost if self._info else 0,
                age_s=self._intake.age if self._info else float("nan"),
                baseline_progress=model.baseline_progress if model else float(self._info is not None),
                compute_ms=model.compute_ms if model else float("nan"),
                contacts=self._intake.with_device_quality(self._reader.contacts) if self._info else (),
                recording=str(self._recording.path or ""),
                recording_error=self._recording.error,
                output_error=self._sending.error,
                notice=self._notice,
                device=self._device,
                clock=" ".join(self._clock_notes),
                artefact=self._reader.artefact if self._info else "",
            )

    @property
    def _notice(self) -> str:
        """What is odd although predictions go on; the weightiest first."""
        log_failure = self.log.failure if self.log is not None else None
        notices = [str(log_failure or "")]
        if self._info is not None:
            notices.append(self._intake.notice)
        if self._model is not None:
            notices.append(self._model.notice)
        return next((notice for notice in (*notices, self._sending.notice) if notice), "")

    def signal(self, seconds: float) -> SignalView:
        """Copy the newest raw signal, in µV where the unit is one of voltage."""
        with self._lock:
            self._take_gathered(wait=False)
            return self._intake.view(seconds)

    def _gather(self, chunk: Chunk) -> None:
        """Take samples when something is due on them, or they have waited long."""
        if chunk.lost or chunk.reset:
            self._take_gathered(wait=False)
        if self._intake.gather(chunk, self._reader.due):
            self._take_gathered(wait=False)

    def _take_gathered(self, *, wait: bool = True) -> None:
        """Take what is gathered; with `wait` what has waited for the filters too, however long they load."""
        chunk = self._intake.take() if self._info is not None else None
        if chunk is not None:
            self._recording.on_clocks(self._clock_notes)
            self._recording.on_chunk(chunk, self._device, self.info.rate)
            self._unread.append((chunk, self._intake.arrives_wrong))
        if self._unread and self._loading is not None:
            if not wait and self._loading.is_alive():
                return
            self._loading.join()
        unread, self._unread = self._unread, []
        for samples, wrong_rate in unread:
            self._read(samples, wrong_rate=wrong_rate)

    def _read(self, chunk: Chunk, *, wrong_rate: bool) -> None:
        predictions, gaps = self._reader.take(chunk, wrong_rate=wrong_rate)
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

    def _publish(self, prediction: Prediction) -> None:
        self._recording.on_prediction(prediction)
        self._sending.publish(prediction)
