"""What a BrainFlow board delivers beside its EEG: rows of other kinds, and streams that it samples apart from it.

BrainFlow calls the latter auxiliary and ancillary presets: motion at 52 Hz and PPG at 64 Hz of a Muse, for example.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bci_app.recording.xdf_encoding import encode_xml, stream_info
from bci_app.recording.xdf_writer import StreamHeader, XdfChannel
from bci_app.sources.brainflow.boards import OtherRows, preset_layout, presets_of
from bci_app.sources.clock.gaps import GapDetector
from bci_app.sources.lsl.beside import BesideChunk
from bci_app.stream import Chunk

_PRESETS = {"auxiliary": 1, "ancillary": 2}


def split_off(
    name: str, others: Sequence[OtherRows], chunk: Chunk, *, first: int, rate: float
) -> Iterator[BesideChunk]:
    """Make a stream of each kind of rows; they have the stamps and gaps of the chunk.

    Parameters
    ----------
    name : str
        What their names begin with.
    others : sequence of OtherRows
        The kinds, in the order of the chunk's columns.
    chunk : Chunk
        Samples.
    first : int
        Column of the first of them.
    rate : float
        Nominal rate in Hz.
    """
    for kind, rows in others:
        part = np.ascontiguousarray(chunk.data[:, first : first + len(rows)])
        first += len(rows)
        channels = tuple(XdfChannel(f"{kind}{number}", type=kind) for number in range(1, len(rows) + 1))
        title = f"{name} {kind}"
        xml = encode_xml(stream_info(StreamHeader(title, kind, channels, rate=rate))).decode()
        yield BesideChunk(title, xml, "double64", part, replace(chunk, data=part))


class PresetStream:
    """The rows of one further preset, with their own rate, stamps and gaps.

    Parameters
    ----------
    name : str
        What the names of its streams begin with.
    board_id, preset : int
        As BrainFlow numbers them.
    """

    def __init__(self, name: str, board_id: int, preset: int) -> None:
        self._name = name
        self._preset = preset
        self._layout = preset_layout(board_id, preset)
        self._detector = GapDetector(self._layout.rate, counter=self._layout.counter is not None)

    @property
    def kinds(self) -> list[str]:
        """Kinds of its rows."""
        return [other.kind for other in self._layout.others]

    @property
    def rate(self) -> float:
        """Nominal rate in Hz."""
        return self._layout.rate

    def receive(self, board: Any, offset: float) -> Iterator[BesideChunk]:
        """Read what has come.

        Parameters
        ----------
        board : BoardShim
            The open board.
        offset : float
            Seconds from its stamps to LSL's clock.
        """
        layout = self._layout
        data: NDArray[np.float64] = board.get_board_data(preset=self._preset)
        if not data.shape[1]:
            return
        rows = [row for other in layout.others for row in other.rows]
        counters = None if layout.counter is None else data[layout.counter]
        for chunk in self._detector.process(data[rows].T, data[layout.stamp] + offset, counters):
            yield from split_off(self._name, layout.others, chunk, first=0, rate=layout.rate)


def preset_streams(name: str, board_id: int, *, taken: Collection[str]) -> list[PresetStream]:
    """Return the streams that a board samples apart from its EEG.

    Parameters
    ----------
    name : str
        The board's.
    board_id : int
        Its number.
    taken : collection of str
        Kinds of rows that come with its EEG: those of a preset have the preset in their names.
    """
    streams, known = [], presets_of(board_id)
    for word, preset in _PRESETS.items():
        if preset in known:
            stream = PresetStream(name, board_id, preset)
            if set(stream.kinds) & set(taken):
                stream = PresetStream(f"{name} {word}", board_id, preset)
            if stream.kinds:
                streams.append(stream)
    return streams
