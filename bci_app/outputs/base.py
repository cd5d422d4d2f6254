"""What every output of predictions can do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, ClassVar, Protocol, Self, runtime_checkable

from bci_app.errors import BciError
from bci_app.events import Prediction
from bci_app.stream import Marker, StreamInfo

if TYPE_CHECKING:
    from bci_app.bundle.spec import Bundle


LOCAL_HOST = "127.0.0.1"


class Output(Protocol):
    """Somewhere that predictions go: a file, an LSL stream, a network address.

    After `start`, an output is called from its own thread (see `OutputWorker`), so `publish` may wait
    for a slow receiver.
    """

    @property
    def place(self) -> str:
        """Where predictions go, as messages name it."""
        ...

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
            If it goes to standard output and nobody reads that any more: the session ends.
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
        """Send one event of the app or of its source. Raises as `publish`."""
        ...


@dataclass(frozen=True, slots=True)
class OutputKind:
    """A kind of output, as the command line offers it.

    Attributes
    ----------
    help : str
        What the option does.
    make : callable
        Makes the output from the option's value. Raises BciError if that cannot be read.
    """

    help: str
    make: Callable[[str], Output]


class Addressed:
    """What outputs at a port of a host have in common.

    Parameters
    ----------
    port : int
        Of the host.
    host : str
        Name or address; this machine by default.
    """

    unreadable: ClassVar[str]
    """What is wrong where an address cannot be read."""
    lowest_port: ClassVar[int] = 1

    def __init__(self, port: int, host: str = LOCAL_HOST) -> None:
        self.port = port
        self.host = host

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``PORT`` or ``HOST:PORT``.

        Raises
        ------
        BciError
            If it is neither.
        """
        host, _, port = text.strip().rpartition(":")
        if not port.isdecimal() or not cls.lowest_port <= int(port) < 65536:
            raise BciError(cls.unreadable, found=repr(text), expected="PORT, or HOST:PORT with a port up to 65535")
        return cls(int(port), host.removeprefix("[").removesuffix("]") or LOCAL_HOST)

    @property
    def local(self) -> bool:
        """Whether the host is this machine, as far as its name or address shows."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"
