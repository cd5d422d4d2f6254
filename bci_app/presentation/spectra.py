"""What the spectrum and the map over the head show, worked out from the newest spectrum. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bci_app.engine.spectrum import BANDS, Band, Spectrum
from bci_app.events import Contact, ContactLevel
from bci_app.montage.names import canonical
from bci_app.presentation.topography import Topography

Floats = NDArray[np.float64]

TOP_HZ = 45.0
_LEAST = 1e-6  # µV² that has a logarithm


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """The spectrum of the picked channels.

    Attributes
    ----------
    frequencies : ndarray of float64, shape (n_frequencies,)
        Hz, above 0 and up to `TOP_HZ`.
    single : ndarray of float64, shape (n_channels, n_frequencies)
        dB of 1 µV²/Hz of each.
    mean : ndarray of float64, shape (n_frequencies,)
        dB of the mean density.
    powers : tuple of float
        Mean power in each of `BANDS`, µV².
    """

    frequencies: Floats
    single: Floats
    mean: Floats
    powers: tuple[float, ...]

    @classmethod
    def of(cls, spectrum: Spectrum, channels: Sequence[int]) -> Curves | None:
        """Return those of some columns of the stream; None if nothing is known of any."""
        inside = (spectrum.frequencies > 0) & (spectrum.frequencies <= TOP_HZ)
        picked = list(channels)
        known = [index for index in picked if np.isfinite(spectrum.density[index, inside]).all()]
        if not known:
            return None
        density = spectrum.density[known][:, inside]
        powers = tuple(float(spectrum.band_power(band)[known].mean()) for band in BANDS)
        return cls(spectrum.frequencies[inside], _decibels(density), _decibels(density.mean(axis=0)), powers)

    @property
    def peak(self) -> float:
        """The highest of the mean from the lowest band on, dB."""
        return float(self.mean[self.frequencies >= BANDS[0].low].max())


@dataclass(frozen=True, slots=True, eq=False)
class BandMap:
    """The power of a band over the head.

    Attributes
    ----------
    band : str
        Its name.
    decibels : ndarray of float64, shape (n, n)
        As `Topography.map` gives it, dB of 1 µV².
    """

    band: str
    decibels: Floats

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest power, µV²."""
        return 10 ** (float(self.decibels.min()) / 10), 10 ** (float(self.decibels.max()) / 10)


class Spectra:
    """Holds the newest spectrum and what of it is wanted.

    Parameters
    ----------
    changed : callable
        Takes the `Curves` of the picked channels, or None.
    mapped : callable
        Takes the `BandMap` of the chosen band, or None.

    Attributes
    ----------
    picked : tuple of int
        Columns of the stream.
    """

    def __init__(self, changed: Callable[[Curves | None], None], mapped: Callable[[BandMap | None], None]) -> None:
        self._changed, self._mapped = changed, mapped
        self.picked: tuple[int, ...] = ()
        self._band: Band | None = None
        self.begin((), ())

    def begin(self, channels: Sequence[str], judged: Sequence[str]) -> None:
        """Take the channels of another stream, in order, and those whose contact is judged."""
        wanted = {canonical(name) for name in judged}
        self._channels = [canonical(name) for name in channels]
        # What is not judged is no part of the map either; an empty name has no place.
        self._topography = Topography([name if name in wanted else "" for name in self._channels])
        self._bad: list[int] = []
        self._spectrum: Spectrum | None = None

    def judge(self, contacts: Sequence[Contact]) -> None:
        """Leave bad electrodes out of the map from the next spectrum on."""
        bad = {canonical(contact.channel) for contact in contacts if contact.level is ContactLevel.BAD}
        self._bad = [index for index, name in enumerate(self._channels) if name in bad]

    def take(self, spectrum: Spectrum | None) -> None:
        """Take the newest; None while nothing is known."""
        if spectrum is not None or self._spectrum is not None:
            self._spectrum = spectrum
            self._report_curves()
            self._report_map()

    def pick(self, channels: Sequence[int]) -> None:
        """Want these columns of the stream."""
        self.picked = tuple(channels)
        self._report_curves()

    def choose_band(self, band: Band | None) -> None:
        """Want the map of this band, or none."""
        self._band = band
        self._report_map()

    def _report_curves(self) -> None:
        self._changed(None if self._spectrum is None else Curves.of(self._spectrum, self.picked))

    def _report_map(self) -> None:
        if self._spectrum is None or self._band is None:
            self._mapped(None)
            return
        power = self._spectrum.band_power(self._band)
        power[self._bad] = np.nan
        found = self._topography.map(_decibels(power))
        self._mapped(None if found is None else BandMap(self._band.name, found))


def _decibels(power: Floats) -> Floats:
    result: Floats = 10 * np.log10(np.maximum(power, _LEAST))
    return result
