"""Notices: what happened and what to do. No Qt."""

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

# Seconds of silence that are reported before a stream counts as lost.
_SILENT = 1.0
# Seconds of silence after which older measurements are not shown as present ones.
_STALE = 2.0
# Free bytes below which a recording warns.
_LITTLE_DISK = 1e9


def silence(status: Status, playback: Playback | None, silent: float) -> str:
    """Return in two words why nothing arrives. `silent` is the time in seconds that samples have been missing."""
    if playback is not None and playback.waits:
        return ENDED if playback.ended else "paused"
    if status.phase is Phase.FINISHED:
        return ENDED
    if status.phase is Phase.LOST:
        return LOST if _lost(status, playback, silent) else "paused"
    return SILENT if _missing(status, silent) > _STALE else ""


def _missing(status: Status, silent: float) -> float:
    """Return the seconds without samples. Where the newest is younger than that, only the window was late."""
    return min(silent, status.age_s) if status.age_s >= 0 else silent


def _lost(status: Status, playback: Playback | None, silent: float) -> bool:
    """Return whether a stream is lost. The engine also calls the stream of a recording lost while that is paused."""
    return status.phase is Phase.LOST and (playback is None or silent > _STALE)


def present(
    status: Status, playback: Playback | None, silent: float, *, free: float | None = float("inf")
) -> tuple[Notice, ...]:
    """List the notices that there are now, the most serious first.

    Parameters
    ----------
    status : Status
        From the engine.
    playback : Playback or None
        Of the recording, if the source is one.
    silent : float
        Seconds without the samples that should have come.
    free : float or None
        Bytes left on the disk of the recording; None where its folder is out of reach.
    """
    found = []
    waits = playback is not None and playback.waits
    if _lost(status, playback, silent) and not waits:
        found.append(Notice("The stream is lost.", status.message, Level.ERROR, (CHOOSE_SOURCE,)))
    if status.recording_error:
        summary = "The recording has stopped because of a failure."
        found.append(Notice(summary, status.recording_error, Level.ERROR, (DISMISS,)))
    if status.output_error:
        summary = "An output has stopped because of a failure. The session goes on."
        found.append(Notice(summary, status.output_error, Level.ERROR, (DISMISS,)))
    if free is None:
        text = "Was it renamed, or its disk removed? Put it back, or stop and record into another folder."
        found.append(Notice("The folder of the recording is out of reach.", text, actions=(DISMISS,)))
    elif free < _LITTLE_DISK:
        text = f"{free / 1e9:.1f} GB are left where the recording is written. Make room; a full disk ends it."
        found.append(Notice("The disk is nearly full.", text, actions=(DISMISS,)))
    if status.notice:
        summary = "Something is unusual. The session goes on."
        found.append(Notice(summary, status.notice, actions=(DISMISS,)))
    if playback is not None and playback.ended:
        found.append(ended(recording=bool(status.recording)))
    elif isfinite(status.age_s) and _missing(status, silent) > _SILENT and not waits and status.phase is not Phase.LOST:
        found.append(Notice("No samples are arriving.", f"The newest is {silent:.0f} s old. Check the device."))
    return tuple(found)


def ended(*, recording: bool) -> Notice:
    """Return the notice that a recording was played to its end. A recording that is being made goes on."""
    advice = "Your own recording is still open: stop it when nothing more belongs to it." if recording else ""
    return Notice("The playback has ended.", advice, Level.NOTE, (PLAY_AGAIN, CHOOSE_SOURCE))


def another_participant(before: str, code: str) -> Notice:
    """Return the notice that the rest baseline of another person was dropped."""
    summary = f"{code or 'A participant without a code'} follows {before}."
    return Notice(summary, f"The rest baseline of {before} is dropped. Measure it again.", Level.NOTE, (DISMISS,), True)


def another_profile(owner: str, code: str) -> Notice:
    """Return the notice that the profile in use is not that of the person in the session."""
    summary = f"The profile in use is {owner}’s, not {code}’s."
    advice = f"Choose a profile of {code}, or none, with the source and the model."
    return Notice(summary, advice, Level.WARNING, (CHOOSE_SOURCE, DISMISS), True)


def of_error(error: BciError, *actions: str, lasting: bool = False) -> Notice:
    """Return the notice of an error."""
    details = [f"{label} {value}." for label, value in (("Found", error.found), ("Expected", error.expected)) if value]
    return Notice(f"{error.summary}.", " ".join([*details, error.fix or ""]).strip(), Level.ERROR, actions, lasting)


def as_error(failure: Exception, what: str) -> BciError:
    """Return an error as it is, and a fault of the program as an error that says `what` it did."""
    if isinstance(failure, BciError):
        return failure
    return BciError(
        f"{what} by a fault of the program",
        found=f"{type(failure).__name__}: {failure}",
        fix="The terminal has the details; please report them.",
    )


class NoticeBoard:
    """The one notice that is shown. A lasting notice stays until it is dismissed. A dismissed one does not return.

    Parameters
    ----------
    changed : callable
        Gets the notice that is shown from now on, or None.
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
        """Take the notices that there are now. The first that was not dismissed is shown."""
        notice = next((notice for notice in notices if _kind(notice) not in self._dismissed), None)
        if notice is not None or self._shown is None or not self._shown.lasting:
            self.show(notice)

    def dismiss(self) -> None:
        """Hide the notice that is shown."""
        if self._shown is not None:
            self._dismissed.add(_kind(self._shown))
        self.show(None)

    def forget(self) -> None:
        """Let dismissed notices be shown again."""
        self._dismissed.clear()


def _kind(notice: Notice) -> str:
    """Return a notice without its figures, which change from moment to moment."""
    return re.sub(r"[\d.,]+", "#", f"{notice.summary} {notice.advice}")
