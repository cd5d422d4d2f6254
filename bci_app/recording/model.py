"""What a recording is, whatever file it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import FileError
from bci_app.recording.state import ModelState
from bci_app.stream import Samples, StreamInfo


@dataclass(frozen=True, slots=True)
class Annotation:
    """An event of a recording.

    Attributes
    ----------
    onset : float
        Seconds from the first sample; negative if it lies before it.
    duration : float
        Seconds; 0 for a moment.
    text : str
        What the file says of it.
    """

    onset: float
    duration: float
    text: str


@dataclass(frozen=True, slots=True)
class Break:
    """A place where a recording is not continuous.

    Attributes
    ----------
    row : int
        The first row of the data after the break.
    lost : int
        Samples missing directly before that row; 0 if the recording started again there and it is
        not known how many are missing.
    """

    row: int
    lost: int


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """The samples of one file.

    Attributes
    ----------
    path : Path
        The file.
    format : str
        Name of its format.
    info : StreamInfo
        Channels, units and rate; the kind is ``file`` and `n_samples` is set. Voltages are in µV,
        whatever the file stores; a channel that is no voltage keeps its own unit (``n/a`` where the
        file names none).
    data : ndarray of float64, shape (n_samples, n_channels)
        Samples in the units of `info`, read-only. Samples that are not finite are kept.
    times : ndarray of float64, shape (n_samples,)
        Seconds from the first sample, read-only. Those of an XDF are the recorded stamps, brought to
        one clock and otherwise untouched; elsewhere they follow from the rate and the lost samples.
    start : float
        Stamp of the first sample on the file's own clock in seconds (XDF), else 0.
    breaks : tuple of Break
        Where samples are missing or the recording started again, in order.
    annotations : tuple of Annotation
        Events in order of their onset.
    notes : tuple of str
        What the reader had to decide or noticed, in sentences for the user.
    first : int
        Stream index of the first row in the session that was recorded; 0 where the file does not say.
    states : tuple of ModelState
        What the model of that session knew of it, in order (recordings of sessions only).
    begun : datetime or None
        When the file says that it was begun; in UTC where it names no time zone.
    session : mapping of str to object
        What our recorder wrote about the session; empty for files from elsewhere.
    """

    path: Path
    format: str
    info: StreamInfo
    data: Samples
    times: NDArray[np.float64]
    start: float = 0.0
    breaks: tuple[Break, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    notes: tuple[str, ...] = field(default=())
    first: int = 0
    states: tuple[ModelState, ...] = ()
    begun: datetime | None = None
    session: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.data.setflags(write=False)
        self.times.setflags(write=False)

    def __len__(self) -> int:
        return int(self.data.shape[0])

    def renamed(self, channels: Sequence[str]) -> Recording:
        """Return it with other names of its channels, in their order.

        Raises
        ------
        FileError
            If it has not as many channels.
        """
        if len(channels) != len(self.info.channels):
            raise FileError(
                f"The channel names given do not fit {self.path.name}",
                found=f"{len(channels)} names",
                expected=f"{len(self.info.channels)}, one for each of {', '.join(self.info.channels)}",
                fix="Correct --channels.",
            )
        return replace(self, info=replace(self.info, channels=tuple(channels)))

    @property
    def left_out(self) -> tuple[str, ...]:
        """Channels that predictions of the session did not use (``--pick``, ``--drop``)."""
        names = self.session.get("left_out", ())
        return tuple(name for name in self.info.channels if isinstance(names, list) and name in names)

    @property
    def duration(self) -> float:
        """Seconds from the first sample to the end of the last one."""
        return float(self.times[-1]) + 1.0 / self.info.rate

    @property
    def segments(self) -> tuple[slice, ...]:
        """Stretches of rows without a break inside, in order."""
        edges = [0, *(b.row for b in self.breaks), len(self)]
        return tuple(slice(a, b) for a, b in pairwise(edges))


class AnnotationDict(TypedDict):
    """An annotation as `describe` gives it."""

    onset: float
    duration: float
    text: str


class GapDict(TypedDict):
    """A break as `describe` gives it: seconds from the first sample, and the samples lost."""

    onset: float
    lost: int


class Description(TypedDict):
    """What ``bci-app info --json`` prints."""

    format: str
    rate: float
    channels: list[str]
    units: list[str]
    duration: float
    samples: int
    annotations: list[AnnotationDict]
    gaps: list[GapDict]
    notes: list[str]


def describe(recording: Recording) -> Description:
    """Describe a recording in values that JSON can hold.

    Returns
    -------
    dict
        ``format``; ``rate`` in Hz; ``channels`` (names as the file gives them); ``units``, one a
        channel; ``duration`` in seconds; ``samples``; ``annotations`` and ``gaps`` (onset in seconds
        from the first sample); ``notes`` for the user.
    """
    return {
        "format": recording.format,
        "rate": recording.info.rate,
        "channels": list(recording.info.channels),
        "units": list(recording.info.units),
        "duration": recording.duration,
        "samples": len(recording),
        "annotations": [{"onset": a.onset, "duration": a.duration, "text": a.text} for a in recording.annotations],
        "gaps": [{"onset": float(recording.times[b.row]), "lost": b.lost} for b in recording.breaks],
        "notes": list(recording.notes),
    }
