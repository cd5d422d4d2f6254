"""The files of a recorded session: which streams they hold, and when the next file begins."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from bci_app import __version__
from bci_app.events import Prediction
from bci_app.recording.session_streams import (
    Layout,
    app_time_header,
    beside_header,
    device_header,
    index_header,
    place_header,
    prediction_values,
    predictions_header,
    samples_header,
    text_header,
)
from bci_app.recording.state import STATE_NAME, STATE_TYPE, ModelState
from bci_app.recording.xdf import METADATA_NAME, METADATA_TYPE
from bci_app.recording.xdf_writer import StreamHeader, XdfWriter
from bci_app.stream import Chunk, DeviceState, Marker, StreamInfo

_OFFSET_SECONDS = 5.0
_APPLICATION = {"application": f"bci-app {__version__}"}


class Split(NamedTuple):
    """When a recording goes on in another file, at the next chunk. Not a sample is lost between two files."""

    bytes: float = math.inf
    seconds: float = math.inf


@runtime_checkable
class Beside(Protocol):
    """Samples of a stream beside the source: see `bci_app.sources.lsl.beside.BesideChunk`."""

    @property
    def origin(self) -> str:
        """What the stream is called."""
        ...

    @property
    def header(self) -> str:
        """The sender's header as XML."""
        ...

    @property
    def format(self) -> str:
        """Number format, as XDF names it."""
        ...

    @property
    def data(self) -> NDArray[Any]:
        """Values in that format, (n_samples, n_channels)."""
        ...

    @property
    def chunk(self) -> Chunk:
        """Their stamps and place."""
        ...


Item = Chunk | Beside | Prediction | tuple[str, Marker] | tuple[ModelState, float] | tuple[DeviceState, float]
"""What a recording takes: a marker comes with the name of its stream, a state with its LSL time."""


class SessionFiles:
    """XDF files with the streams of a session, one after the other.

    - The source's samples as received: float64, in its units; type EEG. Stamps are those that the sender wrote,
      with the measured offsets of its clock, as LabRecorder stores them: a reader can repeat the correction.
    - ``… app time``: of each sample the moment at which it was due, in seconds of this machine's LSL clock, where
      that is not the stamp. Samples are counted and predictions are made by these times. They lie on the lower edge
      of the stamps (see `SampleClock`): samples that arrive in bursts were due before they were stamped.
    - ``… index``: for each chunk its first index, samples, samples lost before it, and whether filters
      restarted.
    - ``Model state``: the rest baseline and where windows are counted from, as JSON, at the beginning and
      whenever the baseline changes (see `ModelState`). With it and the index the predictions can be
      computed again from the samples, wherever in a session the recording began.
    - ``Markers``: those of the app; markers that came with the samples, and those of other LSL streams,
      have separate streams, named after their origin.
    - ``Predictions``: per window the index of its last sample, validity, reasons, quality, times, and
      of each class the probability and the smoothed one (nan where there is none).
    - Streams beside (see `on_beside`), each as its sender describes it, and its ``… index``.
    - ``… device``: battery and contact resistances every 5 s, where the device reports them; type Device.
    - ``Session``: one sample, the metadata as JSON; type Metadata.

    Clock offsets are written for every stream at its beginning and every 5 s of the samples. They are 0 for what
    this machine stamps itself.

    Parameters
    ----------
    path : str or Path
        The first file; an existing one is never touched (see `XdfWriter`).
    info : StreamInfo
        The source.
    metadata : mapping
        Written into each file. What is added to it before the first value counts too.
    split : Split
        When to go on in another file.

    Attributes
    ----------
    paths : list of Path
        In order: ``NAME.xdf``, ``NAME-part2.xdf``, ... Each is a whole recording.

    Raises
    ------
    FileError
        If the file cannot be created.
    """

    def __init__(self, path: str | Path, info: StreamInfo, metadata: Mapping[str, object], split: Split) -> None:
        self._info = info
        self._metadata = metadata
        self._part: dict[str, object] = {}
        self._split = split
        self._writer = XdfWriter(path, header=_APPLICATION)
        self.paths = [self._writer.path]
        self._newest_state: ModelState | None = None
        self._samples_before = 0  # in the files before this one
        try:
            self._begin_file()
        except BaseException:
            self._writer.close()
            raise

    def _begin_file(self) -> None:
        """Declare what every file has; the rest follows when it comes."""
        self._streams: list[int] = []
        self._begin: float | None = None  # stamp of the first value of all
        self._oldest: float | None = None  # stamp of the first sample
        self._newest: float | None = None  # stamp of the newest sample
        self._last_offset = -np.inf
        self._markers: dict[str, int] = {}
        self._beside: dict[str, tuple[int, int]] = {}
        self._predictions: dict[Layout, int] = {}
        self._state: int | None = None
        self._device: int | None = None
        self._app_time: int | None = None
        self._offsets: dict[int, float] = {}  # of each stream's clock, in seconds; 0 where it is this machine's
        self._samples = self._add_stream(samples_header(self._info))
        self._index = self._add_stream(index_header(self._info))
        self._session = self._add_stream(text_header(METADATA_NAME, METADATA_TYPE, "metadata"))

    @property
    def size(self) -> int:
        """Bytes written to the present file."""
        return self._writer.size

    @property
    def samples(self) -> int:
        """Samples of the source that are in the files."""
        return self._samples_before + self._writer.count(self._samples)

    def close(self) -> None:
        """Write the footers.

        Raises
        ------
        FileError
            If they cannot be written.
        """
        if self._newest is None and self._begin is not None:
            self._write_offsets(self._begin)
        self._writer.close()

    def abandon(self) -> None:
        """Close the file as it is, after a failure to write to it.

        Raises
        ------
        FileError
            If that fails too.
        """
        self._writer.close()

    def write(self, item: Item) -> None:
        """Write a value.

        Raises
        ------
        FileError
            If the disk does not take it.
        """
        if isinstance(item, Chunk):
            self._write_chunk(item)
        elif isinstance(item, Beside):
            self._write_beside(item)
        elif isinstance(item, Prediction):
            self._write_metadata(item.time)
            layout = tuple((target.name, target.classes) for target in item.targets)
            if layout not in self._predictions:
                self._predictions[layout] = self._add_stream(predictions_header(layout))
            self._writer.write_samples(self._predictions[layout], [list(prediction_values(item))], [item.time])
        elif isinstance(item[0], ModelState):
            self._write_state(item[0], item[1])
        elif isinstance(item[0], DeviceState):
            self._write_device(item[0], item[1])
        else:
            self._write_markers(item[0], [item[1]])

    def _add_stream(self, header: StreamHeader, *, offset: float = 0.0) -> int:
        number = self._writer.add_stream(header)
        self._streams.append(number)
        self._offsets[number] = offset
        if self._newest is not None:
            self._write_offset(number, self._newest)
        return number

    def _write_metadata(self, time: float) -> None:
        """Write the metadata with the first value of all, which is at `time`."""
        if self._begin is None:
            self._begin = time
            self._writer.write_markers(
                self._session, [json.dumps({**self._metadata, **self._part}, sort_keys=True)], [time]
            )

    def _next_file(self) -> None:
        """Go on in another file, with all that a reader of it needs."""
        number = len(self.paths) + 1
        first = self.paths[0]
        path = first.with_name(f"{first.stem}-part{number}{first.suffix}")
        following = XdfWriter(path, header=_APPLICATION)
        self._samples_before += self._writer.count(self._samples)
        self._writer.close()
        self._writer = following
        self.paths.append(following.path)
        self._part = {"part": number, "first_file": first.name}
        self._begin_file()

    def _write_chunk(self, chunk: Chunk) -> None:
        if len(chunk) and self._oldest is not None:
            seconds = float(chunk.times[0]) - self._oldest
            if self._writer.size >= self._split.bytes or seconds >= self._split.seconds:
                self._next_file()
                if self._newest_state is not None:
                    self._write_state(self._newest_state, float(chunk.times[0]))
        if len(chunk):
            self._write_metadata(float(chunk.times[0]))
            place = np.array([[chunk.first, len(chunk), chunk.lost, chunk.reset]], dtype=np.int64)
            self._offsets[self._samples] = chunk.offset
            self._writer.write_samples(self._samples, chunk.data, _sent(chunk))
            self._writer.write_samples(self._index, place, chunk.times[:1])
            self._write_app_time(chunk)
            self._oldest = float(chunk.times[0]) if self._oldest is None else self._oldest
            self._newest = float(chunk.times[-1])
            self._write_offsets(self._newest)
        if chunk.markers:
            self._write_markers(f"{self._info.name} markers", chunk.markers)

    def _write_beside(self, beside: Beside) -> None:
        chunk = beside.chunk
        self._write_metadata(float(chunk.times[0]))
        if beside.origin not in self._beside:
            header = beside_header(beside.origin, beside.header, beside.format, beside.data.shape[1])
            stream = self._add_stream(header, offset=chunk.offset)
            self._beside[beside.origin] = stream, self._add_stream(place_header(f"{beside.origin} index"))
        stream, index = self._beside[beside.origin]
        self._offsets[stream] = chunk.offset
        place = np.array([[chunk.first, len(chunk), chunk.lost, chunk.reset]], dtype=np.int64)
        self._writer.write_samples(stream, beside.data, _sent(chunk))
        self._writer.write_samples(index, place, chunk.times[:1])

    def _write_app_time(self, chunk: Chunk) -> None:
        if chunk.stamps is None:
            return
        if self._app_time is None:
            self._app_time = self._add_stream(app_time_header(self._info))
        self._writer.write_samples(self._app_time, chunk.times[:, None], chunk.times)

    def _write_state(self, state: ModelState, time: float) -> None:
        self._newest_state = state
        self._write_metadata(time)
        if self._state is None:
            self._state = self._add_stream(text_header(STATE_NAME, STATE_TYPE, "state"))
        self._writer.write_markers(self._state, [state.to_json()], [time])

    def _write_device(self, state: DeviceState, time: float) -> None:
        self._write_metadata(time)
        if self._device is None:
            self._device = self._add_stream(device_header(self._info, state))
        battery = () if state.battery is None else (state.battery,)
        self._writer.write_samples(self._device, [[*battery, *(ohm for _, ohm in state.resistances)]], [time])

    def _write_markers(self, name: str, markers: Sequence[Marker]) -> None:
        self._write_metadata(markers[0].time)
        if name not in self._markers:
            self._markers[name] = self._add_stream(text_header(name, "Markers", "marker"), offset=markers[0].offset)
        stream = self._markers[name]
        stamps = [marker.time - marker.offset for marker in markers]
        if self._offsets[stream] != markers[-1].offset:
            self._offsets[stream] = markers[-1].offset
            self._writer.write_clock_offset(stream, stamps[-1], markers[-1].offset)
        self._writer.write_markers(stream, [marker.text for marker in markers], stamps)

    def _write_offsets(self, now: float) -> None:
        if now - self._last_offset < _OFFSET_SECONDS:
            return
        self._last_offset = now
        for stream in self._streams:
            self._write_offset(stream, now)

    def _write_offset(self, stream: int, now: float) -> None:
        """Write the offset of a stream's clock at `now` on this machine's clock."""
        offset = self._offsets[stream]
        self._writer.write_clock_offset(stream, now - offset, offset)


def _sent(chunk: Chunk) -> NDArray[np.float64]:
    """Return the stamps as sent; where one was no number, the moment at which the sample was due."""
    if chunk.stamps is None:
        return chunk.times
    return np.where(np.isfinite(chunk.stamps), chunk.stamps, chunk.times - chunk.offset)
