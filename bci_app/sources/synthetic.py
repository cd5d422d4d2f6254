"""The simulated participant as a source of samples."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from bci_app.errors import SourceError
from bci_app.montage.headsets import HEADSETS, Headset, montage_channels
from bci_app.recording.xdf_encoding import StreamHeader, XdfChannel, encode_xml, stream_info
from bci_app.simulation import DIMENSIONS, Emotion, Script, Settings, SimulatedParticipant
from bci_app.simulation.settings import NO_REFERENCE
from bci_app.sources.lsl.beside import BesideChunk
from bci_app.sources.lsl.library import local_clock
from bci_app.stream import Chunk, StreamInfo

OPTIONS = (
    "participant", "effect", "script", "montage", "rate", "unit", "noise", "reference", "line", "session", "speed",
    "seconds", "channels", "seed",
)  # fmt: skip
"""What the text of a synthetic source may state. ``channels`` and ``seed`` are older names of montage
and participant."""

_DEFAULT_HEADSET = "10-20"
_TRUTH_RATE = 10.0


class SyntheticSource:
    """Deliver the EEG of a simulated participant, in real time, faster, or as fast as it is read.

    Their planted state is a stream beside: valence, arousal and dominance from -1 to 1, ten times a second.

    Parameters
    ----------
    participant : SimulatedParticipant
        Whose. Their state may be changed while the source is read.
    speed : float or None
        Factor; None for as fast as possible. Stamps advance as at speed 1.
    seconds : float, optional
        Length; without end by default.
    clock, sleep : callable
        LSL's clock and how to wait; injected by tests.

    Raises
    ------
    SourceError
        If a setting is impossible.
    """

    def __init__(
        self,
        participant: SimulatedParticipant,
        *,
        speed: float | None = 1.0,
        seconds: float | None = None,
        clock: Callable[[], float] = local_clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.participant = participant
        self._rate = participant.settings.rate
        _check("speed", speed, 0.01, 1000.0, "or max")
        _check("seconds", seconds, 1.0 / self._rate, 1e7, "s")
        self._speed = speed
        self._end = None if seconds is None else max(1, round(seconds * self._rate))
        self._clock = clock
        self._sleep = sleep
        self._next = 0
        self._start = 0.0
        self._truth_step = max(1, round(self._rate / _TRUTH_RATE))
        self._next_truth = 0
        header = StreamHeader(
            "simulated participant, truth",
            "Simulated",
            tuple(XdfChannel(name) for name in DIMENSIONS),
            format="float32",
            rate=self._rate / self._truth_step,
        )
        self._truth_name, self._truth_xml = header.name, encode_xml(stream_info(header)).decode()

    @property
    def can_wait(self) -> bool:
        """Whether samples are given as fast as they are read."""
        return self._speed is None

    def start(self) -> StreamInfo:
        """Begin; the first sample is due now."""
        self._start = self._clock()
        self._next = self._next_truth = 0
        settings = self.participant.settings
        return StreamInfo(
            "synthetic",
            settings.channels,
            settings.rate,
            (settings.unit,) * len(settings.channels),
            kind="synthetic",
            n_samples=self._end,
        )

    def read(self, timeout: float = 0.0) -> Chunk | None:
        """Return the samples that are due: a quarter of a second or 50 ms of waiting at most. See `Source.read`."""
        n = self._due()
        if n == 0 and not self.finished and timeout > 0:
            following = self._start + (self._next + self._step) / (self._rate * (self._speed or 1.0))
            # A hair more, so that rounding does not wake the reader just before.
            self._sleep(min(timeout, max(0.0, following - self._clock()) + 1e-6))
            n = self._due()
        if n == 0:
            return None
        first, self._next = self._next, self._next + n
        times = self._start + np.arange(first, self._next) / self._rate
        return Chunk(self.participant.samples(first, self._next), times, first)

    @property
    def finished(self) -> bool:
        """True once the last sample has been returned."""
        return self._end is not None and self._next >= self._end

    @property
    def speed(self) -> float | None:
        """Factor of its speed; None for as fast as it is read."""
        return self._speed

    @property
    def truth(self) -> Emotion:
        """The participant's state at the newest sample that was read."""
        return Emotion(*self.participant.truth(np.array([max(0, self._next - 1)]))[0].tolist())

    def take_beside(self) -> list[BesideChunk]:
        """Return the planted states since the last call."""
        end = -(-self._next // self._truth_step)
        if end == self._next_truth:
            return []
        first, self._next_truth = self._next_truth, end
        samples = np.arange(first, end) * self._truth_step
        states = self.participant.truth(samples)
        chunk = Chunk(states, self._start + samples / self._rate, first)
        return [BesideChunk(self._truth_name, self._truth_xml, "float32", states.astype(np.float32), chunk)]

    def stop(self) -> None:
        """Nothing to close."""

    @property
    def _step(self) -> int:
        """Samples returned at a time: what falls due in 10 ms."""
        return max(1, round(0.01 * self._rate * (self._speed or 1.0)))

    def _due(self) -> int:
        most = max(1, round(0.25 * self._rate), 5 * self._step)
        if self._end is not None:
            most = min(most, self._end - self._next)
        if self._speed is None:
            return most
        # Computed from the start, never from the sample before: nothing drifts.
        elapsed = int((self._clock() - self._start) * self._speed * self._rate)
        return max(0, min(most, elapsed - self._next))


def open_synthetic(
    options: Mapping[str, str], *, channels: tuple[str, ...] | None = None, rate: float | None = None
) -> SyntheticSource:
    """Make the source of a simulated participant from the options of its text.

    Parameters
    ----------
    options : mapping of str to str
        Keys are among `OPTIONS`.
    channels, rate : optional
        Stated elsewhere; they go before the options.

    Raises
    ------
    SourceError, ChannelError
        If an option cannot be read or is impossible.
    """
    _refuse_both(options, "montage", "channels")
    _refuse_both(options, "participant", "seed")
    headset = _headset(options, channels)
    settings = replace(
        Settings(channels=headset.channels, rate=headset.rate, reference=headset.reference),
        rate=rate if rate is not None else _number(options, "rate", headset.rate),
        effect=_number(options, "effect", 1.0),
        noise=_number(options, "noise", 1.0),
        line=_number(options, "line", 50.0),
        session=_whole(options, "session"),
        unit=options.get("unit", "uV"),
        reference=options.get("reference", headset.reference),
    )
    script = Script.read(Path(options["script"])) if "script" in options else Script.shipped()
    seed = _whole(options, "participant" if "participant" in options else "seed")
    return SyntheticSource(
        SimulatedParticipant(seed, settings, script=script),
        speed=None if options.get("speed") == "max" else _number(options, "speed", 1.0),
        seconds=_number(options, "seconds", 0.0) if "seconds" in options else None,
    )


def _headset(options: Mapping[str, str], channels: tuple[str, ...] | None) -> Headset:
    if channels is None:
        text = options.get("montage", options.get("channels", _DEFAULT_HEADSET))
        known = HEADSETS.get(text.strip().lower())
        if known is not None:
            return known
        channels = montage_channels(text) if "montage" in options else tuple(part.strip() for part in text.split(","))
    return Headset(channels, HEADSETS[_DEFAULT_HEADSET].rate, NO_REFERENCE)


def _refuse_both(options: Mapping[str, str], name: str, other: str) -> None:
    if name in options and other in options:
        raise SourceError(
            f"A synthetic source states its {name} twice",
            found=f"{name}={options[name]} and {other}={options[other]}",
            expected="one of them",
        )


def _number(options: Mapping[str, str], key: str, default: float) -> float:
    try:
        return float(options.get(key, default))
    except ValueError:
        raise SourceError(f"The {key} of a source must be a number", found=repr(options[key])) from None


def _whole(options: Mapping[str, str], key: str) -> int:
    try:
        return int(options.get(key, 0))
    except ValueError:
        raise SourceError(f"The {key} of a source must be a whole number", found=repr(options[key])) from None


def _check(name: str, value: float | None, low: float, high: float, unit: str) -> None:
    if value is not None and not low <= value <= high:
        raise SourceError(
            "The synthetic source cannot be set up like this",
            found=f"{name} {value:g}",
            expected=f"{low:g} to {high:g} {unit}",
        )
