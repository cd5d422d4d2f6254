"""Events of LSL marker streams: PsychoPy, E-Prime, Presentation and others send them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bci_app.sources.lsl.collector import Connection, StreamCollector
from bci_app.sources.lsl.header import LslStream, carries_text
from bci_app.sources.lsl.senders import SenderClock
from bci_app.stream import Marker, marker_text

# Longest wait for an event: bounds how long the end takes.
_WAIT_SECONDS = 0.1
_MOST = 256  # events that are still taken of a stream at the end
# Events that wait in LSL while this process is busy, in units of a hundred.
_BUFFER = 100

_Deliver = Callable[[Marker, str], None]


class _MarkerConnection(Connection):
    """A marker stream that is received."""

    def __init__(
        self, inlet: Any, info: Any, stream: LslStream, origin: str, sender: SenderClock, *, deliver: _Deliver
    ) -> None:
        super().__init__(inlet, info, stream, origin, sender)
        self._text = carries_text(info)
        self._deliver = deliver
        self._waiting: list[tuple[float, str]] = []

    def _take(self) -> None:
        # One by one, for LSL waits until there are as many as are asked for.
        self._pull(_WAIT_SECONDS, 1)

    def _take_rest(self) -> None:
        self._pull(0.0, _MOST)

    def _pull(self, timeout: float, most: int) -> None:
        # As bytes: not every sender writes UTF-8.
        values, times = self._inlet.pull_chunk(timeout=timeout, max_samples=most, as_numpy=True)
        self._waiting += [(moment, _as_text(row, self._text)) for row, moment in zip(values, times, strict=True)]
        # Events are taken out of LSL at once, for it keeps none of a sender that has gone.
        if self._sender.ready():
            self._flush()

    def _flush(self) -> None:
        for moment, text in self._waiting:
            (stamp,) = self._sender.follow(np.array([moment]), 0.0)
            time = float(stamp) + self._sender.offset
            self._deliver(Marker(time, text, self._sender.offset), self.origin)
        self._waiting.clear()


class MarkerStreams(StreamCollector):
    """Receive the events of named LSL marker streams.

    What is sent while a stream is connected is received once and in order. A marker stream is one of irregular
    rate; numbers become text.

    Parameters
    ----------
    selectors : sequence of str
        Which streams: a name, or ``type=…,source_id=…`` as after ``lsl:``. All that fit are received.
    deliver : callable
        Called with each event and the name of its stream, in a thread of that stream. Times are on this machine's
        LSL clock.
    own : callable
        Whether an outlet, by its uid, sends what was received here already: its events would come back.

    Raises
    ------
    SourceError
        If a selector cannot be read.
    """

    what = "marker stream"

    def __init__(
        self, selectors: Sequence[str], deliver: _Deliver, *, own: Callable[[str], bool] = lambda _uid: False
    ) -> None:
        super().__init__(selectors, own=own)
        self._deliver = deliver

    def _wants(self, info: Any, stream: LslStream) -> bool:
        return not stream.rate

    def _buffer(self, stream: LslStream) -> int:
        return _BUFFER

    def _connection(self, inlet: Any, info: Any, stream: LslStream, origin: str, sender: SenderClock) -> Connection:
        return _MarkerConnection(inlet, info, stream, origin, sender, deliver=self._deliver)


def _as_text(row: Any, is_text: bool) -> str:
    return marker_text(value.decode("utf-8", "replace") for value in row) if is_text else marker_text(row)
