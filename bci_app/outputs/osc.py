"""Predictions and events by OSC (Open Sound Control 1.0) over UDP."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from bci_app.errors import BciError
from bci_app.events import Prediction
from bci_app.outputs.base import LOCAL_HOST, Addressed, OutputKind
from bci_app.stream import Marker, StreamInfo
from bci_app.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pythonosc.udp_client import SimpleUDPClient

    from bci_app.bundle.spec import Bundle


class OscOutput(Addressed):
    """Send predictions and events by OSC.

    For each window: ``/bci/valid`` (int 1 or 0), ``/bci/reasons`` (string, empty if valid),
    ``/bci/sample`` (string: OSC's int is too short for a long session) and, if valid,
    ``/bci/TARGET/CLASS`` (float, smoothed probability) and ``/bci/TARGET/CLASS/raw`` (float,
    probability of this window). For each event of the session: ``/bci/event`` (two strings: its text, with
    control characters escaped, and its LSL time in seconds).

    Parameters
    ----------
    port : int
        UDP port of the receiver.
    host : str
        Receiver; this machine by default.
    """

    unreadable = "Cannot read where to send OSC"

    def __init__(self, port: int, host: str = LOCAL_HOST) -> None:
        super().__init__(port, host)
        self._client: SimpleUDPClient | None = None

    @property
    def place(self) -> str:
        """Where predictions go."""
        return f"OSC to {self.host}:{self.port}"

    def start(self, bundle: Bundle, info: StreamInfo) -> None:
        """Find the receiver.

        Raises
        ------
        BciError
            If the host is unknown.
        """
        from pythonosc.udp_client import SimpleUDPClient

        try:
            # Looked up once: the client would ask for a name's address with every message.
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)
            self._client = SimpleUDPClient(str(found[0][4][0]), self.port)
        except OSError as error:
            raise BciError(
                "OSC cannot be sent there",
                found=f"{self.host}:{self.port}: {error.strerror}",
                fix="Check the host's name.",
            ) from error

    def publish(self, prediction: Prediction) -> None:
        """Send one prediction. Nobody has to listen.

        Raises
        ------
        BciError
            If the network refuses it.
        """
        self._send(osc_messages(prediction))

    def mark(self, marker: Marker) -> None:
        """Send one event. Nobody has to listen.

        Raises
        ------
        BciError
            If the network refuses it.
        """
        self._send([("/bci/event", [printable(marker.text), repr(marker.time)])])

    def _send(self, messages: Iterable[tuple[str, int | float | str | list[str]]]) -> None:
        if self._client is None:
            return
        try:
            for address, value in messages:
                self._client.send_message(address, value)
        except BlockingIOError:
            # The system's buffer is full: UDP drops what it cannot send.
            return
        except OSError as error:
            raise BciError(
                "OSC can no longer be sent",
                found=f"{self.host}:{self.port}: {error.strerror}",
                fix="Check the network.",
            ) from error

    def close(self) -> None:
        """Close the socket. May be called twice."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def osc_messages(prediction: Prediction) -> list[tuple[str, int | float | str | list[str]]]:
    """Write a prediction as OSC addresses and values."""
    messages: list[tuple[str, int | float | str | list[str]]] = [
        ("/bci/valid", int(prediction.valid)),
        ("/bci/reasons", ", ".join(reason.value for reason in prediction.reasons)),
        ("/bci/sample", str(prediction.sample)),
    ]
    for target in prediction.targets:
        for suffix, probabilities in (("", target.smoothed), ("/raw", target.probability)):
            for name, value in zip(target.classes, probabilities or (), strict=False):
                messages.append((f"/bci/{target.name}/{_part(name)}{suffix}", float(value)))
    return messages


def _part(name: str) -> str:
    """Make a name a part of an OSC address: no space and none of ``#*,/?[]{}``."""
    return "".join("_" if character in " #*,/?[]{}" else character for character in name)


KIND = OutputKind("Send predictions and events by OSC to PORT or HOST:PORT.", OscOutput.parse)
