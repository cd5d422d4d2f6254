"""Recordings laid one after the other, for playing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import SourceError
from bci_app.recording.model import Recording
from bci_app.stream import Samples, StreamInfo


class Part(NamedTuple):
    """Rows of a timeline without a break inside.

    Attributes
    ----------
    start, stop : int
        The rows.
    lost : int
        Samples missing before them.
    reset : bool
        Whether they do not follow what was before although nothing is known to be lost: the first of a
        recording, and those after an interruption of unknown length.
    """

    start: int
    stop: int
    lost: int
    reset: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """Recordings laid one after the other.

    Attributes
    ----------
    info : StreamInfo
        Common to all recordings, with all their names and samples.
    data : ndarray, shape (n_samples, n_channels)
        All samples.
    due : ndarray, shape (n_samples,)
        Seconds from the first sample at which each is due; never falling.
    parts : tuple of Part
        The rows, cut at breaks.
    events : tuple of (float, str)
        Annotations, by the same clock, in the order of the rows that they belong to.
    event_rows : tuple of int
        Of each annotation the first sample at or after its onset, or the last of its recording.
    files : tuple of (float, str)
        When each recording begins, and its file's name.
    """

    info: StreamInfo
    data: Samples
    due: NDArray[np.float64]
    parts: tuple[Part, ...]
    events: tuple[tuple[float, str], ...]
    event_rows: tuple[int, ...]
    files: tuple[tuple[float, str], ...]

    @property
    def duration(self) -> float:
        """Seconds from the first sample to the end of the last."""
        return float(self.due[-1]) + 1.0 / self.info.rate

    @property
    def seams(self) -> tuple[int, ...]:
        """Rows that do not follow the one before them although nothing is lost there."""
        return tuple(part.start for part in self.parts if part.reset and part.start)

    def events_of(self, start: int, stop: int) -> tuple[tuple[float, str], ...]:
        """Return the annotations that belong to some rows."""
        return self.events[bisect_left(self.event_rows, start) : bisect_left(self.event_rows, stop)]


def lay_out(recordings: Sequence[Recording], pause: float, *, jump: float = 0.0) -> Timeline:
    """Lay recordings one after the other.

    Parameters
    ----------
    recordings : sequence of Recording
        At least one.
    pause : float
        Seconds between the end of one and the start of the next.
    jump : float
        Seconds to add where a recording was interrupted for an unknown time.

    Raises
    ------
    SourceError
        If their channels, units or rates differ.
    """
    info = _common_info(recordings)
    due: list[NDArray[np.float64]] = []
    parts: list[Part] = []
    events: list[tuple[float, str]] = []
    event_rows: list[int] = []
    files: list[tuple[float, str]] = []
    end = 0.0  # when the next sample would follow
    base = 0
    for number, recording in enumerate(recordings):
        earliest = end if number else -np.inf
        shift = end + (pause if number else 0.0) - float(recording.times[0])
        files.append((shift + float(recording.times[0]), recording.path.name))
        lost = {b.row: b.lost for b in recording.breaks}
        rows = _annotation_rows(recording)
        for rows_of_part in recording.segments:
            start, stop = rows_of_part.start, rows_of_part.stop
            # A clock that was set back must not send the schedule back.
            shift = max(shift, end - float(recording.times[start]))
            missing = lost.get(start, 0)
            if start and missing == 0:
                shift += jump
            due.append(np.maximum.accumulate(recording.times[rows_of_part] + shift))
            end = float(due[-1][-1]) + 1.0 / info.rate
            parts.append(Part(base + start, base + stop, missing, missing == 0))
            for index in range(bisect_left(rows, start), bisect_left(rows, stop)):
                annotation = recording.annotations[index]
                # What was noted before or after a recording must not lie in another one.
                events.append((max(earliest, min(annotation.onset + shift, end)), annotation.text))
                event_rows.append(base + rows[index])
        base += len(recording)
    data = recordings[0].data if len(recordings) == 1 else np.concatenate([r.data for r in recordings])
    return Timeline(
        info,
        np.ascontiguousarray(data),
        np.concatenate(due),
        tuple(parts),
        tuple(events),
        tuple(event_rows),
        tuple(files),
    )


def _common_info(recordings: Sequence[Recording]) -> StreamInfo:
    first = recordings[0].info
    for other in (recording.info for recording in recordings[1:]):
        for what in ("channels", "units", "rate"):
            if getattr(other, what) != getattr(first, what):
                raise SourceError(
                    f"{other.name} cannot be played after {first.name}",
                    found=f"{what} {getattr(other, what)}",
                    expected=f"{what} {getattr(first, what)}",
                    fix="Play recordings of one device and set-up together.",
                )
    names = ", ".join(recording.info.name for recording in recordings)
    return replace(first, name=names, n_samples=sum(len(recording) for recording in recordings))


def _annotation_rows(recording: Recording) -> list[int]:
    """For each annotation the sample with which it is delivered: the first one at or after its onset."""
    rising = np.maximum.accumulate(recording.times)
    # Onsets and times are rounded differently; a tenth of a sample is no delay.
    onsets = np.array([annotation.onset for annotation in recording.annotations]) - 0.1 / recording.info.rate
    return [min(int(row), len(recording) - 1) for row in np.searchsorted(rising, onsets)]
