"""Samples as they come in: gathered until something is due on them, counted, timed, and kept for the eye."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from bci_app.engine.buffer import SignalBuffer
from bci_app.engine.device_quality import quality_columns, quality_columns_beside, with_device_quality
from bci_app.engine.rate import ArrivalCheck, RateCheck
from bci_app.errors import ChannelError
from bci_app.events import Contact, SignalView, age_of
from bci_app.sources.lsl.beside import BesideChunk
from bci_app.stream import Chunk, StreamInfo, microvolts_per

# Stamps further than this from the clock, in seconds, are not those of live samples.
_STAMPS_OFF = 1.0
# Samples on which nothing is due yet wait so long at most: a round over many costs hardly more than over few.
_GATHER_SECONDS = 0.2
# While nothing is due, a live stream is read as often as a window draws, until shortly before something is: each
# reading costs, however few samples it brings.
_READ_SECONDS, _SOON_SECONDS = 0.03, 0.01
# What a headset has reported of its contacts beside holds so long.
_QUALITY_SECONDS = 10.0


class Intake:
    """The samples of one stream.

    Parameters
    ----------
    info : StreamInfo
        The stream.
    most_rate_error : float
        Relative error of the rate of arrival above which it is wrong.
    buffer_seconds : float
        Raw signal kept for `view`.
    clock : callable
        LSL's clock.

    Attributes
    ----------
    received, lost : int
        Samples so far.
    newest : float
        LSL time of the newest sample, also of one that is not taken yet; nan before the first.
    """

    def __init__(
        self, info: StreamInfo, *, most_rate_error: float, buffer_seconds: float, clock: Callable[[], float]
    ) -> None:
        self._info = info
        self._clock = clock
        self._buffer = SignalBuffer(len(info.channels), max(1, round(buffer_seconds * info.rate)))
        self._to_microvolts = np.array([_display_scale(unit) for unit in info.units])
        self._quality_columns = quality_columns(info.channels)
        self._quality_beside: dict[str, float] = {}
        self._quality_until = -math.inf
        self._gather_samples = max(1, round(_GATHER_SECONDS * info.rate))
        self._gathered: list[Chunk] = []  # read, not taken yet
        self._due = 0  # stream index that they must reach to be taken
        self._rate = RateCheck(info.rate)  # by the samples received, for display; the interpreter decides what is valid
        self._arrival = ArrivalCheck(info.rate, most_rate_error)
        self.received = self.lost = 0
        self.newest = self._arrived = float("nan")

    def gather(self, chunk: Chunk, due: Callable[[int], int]) -> bool:
        """Take in a chunk that follows those gathered.

        Parameters
        ----------
        chunk : Chunk
            Read from the source.
        due : callable
            Returns the stream index that samples from a given one on must reach for anything to be said of them.

        Returns
        -------
        bool
            Whether what is gathered is to be taken now.
        """
        if not self._gathered:
            self._due = min(due(chunk.first), chunk.first + self._gather_samples)
        self._gathered.append(chunk)
        self.newest, self._arrived = float(chunk.times[-1]), self._clock()
        if self._info.real_time:
            if chunk.reset:
                self._arrival.restart()
            self._arrival.add(self.newest, self._arrived)
        return chunk.first + len(chunk) >= self._due or bool(chunk.lost or chunk.reset or chunk.markers)

    @property
    def spare(self) -> float:
        """Seconds until the next samples need to be read, 0 where something is due soon or the stream is not live."""
        if not self._gathered or not self._info.real_time:
            return 0.0
        newest = self._gathered[-1]
        due = (self._due - newest.first - len(newest)) / self._info.rate
        return max(0.0, min(_READ_SECONDS, due - _SOON_SECONDS))

    def take(self) -> Chunk | None:
        """Return what is gathered as one chunk; None if nothing is."""
        if not self._gathered:
            return None
        chunk, self._gathered = _joined(self._gathered), []
        end = float(chunk.times[-1])
        self._buffer.append(chunk.data * self._to_microvolts, chunk.first, end)
        self.received += len(chunk)
        self.lost += chunk.lost
        if chunk.lost or chunk.reset:
            self._rate.restart()
        self._rate.add(self.received, end)
        return chunk

    @property
    def end(self) -> int:
        """Stream index after the newest sample taken."""
        return self._buffer.end

    def view(self, seconds: float) -> SignalView:
        """Copy the newest raw signal, in µV where the unit is one of voltage."""
        return self._buffer.view(round(seconds * self._info.rate))

    def moment(self, now: float) -> float:
        """Return the time of something that happens at `now`, on the clock of the samples' stamps.

        Stamps of a recording that is played at another speed are not LSL's: it belongs to the newest sample.
        """
        off = abs(self.newest - self._arrived) > _STAMPS_OFF
        return self.newest + now - self._arrived if off else now

    @property
    def age(self) -> float:
        """Age of the newest sample in seconds; nan where it is not known."""
        return age_of(self.newest, self._clock())

    @property
    def hz(self) -> float:
        """Rate by the stamps of the last 10 s; nan at first."""
        return self._rate.hz

    @property
    def arrives_wrong(self) -> bool:
        """Whether samples arrive at another rate than their stamps say."""
        return self._arrival.wrong

    @property
    def notice(self) -> str:
        """What is wrong with the rate, and what to do; empty if nothing is."""
        return self._rate.notice or self._arrival.notice

    def with_device_quality(self, contacts: tuple[Contact, ...]) -> tuple[Contact, ...]:
        """Return contacts with what the headset itself reports of them, where it does."""
        reported = dict(self._quality_beside) if self._clock() < self._quality_until else {}
        if self._quality_columns and self.received:
            row = self._buffer.view(1).data[-1]
            reported |= {electrode: float(row[column]) for electrode, column in self._quality_columns.items()}
        return with_device_quality(contacts, reported) if reported else contacts

    def note_beside(self, samples: BesideChunk) -> None:
        """Keep for a while what a stream beside reports of the contacts, if it is one that does."""
        columns = quality_columns_beside(samples.labels)
        if columns and len(samples.chunk):
            row = samples.chunk.data[-1]
            self._quality_beside = {electrode: float(row[column]) for electrode, column in columns.items()}
            self._quality_until = self._clock() + _QUALITY_SECONDS


def _joined(chunks: Sequence[Chunk]) -> Chunk:
    """Make one chunk of some without gaps between them."""
    if len(chunks) == 1:
        return chunks[0]
    stamps = [chunk.stamps for chunk in chunks if chunk.stamps is not None]  # of all or of none
    return replace(
        chunks[0],
        data=np.concatenate([chunk.data for chunk in chunks]),
        times=np.concatenate([chunk.times for chunk in chunks]),
        stamps=np.concatenate(stamps) if stamps else None,
        offset=chunks[-1].offset,
        markers=tuple(marker for chunk in chunks for marker in chunk.markers),
    )


def _display_scale(unit: str) -> float:
    """Return the factor to µV, or 1 for a channel that is no voltage and is drawn in its own unit."""
    try:
        return microvolts_per(unit)
    except ChannelError:
        return 1.0
