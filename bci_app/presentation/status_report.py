"""The engine's status with what the window adds, as often as it can be read. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import monotonic

import psutil

from bci_app.engine import Engine
from bci_app.events import Status
from bci_app.presentation.choices import ALL_MARKERS
from bci_app.presentation.player import Player
from bci_app.presentation.state import LiveStatus, Sent, Step, step_of
from bci_app.presentation.stream_time import StreamTime
from bci_app.sources.lsl.header import LslSelector

_STATUS_SECONDS = 0.5
_CPU_SECONDS = 1.0


class Due:
    """Says when something is due that happens every so many seconds."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}

    def forget(self) -> None:
        """Make everything due."""
        self._next.clear()

    def now(self, what: str, seconds: float) -> bool:
        """Return whether `what` is due; if so, it counts as done."""
        moment = monotonic()
        if moment < self._next.get(what, 0.0):
            return False
        self._next[what] = moment + seconds
        return True


class StatusReport:
    """Follows the state of a session.

    Attributes
    ----------
    step : Step
        Where the session stands.
    """

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._due = Due()
        self.forget()

    def forget(self) -> None:
        """Begin with another session."""
        self.step = Step.CONNECT
        self._other_speed = False
        self._cpu = float("nan")
        self._shown: tuple[object, ...] = ()
        self._due.forget()

    def repeat(self) -> None:
        """Report at the next occasion, whatever was reported last."""
        self._due.forget()

    def take(
        self,
        status: Status,
        engine: Engine,
        *,
        player: Player | None,
        silence: str,
        time: StreamTime,
        sent: tuple[Sent, ...] = (),
        learning: str = "",
    ) -> LiveStatus | None:
        """Return what is to be shown now, if it is time to show it.

        Numbers change twice a second, states at once: digits that flicker cannot be read.
        """
        self.step = step_of(status, self.step)
        playback = player.playback() if player is not None else None
        self._other_speed |= playback is not None and playback.speed != 1.0
        waits = playback is not None and playback.waits
        if self._due.now("cpu", _CPU_SECONDS):
            self._cpu = self._process.cpu_percent()
        connected, awaited = _marker_streams(engine, player.markers if player is not None else ())
        shown = (
            status.phase,
            silence,
            status.contacts,
            status.message,
            status.baseline_progress,
            status.recording,
            connected,
            sent,
            learning,
        )
        if shown == self._shown and not self._due.now("status", _STATUS_SECONDS):
            return None
        self._shown = shown
        # Stamps of a recording that is or was played at another speed say nothing of age, and of one that waits
        # no sample is due.
        if self._other_speed or waits:
            status = replace(status, age_s=float("nan"))
        return LiveStatus(
            status=status,
            step=self.step,
            now=time.now,
            cpu_percent=self._cpu,
            silence=silence,
            sent=sent,
            learning=learning,
            silent=0.0 if waits else time.since_newest,
            marker_streams=connected,
            markers_awaited=awaited,
        )


def _marker_streams(engine: Engine, own: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the marker streams that are received, and those that were named (not `own`) and have not been seen."""
    streams = engine.marker_streams
    if streams is None:
        return (), ()
    named = [text for text in streams.never_seen if text != ALL_MARKERS and text not in own]
    return streams.connected, tuple(LslSelector.parse(text).name or text for text in named)
