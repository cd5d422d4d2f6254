"""Senders of LSL streams: which are there, and how far their clocks are from ours."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from bci_app.sources.lsl.header import LslStream, announced
from bci_app.sources.lsl.library import load_pylsl

# A resolver may take this long to hear of every stream, on a busy machine too.
SETTLE_SECONDS = 1.0
_OFFSET_SECONDS = 5.0


class LslDiscovery:
    """Streams as they appear and vanish.

    Parameters
    ----------
    forget_after : float
        Seconds after which a stream that is silent to the resolver is no longer listed.

    Raises
    ------
    DependencyError
        If liblsl is missing.
    """

    def __init__(self, *, forget_after: float = 2.0) -> None:
        self._resolver: Any = load_pylsl().ContinuousResolver(forget_after=forget_after)

    def streams(self) -> tuple[LslStream, ...]:
        """List the streams visible now, by name."""
        return tuple(sorted((announced(info) for info in self.infos()), key=lambda s: (s.name, s.source_id, s.uid)))

    def infos(self) -> list[Any]:
        """Give the announcements (``pylsl.StreamInfo``) visible now."""
        return list(self._resolver.results()) if self._resolver is not None else []

    def close(self) -> None:
        """Stop looking. May be called twice."""
        self._resolver = None


def list_lsl_streams(timeout: float = 1.0) -> tuple[LslStream, ...]:
    """List the LSL streams that answer within `timeout` seconds (a second at the least).

    Raises
    ------
    DependencyError
        If liblsl is missing.
    """
    discovery = LslDiscovery()
    time.sleep(max(timeout, SETTLE_SECONDS))
    streams = discovery.streams()
    discovery.close()
    return streams


def newest_of_each_source(infos: Sequence[Any]) -> list[Any]:
    """Drop announcements of outlets that a restart has replaced but that are not yet forgotten."""
    newest: dict[tuple[str, ...], Any] = {}
    for info in infos:
        key = announced(info).key
        if key not in newest or info.created_at() > newest[key].created_at():
            newest[key] = info
    return list(newest.values())


class SenderClock:
    """How far the clock of a stream's sender is from ours; streams of this machine share its clock.

    Parameters
    ----------
    inlet : pylsl.StreamInlet
        Connected to the stream.
    stream : LslStream
        Its announcement.
    timeout : float
        Longest time to wait for the first answer, in seconds.
    clock : callable
        Steady clock in seconds.

    Attributes
    ----------
    offset : float
        Seconds to add to the sender's stamps.

    Raises
    ------
    pylsl.util.TimeoutError, pylsl.util.LostError
        If the sender does not answer.
    """

    def __init__(
        self, inlet: Any, stream: LslStream, *, timeout: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        # An inlet lives as long as anyone holds it: none is held that is not asked.
        self._inlet = inlet if stream.hostname != socket.gethostname() else None
        self.offset = float(inlet.time_correction(timeout)) if self.remote else 0.0
        self._clock = clock
        self._due = clock() + _OFFSET_SECONDS

    @property
    def remote(self) -> bool:
        """Whether the sender is on another machine."""
        return self._inlet is not None

    def follow(self) -> None:
        """Measure the offset anew if that is due."""
        if self._inlet is None or self._clock() < self._due:
            return
        self._due = self._clock() + _OFFSET_SECONDS
        errors = load_pylsl().util
        # After the first estimate LSL answers at once; should it not, the one in hand stays good for a
        # while, for clocks drift by microseconds a second.
        with suppress(errors.TimeoutError, errors.LostError):
            self.offset = float(self._inlet.time_correction(0.1))
