"""The outputs of a session: each gets every prediction and event until it fails or is taken away."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bci_app.bundle.spec import Bundle
from bci_app.errors import BciError, StandardOutputError
from bci_app.events import Prediction
from bci_app.outputs.base import MarkerOutput, Output
from bci_app.outputs.lsl import LslMarkerOutput
from bci_app.stream import Marker, StreamInfo


class Sending:
    """Sends to some outputs; one that fails ends, the others and the session go on.

    Parameters
    ----------
    outputs : sequence of Output
        Not started yet.
    failed : callable
        Told why an output has ended.

    Attributes
    ----------
    outputs : tuple of Output
        Those that are sent to.
    error : str
        Why the last that failed has ended; empty if none has, or another was added since.
    """

    def __init__(self, outputs: Sequence[Output], failed: Callable[[BciError], None]) -> None:
        self.outputs = tuple(outputs)
        self.error = ""
        self._failed = failed
        self._closed = False

    def start(self, bundle: Bundle, info: StreamInfo) -> None:
        """Open all.

        Raises
        ------
        BciError
            If one cannot be opened.
        """
        for output in self.outputs:
            output.start(bundle, info)

    def add(self, output: Output) -> None:
        """Send to one that is open already, too; after the end it is closed."""
        if self._closed:
            output.close()
        else:
            self.outputs, self.error = (*self.outputs, output), ""

    def remove(self, output: Output) -> None:
        """Close one and send nothing there any more."""
        self.outputs = tuple(other for other in self.outputs if other is not output)
        output.close()

    def publish(self, prediction: Prediction) -> None:
        """Send a prediction.

        Raises
        ------
        StandardOutputError
            If an output writes to standard output, and that takes nothing any more.
        """
        self._send(lambda output: output.publish(prediction))

    def announce(self, marker: Marker) -> None:
        """Send an event of this session; those of other LSL streams can be received there."""
        self._send(lambda output: output.mark(marker) if isinstance(output, MarkerOutput) else None)

    def has_outlet(self, uid: str) -> bool:
        """Tell whether an LSL stream of events is one of these outputs."""
        return any(isinstance(output, LslMarkerOutput) and output.uid == uid for output in self.outputs)

    def close(self) -> None:
        """Close all, and those that come later. May be called twice."""
        self._closed = True
        for output in self.outputs:
            output.close()
        self.outputs = ()

    def _send(self, send: Callable[[Output], None]) -> None:
        for output in self.outputs:
            try:
                send(output)
            except StandardOutputError:
                raise
            except BciError as error:
                self.error = str(error)
                self._failed(error)
                self.remove(output)
