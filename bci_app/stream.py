"""What a stream is, and the pieces in which it arrives."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import ChannelError

Samples = NDArray[np.float64]

_MICROVOLTS = {
    "uv": 1.0,
    "µv": 1.0,  # micro sign
    "μv": 1.0,  # Greek mu
    "microvolt": 1.0,
    "microvolts": 1.0,
    "nv": 1e-3,
    "nanovolt": 1e-3,
    "nanovolts": 1e-3,
    "mv": 1e3,
    "millivolt": 1e3,
    "millivolts": 1e3,
    "v": 1e6,
    "volt": 1e6,
    "volts": 1e6,
}
# Hz. Far above any amplifier of EEG; buffers are a number of seconds long.
MAX_RATE = 1e5
# The same as the table, for messages.
UNITS = "uV, mV, nV or V"


def microvolts_per(unit: str) -> float:
    """Return the factor that turns values in `unit` into microvolts.

    Parameters
    ----------
    unit : str
        A unit of voltage as streams spell it: ``uV``, ``µV``, ``microvolts``, ``V``, ...

    Raises
    ------
    ChannelError
        If the unit is not one of voltage; scale is never guessed.
    """
    try:
        return _MICROVOLTS[unit.strip().lower()]
    except KeyError:
        raise ChannelError(
            "Cannot convert a channel to microvolts",
            found=f"unit {unit!r}",
            expected=UNITS,
            fix="State the unit of the stream with --unit.",
        ) from None


def is_voltage(unit: str) -> bool:
    """Return whether a unit is one of voltage, in any spelling."""
    return unit.strip().lower() in _MICROVOLTS


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """The fixed description of a stream.

    Attributes
    ----------
    name : str
        What the user calls it: stream name, board name or file name.
    channels : tuple of str
        Channel names as the source gives them, in the order of the sample columns.
    rate : float
        Nominal sampling rate in Hz, greater than 0.
    units : tuple of str
        Unit of each channel as the source gives it.
    kind : str
        Source kind: ``lsl``, ``brainflow``, ``file`` or ``synthetic``.
    source_id, host : str
        Identity of an LSL stream; empty elsewhere.
    n_samples : int or None
        Length where it is known beforehand (files).
    real_time : bool
        Whether samples come as fast as they were made, so that their stamps keep pace with the clock.
    """

    name: str
    channels: tuple[str, ...]
    rate: float
    units: tuple[str, ...]
    kind: str = "file"
    source_id: str = ""
    host: str = ""
    n_samples: int | None = None
    real_time: bool = False


@dataclass(frozen=True, slots=True)
class DeviceState:
    """What a device reports beside its samples.

    Attributes
    ----------
    battery : float or None
        Charge in per cent; None if it does not report it.
    resistances : tuple of (str, float)
        Contacts by name and their resistance in ohm, nan where none is measured at present; empty if the
        device measures none.
    """

    battery: float | None = None
    resistances: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Marker:
    """An event at a moment of a stream.

    Attributes
    ----------
    time : float
        LSL time in seconds.
    text : str
        What happened.
    offset : float
        Seconds that were added to the sender's stamp to have `time`.
    """

    time: float
    text: str
    offset: float = field(default=0.0, compare=False)


def marker_text(values: Iterable[str | float]) -> str:
    """Write the values of an event as one text.

    Whole numbers stand without a point, others with as few digits as give them back. Several values
    stand by commas; empty ones keep their place, at the end they are left out.
    """
    parts = [value if isinstance(value, str) else _digits(value) for value in values]
    while parts and not parts[-1]:
        parts.pop()
    return ", ".join(parts)


def _digits(value: float) -> str:
    return str(int(value)) if math.isfinite(value) and value == int(value) else str(value)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive samples without a gap between them.

    Attributes
    ----------
    data : ndarray of float64, shape (n_samples, n_channels)
        Samples in the units of the stream, C-contiguous.
    times : ndarray of float64, shape (n_samples,)
        LSL clock, seconds, one stamp a sample.
    first : int
        Index of the first sample since the stream was opened, counting lost samples too, so that
        an index always names the same moment.
    lost : int
        Samples missing directly before this chunk; 0 if it follows the one before it.
    reset : bool
        True if filters must restart with this chunk although the count of lost samples may be
        0 (a reconnection, the next recording of a playlist, a seek).
    markers : tuple of Marker
        Events that arrived with these samples.
    stamps : ndarray of float64, shape (n_samples,), or None
        The stamps as the sender wrote them, where `times` are made from them; nan for one that was no number.
        Steps of a clock that was set are taken out.
    offset : float
        Seconds to add to `stamps` to have the clock of `times`.
    """

    data: Samples
    times: NDArray[np.float64]
    first: int
    lost: int = 0
    reset: bool = False
    markers: tuple[Marker, ...] = field(default=())
    stamps: NDArray[np.float64] | None = None
    offset: float = 0.0

    def __len__(self) -> int:
        return int(self.data.shape[0])
