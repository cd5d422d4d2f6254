"""One output in its own thread, so that a receiver that stalls delays nothing else."""

from __future__ import annotations

import threading
import time
from collections import deque

from bci_app.errors import BciError
from bci_app.events import Prediction
from bci_app.outputs.base import MarkerOutput, Output
from bci_app.stream import Marker

# Values that may wait for an output. At two windows a second a receiver may pause for eight minutes.
MOST_WAITING = 1000
# At the end of a session: longest wait while a receiver takes nothing, and longest wait for one that is slow.
CLOSE_SECONDS = 2.0
_MOST_CLOSE_SECONDS = 30.0
# A receiver that is this late is worth a notice.
_LATE_SECONDS = 5.0


class OutputWorker:
    """Send to one output from a thread.

    Parameters
    ----------
    output : Output
        Started. The worker closes it.
    most_waiting : int
        Values that may wait. One more ends the output with a failure.

    Attributes
    ----------
    output : Output
        The output.
    """

    def __init__(self, output: Output, *, most_waiting: int = MOST_WAITING) -> None:
        self.output = output
        self._most = most_waiting
        self._waiting: deque[tuple[float, Prediction | Marker]] = deque()
        self._changed = threading.Condition()
        self._in_hand: float | None = None  # when the value that is being sent was handed over
        self._closing = False
        self._failure: BciError | None = None
        self._takes_markers = isinstance(output, MarkerOutput)
        self._thread = threading.Thread(target=self._run, name="output", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> BciError | None:
        """Why the output has ended, if it has."""
        return self._failure

    @property
    def filling(self) -> bool:
        """Whether half of what may wait is waiting."""
        return len(self._waiting) > self._most // 2

    @property
    def notice(self) -> str:
        """Say so if the receiver is late; else empty."""
        late = time.monotonic() - self._oldest
        return f"{self._place} is {late:.0f} s behind: its receiver has stalled." if late >= _LATE_SECONDS else ""

    def publish(self, prediction: Prediction) -> None:
        """Hand over a prediction. Returns at once."""
        self._put(prediction)

    def mark(self, marker: Marker) -> None:
        """Hand over an event, if the output takes events. Returns at once."""
        if self._takes_markers:
            self._put(marker)

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Send what is waiting and close the output.

        May be called twice. A receiver that takes nothing for `timeout` seconds is not waited for: what is not
        sent by then is reported as the output's failure.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        end = time.monotonic() + _MOST_CLOSE_SECONDS
        left = -1
        while self._thread.is_alive() and left != len(self._waiting) and time.monotonic() < end:
            left = len(self._waiting)
            self._thread.join(timeout)
        with self._changed:
            if self._thread.is_alive() and self._failure is None:
                self._fail(self._stalled("when the session ended"))

    def _put(self, value: Prediction | Marker) -> None:
        with self._changed:
            if self._failure is not None or self._closing:
                return
            if len(self._waiting) >= self._most:
                self._fail(self._stalled(f"after {time.monotonic() - self._oldest:.0f} s"))
                return
            self._waiting.append((time.monotonic(), value))
            self._changed.notify()

    @property
    def _oldest(self) -> float:
        """When the oldest value that is not sent yet was handed over; now if all are sent."""
        now = time.monotonic()
        waiting = self._waiting[0][0] if self._waiting else now
        return min(waiting, now if self._in_hand is None else self._in_hand)

    @property
    def _place(self) -> str:
        return self.output.place

    def _stalled(self, when: str) -> BciError:
        unsent = len(self._waiting) + (self._in_hand is not None)
        return BciError(
            f"{self._place} has ended: its receiver has stalled",
            found=f"{unsent} values not taken {when}",
            expected="a receiver that reads",
            fix="The session and its recording are not affected. Start the receiver again, then the output.",
        )

    def _fail(self, error: BciError) -> None:
        self._failure = error
        self._waiting.clear()
        self._changed.notify()

    def _run(self) -> None:
        while (value := self._next()) is not None:
            try:
                if isinstance(value, Marker):
                    if isinstance(self.output, MarkerOutput):
                        self.output.mark(value)
                else:
                    self.output.publish(value)
            except Exception as error:  # noqa: BLE001 - whatever ends an output must be noticed, and end nothing else
                with self._changed:
                    if self._failure is None:
                        self._fail(_as_failure(self._place, error))
        self.output.close()

    def _next(self) -> Prediction | Marker | None:
        """Wait for the next value; None at the end."""
        with self._changed:
            self._in_hand = None
            self._changed.wait_for(lambda: self._waiting or self._closing or self._failure is not None)
            if self._failure is not None or not self._waiting:
                return None
            self._in_hand, value = self._waiting.popleft()
            return value


def _as_failure(place: str, error: Exception) -> BciError:
    if isinstance(error, BciError):
        return error
    failure = BciError(
        f"{place} has ended because of a fault in the program",
        found=f"{type(error).__name__}: {error}",
        fix="The session goes on. Please report this message.",
    )
    failure.__cause__ = error
    return failure
