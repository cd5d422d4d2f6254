"""What every output of predictions can do."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from bci_app.bundle.spec import Bundle
from bci_app.events import Prediction
from bci_app.stream import Marker, StreamInfo


class Output(Protocol):
    """Somewhere that predictions go: a file, an LSL stream, a network address."""

    def start(self, bundle: Bundle, info: StreamInfo) -> None:
        """Open, once the stream is known.

        Raises
        ------
        BciError
            If it cannot be opened.
        """
        ...

    def publish(self, prediction: Prediction) -> None:
        """Send one prediction.

        Raises
        ------
        StandardOutputError
            If it goes to standard output, which takes nothing any more: the session ends.
        BciError
            If this and further ones cannot be sent: the output ends, the session goes on.
        """
        ...

    def close(self) -> None:
        """Close. May be called twice, and without `start`."""
        ...


@runtime_checkable
class MarkerOutput(Output, Protocol):
    """An output that takes the session's events too."""

    def mark(self, marker: Marker) -> None:
        """Send one event of the app or of its source; raises as `publish`."""
        ...
