"""Random signals of which any part can be computed without the parts before it.

A signal is made of blocks of about 4 s that overlap by half. Each block is shaped in the frequency domain from its own
random numbers and faded into its neighbours with constant power. The frequencies are the same at every sampling rate,
so that a person keeps their signals when the rate changes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BLOCK_SECONDS = 4.0
HIGHEST_HZ = 120.0
FREQUENCIES: Array = np.arange(1, round(HIGHEST_HZ * BLOCK_SECONDS) + 1) / BLOCK_SECONDS
"""Frequencies of the components, Hz."""


def page_length(rate: float) -> int:
    """Return the number of samples in half a block, the piece in which everything is computed."""
    return max(2, round(BLOCK_SECONDS * rate / 2))


class NoiseBank:
    """Independent Gaussian signals of unit variance with given spectra.

    Parameters
    ----------
    amplitudes : ndarray, shape (n_signals, len(FREQUENCIES))
        Amplitude spectra, in any scale.
    rate : float
        Hz. What lies above half of it is left out.
    seed : tuple of int
        The same seed makes the same signals.
    """

    def __init__(self, amplitudes: Array, rate: float, seed: tuple[int, ...]) -> None:
        self._seed = seed
        self._page = page_length(rate)
        n = 2 * self._page
        used = int(np.flatnonzero(amplitudes.any(axis=0))[-1]) + 1
        # Parseval: the expected power of irfft, whose spectrum stands for both halves.
        scaled = amplitudes[:, :used] * n / np.sqrt(4 * (amplitudes**2).sum(axis=1, keepdims=True))
        self._cells = np.nonzero(scaled)
        kept = FREQUENCIES[self._cells[1]] < rate / 2
        self._strengths = scaled[self._cells] * kept
        self._shape = (len(scaled), max(self._page, used) + 1)
        self._fade = np.sin(np.pi * np.arange(n) / n)[:, None]
        self._blocks: dict[int, Array] = {}

    def page(self, number: int) -> Array:
        """Compute page `number`, shape (page_length, n_signals)."""
        for old in [known for known in self._blocks if known not in (number, number + 1)]:
            del self._blocks[old]
        n = self._page
        return self._block(number)[n:] + self._block(number + 1)[:n]

    def _block(self, number: int) -> Array:
        """Make the block whose second half lies on page `number`, or reuse it."""
        if number not in self._blocks:
            rng = np.random.default_rng((*self._seed, number))
            parts = rng.standard_normal((2, len(self._strengths))) * self._strengths
            spectrum = np.zeros(self._shape, dtype=np.complex128)
            spectrum[self._cells[0], self._cells[1] + 1] = parts[0] + 1j * parts[1]
            wave = np.fft.irfft(spectrum[:, : self._page + 1], 2 * self._page, axis=1)
            self._blocks[number] = np.ascontiguousarray(wave.T) * self._fade
        return self._blocks[number]
