"""LSL streams of samples that are recorded beside the one that is predicted from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import SourceError
from bci_app.sources.clock.gaps import GapDetector
from bci_app.sources.lsl.collector import OPEN_SECONDS, Connection, StreamCollector
from bci_app.sources.lsl.header import LslStream, carries_text, channel_headers
from bci_app.sources.lsl.senders import SenderClock
from bci_app.stream import Chunk

_WAIT_SECONDS = 0.1
_BUFFER_SECONDS = 60
_MOST = 4096
_FORMATS = {1: "float32", 2: "double64", 4: "int32", 5: "int16", 6: "int8", 7: "int64"}


@dataclass(frozen=True, slots=True, eq=False)
class BesideChunk:
    """Samples of a stream beside, without a gap between them.

    Attributes
    ----------
    origin : str
        What the stream is called here.
    header : str
        The sender's full header, as XML.
    format : str
        Number format of the stream, as XDF names it.
    data : ndarray, shape (n_samples, n_channels)
        Values in that format.
    chunk : Chunk
        Their stamps and place; its data are the same values as float64.
    labels : tuple of str
        Names of the channels; empty where the sender states none.
    """

    origin: str
    header: str
    format: str
    data: NDArray[Any]
    chunk: Chunk
    labels: tuple[str, ...] = ()


class _BesideConnection(Connection):
    """A stream of samples that is received; its own gaps are found."""

    def __init__(
        self,
        inlet: Any,
        info: Any,
        stream: LslStream,
        origin: str,
        sender: SenderClock,
        *,
        deliver: Callable[[BesideChunk], None],
    ) -> None:
        super().__init__(inlet, info, stream, origin, sender)
        header = inlet.info(OPEN_SECONDS)
        self._header = str(header.as_xml())
        self._labels = tuple(channel.label for channel in channel_headers(header))
        self._format = _FORMATS[int(info.channel_format())]
        self._deliver = deliver
        self._detector = GapDetector(stream.rate) if stream.rate else None
        self._next = 0
        self._waiting: list[tuple[NDArray[Any], NDArray[np.float64]]] = []
        self._unplaced: list[Chunk] = []

    def _take(self) -> None:
        self._pull(_WAIT_SECONDS)

    def _take_rest(self) -> None:
        self._pull(0.0)

    def _pull(self, timeout: float) -> None:
        data, times = self._inlet.pull_chunk(timeout, _MOST, min_samples=1, as_numpy=True)
        if len(times):
            self._waiting.append((np.asarray(data), np.asarray(times, dtype=np.float64)))
        if self._sender.ready():
            self._give_waiting()

    def _give_waiting(self) -> None:
        period = 1.0 / self.stream.rate if self.stream.rate else 0.0
        for data, times in self._waiting:
            values = data.astype(np.float64)
            stamps = self._sender.follow(times, period)
            self._give(self._detector.process(values, stamps) if self._detector else [self._irregular(values, stamps)])
        self._waiting.clear()

    def _flush(self) -> None:
        self._give_waiting()
        self._give(self._detector.flush() if self._detector is not None else [], last=True)

    def _irregular(self, values: NDArray[np.float64], stamps: NDArray[np.float64]) -> Chunk:
        first, self._next = self._next, self._next + len(values)
        return Chunk(values, stamps, first, stamps=stamps)

    def _give(self, chunks: Sequence[Chunk], *, last: bool = False) -> None:
        self._unplaced += chunks
        if not (self._sender.settled or last):
            return
        chunks, self._unplaced = self._unplaced, []
        offset = self._sender.offset
        kind = np.dtype("f8" if self._format == "double64" else self._format)
        for chunk in chunks:
            placed = Chunk(
                chunk.data,
                chunk.times + offset,
                chunk.first,
                lost=chunk.lost,
                reset=chunk.reset,
                stamps=chunk.stamps,
                offset=offset,
            )
            values = chunk.data.astype(kind)
            self._deliver(BesideChunk(self.origin, self._header, self._format, values, placed, self._labels))


class BesideStreams(StreamCollector):
    """Receive named LSL streams of numbers, to be recorded beside the stream that is predicted from.

    Each keeps its sender's header, type and number format, and has its own gaps. Neither units nor labels nor a rate
    are needed.

    Parameters
    ----------
    selectors : sequence of str
        Which streams, as source texts: ``lsl:NAME`` or ``lsl:type=…,source_id=…``. All that fit are received.
    deliver : callable
        Called with samples in order, in a thread of their stream.

    Raises
    ------
    SourceError
        If a selector cannot be read.
    """

    what = "stream beside"

    def __init__(self, selectors: Sequence[str], deliver: Callable[[BesideChunk], None]) -> None:
        for text in selectors:
            if not text.startswith("lsl:"):
                raise SourceError(
                    "Only LSL streams can be recorded beside another",
                    found=repr(text),
                    expected="lsl:NAME, or lsl:type=…,source_id=…",
                    fix="Write for example --with lsl:EDA.",
                )
        super().__init__([text.removeprefix("lsl:") for text in selectors])
        self._deliver = deliver

    def _wants(self, info: Any, stream: LslStream) -> bool:
        return not carries_text(info)

    def _buffer(self, stream: LslStream) -> int:
        return _BUFFER_SECONDS

    def _connection(self, inlet: Any, info: Any, stream: LslStream, origin: str, sender: SenderClock) -> Connection:
        return _BesideConnection(inlet, info, stream, origin, sender, deliver=self._deliver)
