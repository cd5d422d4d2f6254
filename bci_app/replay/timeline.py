"""Recordings laid one after the other, for playing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import SourceError
from bci_app.recording import Recording
from bci_app.stream import Samples, StreamInfo

# What receivers see missing after a seek or where a recording was interrupted for an unknown time:
# enough to be noticed as a gap, so that they reset.
JUMP_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Timeline:
    """Recordings laid one after the other.

    Attributes
    ----------
    info : StreamInfo
        Common to all recordings.
    data : ndarray, shape (n_samples, n_channels)
        All samples.
    due : ndarray, shape (n_samples,)
        Seconds from the first sample at which each is due; never falling.
    events : tuple of (float, str)
        Annotations, by the same clock, in order.
    files : tuple of (float, str)
        When each recording begins, and its file's name.
    seams : tuple of int
        Rows that do not follow the one before them: the first of each further recording, and the first
        after an interruption of unknown length. Nothing is lost there.
    """

    info: StreamInfo
    data: Samples
    due: NDArray[np.float64]
    events: tuple[tuple[float, str], ...]
    files: tuple[tuple[float, str], ...]
    seams: tuple[int, ...] = ()

    @property
    def duration(self) -> float:
        """Seconds from the first sample to the end of the last."""
        return float(self.due[-1]) + 1.0 / self.info.rate


def lay_out(recordings: Sequence[Recording], pause: float) -> Timeline:
    """Lay recordings one after the other.

    Parameters
    ----------
    recordings : sequence of Recording
        At least one.
    pause : float
        Seconds between the end of one and the start of the next.

    Raises
    ------
    SourceError
        If their channels, units or rates differ.
    """
    info = recordings[0].info
    due: list[NDArray[np.float64]] = []
    events: list[tuple[float, str]] = []
    files: list[tuple[float, str]] = []
    seams: list[int] = []
    end = 0.0
    for number, recording in enumerate(recordings):
        _check_same(info, recording.info)
        start = end + (pause if number else 0.0)
        shift = start - float(recording.times[0])
        files.append((start, recording.path.name))
        unknown = {b.row for b in recording.breaks if b.lost == 0}
        for part in recording.segments:
            if part.start in unknown or (part.start == 0 and number):
                seams.append(sum(map(len, due)))
            if part.start in unknown:
                # Nothing tells how long the interruption was; a clock may even have been set back.
                shift = max(shift, end - float(recording.times[part.start])) + JUMP_SECONDS
            first = float(recording.times[part.start])
            moved = np.maximum.accumulate(recording.times[part] + shift)
            due.append(np.maximum(moved, end))
            last = float(recording.times[part.stop - 1])
            events += [
                (a.onset + shift, a.text)
                for a in recording.annotations
                if (a.onset >= first or part.start == 0) and (a.onset <= last or part.stop == len(recording))
            ]
            end = float(due[-1][-1]) + 1.0 / info.rate
    data = recordings[0].data if len(recordings) == 1 else np.concatenate([r.data for r in recordings])
    return Timeline(
        info, np.ascontiguousarray(data), np.concatenate(due), tuple(sorted(events)), tuple(files), tuple(seams)
    )


def _check_same(first: StreamInfo, other: StreamInfo) -> None:
    for what in ("channels", "units", "rate"):
        if getattr(other, what) != getattr(first, what):
            raise SourceError(
                f"{other.name} cannot be played after {first.name}",
                found=f"{what} {getattr(other, what)}",
                expected=f"{what} {getattr(first, what)}",
                fix="Play recordings of one device and set-up together.",
            )
