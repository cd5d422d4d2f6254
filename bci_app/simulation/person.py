"""Individual differences: what distinguishes one simulated person from another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bci_app.simulation.emotion import draw_pattern
from bci_app.simulation.head import N_SOURCES, Array
from bci_app.simulation.rhythms import BANDS


@dataclass(frozen=True, eq=False)
class Person:
    """The lasting traits of a simulated person.

    Attributes
    ----------
    alpha_hz : float
        Individual peak of alpha: 10 Hz, standard deviation 1 Hz (Grandy et al. 2013, Psychophysiology 50).
    exponent : float
        Fall of the background's power with frequency: 1.3, standard deviation 0.2 (Donoghue et al. 2020, Nature
        Neuroscience 23, give 0.5 to 2.5 across people, places and states).
    loudness : float
        Factor on all amplitudes: skull thickness and the like.
    rhythm_gain : ndarray, shape (n_bands, N_SOURCES)
        Natural logarithm of the power of each rhythm at each source over the average person's.
    pattern : ndarray, shape (3, n_bands, N_SOURCES)
        Change of log power with valence, arousal and dominance; the largest is about 1.
    turn : ndarray, shape (3,)
        How this head's sources lie otherwise than the average head's: a rotation in radians.
    blinks_per_second : float
        17 in a minute at rest on average (Bentivoglio et al. 1997, Movement Disorders 12), 8 to 26 here.
    tension : float
        Amplitude of the muscles at rest over the average person's.
    rating_gain, rating_bias : float
        How this person uses a scale: spread over the average person's, and shift in points.
    """

    alpha_hz: float
    exponent: float
    loudness: float
    rhythm_gain: Array
    pattern: Array
    turn: Array
    blinks_per_second: float
    tension: float
    rating_gain: float
    rating_bias: float

    @classmethod
    def draw(cls, seed: int) -> Person:
        """Draw the person of a seed."""
        rng = np.random.default_rng((seed, 0))
        of_band = rng.normal(0.0, 0.5, (len(BANDS), 1))
        of_place = rng.normal(0.0, 0.3, (len(BANDS), N_SOURCES))
        return cls(
            alpha_hz=float(np.clip(rng.normal(10.0, 1.0), 7.5, 12.5)),
            exponent=float(np.clip(rng.normal(1.3, 0.2), 0.8, 1.8)),
            loudness=float(np.exp(rng.normal(0.0, 0.2))),
            rhythm_gain=of_band + of_place,
            pattern=draw_pattern(rng),
            turn=rng.normal(0.0, 0.06, 3),
            blinks_per_second=float(rng.uniform(8, 26) / 60),
            tension=float(np.exp(rng.normal(0.0, 0.4))),
            rating_gain=float(rng.uniform(0.8, 1.1)),
            rating_bias=float(rng.normal(0.0, 0.4)),
        )
