"""Boards as a source, through BrainFlow."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import SourceError, StreamLostError
from bci_app.sources.brainflow.beside import PresetStream, preset_streams, split_off
from bci_app.sources.brainflow.boards import (
    PLAYBACK,
    STREAMING,
    BoardLayout,
    find_board,
    input_params,
    layout_of,
    load_brainflow,
    parameters_of,
    way_of,
)
from bci_app.sources.clock.gaps import GapDetector
from bci_app.sources.lsl.beside import BesideChunk
from bci_app.sources.lsl.library import local_clock
from bci_app.stream import Chunk, DeviceState, Marker, StreamInfo, marker_text

_POLL_SECONDS = 0.005
_RING_SECONDS = 60
_QUICK_SECONDS = 0.001


class BrainFlowSource:
    """Receive one board.

    Loss is found from the board's package numbers and its time stamps together (`GapDetector`). BrainFlow
    stamps are UNIX time, which may be set at any moment; they are brought to LSL's clock as they are read.

    Parameters
    ----------
    board : str
        Name as in ``BoardIds``, in any case, with or without ``_BOARD``.
    parameters : mapping
        Names and values of ``BrainFlowInputParams`` as text; ``master_board`` by name; ``config`` is sent to the
        board (``p61`` switches the PPG of a Muse 2 on).
    channels, rate, unit : optional
        Override channel names, nominal rate (Hz) and the unit of all channels (µV by default).
    lost_after : float
        Seconds without a sample after which the board counts as lost.
    clock, unix_clock, sleep : callable
        LSL's clock, UNIX time and how to wait; injected by tests.

    Raises
    ------
    SourceError
        If there is no such board or a parameter is impossible.
    DependencyError
        If BrainFlow does not load.
    """

    def __init__(
        self,
        board: str,
        parameters: Mapping[str, str] | None = None,
        *,
        channels: Sequence[str] | None = None,
        rate: float | None = None,
        unit: str | None = None,
        lost_after: float = 2.0,
        clock: Callable[[], float] = local_clock,
        unix_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name, self._board_id = find_board(board)
        self._given = dict(parameters or {})
        self._config = self._given.pop("config", "")
        self._params = input_params(self.name, self._given)
        self._overrides = (channels, rate, unit)
        self._lost_after = lost_after
        self._clock, self._unix_clock, self._sleep = clock, unix_clock, sleep
        self.board: Any = None
        self.layout: BoardLayout | None = None
        self._detector: GapDetector | None = None
        self._offset = 0.0
        self._queue: deque[Chunk] = deque()
        self._markers: deque[Marker] = deque()
        self._beside: list[BesideChunk] = []
        self._presets: list[PresetStream] = []
        self._left: int | None = None
        self._last_arrival = 0.0
        self._lost = False
        self._device: DeviceState | None = None

    def start(self) -> StreamInfo:
        """Connect to the board and begin to receive.

        Raises
        ------
        SourceError
            If the board cannot be reached or delivers no EEG.
        """
        library = load_brainflow()
        virtual = self.name in (PLAYBACK, STREAMING)
        layout = layout_of(self.name, int(self._params.master_board) if virtual else self._board_id)
        info = self._describe(layout)
        if self.name == PLAYBACK:
            self._left = _count_rows(Path(self._params.file), layout.n_rows)
            info = replace(info, n_samples=self._left)
        board = library.board_shim.BoardShim(self._board_id, self._params)
        try:
            board.prepare_session()
            if self._config:
                board.config_board(self._config)
            board.start_stream(max(1000, round(_RING_SECONDS * layout.rate)))
        except library.error as error:
            with suppress(library.error):
                # Nothing to release if preparing failed; the cause is what counts.
                board.release_session()
            raise self._unreachable(error) from error
        self._offset = self._clock() - self._unix_clock()
        self._follow_unix_time()
        self.board, self.layout = board, layout
        self._detector = GapDetector(info.rate, counter=layout.counter is not None)
        if not virtual:
            self._presets = preset_streams(self.name, self._board_id, taken=[other.kind for other in layout.others])
        self._last_arrival = self._clock()
        return info

    def read(self, timeout: float = 0.0) -> Chunk | None:
        """Return the next samples. See `Source.read`.

        Raises
        ------
        StreamLostError
            Once, when the board has gone silent; further calls go on listening.
        SourceError
            If BrainFlow fails.
        """
        if self.board is None or self.layout is None or self._detector is None:
            raise RuntimeError("the source is not started")
        deadline = self._clock() + timeout
        while not self._queue:
            self._receive(self.layout, self._detector)
            left = deadline - self._clock()
            if self._queue or left <= 0 or self.finished:
                break
            self._sleep(min(_POLL_SECONDS, left))
        if self._queue:
            return self._queue.popleft()
        if not self.finished and not self._lost and self._clock() - self._last_arrival >= self._lost_after:
            self._lost = True
            raise StreamLostError(
                f"BrainFlow's {self.name} is silent",
                found=f"no sample for {self._lost_after:g} s",
                fix="Check that it is switched on, charged and in reach. Waiting for its return.",
            )
        return None

    @property
    def finished(self) -> bool:
        """True once a played-back file has been given to its end."""
        return self._left == 0 and not self._queue

    @property
    def device(self) -> DeviceState | None:
        """Battery and contact resistances as the board last reported; None if it reports neither."""
        return self._device

    def take_beside(self) -> list[BesideChunk]:
        """Return what has come of other kinds since the last call."""
        taken, self._beside = self._beside, []
        return taken

    def stop(self) -> None:
        """Release the board. May be called twice."""
        board, self.board = self.board, None
        if board is None:
            return
        error = load_brainflow().error
        # A board that has been pulled out cannot be stopped, and need not be.
        with suppress(error):
            board.stop_stream()
        with suppress(error):
            board.release_session()

    def _describe(self, layout: BoardLayout) -> StreamInfo:
        channels, rate, unit = self._overrides
        names = layout.names if channels is None else tuple(channels)
        if len(names) != len(layout.eeg):
            raise SourceError(
                f"The channel names given do not fit BrainFlow's {self.name}",
                found=f"{len(names)} names",
                expected=f"{len(layout.eeg)}, one a channel",
                fix="Correct --channels.",
            )
        return StreamInfo(
            name=self.name,
            channels=names,
            rate=layout.rate if rate is None else rate,
            units=(unit or "uV",) * len(names),
            kind="brainflow",
            real_time=True,
        )

    def _unreachable(self, error: Exception) -> SourceError:
        given = ", ".join(f"{key}={value}" for key, value in self._given.items()) or "no parameters"
        usual = parameters_of(self.name)
        named = f" with {' or '.join(usual)}" if usual else ""
        reached = f"{self.name} is reached {way_of(self.name)}{named}. "
        return SourceError(
            f"BrainFlow cannot open {self.name}",
            found=f"{error} with {given}",
            fix=f"{reached}Check that it is switched on and that no other program holds it.",
        )

    def _receive(self, layout: BoardLayout, detector: GapDetector) -> None:
        library = load_brainflow()
        try:
            data: NDArray[np.float64] = self.board.get_board_data()
            for preset in self._presets:
                self._beside += preset.receive(self.board, self._offset)
        except library.error as error:
            raise SourceError(f"BrainFlow cannot read {self.name}", found=str(error)) from error
        n = data.shape[1]
        if n == 0:
            return
        self._last_arrival = self._clock()
        if self._lost:
            self._lost = False
            detector.resume()
        self._follow_unix_time()
        self._notice(layout, data)
        counters = None if layout.counter is None else data[layout.counter]
        # Rows are channels: the transpose is brought to C order by the detector.
        rows = [*layout.eeg, *(row for other in layout.others for row in other.rows)]
        chunks = detector.process(data[rows].T, data[layout.stamp] + self._offset, counters)
        if self._left is not None:
            self._left = max(0, self._left - n)
            if self._left == 0:
                chunks += detector.flush()
        for chunk in chunks:
            markers = []
            while self._markers and self._markers[0].time <= chunk.times[-1]:
                markers.append(self._markers.popleft())
            if layout.others:
                self._beside += split_off(self.name, layout.others, chunk, first=len(layout.eeg), rate=layout.rate)
                chunk = replace(chunk, data=np.ascontiguousarray(chunk.data[:, : len(layout.eeg)]))
            self._queue.append(replace(chunk, markers=tuple(markers)))

    def _follow_unix_time(self) -> None:
        """Measure UNIX time against LSL's clock again: a computer may set it in the middle of a session.

        Of samples that were stamped before that and read after it, the stamps are wrong; they are few, and
        for the detector like any others that stray.
        """
        before, unix, after = self._clock(), self._unix_clock(), self._clock()
        # A measurement that was interrupted is worth less than the one in hand.
        if after - before < _QUICK_SECONDS:
            self._offset = 0.5 * (before + after) - unix

    def _notice(self, layout: BoardLayout, data: NDArray[np.float64]) -> None:
        if layout.battery is not None or layout.resistances:
            battery = None if layout.battery is None else float(data[layout.battery, -1])
            # A board that is not asked to measure resistances gives 0.
            ohms = [ohm if ohm > 0 else math.nan for ohm in data[list(layout.resistances), -1].tolist()]
            self._device = DeviceState(battery, tuple(zip(layout.contacts, ohms, strict=True)))
        if layout.marker is not None:
            for column in np.flatnonzero(data[layout.marker]):
                time_ = float(data[layout.stamp, column]) + self._offset
                self._markers.append(Marker(time_, marker_text([data[layout.marker, column]])))


def _count_rows(path: Path, n_rows: int) -> int:
    """Count the samples that BrainFlow will play: lines with the right number of values."""
    count = 0
    with path.open("rb") as file:
        for line in file:
            separator = b"\t" if b"\t" in line else b","
            count += len([value for value in line.split(separator) if value.strip()]) == n_rows
    if count == 0:
        raise SourceError(
            f"{path.name} is no BrainFlow recording of this board",
            found="no line with that number of values",
            expected=f"{n_rows} values a line",
            fix="Name the board that it was recorded with by master_board.",
        )
    return count
