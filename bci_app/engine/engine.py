"""One live session: pull, preprocess, predict, publish.

`Engine.step` does one round and returns what it brought. A thread is only a loop around it
(`bci_app.engine.runner`); tests call it directly.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.decoder import Decoder
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.store import LoadedBundle
from bci_app.channels import interpolation_weights
from bci_app.engine.buffer import SignalBuffer
from bci_app.engine.contact import ContactMonitor
from bci_app.engine.rate import EffectiveRate
from bci_app.errors import ChannelError, FileError, StreamLostError
from bci_app.events import Gap, Phase, Prediction, Reason, SignalView, Status, StepResult, TargetPrediction
from bci_app.outputs.base import Output
from bci_app.preprocessing import Pipeline, Rest, Window
from bci_app.sources.base import Source
from bci_app.sources.lsl_markers import MarkerStreams
from bci_app.stream import Chunk, Marker, StreamInfo, microvolts_per

if TYPE_CHECKING:
    from bci_app.recording.recorder import Recorder

# Longest wait for samples in `Engine.predictions`.
_WAIT = 0.1


def lsl_clock() -> float:
    """Give LSL's clock: seconds, steady."""
    import pylsl

    return float(pylsl.local_clock())


class Engine:
    """A session with one source and one bundle.

    Parameters
    ----------
    source : Source
        Not started yet.
    bundle : LoadedBundle
        The model.
    outputs : sequence of Output
        Where predictions go.
    markers : sequence of str
        LSL marker streams whose events belong into the recording (see `MarkerStreams`).
    wait_for_baseline : bool
        True to check contact until `start_baseline` is called; False to measure the rest baseline
        from the first sample.
    buffer_seconds : float
        Raw signal kept for `signal`.
    clock : callable
        The LSL clock; injected by tests.

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
        bundle: LoadedBundle,
        *,
        outputs: Sequence[Output] = (),
        markers: Sequence[str] = (),
        wait_for_baseline: bool = False,
        buffer_seconds: float = 30.0,
        clock: Callable[[], float] = lsl_clock,
    ) -> None:
        self.bundle = bundle.spec
        self._predictor = Predictor(bundle.spec, bundle.model)
        self._source = source
        self._outputs = tuple(outputs)
        self._marker_streams = MarkerStreams(markers, self.note) if markers else None
        self._wait_for_baseline = wait_for_baseline
        self._buffer_seconds = buffer_seconds
        self._clock = clock
        self._lock = threading.RLock()
        self._phase = Phase.CONNECTING
        self._message = ""
        self._recorder: Recorder | None = None
        self._recording_failure = ""
        self._info: StreamInfo | None = None

    def start(self) -> StreamInfo:
        """Open the source and make everything ready for its stream.

        Raises
        ------
        SourceError, ChannelError, PreprocessingError
            If the source cannot be opened or does not fit the model.
        """
        info = self._source.start()
        try:
            spec = self.bundle.preprocessing
            pipeline = Pipeline(
                spec,
                channels=info.channels,
                rate=info.rate,
                units=info.units,
                max_interpolated=self.bundle.max_interpolated,
            )
            if self.bundle.max_interpolated:
                # Load what interpolation needs now, not in the middle of a session.
                interpolation_weights(spec.channels, (0,))
            for output in self._outputs:
                output.start(self.bundle, info)
            if self._marker_streams is not None:
                self._marker_streams.start()
        except BaseException:
            self._source.stop()
            raise
        self._info = info
        self._decoder = Decoder(pipeline, self._predictor)
        self._contact = ContactMonitor(spec.channels, info.rate, missing=pipeline.missing)
        self._buffer = SignalBuffer(len(info.channels), max(1, round(self._buffer_seconds * info.rate)))
        self._to_microvolts = np.array([_display_scale(unit) for unit in info.units])
        self._incomplete_ends = pipeline.incomplete_ends()
        self._origin = 0  # stream index of the first sample since the filters' last reset
        self._awaited = deque(self._incomplete_ends)
        self._after_gap = False
        self._baseline_from: int | None = None if self._wait_for_baseline else 0
        self._received = self._lost = 0
        self._rate = EffectiveRate(info.rate)
        self._newest = float("nan")
        self._compute_ms = float("nan")
        self._phase = Phase.CONTACT if self._wait_for_baseline else Phase.WARMING_UP
        return info

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
        """
        try:
            chunk = self._source.read(timeout)
        except StreamLostError as error:
            with self._lock:
                self._phase, self._message = Phase.LOST, str(error)
            return StepResult()
        with self._lock:
            if chunk is None or not len(chunk):
                if self._source.finished:
                    self._phase = Phase.FINISHED
                return StepResult()
            return self._take(chunk)

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
        """Close the source, the outputs and the recording. May be called twice."""
        if self._marker_streams is not None:
            self._marker_streams.stop()
        self._source.stop()
        with self._lock:
            self.stop_recording()
            for output in self._outputs:
                output.close()
            self._outputs = ()

    def start_baseline(self) -> None:
        """Measure the rest baseline from the next sample on, anew if there is one."""
        with self._lock:
            self._decoder.restart_baseline()
            self._baseline_from = self._buffer.end

    def set_rest(self, rest: Rest) -> None:
        """Use a rest baseline measured before, on the same person with the same montage."""
        with self._lock:
            self._decoder.set_rest(rest)
            self._baseline_from = 0

    def mark(self, text: str) -> Marker:
        """Note an event now."""
        marker = Marker(self._clock(), text)
        self.note(marker, "")
        return marker

    def note(self, marker: Marker, origin: str) -> None:
        """Record an event: of the marker stream `origin`, or of the app if that is empty."""
        with self._lock:
            self._record(lambda recorder: recorder.on_marker(marker, origin=origin))

    @property
    def marker_streams(self) -> MarkerStreams | None:
        """The marker streams received, if any are asked for."""
        return self._marker_streams

    def start_recording(self, recorder: Recorder) -> None:
        """Record from the next chunk on."""
        with self._lock:
            self.stop_recording()
            self._recorder, self._recording_failure = recorder, ""

    def stop_recording(self) -> None:
        """Close the recording, if there is one."""
        with self._lock:
            self._record(lambda recorder: recorder.close())
            self._recorder = None

    def status(self) -> Status:
        """Describe the session now."""
        with self._lock:
            return Status(
                phase=self._phase,
                message=self._message or self._recording_failure,
                nominal_rate=self._info.rate if self._info else float("nan"),
                effective_rate=self._rate.hz if self._info else float("nan"),
                received=self._received if self._info else 0,
                lost=self._lost if self._info else 0,
                age_s=self._clock() - self._newest if self._info else float("nan"),
                baseline_progress=self._decoder.baseline_progress if self._info else 0.0,
                compute_ms=self._compute_ms if self._info else float("nan"),
                contacts=self._contact.contacts if self._info else (),
                recording=str(self._recorder.path) if self._recorder else "",
                notice=self._rate.notice if self._info else "",
            )

    def signal(self, seconds: float) -> SignalView:
        """Copy the newest raw signal, in µV where the unit is one of voltage."""
        with self._lock:
            return self._buffer.view(round(seconds * self.info.rate))

    # One chunk -----------------------------------------------------------------------------

    def _take(self, chunk: Chunk) -> StepResult:
        gaps: list[Gap] = []
        predictions: list[Prediction] = []
        self._record(lambda recorder: recorder.on_chunk(chunk))
        self._buffer.append(chunk.data * self._to_microvolts, chunk.first, float(chunk.times[-1]))
        self._received += len(chunk)
        self._newest = float(chunk.times[-1])
        if chunk.lost or chunk.reset:
            self._lost += chunk.lost
            gaps.append(Gap(chunk.first, float(chunk.times[0]), chunk.lost))
            self._break(chunk.first, stamps_too=True)
        self._rate.add(self._newest, self._received)
        pipeline = self._decoder.pipeline
        finite = np.asarray(np.isfinite(chunk.data[:, pipeline.columns]).all(axis=1))
        for start, stop, good in _runs(finite):
            if not good:
                gaps.append(Gap(chunk.first + start, float(chunk.times[start]), stop - start))
                self._break(chunk.first + stop)
                continue
            for begin, end in self._to_grid(chunk.first + start, chunk.first + stop):
                piece = chunk.data[begin - chunk.first : end - chunk.first]
                windows = pipeline.process(piece)
                predictions += self._skipped(end, chunk)
                self._contact.add(piece[:, pipeline.columns] * pipeline.scale, end)
                # Before the verdict at this piece's end, which other cuts would not know yet.
                predictions += [self._predict(window, chunk) for window in windows]
                if self._contact.update():
                    # A filter rings for seconds after what a bad electrode gave it.
                    pipeline.restart(self._contact.recovering)
                    pipeline.set_bad(self._contact.bad_now())
        self._update_phase()
        for prediction in predictions:
            self._publish(prediction)
        return StepResult(len(chunk), tuple(predictions), tuple(gaps))

    def _to_grid(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Cut a run at the points where contact is judged, so that arrival in chunks changes nothing."""
        grid = self._contact.grid
        while start < stop:
            end = min(stop, (start // grid + 1) * grid)
            yield start, end
            start = end

    def _break(self, first: int, *, stamps_too: bool = False) -> None:
        """Begin anew at stream index `first`: what came before says nothing of what follows."""
        self._decoder.reset()
        self._contact.reset(first)
        self._origin = first
        self._awaited = deque(self._incomplete_ends)
        self._after_gap = first > 0
        if stamps_too:
            self._rate.restart()

    def _skipped(self, end: int, chunk: Chunk) -> list[Prediction]:
        """Say where a prediction was due before stream index `end` but filters had no past."""
        reason = Reason.GAP if self._after_gap else Reason.WARMING_UP
        skipped = []
        while self._awaited and self._origin + self._awaited[0] < end:
            skipped.append(self._invalid(self._origin + self._awaited.popleft(), chunk, (reason,), 0.0))
        return skipped

    def _predict(self, window: Window, chunk: Chunk) -> Prediction:
        sample = self._origin + window.last
        start = sample - self._decoder.pipeline.window_length + 1
        usable = self._contact.usable_since(start) & ~self._contact.bad_before(sample + 1)
        quality = float(usable.mean())
        acceptable = quality >= 1 - self.bundle.max_interpolated
        waiting = self._baseline_from is None or (self._decoder.baseline_progress < 1 and start < self._baseline_from)
        decoded = self._decoder.decode(window, usable=acceptable and not waiting)
        reasons: list[Reason] = []
        if not acceptable:
            reasons.append(Reason.BAD_CONTACT)
        if decoded.probabilities is None and (waiting or acceptable or self._decoder.baseline_progress < 1):
            reasons.append(Reason.BASELINE)
        if decoded.probabilities is None or decoded.smoothed is None:
            return self._invalid(sample, chunk, tuple(reasons), quality)
        self._compute_ms = decoded.seconds * 1e3
        time = float(chunk.times[sample - chunk.first])
        return Prediction(
            sample=sample,
            time=time,
            valid=True,
            reasons=(),
            quality=quality,
            age_ms=(self._clock() - time) * 1e3,
            compute_ms=self._compute_ms,
            targets=tuple(
                TargetPrediction(target.name, target.classes, tuple(p.tolist()), tuple(s.tolist()))
                for target, p, s in zip(self.bundle.targets, decoded.probabilities, decoded.smoothed, strict=True)
            ),
        )

    def _invalid(self, sample: int, chunk: Chunk, reasons: tuple[Reason, ...], quality: float) -> Prediction:
        time = float(chunk.times[sample - chunk.first])
        targets = tuple(TargetPrediction(target.name, target.classes, None, None) for target in self.bundle.targets)
        age = (self._clock() - time) * 1e3
        return Prediction(sample, time, False, reasons, quality, age, 0.0, targets)

    def _update_phase(self) -> None:
        self._message = ""
        if self._baseline_from is None:
            self._phase = Phase.CONTACT
        elif self._decoder.baseline_progress < 1:
            self._phase = Phase.BASELINE if not self._awaited else Phase.WARMING_UP
        else:
            self._phase = Phase.RUNNING if not self._awaited else Phase.WARMING_UP

    def _publish(self, prediction: Prediction) -> None:
        self._record(lambda recorder: recorder.on_prediction(prediction))
        for output in self._outputs:
            output.publish(prediction)

    def _record(self, act: Callable[[Recorder], None]) -> None:
        """Do something with the recorder; a recording that fails ends, the session goes on."""
        if self._recorder is None:
            return
        try:
            act(self._recorder)
        except FileError as error:
            self._recorder = None
            self._recording_failure = str(error)


def _display_scale(unit: str) -> float:
    """Give the factor to µV, or 1 for a channel that is no voltage and is drawn in its own unit."""
    try:
        return microvolts_per(unit)
    except ChannelError:
        return 1.0


def _runs(mask: NDArray[np.bool_]) -> Iterator[tuple[int, int, bool]]:
    """Give the runs of equal values of a mask: start, stop, value."""
    if mask.all():
        yield 0, len(mask), True
        return
    edges = np.flatnonzero(np.diff(mask)) + 1
    bounds = [0, *edges.tolist(), len(mask)]
    for start, stop in pairwise(bounds):
        if stop > start:
            yield start, stop, bool(mask[start])
