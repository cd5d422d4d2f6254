"""Muscle and movement in the signal, against the person's own quiet signal.

Jaw and neck muscles raise the power above 30 Hz on many channels at once, where that of the brain is weak (Goncharova
et al. 2003, Clin. Neurophysiol. 114; Muthukumaraswamy 2013, Front. Hum. Neurosci. 7). Movement of the head or of cables
raises the power below 4 Hz. Both are judged on the fixed grid of the contact check, so that the same recording always
has the same verdicts. They change no prediction: a model's own rule (`ArtefactRule`) decides which windows are invalid.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Hz. The bands leave out mains at 50 and 60 Hz.
_MUSCLE_BANDS = ((30.0, 45.0), (65.0, 95.0))
_MOVEMENT_BAND = (1.0, 4.0)
# Rise of the log power (natural logarithm) over the quiet signal, in the median channel: 2.2 and 9 times the power.
_MUSCLE_RISE = 0.8
_MOVEMENT_RISE = 2.2
# Blocks of the quiet signal that are kept (a minute), and the fewest that there must be (10 s).
_QUIET_BLOCKS = 120
_LEAST_BLOCKS = 20
_REFRESH_BLOCKS = 10
_TINY = 1e-12  # µV²: a flat channel has a logarithm too


class Artefact(Enum):
    """What is in the signal beside the brain, in the words that the user sees."""

    NONE = ""
    MUSCLE = "muscle"
    MOVEMENT = "movement"


class ArtefactDetector:
    """Judge blocks of one second.

    Parameters
    ----------
    rate : float
        Rate of the stream in Hz. Bands above 45 % of it are left out.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._bands = [band for band in _MUSCLE_BANDS if band[1] <= 0.45 * rate]
        self._quiet: deque[Floats] = deque(maxlen=_QUIET_BLOCKS)
        self._quiet_blocks = 0
        self._taper = np.empty(0)
        self._slices: list[slice] = []
        self._reference: Floats | None = None  # log powers of the quiet signal, (n_bands, n_channels)

    def judge(self, block: Floats, usable: NDArray[np.bool_]) -> Artefact:
        """Judge a block against the quiet signal before it.

        Parameters
        ----------
        block : ndarray of float64, shape (n_samples, n_channels)
            µV without drift; finite.
        usable : ndarray of bool, shape (n_channels,)
            Channels with contact.

        Returns
        -------
        Artefact
            `NONE` also while the quiet signal is not known.
        """
        powers = self._log_powers(block)
        found = Artefact.NONE if self._reference is None else self._compared(powers - self._reference, usable)
        if found is Artefact.NONE:
            self._quiet.append(powers)
            self._quiet_blocks += 1
            if len(self._quiet) >= _LEAST_BLOCKS and not self._quiet_blocks % _REFRESH_BLOCKS:
                self._reference = np.median(np.array(self._quiet), axis=0)
        return found

    def _compared(self, rise: Floats, usable: NDArray[np.bool_]) -> Artefact:
        if not usable.any():
            return Artefact.NONE
        movement, *muscle = np.median(rise[:, usable], axis=1)
        if muscle and float(np.mean(muscle)) > _MUSCLE_RISE:
            return Artefact.MUSCLE
        return Artefact.MOVEMENT if movement > _MOVEMENT_RISE else Artefact.NONE

    def _log_powers(self, block: Floats) -> Floats:
        """Return the log power of movement and of each band of muscle, (n_bands, n_channels)."""
        if len(self._taper) != len(block):
            self._taper = np.hanning(len(block))
            self._slices = [self._slice(band, len(block)) for band in (_MOVEMENT_BAND, *self._bands)]
        power = np.abs(np.fft.rfft(block * self._taper[:, None], axis=0)) ** 2
        means = [power[band].mean(axis=0) for band in self._slices]
        return np.log(np.array(means) + _TINY)

    def _slice(self, band: tuple[float, float], n_samples: int) -> slice:
        """Return the rows of a spectrum of `n_samples` that lie in a band."""
        frequency = np.fft.rfftfreq(n_samples, 1 / self._rate)
        low, high = np.searchsorted(frequency, band)
        return slice(int(low), int(high))
