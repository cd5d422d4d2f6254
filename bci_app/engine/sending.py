"""The outputs of a session: each receives every prediction and event until it fails or is removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bci_app.bundle.spec import Bundle
from bci_app.errors import BciError, StandardOutputError
from bci_app.events import Prediction
from bci_app.outputs.base import Output
from bci_app.outputs.lsl import LslMarkerOutput
from bci_app.outputs.worker import OutputWorker
from bci_app.stream import Marker, StreamInfo


class Sending:
    """Send to some outputs, each in its own thread.

    An output that fails or stalls ends. The others and the session go on.

    Parameters
    ----------
    outputs : sequence of Output
        Not started yet.
    failed : callable
        Called with the reason when an output has ended by a failure.

    Attributes
    ----------
    error : str
        Why the last output that failed has ended; empty if none has, or another was added since.
    """

    def __init__(self, outputs: Sequence[Output], failed: Callable[[BciError], None]) -> None:
        self._to_start = tuple(outputs)
        self._workers: tuple[OutputWorker, ...] = ()
        self.error = ""
        self._failed = failed
        self._closed = False

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The outputs in use."""
        return tuple(worker.output for worker in self._workers)

    @property
    def filling(self) -> bool:
        """Whether an output is so far behind that a source that can wait should."""
        return any(worker.filling for worker in self._workers)

    @property
    def notice(self) -> str:
        """Which output is late, in a sentence; empty if none is."""
        return next((worker.notice for worker in self._workers if worker.notice), "")

    def start(self, bundle: Bundle, info: StreamInfo) -> None:
        """Open all outputs.

        Raises
        ------
        BciError
            If one cannot be opened.
        """
        for output in self._to_start:
            output.start(bundle, info)
        self._workers = tuple(OutputWorker(output) for output in self._to_start)

    def add(self, output: Output) -> None:
        """Send to one that is open already, too. After the end of the session it is closed."""
        if self._closed:
            output.close()
        else:
            self._workers, self.error = (*self._workers, OutputWorker(output)), ""

    def remove(self, output: Output) -> None:
        """Close one output after what is waiting for it, and send nothing more to it."""
        removed = [worker for worker in self._workers if worker.output is output]
        self._workers = tuple(worker for worker in self._workers if worker.output is not output)
        for worker in removed:
            worker.close()

    def publish(self, prediction: Prediction) -> None:
        """Send a prediction. Returns at once."""
        for worker in self._workers:
            worker.publish(prediction)

    def announce(self, marker: Marker) -> None:
        """Send an event of this session. Events of other LSL streams can be received there. Returns at once."""
        for worker in self._workers:
            worker.mark(marker)

    def check(self) -> None:
        """Remove outputs that have ended by a failure, and report them.

        Raises
        ------
        StandardOutputError
            If an output writes to standard output, and nobody reads it any more.
        """
        for worker in self._workers:
            failure = worker.failure
            if failure is None:
                continue
            self._workers = tuple(other for other in self._workers if other is not worker)
            if isinstance(failure, StandardOutputError):
                raise failure
            self._report(failure)

    def has_outlet(self, uid: str) -> bool:
        """Return whether an LSL stream of events is one of these outputs."""
        return any(isinstance(output, LslMarkerOutput) and output.uid == uid for output in self.outputs)

    def close(self) -> None:
        """Close all outputs, and those that come later. May be called twice."""
        self._closed = True
        workers, self._workers = self._workers, ()
        for worker in workers:
            worker.close()
            if worker.failure is not None:
                self._report(worker.failure)

    def _report(self, failure: BciError) -> None:
        self.error = str(failure)
        self._failed(failure)
