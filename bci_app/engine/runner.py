"""The engine in its own thread, for the window and the terminal view."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from bci_app.engine.engine import Engine
from bci_app.errors import BciError
from bci_app.events import StepResult

# Longest wait for samples: bounds how long `stop` takes.
_WAIT = 0.1


class EngineThread:
    """Call `Engine.step` until stopped, the source ends or it fails.

    Parameters
    ----------
    engine : Engine
        Started already.
    follow : callable, optional
        Takes what each step brought, before the next step.
    """

    def __init__(self, engine: Engine, *, follow: Callable[[StepResult], object] | None = None) -> None:
        self.engine = engine
        self._follow = follow
        self.failure: Exception | None = None
        self._results: queue.SimpleQueue[StepResult] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """True until the engine has ended."""
        return self._thread.is_alive()

    def drain(self) -> list[StepResult]:
        """Return what has happened since the last call, in order."""
        results = []
        while True:
            try:
                results.append(self._results.get_nowait())
            except queue.Empty:
                return results

    def stop(self, timeout: float = 5.0) -> None:
        """End the loop and close the engine. May be called twice."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        self.engine.stop()

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and not self.engine.finished:
                result = self.engine.step(_WAIT)
                if result and self._follow is not None:
                    self._follow(result)
                if result:
                    self._results.put(result)
        except BciError as error:
            self.failure = error
        except Exception as error:
            # A fault of the program: kept for whoever owns the thread, which shows and reports it.
            self.failure = error
            raise
