"""How fast the window draws, and what it costs the engine: ``python -m bci_app.gui.bench JOB``.

Settings come as a line of JSON on standard input, figures go to standard output as JSON. The jobs:
``window``, a session in the window; ``headless``, the same without; ``viewer``, MNE-LSL's StreamViewer.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import deque
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic, perf_counter, process_time, time
from typing import Any

import numpy as np
from PyQt6.QtCore import QEvent, QEventLoop, QObject, QSettings, QTimer
from PyQt6.QtWidgets import QApplication, QGraphicsView

from bci_app.bundle import LoadedBundle, load_bundle
from bci_app.engine import Engine, EngineThread
from bci_app.engine.simulated_rest import use_simulated_rest
from bci_app.events import Prediction
from bci_app.gui.app import make_application
from bci_app.gui.controller import Controller
from bci_app.gui.main_window import MainWindow
from bci_app.presentation.opening import Ready
from bci_app.sources.base import Source
from bci_app.sources.lsl.library import local_clock, use_loopback
from bci_app.sources.registry import open_source
from bci_app.stream import Chunk, StreamInfo


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """What the engine did.

    Attributes
    ----------
    predictions : int
        Valid ones, while it was measured.
    latency_p50_ms, latency_p99_ms : float
        From the chunk with a window's last sample being received to its prediction being made.
    age_p99_ms : float
        From that sample being stamped by its sender.
    cpu_percent : float
        Of one core, the whole process.
    """

    predictions: int
    latency_p50_ms: float
    latency_p99_ms: float
    age_p99_ms: float
    cpu_percent: float


@dataclass(frozen=True, slots=True)
class WindowFigures:
    """What was measured.

    Attributes
    ----------
    frames_per_second : float
        Paintings of the signals.
    frame_ms_median, frame_ms_p99 : float
        Time that one painting of the signals takes.
    cpu_percent : float
        Of one core, the whole process: source, engine, predictions and window.
    first_trace_s : float
        From the start of the process, imports included, to the first samples drawn.
    engine : EngineFigures
        What the engine did meanwhile.
    """

    frames_per_second: float
    frame_ms_median: float
    frame_ms_p99: float
    cpu_percent: float
    first_trace_s: float
    engine: EngineFigures


_LONGEST_WAIT = 30.0
"""Seconds after a measurement in which a prediction must come. It goes on until there is one."""


class _Meter:
    """A source that notes when its samples came."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._received: deque[tuple[float, float]] = deque(maxlen=20_000)  # stamp of the last sample, moment

    def start(self) -> StreamInfo:
        return self._source.start()

    def read(self, timeout: float = 0.0) -> Chunk | None:
        chunk = self._source.read(timeout)
        if chunk is not None and len(chunk):
            self._received.append((float(chunk.times[-1]), local_clock()))
        return chunk

    @property
    def finished(self) -> bool:
        return self._source.finished

    def stop(self) -> None:
        self._source.stop()

    def figures(self, predictions: list[Prediction], cpu_percent: float) -> EngineFigures:
        received = list(self._received)
        stamps = np.array([stamp for stamp, _ in received] or [np.inf])
        latency, age = [], []
        for prediction in predictions:
            place = int(np.searchsorted(stamps, prediction.time))
            if prediction.valid and place < len(received):
                made = prediction.time + prediction.age_ms / 1e3
                latency.append(1e3 * (made - received[place][1]))
                age.append(prediction.age_ms)
        spread = np.array(latency or [np.nan])
        return EngineFigures(
            predictions=len(latency),
            latency_p50_ms=float(np.median(spread)),
            latency_p99_ms=float(np.percentile(spread, 99)),
            age_p99_ms=float(np.percentile(np.array(age or [np.nan]), 99)),
            cpu_percent=cpu_percent,
        )


class _Watch(QObject):
    """Counts and times the paintings of one widget."""

    def __init__(self, watched: QObject) -> None:
        super().__init__()
        self.durations: list[float] = []
        self._inside = False
        self._watched = watched
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        if event is None or event.type() != QEvent.Type.Paint or self._inside or watched is not self._watched:
            return False
        self._inside = True
        begin = perf_counter()
        watched.event(event)
        self.durations.append(perf_counter() - begin)
        self._inside = False
        return True


class _Count(QObject):
    """Counts the paintings of a widget of others."""

    def __init__(self, watched: QObject) -> None:
        super().__init__()
        self.paintings = 0
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        if event is not None and event.type() == QEvent.Type.Paint:
            self.paintings += 1
        return False


def measure_window(
    source: Source,
    bundle: LoadedBundle,
    *,
    settings: QSettings,
    seconds: float = 10.0,
    settle: float = 12.0,
    size: tuple[int, int] = (1600, 1000),
) -> WindowFigures:
    """Run a session in a window and measure it.

    Parameters
    ----------
    source : Source
        Not started yet; endless.
    bundle : LoadedBundle
        Fits the source. Its rest baseline is taken as measured, so that predictions begin at once.
    settings : QSettings
        Not the user's own.
    seconds : float
        Length of the measurement.
    settle : float
        Seconds before it: the picture is to be full.
    size : tuple of int
        Of the window, in pixels.
    """
    app = make_application()  # lives as long as it is held
    controller = Controller()
    window = MainWindow(controller, title="bench", settings=settings)
    window.resize(*size)
    window.show()
    meter = _Meter(source)
    controller.prepare(lambda: Ready(meter, bundle), source_text="bench", wait_for_baseline=False)
    watch = _Watch(window.area.signals.canvas)
    first: list[float] = []
    predictions: list[Prediction] = []

    def note_first() -> None:
        if first or controller.engine is None:
            return
        first.append(_process_age())
        use_simulated_rest(controller.engine)  # takes a moment, and has no part in the first trace

    controller.traces_extended.connect(note_first)
    controller.predictions_added.connect(predictions.extend)
    try:
        _run(settle)
        watch.durations.clear()
        predictions.clear()
        started, used = monotonic(), process_time()
        _run(seconds)
        deadline = monotonic() + _LONGEST_WAIT
        while not any(prediction.valid for prediction in predictions) and monotonic() < deadline:
            _run(0.1)
        passed, used = monotonic() - started, process_time() - used
    finally:
        window.close()
        app.processEvents()
    painted = 1e3 * np.array(watch.durations or [np.nan])
    share = 100 * used / passed
    return WindowFigures(
        frames_per_second=len(watch.durations) / passed,
        frame_ms_median=float(np.median(painted)),
        frame_ms_p99=float(np.percentile(painted, 99)),
        cpu_percent=share,
        first_trace_s=first[0] if first else float("nan"),
        engine=meter.figures(predictions, share),
    )


def _predicted(thread: EngineThread) -> list[Prediction]:
    return [prediction for result in thread.drain() for prediction in result.predictions]


def _process_age() -> float:
    """Seconds since this process was started."""
    import psutil

    return time() - float(psutil.Process().create_time())


def measure_headless(source: Source, bundle: LoadedBundle, *, seconds: float, settle: float) -> EngineFigures:
    """Run the same session without a window; parameters as for `measure_window`."""
    meter = _Meter(source)
    engine = Engine(meter, bundle)
    engine.start()
    use_simulated_rest(engine)
    thread = EngineThread(engine)
    thread.start()
    loop_of = QApplication.instance() or QApplication(sys.argv[:1])
    try:
        _run(settle)
        thread.drain()
        predictions: list[Prediction] = []
        started, used = monotonic(), process_time()
        _run(seconds)
        deadline = monotonic() + _LONGEST_WAIT
        predictions += _predicted(thread)
        while not any(prediction.valid for prediction in predictions) and monotonic() < deadline:
            _run(0.1)
            predictions += _predicted(thread)
        passed, used = monotonic() - started, process_time() - used
    finally:
        thread.stop()
        loop_of.processEvents()
    return meter.figures(predictions, 100 * used / passed)


@dataclass(frozen=True, slots=True)
class ViewerFigures:
    """What MNE-LSL's StreamViewer did.

    Attributes
    ----------
    version : str
        Of mne-lsl.
    frames_per_second : float
        Paintings of its plot.
    cpu_percent : float
        Of one core, the whole process; it makes no predictions.
    """

    version: str
    frames_per_second: float
    cpu_percent: float


def measure_viewer(source_id: str, *, seconds: float, settle: float, size: tuple[int, int]) -> ViewerFigures:
    """Show a stream in MNE-LSL's StreamViewer, as its own `start` does, and measure it.

    Raises
    ------
    ImportError
        If this mne-lsl has no such viewer, or not where it was.
    """
    from importlib.metadata import version

    from mne_lsl.lsl import StreamInlet, resolve_streams
    from mne_lsl.stream_viewer.control_gui.control_eeg import ControlGUI_EEG
    from mne_lsl.stream_viewer.scope.scope_eeg import ScopeEEG

    inlet = StreamInlet(resolve_streams(timeout=15.0, source_id=source_id)[0])
    inlet.open_stream()
    scope = ScopeEEG(inlet)
    app = QApplication(sys.argv[:1])
    viewer = ControlGUI_EEG(scope)
    plots = [widget for widget in app.topLevelWidgets() if isinstance(widget, QGraphicsView)]
    for plot in plots:
        plot.resize(*size)
    count = _Count(plots[0].viewport() or plots[0])
    _run(settle)
    count.paintings = 0
    started, used = monotonic(), process_time()
    _run(seconds)
    passed, used = monotonic() - started, process_time() - used
    viewer.close()
    return ViewerFigures(version("mne-lsl"), count.paintings / passed, 100 * used / passed)


def _run(seconds: float) -> None:
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


# As a process ----------------------------------------------------------------------------------


def _job(name: str, wanted: dict[str, Any]) -> object:
    times = {"seconds": float(wanted["seconds"]), "settle": float(wanted["settle"])}
    size = (int(wanted["size"][0]), int(wanted["size"][1]))
    if name == "viewer":
        return asdict(measure_viewer(wanted["source_id"], **times, size=size))
    use_loopback()
    loaded = load_bundle(wanted["bundle"])
    preprocessing = loaded.spec.preprocessing.model_copy(update={"hop": int(wanted["hop"])})
    loaded = replace(loaded, spec=loaded.spec.model_copy(update={"preprocessing": preprocessing}))
    source = open_source(f"lsl:source_id={wanted['source_id']}")
    if name == "headless":
        return asdict(measure_headless(source, loaded, **times))
    with tempfile.TemporaryDirectory() as folder:
        settings = QSettings(str(Path(folder) / "settings.ini"), QSettings.Format.IniFormat)
        return asdict(measure_window(source, loaded, settings=settings, size=size, **times))


def main() -> None:
    """Do one job."""
    sys.stdout.write(json.dumps(_job(sys.argv[1], json.loads(sys.stdin.readline()))) + "\n")


if __name__ == "__main__":
    main()
