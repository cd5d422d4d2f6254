"""How fast the window draws: frames, processor time, and what it costs the engine."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic, perf_counter, process_time

import numpy as np
from PyQt6.QtCore import QEvent, QEventLoop, QObject, QSettings, QTimer

from bci_app.bundle import LoadedBundle
from bci_app.events import Prediction
from bci_app.gui.app import make_application
from bci_app.gui.controller import Controller
from bci_app.gui.main_window import MainWindow
from bci_app.sources.base import Source


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
        From the making of the window to the first painted samples.
    age_ms_p99 : float
        99th percentile of the age of predictions at their publication; nan if there were none.
    """

    frames_per_second: float
    frame_ms_median: float
    frame_ms_p99: float
    cpu_percent: float
    first_trace_s: float
    age_ms_p99: float


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
        Fits the source.
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
    begin = monotonic()
    controller = Controller()
    window = MainWindow(controller, title="bench", settings=settings)
    window.resize(*size)
    window.show()
    controller.open(source, bundle, source_text="bench", wait_for_baseline=False)
    watch = _Watch(window.area.signals.canvas)
    first: list[float] = []
    predictions: list[Prediction] = []

    def note_first() -> None:
        if not first:
            first.append(monotonic() - begin)

    controller.traces_extended.connect(note_first)
    controller.predictions_added.connect(predictions.extend)
    try:
        _run(settle)
        watch.durations.clear()
        predictions.clear()
        started, used = monotonic(), process_time()
        _run(seconds)
        passed, used = monotonic() - started, process_time() - used
    finally:
        window.close()
        app.processEvents()
    painted = 1e3 * np.array(watch.durations or [np.nan])
    ages = np.array([prediction.age_ms for prediction in predictions] or [np.nan])
    return WindowFigures(
        frames_per_second=len(watch.durations) / passed,
        frame_ms_median=float(np.median(painted)),
        frame_ms_p99=float(np.percentile(painted, 99)),
        cpu_percent=100 * used / passed,
        first_trace_s=first[0] if first else float("nan"),
        age_ms_p99=float(np.percentile(ages, 99)),
    )


def _run(seconds: float) -> None:
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()
