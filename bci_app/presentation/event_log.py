"""What happens by itself in a session, in words for its list of events. No Qt."""

from __future__ import annotations

from collections.abc import Callable

from bci_app.presentation import notices
from bci_app.presentation.state import Event, Step


class EventLog:
    """Tells what is new since it was asked last.

    Parameters
    ----------
    tell : callable
        Takes each `Event`.
    seconds : callable
        Seconds since the beginning of the session.
    """

    def __init__(self, tell: Callable[[Event], None], seconds: Callable[[], float]) -> None:
        self._tell = tell
        self._seconds = seconds
        self.forget()

    def forget(self) -> None:
        """Begin with another session."""
        self._step = Step.CONNECT
        self._silence = ""
        self._file = ""
        self._streams: frozenset[str] = frozenset()

    def note(self, text: str, detail: str = "") -> None:
        """Tell something that came by itself."""
        self._tell(Event(self._seconds(), text, quiet=True, detail=detail))

    def step(self, step: Step) -> None:
        """Tell when the rest baseline begins and when it is measured."""
        before, self._step = self._step, step
        if step is Step.RUN and before is Step.BASELINE:
            self.note("rest baseline measured")
        elif step is Step.BASELINE and before is not Step.BASELINE:
            self.note("rest baseline begun")

    def silence(self, silence: str, *, looked: bool = True) -> None:
        """Tell why nothing arrives, and when a lost or silent stream is back.

        Parameters
        ----------
        silence : str
            As `notices.silence` gives it.
        looked : bool
            Whether anybody looks if samples come: else nobody knows of a silent stream that it is back.
        """
        if silence == self._silence or (not silence and self._silence == notices.SILENT and not looked):
            return
        if silence:
            self.note(silence)
        elif self._silence in (notices.LOST, notices.SILENT):
            self.note("stream back")
        self._silence = silence

    def file(self, name: str) -> None:
        """Tell when the next recording of several begins."""
        if self._file and name != self._file:
            self.note(f"next recording: {name}")
        self._file = name

    def marker_streams(self, connected: frozenset[str]) -> None:
        """Tell which marker streams come and go."""
        for name in sorted(connected - self._streams):
            self.note(f"connected: {name}")
        for name in sorted(self._streams - connected):
            self.note(f"disconnected: {name}")
        self._streams = connected
