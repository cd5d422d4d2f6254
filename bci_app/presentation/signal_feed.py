"""What the eye gets of the signal: filtered traces, their time on the screen, and spectra. No Qt."""

from __future__ import annotations

from collections.abc import Callable

from bci_app.engine import Engine
from bci_app.engine.spectrum import Spectrum, welch
from bci_app.preprocessing.steps.filters import filters_loaded
from bci_app.presentation.stream_time import StreamTime
from bci_app.presentation.traces import FILTERS, DisplayFilter, TraceHistory
from bci_app.stream import StreamInfo

HISTORY_SECONDS = 30.0
# Seconds of signal copied a frame: a little more than a frame ever takes.
_GLANCE = 0.5
_SPECTRUM_SPAN = 6.0


class SignalFeed:
    """Copies signal from an engine for drawing.

    Parameters
    ----------
    clock : callable
        Seconds, steady; measures how long a stream has been silent.

    Attributes
    ----------
    traces : TraceHistory or None
        What the signals view draws; None without a session.
    stream_time : StreamTime
        Where the stream's time stands on the screen.
    display_filter : DisplayFilter
        Kept from session to session.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.traces: TraceHistory | None = None
        self.stream_time = StreamTime(clock)
        self.display_filter = FILTERS[0]

    def begin(self, info: StreamInfo) -> None:
        """Make ready for a stream."""
        self.traces = TraceHistory(
            info.channels,
            info.rate,
            seconds=HISTORY_SECONDS,
            display_filter=self.display_filter,
            filtered=filters_loaded(),
        )

    def forget(self) -> None:
        """Forget the stream."""
        self.traces = None
        self.stream_time.forget()

    def take(self, engine: Engine) -> bool:
        """Copy what is new, and return whether there was anything."""
        traces = self.traces
        if traces is None:
            return False
        view = engine.signal(_GLANCE)
        if view.first > traces.end:
            view = engine.signal(HISTORY_SECONDS)
        if not traces.extend(view):
            return False
        self.stream_time.take(view.time, traces.end / traces.rate)
        return True

    def filter_at_last(self, engine: Engine) -> bool:
        """Filter what was shown while the library of filters was being loaded, and return whether there was any."""
        if self.traces is None or self.traces.filtered or not filters_loaded():
            return False
        return self.refilter(self.display_filter, engine)

    def refilter(self, display_filter: DisplayFilter, engine: Engine | None) -> bool:
        """Show the signal through another filter, and return whether there is any."""
        self.display_filter = display_filter
        if self.traces is None or engine is None:
            return False
        self.traces.refilter(display_filter, engine.signal(HISTORY_SECONDS))
        return True

    def spectrum(self, engine: Engine) -> Spectrum | None:
        """Estimate the spectrum of the newest raw signal; None while there is too little of it."""
        return welch(engine.signal(_SPECTRUM_SPAN).data, engine.info.rate)

    def place(self, time: float) -> float | None:
        """Return the stream sample at an LSL time, or None before the first sample."""
        newest = self.stream_time.newest
        if self.traces is None or newest != newest:
            return None
        return self.traces.end - 1 + (time - newest) * self.traces.rate
