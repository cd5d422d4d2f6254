"""What every source of samples can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from bci_app.stream import Chunk, DeviceState, StreamInfo

if TYPE_CHECKING:
    from bci_app.sources.lsl.beside import BesideChunk


class Source(Protocol):
    """A device, stream or file that delivers samples.

    A source reports loss and never hides it: samples missing before a chunk are counted in
    `Chunk.lost`, and a chunk never has a gap inside. It opens nothing before `start`.
    """

    def start(self) -> StreamInfo:
        """Open the source and describe its stream.

        Raises
        ------
        SourceError
            If it cannot be found or opened, or its description is incomplete.
        """
        ...

    def read(self, timeout: float = 0.0) -> Chunk | None:
        """Return the next samples, in order, or None if none came within `timeout` seconds.

        Raises
        ------
        StreamLostError
            If nothing has come for so long that the stream counts as lost. Reading may go on: the
            next call looks for the stream's return.
        """
        ...

    @property
    def finished(self) -> bool:
        """True once no sample will ever come again (the end of a file)."""
        ...

    def stop(self) -> None:
        """Close the source. May be called twice."""
        ...


@runtime_checkable
class Device(Protocol):
    """A source that may know more of its device than samples."""

    @property
    def device(self) -> DeviceState | None:
        """What the device last reported beside samples; None if it never does."""
        ...


@runtime_checkable
class Patient(Protocol):
    """A source that may be able to wait for its reader."""

    @property
    def can_wait(self) -> bool:
        """Whether nothing is lost or late if nobody reads for a while, as with a file read at full speed."""
        ...


@runtime_checkable
class Mapped(Protocol):
    """A source whose stamps may come from another clock than LSL's."""

    @property
    def clock_note(self) -> str:
        """How stamps were mapped to the LSL clock, in a sentence; empty if they were not."""
        ...


@runtime_checkable
class Several(Protocol):
    """A source that delivers streams of other kinds beside its EEG."""

    def take_beside(self) -> list[BesideChunk]:
        """Return what has come of them since the last call."""
        ...
