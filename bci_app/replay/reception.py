"""A replay received through LSL by the program that sends it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import StreamLostError
from bci_app.replay.player import Replay, ReplayPhase
from bci_app.replay.seams import Seam
from bci_app.sources.clock.gaps import GapDetector
from bci_app.sources.clock.sample_clock import Times
from bci_app.sources.lsl.header import LslSelector
from bci_app.sources.lsl.source import LslSource
from bci_app.stream import Chunk, Samples


class ReplaySource(LslSource):
    """Receive a replay of this program like any LSL stream, and distinguish its seams from loss.

    Across a pause, a seek and between recordings stamps jump, which for a receiver is loss. Here it is
    known what was sent: the jump becomes a reset, and only samples that were sent and did not come are
    lost. So a replay gives what the file itself gives as a source.

    Parameters
    ----------
    replay : Replay
        Announced before `start`; its owner runs and closes it.
    ends : bool
        Whether the source is finished once the replay has been played to its end; else somebody may seek back, and
        the source waits for that.
    """

    def __init__(self, replay: Replay, *, ends: bool = False) -> None:
        self._replay = replay
        self._ends = ends
        self._over = False
        super().__init__(
            LslSelector(source_id=replay.source_id),
            only_one=True,
            detector=lambda rate: SeamedGapDetector(rate, replay),
        )

    @property
    def finished(self) -> bool:
        """Whether the replay was played to its end and everything of it was read."""
        return self._over

    def read(self, timeout: float = 0.0) -> Chunk | None:
        """Return the next samples. See `LslSource.read`."""
        try:
            return super().read(timeout)
        except StreamLostError:
            # What was held back has been given out by now.
            self._over = self._ends and self._replay.status().phase is ReplayPhase.FINISHED
            if not self._over:
                raise
            return None


class SeamedGapDetector(GapDetector):
    """Find loss in the stamps of a replay as if it had no seams, and put these back.

    Short pauses, one soon after the other, cannot be distinguished from each other or from delay once gaps are
    sought in the stamps. So the time at which nothing was to be sent is taken out of them before.

    Parameters
    ----------
    rate : float
        As of `GapDetector`.
    replay : Replay
        Which sends the stream.
    """

    def __init__(self, rate: float, replay: Replay) -> None:
        super().__init__(rate)
        self._replay = replay
        self._seams: list[Seam] = []  # before each of the samples held back
        self._last: Seam | None = None  # before the last sample given out

    def process(self, data: Samples, times: Times, counters: NDArray[np.float64] | None = None) -> list[Chunk]:
        """Take the next samples and give those out that are decided on. See `GapDetector.process`."""
        seams = self._replay.seams_before(times) if len(times) else []
        self._seams += seams
        return self._seamed(super().process(data, times - [seam.unsent for seam in seams], counters))

    def flush(self) -> list[Chunk]:
        """Release what is held back. See `GapDetector.flush`."""
        return self._seamed(super().flush())

    def _seamed(self, chunks: Iterable[Chunk]) -> list[Chunk]:
        """Cut pieces at seams, and give their samples the stamps that were sent."""
        seamed = []
        for chunk in chunks:
            seams, self._seams = self._seams[: len(chunk)], self._seams[len(chunk) :]
            unsent = np.array([seam.unsent for seam in seams])
            times = chunk.times + unsent
            stamps = times if chunk.stamps is None else chunk.stamps + unsent
            before = [self._last or seams[0], *seams[:-1]]
            cuts = [row for row, (last, seam) in enumerate(zip(before, seams, strict=True)) if last is not seam]
            for start, stop in pairwise(sorted({0, *cuts, len(chunk)})):
                seamed.append(
                    replace(
                        chunk,
                        data=chunk.data[start:stop],
                        times=times[start:stop],
                        stamps=stamps[start:stop],
                        first=chunk.first + start,
                        lost=0 if start else chunk.lost,
                        reset=start in cuts or (chunk.reset and not start),
                    )
                )
            self._last = seams[-1]
        return seamed
