"""The measured process: one headless session, as `bci-app run` runs it, with a stopwatch in it."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bci_app.bundle import LoadedBundle
from bci_app.bundle.spec import Bundle
from bci_app.engine import Engine
from bci_app.engine.simulated_rest import use_simulated_rest
from bci_app.events import Prediction
from bci_app.outputs.base import Output
from bci_app.outputs.jsonl import JsonLinesOutput
from bci_app.recording.recorder import Recorder
from bci_app.sources.base import Source
from bci_app.sources.lsl.library import local_clock
from bci_app.stream import Chunk, StreamInfo
from bci_app.terminal import run_in_terminal

# Stream time before figures count: the first window, and rings and caches that fill. A quick look waits less.
_SETTLE_SECONDS = (2.0, 5.0)
# Stream seconds between two looks at memory, and from which one on growth counts.
_MEMORY_STEP, _MEMORY_FROM = 60.0, 120.0


@dataclass(frozen=True, slots=True)
class SessionFigures:
    """What a session cost.

    Attributes
    ----------
    seconds : float
        Measured time, after settling.
    predictions, valid : int
        Windows published in it, and those that carried probabilities.
    latency_p50_ms, latency_p99_ms, latency_max_ms : float
        From the chunk with a window's last sample being received to its prediction being published.
    age_p50_ms, age_p99_ms : float
        From that sample being stamped by the sender to its prediction being published.
    cpu_percent : float
        Of one core, the whole process with all threads of its libraries.
    lost : int
        Samples lost.
    backlog_start_ms, backlog_end_ms, backlog_max_ms : float
        Age of the newest sample when its chunk was received: median of the first and of the last
        quarter, and the largest.
    reads_per_s : float
        Chunks received.
    """

    seconds: float
    predictions: int
    valid: int
    latency_p50_ms: float
    latency_p99_ms: float
    latency_max_ms: float
    age_p50_ms: float
    age_p99_ms: float
    cpu_percent: float
    lost: int
    backlog_start_ms: float
    backlog_end_ms: float
    backlog_max_ms: float
    reads_per_s: float


class _Stopwatch:
    """A source that notes when chunks came and an output that notes when predictions went."""

    def __init__(self, source: Source, settle: float) -> None:
        self._source = source
        self._settle = settle
        self._received = self._settled = 0.0
        self.backlog: list[float] = []
        self.latency: list[float] = []
        self.age: list[float] = []
        self.valid = 0
        self.lost = 0
        self.cpu = self.began = 0.0
        self._counting = False

    def start(self) -> StreamInfo:
        return self._source.start()

    def read(self, timeout: float = 0.0) -> Chunk | None:
        chunk = self._source.read(timeout)
        if chunk is not None:
            self._received = local_clock()
            self._settled = self._settled or self._received + self._settle
            if self._counting:
                self.backlog.append(self._received - float(chunk.times[-1]))
                self.lost += chunk.lost
            elif self._received > self._settled:
                self._counting = True
                self.cpu, self.began = time.process_time(), time.monotonic()
        return chunk

    @property
    def finished(self) -> bool:
        return self._source.finished

    def stop(self) -> None:
        self._source.stop()

    def publish(self, prediction: Prediction) -> None:
        if self._counting:
            now = local_clock()
            self.latency.append(now - self._received)
            self.age.append(now - prediction.time)
            self.valid += prediction.valid

    def figures(self) -> SessionFigures:
        seconds = time.monotonic() - self.began
        cpu = time.process_time() - self.cpu
        latency, age, backlog = (np.array(values) * 1e3 for values in (self.latency, self.age, self.backlog))
        quarter = max(1, len(backlog) // 4)
        return SessionFigures(
            seconds=seconds,
            predictions=len(latency),
            valid=self.valid,
            latency_p50_ms=float(np.quantile(latency, 0.5)),
            latency_p99_ms=float(np.quantile(latency, 0.99)),
            latency_max_ms=float(latency.max()),
            age_p50_ms=float(np.quantile(age, 0.5)),
            age_p99_ms=float(np.quantile(age, 0.99)),
            cpu_percent=100 * cpu / seconds,
            lost=self.lost,
            backlog_start_ms=float(np.median(backlog[:quarter])),
            backlog_end_ms=float(np.median(backlog[-quarter:])),
            backlog_max_ms=float(backlog.max()),
            reads_per_s=len(backlog) / seconds,
        )


class _Publisher:
    """The stopwatch as an output."""

    place = "the stopwatch"

    def __init__(self, stopwatch: _Stopwatch) -> None:
        self._stopwatch = stopwatch

    def start(self, bundle: Bundle, info: StreamInfo) -> None:
        pass

    def publish(self, prediction: Prediction) -> None:
        self._stopwatch.publish(prediction)

    def close(self) -> None:
        pass


def with_predictions_per_second(loaded: LoadedBundle, number: float) -> LoadedBundle:
    """Change a bundle's hop; its network and its windows stay."""
    preprocessing = loaded.spec.preprocessing
    hop = max(1, round(preprocessing.rate / number))
    changed = loaded.spec.model_copy(update={"preprocessing": preprocessing.model_copy(update={"hop": hop})})
    return replace(loaded, spec=changed)


def first_window(loaded: LoadedBundle) -> float:
    """Return the seconds of stream after which a model makes predictions."""
    spec = loaded.spec.preprocessing
    return (spec.warm_up + spec.window) / spec.rate + 1.0


def measure_session(source: Source, loaded: LoadedBundle, seconds: float) -> SessionFigures:
    """Run a session that writes JSON lines, for so many seconds after settling."""
    shortest, longest = _SETTLE_SECONDS
    settle = max(min(max(seconds, shortest), longest), first_window(loaded))
    stopwatch = _Stopwatch(source, settle)
    with tempfile.TemporaryDirectory() as folder:
        engine = _start(stopwatch, loaded, Path(folder), _Publisher(stopwatch))
        run_in_terminal(engine, "", seconds=seconds + settle, quiet=True)
    return stopwatch.figures()


def _start(source: Source, loaded: LoadedBundle, folder: Path, meter: Output) -> Engine:
    engine = Engine(source, loaded, outputs=(JsonLinesOutput(folder / "predictions.jsonl"), meter))
    engine.start()
    use_simulated_rest(engine)
    return engine


@dataclass(frozen=True, slots=True)
class MemoryFigures:
    """What a long session keeps.

    Attributes
    ----------
    stream_seconds, wall_seconds : float
        Length of the session in time of the stream, and how long it took.
    start_mb, end_mb, growth_mb : float
        Resident memory after two minutes of the stream, at its end, and the difference.
    """

    stream_seconds: float
    wall_seconds: float
    start_mb: float
    end_mb: float
    growth_mb: float


class _MemoryMeter:
    """An output that notes the process's resident memory once a minute of the stream."""

    place = "the memory meter"

    def __init__(self) -> None:
        import psutil

        self._process = psutil.Process()
        self._due = 0.0
        self.seconds: list[float] = []
        self.rss: list[float] = []

    def start(self, bundle: Bundle, info: StreamInfo) -> None:
        self._rate = info.rate

    def publish(self, prediction: Prediction) -> None:
        seconds = prediction.sample / self._rate
        if seconds >= self._due:
            self._due = seconds + _MEMORY_STEP
            self.seconds.append(seconds)
            self.rss.append(self._process.memory_info().rss / 2**20)

    def close(self) -> None:
        pass


def measure_memory(loaded: LoadedBundle, *, stream_seconds: float, speed: float) -> MemoryFigures:
    """Run a recorded session on made-up EEG at many times real speed."""
    from bci_app.simulation import Settings, SimulatedParticipant
    from bci_app.sources.synthetic import SyntheticSource

    meter = _MemoryMeter()
    participant = SimulatedParticipant(0, Settings(loaded.spec.preprocessing.channels, 250.0))
    source = SyntheticSource(participant, speed=speed, seconds=stream_seconds)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        engine = _start(source, loaded, Path(folder), meter)
        engine.start_recording(Recorder(Path(folder) / "session.xdf", engine.info))
        run_in_terminal(engine, "", quiet=True)
    first = min(range(len(meter.seconds)), key=lambda index: abs(meter.seconds[index] - _MEMORY_FROM))
    return MemoryFigures(
        stream_seconds=meter.seconds[-1],
        wall_seconds=time.monotonic() - begun,
        start_mb=meter.rss[first],
        end_mb=meter.rss[-1],
        growth_mb=meter.rss[-1] - meter.rss[first],
    )
