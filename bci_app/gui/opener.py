"""Opening a session in a separate thread, with the result back in the window's thread."""

from __future__ import annotations

from collections.abc import Callable

from bci_app.errors import BciError
from bci_app.presentation import notices
from bci_app.presentation.opening import Opened, Opening, Ready, Running, StreamChoice
from bci_app.presentation.signal_feed import HISTORY_SECONDS


class Opener:
    """Opens one session at a time. `poll` passes the result on.

    Parameters
    ----------
    opened, failed : callable
        Take the opened session, or the error that prevented it.
    """

    def __init__(self, opened: Callable[[Opened], None], failed: Callable[[BciError], None]) -> None:
        self._opened, self._failed = opened, failed
        self._opening: Opening | None = None

    def start(
        self, find: Callable[[], Ready], old: Running | None, *, wait_for_baseline: bool, streams: StreamChoice
    ) -> None:
        """Close the session `old` and open the one that `find` returns, in a thread."""
        self._opening = Opening(
            find,
            old,
            wait_for_baseline=wait_for_baseline,
            buffer_seconds=HISTORY_SECONDS,
            streams=streams,
        )

    def cancel(self) -> None:
        """Close what has been or will be opened."""
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None

    def poll(self) -> None:
        """Pass on the result, once there is one."""
        opening = self._opening
        if opening is None or not opening.done:
            return
        self._opening = None
        if opening.opened is not None:
            self._opened(opening.opened)
        else:
            assert opening.failure is not None  # nothing else ends it without a session
            self._failed(notices.as_error(opening.failure, "The session could not be opened"))
