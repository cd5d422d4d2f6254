"""A replay received through LSL by the program that sends it."""

from __future__ import annotations

from dataclasses import replace

from bci_app.replay.player import Replay
from bci_app.sources.lsl import LslSource
from bci_app.sources.lsl_header import LslSelector
from bci_app.stream import Chunk, StreamInfo


class ReplaySource:
    """Receive a replay of this program like any LSL stream, and tell its seams from loss.

    Across a pause, a seek and between recordings stamps jump, which for a receiver is loss. Here it is
    known what was sent: the jump becomes a reset, and only samples that were sent and did not come are
    lost. So a replay gives what the file itself gives as a source.

    Parameters
    ----------
    replay : Replay
        Announced before `start`; its owner runs and closes it.
    """

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._source = LslSource(LslSelector(source_id=replay.source_id))
        self._never_sent = 0

    def start(self) -> StreamInfo:
        """Find the stream and begin to receive. See `LslSource.start`.

        Raises
        ------
        SourceError
            If the stream cannot be found or its header is incomplete.
        DependencyError
            If liblsl is missing.
        """
        self._never_sent = 0
        return self._source.start()

    def read(self, timeout: float = 0.0) -> Chunk | None:
        """Give the next samples. See `Source.read`.

        Raises
        ------
        StreamLostError
            If the stream is lost.
        """
        chunk = self._source.read(timeout)
        if chunk is None:
            return None
        lost, reset = chunk.lost, chunk.reset
        seam = self._replay.seam(float(chunk.times[0])) if lost else None
        if seam is not None:
            jumped = round((seam.after - seam.before) * self._replay.timeline.info.rate) - 1
            # A receiver's expectation of the next sample is off by a part of a period.
            lost = lost - jumped if lost > jumped + 1 else 0
            self._never_sent += chunk.lost - lost
            reset = True
        return replace(chunk, first=chunk.first - self._never_sent, lost=lost, reset=reset)

    @property
    def finished(self) -> bool:
        """False: a replay that has ended may be played again."""
        return self._source.finished

    def stop(self) -> None:
        """Close the inlet. May be called twice."""
        self._source.stop()
