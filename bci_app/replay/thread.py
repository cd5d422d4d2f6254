"""A replay in its own thread, for the window."""

from __future__ import annotations

import threading

from bci_app.errors import BciError
from bci_app.replay.player import Replay


class ReplayThread:
    """A replay in its own thread; it stays open at the end, so that one may seek back.

    Parameters
    ----------
    replay : Replay
        Driven by this thread; its other methods may be called from any.
    """

    def __init__(self, replay: Replay) -> None:
        self.replay = replay
        self.failure: Exception | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)

    def start(self) -> None:
        """Announce the stream and begin.

        Raises
        ------
        DependencyError
            If liblsl is missing.
        """
        self.replay.open()
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End and withdraw the stream. May be called twice."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        self.replay.close()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._stop.wait(self.replay.step())
        except (BciError, RuntimeError, ValueError, OSError) as error:
            # What liblsl and the arrays can raise; shown by whoever asks for the status.
            self.failure = error
            self.replay.fail(error)
