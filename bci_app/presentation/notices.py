"""Notice in words: what happened and what to do. No Qt."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import isfinite

from bci_app.errors import BciError
from bci_app.events import Phase, Status
from bci_app.presentation.player import Playback
from bci_app.presentation.state import Level, Notice

PLAY_AGAIN = "Play again"
CHOOSE_SOURCE = "Choose another source"
DISMISS = "Dismiss"
LOST = "stream lost"
ENDED = "playback ended"
SILENT = "no signal"

# A stream that is silent this long is worth a word before it counts as lost, in seconds.
_SILENT = 1.0
# Silent this long, what was measured last says nothing of now any more.
_STALE = 2.0
# Less than this is worth a word while recording, in bytes.
_LITTLE_DISK = 1e9


def silence(status: Status, playback: Playback | None, silent: float) -> str:
    """Say in two words why nothing arrives; `silent` are the seconds that samples were missed."""
    if playback is not None and playback.waits:
        return ENDED if playback.ended else "paused"
    if status.phase is Phase.FINISHED:
        return ENDED
    if status.phase is Phase.LOST:
        return LOST if _lost(status, playback, silent) else "paused"
    return SILENT if silent > _STALE else ""


def _lost(status: Status, playback: Playback | None, silent: float) -> bool:
    """Tell whether a stream is lost; that of a recording is, too, while it waits, and until it has gone on."""
    return status.phase is Phase.LOST and (playback is None or silent > _STALE)


def present(
    status: Status, playback: Playback | None, silent: float, *, free: float | None = float("inf")
) -> tuple[Notice, ...]:
    """Give the notices that there are now, the gravest first.

    Parameters
    ----------
    status : Status
        From the engine.
    playback : Playback or None
        Of the recording that is the source, if it is one.
    silent : float
        Seconds that samples have not come although they should.
    free : float or None
        Bytes left on the disk that is recorded to; None where its folder is out of reach.
    """
    found = []
    waits = playback is not None and playback.waits
    if _lost(status, playback, silent) and not waits:
        found.append(Notice("The stream is lost.", status.message, Level.ERROR, (CHOOSE_SOURCE,)))
    if status.recording_error:
        found.append(Notice("The recording has ended by a failure.", status.recording_error, Level.ERROR, (DISMISS,)))
    if status.output_error:
        summary = "An output has ended by a failure; the session goes on."
        found.append(Notice(summary, status.output_error, Level.ERROR, (DISMISS,)))
    if free is None:
        text = "Was it renamed, or its disk pulled? Put it back, or stop and record into another folder."
        found.append(Notice("The folder of the recording is out of reach.", text, actions=(DISMISS,)))
    elif free < _LITTLE_DISK:
        text = f"{free / 1e9:.1f} GB are left where the recording is written. Make room; a full disk ends it."
        found.append(Notice("The disk is nearly full.", text, actions=(DISMISS,)))
    if status.notice:
        summary = "Something is odd, although the session goes on."
        found.append(Notice(summary, status.notice, actions=(DISMISS,)))
    if playback is not None and playback.ended:
        found.append(ended(recording=bool(status.recording)))
    elif isfinite(status.age_s) and silent > _SILENT and not waits and status.phase is not Phase.LOST:
        found.append(Notice("No samples are arriving.", f"The newest is {silent:.0f} s old. Check the device."))
    return tuple(found)


def ended(*, recording: bool) -> Notice:
    """Say that a recording was played to its end, which is no alarm; another one that is being made goes on."""
    advice = "Your own recording is still open: stop it when nothing more belongs to it." if recording else ""
    return Notice("The playback has ended.", advice, Level.NOTE, (PLAY_AGAIN, CHOOSE_SOURCE))


def of_error(error: BciError, *actions: str, lasting: bool = False) -> Notice:
    """Say what an error says."""
    details = [f"{label} {value}." for label, value in (("Found", error.found), ("Expected", error.expected)) if value]
    return Notice(f"{error.summary}.", " ".join([*details, error.fix or ""]).strip(), Level.ERROR, actions, lasting)


def as_error(failure: Exception, what: str) -> BciError:
    """Give an error as it is, and a fault of the program as one that says `what` it has done."""
    if isinstance(failure, BciError):
        return failure
    return BciError(
        f"{what} by a fault of the program",
        found=f"{type(failure).__name__}: {failure}",
        fix="The terminal has the details; please report them.",
    )


class TroubleBoard:
    """The one notice that is shown: what lasts stays until it is taken away, what was taken away stays so.

    Parameters
    ----------
    changed : callable
        Told the notice that is shown from now on, or None.
    """

    def __init__(self, changed: Callable[[Notice | None], None]) -> None:
        self._changed = changed
        self._shown: Notice | None = None
        self._dismissed: set[str] = set()

    def show(self, notice: Notice | None) -> None:
        """Show this, or nothing."""
        if notice != self._shown:
            self._shown = notice
            self._changed(notice)

    def watch(self, notices: Sequence[Notice]) -> None:
        """Take what there is now, which ends by itself; the first that was not taken away is shown."""
        notice = next((notice for notice in notices if _kind(notice) not in self._dismissed), None)
        if notice is not None or self._shown is None or not self._shown.lasting:
            self.show(notice)

    def dismiss(self) -> None:
        """Take it off the screen."""
        if self._shown is not None:
            self._dismissed.add(_kind(self._shown))
        self.show(None)

    def forget(self) -> None:
        """Let what was taken away be told again."""
        self._dismissed.clear()


def _kind(notice: Notice) -> str:
    """Give what a notice has in common with itself a moment later: everything but figures."""
    return re.sub(r"[\d.,]+", "#", f"{notice.summary} {notice.advice}")
