"""What a simulated participant wears and how good the recording is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bci_app.errors import ChannelError, SourceError
from bci_app.montage.headsets import HEADSETS
from bci_app.montage.names import canonical, is_electrode
from bci_app.stream import UNITS, microvolts_per

NO_REFERENCE = "none"
AVERAGE = "average"
LINKED_EARS = "linked-ears"
_EARS = ("A1", "A2")

MOST_EFFECT = 10.0
MOST_NOISE = 10.0


@dataclass(frozen=True, slots=True)
class Settings:
    """A headset on a simulated head.

    Attributes
    ----------
    channels : tuple of str
        Electrodes. A name without a place on the head is placed somewhere, always the same.
    rate : float
        Hz.
    effect : float
        How far emotion moves log band power where it moves it most, between lowest (-1) and highest (1) state, in
        standard deviations of the log band power of 4-s windows within a state; 0 for no effect.
    noise : float
        1 for a good recording with its blinks, movements and hum; 0 for brain signals alone. Amplitudes of the
        electrodes' noise and the frequency of artefacts are proportional to it.
    unit : str
        Unit of the samples: ``uV``, ``mV``, ``nV`` or ``V``.
    reference : str
        ``none``, ``average``, ``linked-ears`` or an electrode.
    line : float
        Frequency of the mains in Hz.
    wander : float
        Standard deviation of the slow wandering of each rhythm's log power (natural logarithm).
    session : int
        Number of the session: another one is the same person on another day.
    between_sessions : float
        Standard deviation of what another session adds to the log power of each rhythm at each place.

    Raises
    ------
    SourceError
        If a setting is impossible.
    """

    channels: tuple[str, ...] = HEADSETS["10-20"].channels
    rate: float = 250.0
    effect: float = 1.0
    noise: float = 1.0
    unit: str = "uV"
    reference: str = NO_REFERENCE
    line: float = 50.0
    wander: float = 0.3
    session: int = 0
    between_sessions: float = 0.15

    def __post_init__(self) -> None:
        for name, value, low, high, unit in (
            ("rate", self.rate, 1.0, 20_000.0, " Hz"),
            ("effect", self.effect, 0.0, MOST_EFFECT, " standard deviations"),
            ("noise", self.noise, 0.0, MOST_NOISE, ""),
            ("line", self.line, 1.0, 1000.0, " Hz"),
            ("wander", self.wander, 0.0, 3.0, ""),
            ("between_sessions", self.between_sessions, 0.0, 3.0, ""),
            ("session", float(self.session), 0.0, math.inf, ""),
        ):
            if not low <= value <= high:
                bounds = f"{low:g} or more" if math.isinf(high) else f"{low:g} to {high:g}{unit}"
                raise SourceError(
                    "A synthetic participant cannot be set up like this", found=f"{name} {value:g}", expected=bounds
                )
        names = [canonical(name) for name in self.channels]
        if not names or not all(names) or len(set(names)) != len(names):
            raise SourceError(
                "A synthetic participant cannot be set up like this",
                found=f"channels {', '.join(self.channels) or 'none'}",
                expected="at least one channel, each named once",
            )
        if self.reference not in (NO_REFERENCE, AVERAGE, LINKED_EARS) and not is_electrode(self.reference):
            raise SourceError(
                "Unknown reference of a synthetic participant",
                found=repr(self.reference),
                expected=f"{NO_REFERENCE}, {AVERAGE}, {LINKED_EARS} or an electrode",
            )
        try:
            microvolts_per(self.unit)
        except ChannelError as error:
            raise SourceError(
                "A synthetic participant has no such unit", found=f"unit {self.unit!r}", expected=UNITS
            ) from error

    @property
    def reference_sites(self) -> tuple[str, ...]:
        """Electrodes whose mean potential is subtracted; none for no reference."""
        if self.reference == NO_REFERENCE:
            return ()
        if self.reference == AVERAGE:
            return self.channels
        return _EARS if self.reference == LINKED_EARS else (self.reference,)
