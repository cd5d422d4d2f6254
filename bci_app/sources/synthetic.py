"""EEG made up on the spot, for trying things out and for tests. It is of nobody's brain."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import SourceError
from bci_app.montage.names import canonical
from bci_app.sources.lsl.library import local_clock
from bci_app.stream import Chunk, Samples, StreamInfo

DEFAULT_CHANNELS = (
    *("Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz"),
    *("C4", "T8", "P7", "P3", "Pz", "P4", "P8", "O1", "O2"),
)

# µV and Hz of an adult at rest with eyes closed now and then.
_BACKGROUND_UV = 12.0
_SHARED = 0.6
_ALPHA_UV = 18.0
_ALPHA_HZ = 10.0
_ALPHA_WIDTH_HZ = 0.8
_LINE_UV = 3.0
_LINE_HZ = 50.0
_BLINK_UV = 120.0
_BLINK_SECONDS = 0.35
_BLINKS_PER_SECOND = 0.2
_OFFSET_UV = 2000.0

_BLOCK_SECONDS = 4.0
# How strongly each region shows the alpha rhythm and blinks, by the first letters of the electrode.
_ALPHA_BY_REGION = {"O": 1.0, "PO": 0.9, "P": 0.7, "C": 0.3, "T": 0.35, "F": 0.15, "Fp": 0.1, "AF": 0.1}
_BLINK_BY_REGION = {"Fp": 1.0, "AF": 0.7, "F": 0.35, "C": 0.1, "T": 0.08, "P": 0.03, "O": 0.02}


@dataclass(frozen=True, slots=True)
class SyntheticEeg:
    """A signal without end, the same for the same settings, of which any part can be asked for.

    Blocks of 4 s that overlap by half are made in the frequency domain, each from its own random
    numbers, and faded into one another with constant power: the spectrum falls as 1/f in power with
    an alpha peak over the back of the head. Mains hum, blinks and electrode offsets are added.

    Attributes
    ----------
    channels : tuple of str
        Channel names; known electrodes get the topography of their region.
    rate : float
        Hz.
    seed : int
        Seed of all random numbers.
    """

    channels: tuple[str, ...]
    rate: float
    seed: int

    def samples(self, first: int, last: int) -> Samples:
        """Give samples ``first`` to ``last - 1``.

        Returns
        -------
        ndarray of float64, shape (last - first, n_channels)
            µV.
        """
        hop = self._block // 2
        x = np.zeros((last - first, len(self.channels)))
        for number in range(first // hop, (last - 1) // hop + 2):
            # Block `number` covers samples from (number - 1) * hop on.
            start = (number - 1) * hop
            block = self._make_block(number)
            low, high = max(first, start), min(last, start + len(block))
            if low < high:
                x[low - first : high - first] += block[low - start : high - start]
        t = np.arange(first, last) / self.rate
        if self.rate > 2 * _LINE_HZ:
            x += np.sin(2 * np.pi * _LINE_HZ * t)[:, None] * self._constants()[0]
        x += self._blinks(t)[:, None] * self._region(_BLINK_BY_REGION)
        return np.asarray(x + self._constants()[1])

    @property
    def _block(self) -> int:
        return 2 * max(2, round(_BLOCK_SECONDS * self.rate / 2))

    def _constants(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        rng = np.random.default_rng((self.seed, 0))
        n = len(self.channels)
        return _LINE_UV * rng.uniform(0.3, 1.0, n), rng.normal(0.0, _OFFSET_UV, n)

    def _region(self, weights: dict[str, float]) -> NDArray[np.float64]:
        def weight(name: str) -> float:
            site = canonical(name)
            matching = [region for region in weights if site.startswith(region)]
            return weights[max(matching, key=len)] if matching else 0.2

        return np.array([weight(name) for name in self.channels])

    def _make_block(self, number: int) -> Samples:
        n, n_channels = self._block, len(self.channels)
        rng = np.random.default_rng((self.seed, 1, number))
        frequency = np.fft.rfftfreq(n, 1 / self.rate)
        background = np.zeros(len(frequency))
        background[1:] = frequency[1:] ** -0.5
        background[frequency < 0.5] = 0.0
        alpha = np.exp(-0.5 * ((frequency - _ALPHA_HZ) / _ALPHA_WIDTH_HZ) ** 2)

        def noise(shape: NDArray[np.float64], columns: int, level: float) -> Samples:
            spectrum = rng.normal(size=(len(shape), columns)) + 1j * rng.normal(size=(len(shape), columns))
            wave = np.fft.irfft(spectrum * shape[:, None], n, axis=0)
            # The power is set by the shape, not by chance, so that blocks do not differ in level more
            # than noise does.
            return np.asarray(wave * level * n / np.sqrt(4 * (shape**2).sum()))

        shared = noise(background, 1, _BACKGROUND_UV * np.sqrt(_SHARED))
        own = noise(background, n_channels, _BACKGROUND_UV * np.sqrt(1 - _SHARED))
        rhythm = noise(alpha, 1, _ALPHA_UV) * self._region(_ALPHA_BY_REGION)
        fade = np.sin(np.pi * (np.arange(n) + 0.5) / n)
        return np.asarray((shared + own + rhythm) * fade[:, None])

    def _blinks(self, t: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the blink signal: at most one in each second, decided for each by its own random number."""
        wave = np.zeros(len(t))
        for second in range(int(t[0]) - 1, int(t[-1]) + 1):
            rng = np.random.default_rng((self.seed, 2, second + 1))
            blinks, onset, strength = rng.random() < _BLINKS_PER_SECOND, second + rng.uniform(), rng.uniform(0.6, 1.2)
            phase = (t - onset) / _BLINK_SECONDS
            if blinks and second >= 0:
                wave += _BLINK_UV * strength * np.where((phase > 0) & (phase < 1), np.sin(np.pi * phase) ** 2, 0.0)
        return wave


class SyntheticSource:
    """Deliver made-up EEG, in real time, faster, or as fast as it is read.

    Parameters
    ----------
    channels : sequence of str
        Channel names.
    rate : float
        Hz.
    seed : int
        The same seed gives the same samples.
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
        *,
        channels: Sequence[str] = DEFAULT_CHANNELS,
        rate: float = 250.0,
        seed: int = 0,
        speed: float | None = 1.0,
        seconds: float | None = None,
        clock: Callable[[], float] = local_clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        _check("rate", rate, 1.0, 20_000.0, "Hz")
        _check("speed", speed, 0.01, 1000.0, "or max")
        _check("seconds", seconds, 1.0 / rate, 1e7, "s")
        if not channels or len(set(channels)) != len(channels) or seed < 0:
            raise SourceError(
                "The synthetic source cannot be set up so",
                found=f"channels {', '.join(channels) or 'none'}, seed {seed}",
                expected="at least one channel, each named once, and a seed of 0 or more",
            )
        self._eeg = SyntheticEeg(tuple(channels), float(rate), seed)
        self._speed = speed
        self._end = None if seconds is None else max(1, round(seconds * rate))
        self._clock = clock
        self._sleep = sleep
        self._next = 0
        self._start = 0.0
        self._cache = _Cache(self._eeg)

    @property
    def can_wait(self) -> bool:
        """Whether samples are given as fast as they are read."""
        return self._speed is None

    def start(self) -> StreamInfo:
        """Begin; the first sample is due now."""
        self._start = self._clock()
        self._next = 0
        names = self._eeg.channels
        return StreamInfo(
            "synthetic", names, self._eeg.rate, ("uV",) * len(names), kind="synthetic", n_samples=self._end
        )

    def read(self, timeout: float = 0.0) -> Chunk | None:
        """Give the samples that are due, a quarter of a second or 50 ms of waiting at the most. See `Source.read`."""
        n = self._due()
        if n == 0 and not self.finished and timeout > 0:
            following = self._start + (self._next + self._step) / (self._eeg.rate * (self._speed or 1.0))
            # A hair more, so that rounding does not wake the reader just before.
            self._sleep(min(timeout, max(0.0, following - self._clock()) + 1e-6))
            n = self._due()
        if n == 0:
            return None
        first, self._next = self._next, self._next + n
        times = self._start + np.arange(first, self._next) / self._eeg.rate
        return Chunk(self._cache.samples(first, self._next), times, first)

    @property
    def finished(self) -> bool:
        """True once the last sample was given."""
        return self._end is not None and self._next >= self._end

    def stop(self) -> None:
        """Nothing to close."""

    @property
    def _step(self) -> int:
        """Samples given at a time: what falls due in 10 ms."""
        return max(1, round(0.01 * self._eeg.rate * (self._speed or 1.0)))

    def _due(self) -> int:
        most = max(1, round(0.25 * self._eeg.rate), 5 * self._step)
        if self._end is not None:
            most = min(most, self._end - self._next)
        if self._speed is None:
            return most
        # Computed from the start, never from the sample before: nothing drifts.
        elapsed = int((self._clock() - self._start) * self._speed * self._eeg.rate)
        return max(0, min(most, elapsed - self._next))


class _Cache:
    """Makes the signal a second at a time, so that small reads do not make whole blocks anew."""

    def __init__(self, eeg: SyntheticEeg) -> None:
        self._eeg = eeg
        self._length = max(1, round(eeg.rate))
        self._number = -1
        self._data = np.empty((0, len(eeg.channels)))

    def samples(self, first: int, last: int) -> Samples:
        parts = []
        for number in range(first // self._length, (last - 1) // self._length + 1):
            if number != self._number:
                start = number * self._length
                self._number, self._data = number, self._eeg.samples(start, start + self._length)
            start = number * self._length
            parts.append(self._data[max(first - start, 0) : last - start])
        return np.concatenate(parts)


def _check(name: str, value: float | None, low: float, high: float, unit: str) -> None:
    if value is not None and not low <= value <= high:
        raise SourceError(
            "The synthetic source cannot be set up so",
            found=f"{name} {value:g}",
            expected=f"{low:g} to {high:g} {unit}",
        )
