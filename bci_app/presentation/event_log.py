"""What happens by itself in a session, in words for the list of events. No Qt."""

from __future__ import annotations

from collections.abc import Callable

from bci_app.events import Gap
from bci_app.presentation import notices
from bci_app.presentation.state import Event, Step


class EventLog:
    """Lists what has changed in a session, each change once.

    Parameters
    ----------
    add : callable
        Takes each `Event`.
    seconds : callable
        Seconds since the beginning of the session.
    """

    def __init__(self, add: Callable[[Event], None], seconds: Callable[[], float]) -> None:
        self._add = add
        self._seconds = seconds
        self.forget()

    def forget(self) -> None:
        """Begin with another session."""
        self._step = Step.CONNECT
        self._silence = ""
        self._file = ""
        self._streams: frozenset[str] = frozenset()

    def note(self, text: str, detail: str = "") -> None:
        """List something that happened by itself."""
        self._add(Event(self._seconds(), text, quiet=True, detail=detail))

    def gap(self, gap: Gap, rate: float, seconds: float) -> None:
        """List a loss of samples at so many seconds of the session. A break without a loss is no event."""
        if gap.lost:
            self._add(Event(seconds, f"gap of {gap.lost / rate:.2g} s", quiet=True))

    def step(self, step: Step) -> None:
        """List the beginning of the rest baseline and its end."""
        before, self._step = self._step, step
        if step is Step.RUN and before is Step.BASELINE:
            self.note("rest baseline measured")
        elif step is Step.BASELINE and before is not Step.BASELINE:
            self.note("rest baseline begun")

    def silence(self, silence: str, *, looked: bool = True) -> None:
        """List why nothing arrives, and the return of a lost or silent stream.

        Parameters
        ----------
        silence : str
            As `notices.silence` returns it.
        looked : bool
            Whether arriving samples are observed. If not, the return of a silent stream is unknown.
        """
        if silence == self._silence or (not silence and self._silence == notices.SILENT and not looked):
            return
        if silence:
            self.note(silence)
        elif self._silence in (notices.LOST, notices.SILENT):
            self.note("stream back")
        self._silence = silence

    def file(self, name: str) -> None:
        """List the beginning of the next recording of several."""
        if self._file and name != self._file:
            self.note(f"next recording: {name}")
        self._file = name

    def marker_streams(self, connected: frozenset[str]) -> None:
        """List the marker streams that come and go."""
        for name in sorted(connected - self._streams):
            self.note(f"connected: {name}")
        for name in sorted(self._streams - connected):
            self.note(f"disconnected: {name}")
        self._streams = connected
