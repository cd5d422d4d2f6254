"""Senders of LSL streams: which are there, and how far their clocks are from ours."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bci_app.sources.clock.foreign import ForeignClock, is_foreign
from bci_app.sources.lsl.header import LslStream, announced
from bci_app.sources.lsl.library import load_pylsl, local_clock

# A resolver may take this long to hear of every stream, on a busy machine too.
SETTLE_SECONDS = 1.0
_OFFSET_SECONDS = 5.0
_ASK_SECONDS = 0.05
# An outlet of this machine answers at once.
_ANSWER_SECONDS = 0.5
# LSL knows an offset or does not; it is not waited for.
_AT_ONCE = 0.0
# A sender of this host's name that has not answered by then is taken to share the clock.
_PENDING_SECONDS = 3.0
# LSL measures to a fraction of a millisecond; two clocks this near are one.
_SAME_CLOCK_SECONDS = 0.003
_SAME_UNIX_SECONDS = 2.0
_A_DAY = 86400.0
_WORTH_SAYING = 0.2
# A clock that only arrivals show is known so long after the first: one sample may be late by chance.
_LEARN_SECONDS = 1.0


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
        """Return the announcements (``pylsl.StreamInfo``) visible now."""
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


def live_of_each_source(infos: Sequence[Any]) -> list[Any]:
    """Drop announcements of outlets that have gone, but keep outlets that are alive beside one that looks the same."""
    newest = newest_of_each_source(infos)
    uids = {info.uid() for info in newest}
    keys = [announced(info).key for info in infos]
    doubles = [info for info, key in zip(infos, keys, strict=True) if info.uid() not in uids and keys.count(key) > 1]
    return [*newest, *(info for info in doubles if _answers(info))]


def _answers(info: Any) -> bool:
    pylsl = load_pylsl()
    try:
        pylsl.StreamInlet(info, recover=False).info(_ANSWER_SECONDS)
    except (pylsl.util.TimeoutError, pylsl.util.LostError):
        return False
    return True


def since(stream: LslStream) -> str:
    """Say since when an outlet of this machine is there, as ``since 14:03:07``; of another machine, where it is."""
    if stream.hostname != socket.gethostname():
        return f"on {stream.hostname}"
    begun = time.time() - (local_clock() - stream.created_at)
    return f"since {time.strftime('%H:%M:%S', time.localtime(begun))}"


class SenderClock:
    """How far the clock of a stream's sender is from this machine's LSL clock.

    LSL measures the offset of every sender, whatever its host is called. Within a few milliseconds it counts as 0.
    Stamps that are not of LSL's clock are mapped to it (see `ForeignClock`).

    Parameters
    ----------
    inlet : pylsl.StreamInlet
        Connected to the stream.
    stream : LslStream
        Its announcement.
    timeout : float
        Longest time to wait for the first answer of another machine, in seconds.
    clock : callable
        Steady clock in seconds.
    lsl_clock, unix_clock : callable
        LSL's clock and Unix time, in seconds.

    Attributes
    ----------
    offset : float
        Seconds to add to the stamps that `follow` returns.

    Raises
    ------
    pylsl.util.TimeoutError, pylsl.util.LostError
        If a sender on another machine does not answer.
    """

    def __init__(
        self,
        inlet: Any,
        stream: LslStream,
        *,
        timeout: float,
        clock: Callable[[], float] = time.monotonic,
        lsl_clock: Callable[[], float] = local_clock,
        unix_clock: Callable[[], float] = time.time,
    ) -> None:
        self._inlet = inlet
        self._stream = stream
        self._clock, self._lsl_clock, self._unix_clock = clock, lsl_clock, unix_clock
        self._foreign: ForeignClock | None = None
        self._unix = self._readable = False
        self._correction = 0.0
        self._seen = False
        self._settles_at = -math.inf
        self.offset = 0.0
        self._give_up = clock() + _PENDING_SECONDS
        # The first answer takes LSL half a second. A host of our name is ours nearly always, and its samples can
        # wait for the answer.
        same_name = stream.hostname == socket.gethostname()
        self.known = self._ask(_AT_ONCE if same_name else timeout, patient=same_name)
        self._due = clock() + (_OFFSET_SECONDS if self.known else _ASK_SECONDS)

    @property
    def remote(self) -> bool:
        """Whether the sender's LSL clock is not ours."""
        return self._correction != 0.0

    @property
    def correction(self) -> float:
        """Seconds to add to the sender's LSL clock to have ours."""
        return self._correction

    @property
    def note(self) -> str:
        """How stamps were mapped, in a sentence; empty if the sender stamps by LSL's clock."""
        if self._foreign is None:
            return ""
        kind = "in Unix time" if self._unix else "by a clock that is not LSL's"
        steps = self._foreign.steps
        moved = f" That clock was set by {steps:+.1f} s; nothing is lost by it." if abs(steps) > _WORTH_SAYING else ""
        return f"{self._stream.name!r} is stamped {kind}; its stamps are mapped to the LSL clock.{moved}"

    def continue_from(self, former: SenderClock) -> None:
        """Go on with the clock of a sender that has returned, through whatever its clock did meanwhile."""
        if former._foreign is not None:
            self._foreign, self._seen = former._foreign, True
            self._unix, self._readable = former._unix, former._readable

    def ready(self) -> bool:
        """Return whether stamps can be mapped. Asks again if not."""
        if not self.known and self._clock() >= self._due:
            self.known = self._ask(_AT_ONCE, patient=True) or self._clock() > self._give_up
            self._due = self._clock() + (_OFFSET_SECONDS if self.known else _ASK_SECONDS)
        return self.known

    @property
    def settled(self) -> bool:
        """Whether `offset` is good enough to place the first samples by it."""
        return self._clock() >= self._settles_at

    def follow(self, times: NDArray[np.float64], period: float) -> NDArray[np.float64]:
        """Take the stamps of the samples that have just arrived.

        Parameters
        ----------
        times : ndarray, shape (n_samples,)
            As sent, in seconds.
        period : float
            Seconds between two samples; 0 for events.

        Returns
        -------
        ndarray, shape (n_samples,)
            The same, without steps of a clock that was set. Add `offset` to have LSL's clock.
        """
        if self._clock() >= self._due:
            self._ask(_AT_ONCE, patient=True)
            self._due = self._clock() + _OFFSET_SECONDS
        if not self._seen and len(times) and math.isfinite(times[-1]):
            self._look(float(times[-1]), period)
        if self._foreign is None:
            self.offset = self._correction
            return times
        mapped = self._foreign.follow(times, self._lsl_clock(), self._measured())
        self.offset = self._foreign.offset
        return mapped

    def _look(self, stamp: float, period: float) -> None:
        """Decide by the first stamp which clock it is of."""
        self._seen = True
        now, unix = self._lsl_clock(), self._unix_clock()
        if not is_foreign(stamp + self._correction, now):
            return
        self._foreign = ForeignClock(period)
        self._unix = abs(stamp - unix) < _A_DAY
        # Only this machine's Unix time can be read. Elsewhere it is set by somebody else.
        self._readable = not self.remote and abs(stamp - unix) < _SAME_UNIX_SECONDS
        if not self._readable:
            self._settles_at = self._clock() + _LEARN_SECONDS

    def _measured(self) -> float | None:
        return self._lsl_clock() - self._unix_clock() if self._readable else None

    def _ask(self, timeout: float, *, patient: bool) -> bool:
        """Measure the offset. Returns False if LSL does not know it yet."""
        errors = load_pylsl().util
        try:
            correction = float(self._inlet.time_correction(timeout))
        except (errors.TimeoutError, errors.LostError):
            if not patient:
                raise
            # The one in hand stays good for a while, for clocks drift by microseconds a second.
            return False
        self._correction = correction if abs(correction) > _SAME_CLOCK_SECONDS else 0.0
        return True
