"""Emotion: the state of a participant, and what it does to the rhythms.

The directions follow findings of the field. Their sizes are set by the user and say nothing about people.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bci_app.simulation.head import N_SOURCES, SOURCES, Array
from bci_app.simulation.rhythms import BANDS

DIMENSIONS = ("valence", "arousal", "dominance")

LOG_POWER_STEP = 0.46
"""Change of a source's log power (natural logarithm) that shows as one standard deviation of the log band power of 4-s
windows at the electrodes that show it most. Measured over simulated people by `tests/simulation/test_emotion.py`."""

# Of the shared pattern's largest value. People differ, and keep the shared direction.
_INDIVIDUAL = 0.25


class Emotion(NamedTuple):
    """A state, each dimension from -1 (lowest) over 0 (neutral) to 1 (highest)."""

    valence: float = 0.0
    arousal: float = 0.0
    dominance: float = 0.0


def shared_pattern() -> Array:
    """Return the change of log power that all people share, shape (3, n_bands, N_SOURCES), at most 1 in size.

    Valence: more alpha over the right front and less over the left (Davidson 1992, Brain and Cognition 20), more
    gamma over the temples (Zheng & Lu 2015, IEEE Trans. Autonomous Mental Development 7). Arousal: less alpha over the
    back (Barry et al. 2007, Clinical Neurophysiology 118) and more beta over the front. Dominance: more frontal theta.
    """
    right, front, up = SOURCES.T
    _, theta, alpha, beta, gamma = range(len(BANDS))
    pattern = np.zeros((len(DIMENSIONS), len(BANDS), N_SOURCES))
    pattern[0, alpha] = np.tanh(3 * right) * np.clip(0.4 + 1.5 * front, 0, 1)
    pattern[0, gamma] = np.clip(1.6 * np.abs(right) - 0.3, 0, 1)
    pattern[1, alpha] = -np.clip(0.3 - 1.5 * front, 0, 1)
    pattern[1, beta] = np.clip(0.4 + 1.5 * front, 0, 1)
    pattern[2, theta] = np.clip(0.3 + front + 0.4 * up, 0, 1)
    return pattern


def draw_pattern(rng: np.random.Generator) -> Array:
    """Draw a person's pattern around the shared one, shape (3, n_bands, N_SOURCES)."""
    shared = shared_pattern()
    touched = np.abs(shared).max(axis=2, keepdims=True) > 0
    return np.asarray(shared + touched * rng.normal(0.0, _INDIVIDUAL, shared.shape))


def change_of_log_power(states: Array, pattern: Array, effect: float) -> Array:
    """Return the change of every rhythm's log power, shape (n_samples, n_bands * N_SOURCES).

    Parameters
    ----------
    states : ndarray, shape (n_samples, 3)
        Valence, arousal and dominance, -1 to 1.
    pattern : ndarray, shape (3, n_bands, N_SOURCES)
        Of the person.
    effect : float
        Standard deviations of log power between -1 and 1.
    """
    return np.asarray(states @ (effect * LOG_POWER_STEP / 2 * pattern.reshape(len(DIMENSIONS), -1)))
