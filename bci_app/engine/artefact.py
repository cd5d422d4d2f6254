"""Muscle and movement in the signal, against the person's own rest.

Jaw and neck muscles raise the power above 30 Hz on many channels at once, where that of the brain is weak (Goncharova
et al. 2003, Clin. Neurophysiol. 114; Muthukumaraswamy 2013, Front. Hum. Neurosci. 7). Movement of the head or of cables
raises the power below 4 Hz. Both are judged on the fixed grid of the contact check, so that the same recording always
has the same verdicts. They change no prediction: a model's own rule (`ArtefactRule`) decides which windows are invalid.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bci_app.preprocessing.artefact import power_of
from bci_app.preprocessing.base import mean_over

Floats = NDArray[np.float64]

# Hz. The bands leave out mains at 50 and 60 Hz.
_MUSCLE_BANDS = ((30.0, 45.0), (65.0, 95.0))
_MOVEMENT_BAND = (1.0, 4.0)
# Rise of the log power (natural logarithm) over rest, in the median channel: 2.2 and 9 times the power.
_MUSCLE_RISE = 0.8
_MOVEMENT_RISE = 2.2
# Where no rest was measured: blocks of the quiet signal that are kept (a minute), and how often their median is taken.
_QUIET_BLOCKS = 120
_REFRESH_BLOCKS = 10
# The fewest blocks to compare with (10 s).
_LEAST_BLOCKS = 20
# Verdicts that are kept for windows that have not ended (a minute).
_KEPT_VERDICTS = 120
_TINY = 1e-18  # µV²: a flat channel has a logarithm too


class Artefact(Enum):
    """What is in the signal beside the brain, in the words that the user sees."""

    NONE = ""
    MUSCLE = "muscle"
    MOVEMENT = "movement"


class Verdict(NamedTuple):
    """What a second of signal holds.

    Attributes
    ----------
    artefact : Artefact
        What was found.
    score : float
        Its rise over rest as a share of the limit: above 1 is an artefact. nan while there is nothing to compare with.
    """

    artefact: Artefact = Artefact.NONE
    score: float = float("nan")


class ArtefactDetector:
    """Judge blocks of one second.

    They are compared with the rest baseline of the session. Until that is measured, and where it never is, they are
    compared with the newest minute in which nothing was found.

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
        self._rest: list[Floats] = []
        self._known_rest: Floats | None = None  # as `_reference`, of a rest measured before, or once it is over
        self._verdicts: deque[tuple[int, Verdict]] = deque(maxlen=_KEPT_VERDICTS)

    def take(self, block: Floats, usable: NDArray[np.bool_], end: int, *, resting: bool = False) -> Verdict:
        """Judge the next block, and learn from it what is usual.

        Parameters
        ----------
        block : ndarray of float64, shape (n_samples, n_channels)
            µV without drift; finite.
        usable : ndarray of bool, shape (n_channels,)
            Channels with contact.
        end : int
            Stream index after its last sample.
        resting : bool
            Whether the rest baseline is being measured.
        """
        powers = self._log_powers(block)
        if resting:
            self._rest.append(powers)
        elif self._known_rest is None:
            self._known_rest = self.rest
        verdict = self._compared(powers, usable)
        if verdict.artefact is Artefact.NONE:
            self._quiet.append(powers)
            self._quiet_blocks += 1
            if len(self._quiet) >= _LEAST_BLOCKS and not self._quiet_blocks % _REFRESH_BLOCKS:
                self._reference = np.median(np.array(self._quiet), axis=0)
        self._verdicts.append((end, verdict))
        return verdict

    @property
    def rest(self) -> Floats | None:
        """Log powers of the rest, shape (n_bands, n_channels); None while too little of it is known."""
        if self._known_rest is None and len(self._rest) >= _LEAST_BLOCKS:
            return np.asarray(np.median(np.array(self._rest), axis=0))
        return self._known_rest

    def set_rest(self, powers: Floats | None) -> None:
        """Judge by the powers of a rest that was measured before; None to wait for the next rest baseline."""
        self._rest, self._known_rest = [], powers

    def judge(self, block: Floats, usable: NDArray[np.bool_]) -> Verdict:
        """Judge a block as `take`, and learn nothing from it."""
        return self._compared(self._log_powers(block), usable)

    def worst(self, first: int, end: int) -> Verdict:
        """Return the strongest verdict on the blocks that ended from stream index `first` to `end`."""
        return strongest(verdict for at, verdict in self._verdicts if first <= at <= end)

    def _compared(self, powers: Floats, usable: NDArray[np.bool_]) -> Verdict:
        reference = self._reference if self._known_rest is None else self._known_rest
        if reference is None or not usable.any():
            return Verdict()
        # A rest of another rate may have more bands, or fewer.
        n_bands = min(len(powers), len(reference))
        # The median by sorting: NumPy's own takes ten times as long on so few values.
        rises = np.sort((powers[:n_bands] - reference[:n_bands])[:, usable], axis=1)
        middle = rises.shape[1] // 2
        movement, *muscle = (rises[:, middle] + rises[:, -1 - middle]) / 2
        by_muscle = float(np.mean(muscle)) / _MUSCLE_RISE if muscle else 0.0
        by_movement = float(movement) / _MOVEMENT_RISE
        score = max(by_muscle, by_movement, 0.0)
        if score <= 1:
            return Verdict(Artefact.NONE, score)
        return Verdict(Artefact.MUSCLE if by_muscle > 1 else Artefact.MOVEMENT, score)

    def _log_powers(self, block: Floats) -> Floats:
        """Return the log power of movement and of each band of muscle, (n_bands, n_channels)."""
        if len(self._taper) != len(block):
            self._taper = np.hanning(len(block))
            self._slices = [self._slice(band, len(block)) for band in (_MOVEMENT_BAND, *self._bands)]
        spectrum = np.fft.rfft(block * self._taper[:, None], axis=0) / len(block)  # the same at any rate
        means = [mean_over(power_of(spectrum[band]), 0) for band in self._slices]
        return np.log(np.concatenate(means) + _TINY)

    def _slice(self, band: tuple[float, float], n_samples: int) -> slice:
        """Return the rows of a spectrum of `n_samples` that lie in a band."""
        frequency = np.fft.rfftfreq(n_samples, 1 / self._rate)
        low, high = np.searchsorted(frequency, band)
        return slice(int(low), int(high))


def strongest(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict with the largest score; one without a score if none has one."""
    known = [verdict for verdict in verdicts if not math.isnan(verdict.score)]
    return max(known, key=lambda verdict: verdict.score, default=Verdict())
