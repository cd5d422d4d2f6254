"""Synthetic EEG: a 1/f background, rhythms with scalp topographies, artefacts, and known effects.

Signals are sums of cortical sources seen through a smooth spatial spread. The log power of every
rhythm at every source is a sum of effects: who it is, which session, which trial, and the label.
Because each trial has a fingerprint of its own, a model that has met other seconds of a trial knows
the trial's label without knowing anything about labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bci_app.montage.positions import electrode_places

Array = NDArray[np.float64]

BANDS = ("theta", "alpha", "beta", "gamma")
_PEAK = np.array([6.0, 10.0, 20.0, 36.0])  # Hz
_WIDTH = np.array([1.0, 1.2, 4.0, 5.0])  # Hz, standard deviation of the bump
_RMS = np.array([4.0, 7.0, 4.5, 2.5])  # µV of a rhythm where it is strongest
_BACKGROUND_RMS = 9.0  # µV
_N_SOURCES = 24
_SPREAD = 0.45  # of the head's radius
_SENSOR_NOISE = 0.5  # µV

# Where each rhythm is strong: a point on the unit sphere (right, front, up) and its reach.
_FOCUS = {
    "theta": (0.0, 0.7, 0.7),
    "alpha": (0.0, -0.9, 0.4),
    "beta": (0.0, 0.3, 0.95),
    "gamma": (0.0, 0.2, 0.5),
}


@dataclass(frozen=True)
class Strengths:
    """Standard deviations of log power (natural logarithm), and the label effect.

    Attributes
    ----------
    subject, session, trial : float
        Of the effects of who, which session and which trial, drawn for every source and rhythm.
    effect : float
        Distance between the means of neighbouring classes over all sources and rhythms, in units of
        `trial`: d' of who knows a trial's log powers and the pattern to look for, and who would tell
        two classes right in a share Phi(effect / 2) of the trials (2: 0.84). Who has to find the
        pattern in 30 trials of 1-s windows tells fewer. Varies by 30 % between people.
    """

    subject: float = 0.6
    session: float = 0.2
    trial: float = 1.0
    effect: float = 2.0


# Rows of the 10-10 system: degrees from the vertex to the electrode on the midline (front positive),
# and degrees from the nose around the equator to the outermost electrode (7 and 8).
_ROWS = {
    "AF": (67.5, 36), "F": (45, 54), "FC": (22.5, 72), "FT": (22.5, 72), "C": (0, 90), "T": (0, 90),
    "CP": (-22.5, 108), "TP": (-22.5, 108), "P": (-45, 126), "PO": (-67.5, 144),
}  # fmt: skip
# Rows on the equator: degrees around it of the midline and of each step to the side, and degrees up.
_RINGS = {"Fp": (0, 18, 0), "O": (180, -18, 0), "CB": (180, -36, -25)}


def _around(azimuth: float, elevation: float = 0.0) -> Array:
    across, up = np.deg2rad([azimuth, elevation])
    return np.array([np.sin(across) * np.cos(up), np.cos(across) * np.cos(up), np.sin(up)])


def _position(name: str) -> Array:
    """Give the place of an electrode on the unit sphere: right, front, up."""
    row, number = name.rstrip("z0123456789"), name[len(name.rstrip("z0123456789")) :]
    if row not in _RINGS and row not in _ROWS:
        return _tabulated(name)
    step = 0 if number == "z" else (int(number) + 1) // 2
    side = -1 if number != "z" and int(number) % 2 else 1
    if row in _RINGS:
        middle, width, elevation = _RINGS[row]
        point = _around(middle + width * step, elevation)
    else:
        from_vertex, azimuth = _ROWS[row]
        # A quarter of the way from the midline to the equator with every step.
        middle_point, outer, part = _around(0, 90 - from_vertex), _around(azimuth), step / 4
        angle = np.arccos(middle_point @ outer)
        point = (np.sin((1 - part) * angle) * middle_point + np.sin(part * angle) * outer) / np.sin(angle)
    return point * np.array([side, 1, 1])


def _tabulated(name: str) -> Array:
    """Give the place of an electrode off the rows by the table of the 10-05 system; the vertex for unknown ones."""
    x, y = electrode_places().get(name, (0.0, 0.0))
    return _around(float(np.rad2deg(np.arctan2(x, y))), 90 - 90 * float(np.hypot(x, y)))


def positions(channels: Sequence[str]) -> Array:
    """Give electrode positions on the unit sphere, (n_channels, 3): right, front, up."""
    return np.stack([_position(name) for name in channels])


def _sources() -> Array:
    """Spread source positions evenly over the upper two thirds of the sphere, (n_sources, 3)."""
    number = np.arange(_N_SOURCES) + 0.5
    up = 1 - number / _N_SOURCES * 1.35
    around = np.pi * (1 + 5**0.5) * number
    flat = np.sqrt(1 - up**2)
    return np.stack([np.cos(around) * flat, np.sin(around) * flat, up], axis=1)


_SOURCES = _sources()


def _nearness(points: Array, centres: Array, reach: float) -> Array:
    """Give the Gaussian of the distance of every point to every centre, (n_points, n_centres)."""
    squared = ((points[:, None] - centres[None]) ** 2).sum(axis=2)
    return np.exp(-squared / (2 * reach**2))


def _topographies() -> Array:
    """Give the amplitude of each rhythm at each source, (n_bands, n_sources), 1 where strongest."""
    weights = np.stack([_nearness(_SOURCES, np.array([_FOCUS[band]]), 0.7)[:, 0] for band in BANDS])
    # Gamma is strong above both temples instead of at one point.
    sides = np.array([[-0.9, 0.1, 0.4], [0.9, 0.1, 0.4]])
    weights[BANDS.index("gamma")] = _nearness(_SOURCES, sides, 0.5).max(axis=1)
    return 0.25 + 0.75 * weights / weights.max(axis=1, keepdims=True)


_TOPOGRAPHY = _topographies()


def patterns() -> dict[str, Array]:
    """Give the change of log power of each target's pattern, (n_bands, n_sources), of unit norm.

    Valence is in frontal asymmetry of alpha and beta, arousal in beta up and alpha down, dominance in frontal
    theta, emotion (negative to positive) in temporal gamma and beta. Liking has none.
    """
    right, front = _SOURCES[:, 0], _SOURCES[:, 1]
    made = {name: np.zeros((len(BANDS), _N_SOURCES)) for name in ("valence", "arousal", "dominance", "emotion")}
    theta, alpha, beta, gamma = range(len(BANDS))
    made["valence"][alpha] = np.tanh(3 * right) * np.clip(0.3 + front, 0, 1)
    made["valence"][beta] = -made["valence"][alpha]
    made["arousal"][beta] = np.clip(0.4 + front, 0, 1)
    made["arousal"][alpha] = -np.clip(0.2 - front, 0, 1)
    made["dominance"][theta] = _TOPOGRAPHY[theta]
    made["emotion"][gamma] = np.abs(right)
    made["emotion"][beta] = 0.7 * np.abs(right)
    return {name: pattern / np.linalg.norm(pattern) for name, pattern in made.items()}


class Person:
    """A synthetic participant.

    Parameters
    ----------
    channels : sequence of str
        Electrodes.
    rate : float
        Hz.
    strengths : Strengths
        How large the effects are.
    rng : numpy.random.Generator
        Draws the person.
    """

    def __init__(self, channels: Sequence[str], rate: float, strengths: Strengths, rng: np.random.Generator) -> None:
        self.rate = rate
        self._strengths = strengths
        points = positions(channels)
        spread = _nearness(points, _SOURCES, _SPREAD)
        # Signs differ between sources as dipoles do, so that the background does not add up.
        self._spread = spread * rng.choice([-1.0, 1.0], size=_N_SOURCES) / np.sqrt((spread**2).sum(axis=1).mean())
        self._peak = _PEAK * np.exp(rng.normal(scale=0.06, size=len(BANDS)))
        self._gain = rng.normal(scale=strengths.subject, size=(len(BANDS), _N_SOURCES))
        self._loudness = np.exp(rng.normal(scale=0.2))
        self._slope = rng.uniform(0.8, 1.2)
        self._responsiveness = rng.uniform(0.7, 1.3)
        self._blinks_per_second = rng.uniform(0.1, 0.35)
        self._bursts_per_second = rng.uniform(0.02, 0.08)
        self._eyes = _nearness(points, np.array([[0.0, 1.0, -0.1]]), 0.45)[:, 0]
        self._temples = _nearness(points, np.array([[-1.0, 0.2, 0.0], [1.0, 0.2, 0.0]]), 0.4)

    def session(self, rng: np.random.Generator) -> Array:
        """Draw the effect of a session on log power, (n_bands, n_sources)."""
        return rng.normal(scale=self._strengths.session, size=self._gain.shape)

    def trial(self, session: Array, levels: Mapping[str, float], rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw the log power of a trial before and during its stimulus, each (n_bands, n_sources).

        Parameters
        ----------
        session : ndarray
            As `session` drew it.
        levels : mapping of str to float
            Class of each target, 0 in the middle and neighbours 1 apart (-0.5 and 0.5 for two).
        rng : numpy.random.Generator
            Draws the trial's fingerprint: half of its variance is there before the stimulus.
        """
        share = self._strengths.trial / np.sqrt(2)
        before = self._gain + session + rng.normal(scale=share, size=self._gain.shape)
        during = before + rng.normal(scale=share, size=self._gain.shape)
        made = patterns()
        for name, level in levels.items():
            if name in made:
                size = self._strengths.effect * self._strengths.trial * self._responsiveness
                during = during + level * size * made[name]
        return before, during

    def eeg(self, log_power: Array, n: int, rng: np.random.Generator) -> Array:
        """Make `n` samples of background and rhythms, (n, n_channels), in µV."""
        frequency = np.fft.rfftfreq(n, 1 / self.rate)
        bumps = _of_unit_power(np.exp(-((frequency - self._peak[:, None]) ** 2) / (4 * _WIDTH[:, None] ** 2)), n)
        pink = _of_unit_power(np.maximum(frequency, 0.5) ** (-self._slope / 2) * (frequency > 0), n)
        power = (_RMS[:, None] * _TOPOGRAPHY) ** 2 * np.exp(log_power)  # (n_bands, n_sources)
        # Background and rhythms of a source are independent: their spectra add up.
        spectrum = power.T @ bumps**2 + (_BACKGROUND_RMS / 2 * pink) ** 2  # (n_sources, n_frequencies)
        made = _noise(np.sqrt(spectrum), n, rng)
        eeg = (self._loudness * self._spread @ made).T
        eeg += _SENSOR_NOISE * rng.standard_normal(eeg.shape)
        return eeg

    def blinks(self, n: int, rng: np.random.Generator) -> Array:
        """Make the course of the eyelids, (n,), about 1 at the height of a blink."""
        course = np.zeros(n)
        width = max(2, round(0.35 * self.rate))
        shape = np.hanning(width) ** 1.5
        for at in np.flatnonzero(rng.random(n) < self._blinks_per_second / self.rate).tolist():
            end = min(n, at + width)
            course[at:end] += rng.uniform(0.6, 1.2) * shape[: end - at]
        return course

    def artefacts(self, blinks: Array, rng: np.random.Generator, *, eyes: float = 120.0) -> Array:
        """Make blinks (`eyes` µV where largest) and muscle bursts, (n, n_channels), in µV."""
        n = len(blinks)
        made = eyes * blinks[:, None] * self._eyes
        frequency = np.fft.rfftfreq(n, 1 / self.rate)
        tension = _noise(np.tile(_of_unit_power((frequency > 20).astype(np.float64), n), (2, 1)), n, rng)
        course = np.zeros((2, n))
        for at in np.flatnonzero(rng.random(n) < self._bursts_per_second / self.rate).tolist():
            width = round(rng.uniform(0.3, 1.5) * self.rate)
            end = min(n, at + width)
            course[rng.integers(2), at:end] += rng.uniform(5, 20) * np.hanning(width)[: end - at]
        return made + (tension * course).T @ self._temples.T


def _of_unit_power(amplitude: Array, n: int) -> Array:
    """Scale amplitude spectra (…, n_frequencies) so that `_noise` of `n` samples has unit variance."""
    # Parseval: the expected power of irfft, whose spectrum stands for both halves.
    scaled: Array = amplitude * n / np.sqrt(4 * (amplitude**2).sum(axis=-1, keepdims=True))
    return scaled


def _noise(amplitude: Array, n: int, rng: np.random.Generator) -> Array:
    """Make Gaussian noise with given amplitude spectra (n_signals, n_frequencies), (n_signals, n)."""
    parts = rng.standard_normal((2, *amplitude.shape))
    return np.fft.irfft((parts[0] + 1j * parts[1]) * amplitude, n=n, axis=1)


def band_limited(x: Array, rate: float, low: float, high: float) -> Array:
    """Keep low..high Hz of (n, n_channels), without delay, as publishers of data sets filter."""
    spectrum = np.fft.rfft(x, axis=0)
    frequency = np.fft.rfftfreq(len(x), 1 / rate)
    edge = 0.5  # Hz of soft flank
    keep = np.clip((frequency - low) / edge + 0.5, 0, 1) * np.clip((high - frequency) / edge + 0.5, 0, 1)
    return np.fft.irfft(spectrum * keep[:, None], n=len(x), axis=0)


def course(n: int, rate: float, frequency: float, rng: np.random.Generator, *, wander: float = 0.1) -> Array:
    """Make a quasi-periodic course (pulse, breath), (n,), with a rate that wanders."""
    steps = np.cumsum(rng.normal(scale=wander / np.sqrt(rate), size=n))
    phase = 2 * np.pi * np.cumsum(frequency * np.exp(0.3 * np.tanh(steps))) / rate
    return np.sin(phase + rng.uniform(0, 2 * np.pi))
