"""Steps an engine whose source has a time of its samples, in the window's thread."""

from __future__ import annotations

from bci_app.engine import Engine
from bci_app.errors import BciError
from bci_app.events import StepResult


class Stepper:
    """In the place of `EngineThread` where samples come faster than by the clock: time passes only when it is drained.

    Parameters
    ----------
    engine : Engine
        Started already.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.failure: Exception | None = None

    def start(self) -> None:
        """Begin: nothing to do."""

    def drain(self) -> list[StepResult]:
        """Do one step of the engine and return what happened in it."""
        if self.failure is not None or self.engine.finished:
            return []
        try:
            return [self.engine.step()]
        except BciError as error:
            self.failure = error
            return []

    def stop(self) -> None:
        """Close the engine. May be called twice."""
        self.engine.stop()
