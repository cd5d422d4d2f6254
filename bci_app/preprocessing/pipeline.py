"""The steps in their order: samples of a source in, features of windows out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import PreprocessingError
from bci_app.montage.interpolation import interpolation_weights
from bci_app.montage.names import match_channels, select_channels
from bci_app.preprocessing.design import design_filter, design_resampler
from bci_app.preprocessing.spec import AverageReference, ChannelReference, PreprocessingSpec
from bci_app.preprocessing.steps import Resampler, Samples, SosFilter, Windower, sum_in_order
from bci_app.preprocessing.tokens import Tokeniser
from bci_app.stream import microvolts_per


class Window(NamedTuple):
    """The features of one window, before the rest baseline.

    Attributes
    ----------
    first, last : int
        Indices of the window's first and last samples in the stream since the reset, at the stream's rate.
    features : ndarray of float64, shape (n_channels, n_features)
        Tokens of the model's channels.
    """

    first: int
    last: int
    features: NDArray[np.float64]


class Pipeline:
    """The preprocessing of a model, applied to one stream.

    Parameters
    ----------
    spec : PreprocessingSpec
        The model's preprocessing.
    channels : sequence of str
        Names of the stream's columns, in any spelling and order.
    rate : float
        Nominal rate of the stream in Hz.
    units : sequence of str
        Unit of each column.
    max_interpolated : float
        Largest share of the model's channels that may be missing or bad and are then interpolated
        from the others; with 0, every channel must be there and a bad one is only left out of the
        average reference.

    Raises
    ------
    ChannelError
        If too many channels of the model are missing or a unit is not one of voltage.
    PreprocessingError
        If the stream's rate cannot be brought to the model's, or is too low for the frequencies that the
        model reads.
    """

    def __init__(
        self,
        spec: PreprocessingSpec,
        *,
        channels: Sequence[str],
        rate: float,
        units: Sequence[str],
        max_interpolated: float = 0.0,
    ) -> None:
        self.spec = spec
        matched = match_channels(spec.channels, channels)
        self.missing = np.array([position is None for position in matched])
        if self.missing.mean() > max_interpolated or self.missing.all():
            select_channels(spec.channels, channels)  # raises, naming what is missing
        present = [position for position in matched if position is not None]
        # A missing channel reads another one and is multiplied by 0.
        self._columns = np.array([present[0] if position is None else position for position in matched], dtype=np.intp)
        self._scale = np.array([0.0 if position is None else microvolts_per(units[position]) for position in matched])
        self._max_interpolated = max_interpolated
        if rate < 2 * spec.highest_frequency:
            raise PreprocessingError(
                "The stream is too slow for the model",
                found=f"{rate:g} Hz",
                expected=f"at least {2 * spec.highest_frequency:g} Hz: the model reads frequencies up to "
                f"{spec.highest_frequency:g} Hz",
                fix="Set the device to a higher rate, or choose another model.",
            )
        self._resampler = Resampler(design_resampler(rate, spec.rate))
        self._filter = SosFilter(design_filter(spec.rate, spec.band_pass, spec.notches))
        self._windower = Windower(spec.window, spec.hop, spec.warm_up)
        self._tokeniser = Tokeniser(spec)
        self._weights: dict[int, NDArray[np.float64]] = {}
        self._bad = np.zeros(len(matched), dtype=np.bool_)
        self.set_bad(self._bad)

    @property
    def delay(self) -> float:
        """Group delay of the resampler in seconds."""
        return self._resampler.design.delay

    @property
    def columns(self) -> NDArray[np.intp]:
        """Column of the stream for each channel of the model."""
        return self._columns

    @property
    def scale(self) -> NDArray[np.float64]:
        """Factor from the stream's unit to µV for each channel of the model."""
        return self._scale

    def next_end(self, sample: int) -> int:
        """Give the first sample from `sample` on at which a window ends, or would if filters had a past.

        Both are indices of the stream since the reset.
        """
        design = self._resampler.design
        first = self.spec.warm_up + self.spec.window - 1
        m = -(-sample * design.up // design.down)
        return (m + (first - m) % self.spec.hop) * design.down // design.up

    def incomplete_ends(self) -> list[int]:
        """Give the samples at which a window would end if filters had no past.

        The hop grid runs back from the first whole window after a reset: at these indices (of the
        stream, since the reset) a user expects a prediction and there can be none yet.
        """
        design = self._resampler.design
        first = self.spec.warm_up + self.spec.window - 1
        return [m * design.down // design.up for m in range(first % self.spec.hop, first, self.spec.hop)]

    def set_bad(self, bad: NDArray[np.bool_]) -> None:
        """Say which model channels carry no brain signal from the next sample on.

        They are left out of the average reference and interpolated from the others, where
        `max_interpolated` allows so many; where it does not, they stay as they are.

        Parameters
        ----------
        bad : ndarray of bool, shape (n_model_channels,)
            Missing channels are always counted in.
        """
        self._bad = bad | self.missing
        self._weights = {}
        if self._bad.any() and self._bad.mean() <= self._max_interpolated:
            self._weights = interpolation_weights(self.spec.channels, tuple(np.flatnonzero(self._bad).tolist()))

    def restart(self, channels: NDArray[np.bool_]) -> None:
        """Let the filters of some channels start anew with the next sample: what they remember was no signal.

        Parameters
        ----------
        channels : ndarray of bool, shape (n_model_channels,)
            Which.
        """
        self._filter.restart(channels)

    def reset(self) -> None:
        """Forget all samples, after a gap or before another recording; the index starts at 0."""
        self._resampler.reset()
        self._filter.reset()
        self._windower.reset()

    def process(self, x: Samples) -> list[Window]:
        """Take the next samples and give the windows that they complete.

        Parameters
        ----------
        x : ndarray, shape (n_samples, n_stream_channels)
            Samples in the stream's units and column order.

        Returns
        -------
        list of Window
            The same, to the last bit, however the stream is cut into calls.
        """
        model = np.ascontiguousarray(x[:, self._columns], dtype=np.float64) * self._scale
        resampled, last = self._resampler.process(model)
        referenced = self._rereference(self._interpolate(self._filter.process(resampled)))
        return [
            Window(begin, end, self._tokeniser.features(window))
            for begin, end, window in self._windower.process(referenced, last)
        ]

    def _interpolate(self, x: Samples) -> Samples:
        """Replace bad channels, after the filters, whose memory of a bad channel then does no harm."""
        if not self._weights:
            return x
        y = x.copy()
        for channel, weights in self._weights.items():
            y[:, channel] = sum_in_order(np.ascontiguousarray(x.T) * weights[:, None])
        return y

    def _rereference(self, x: Samples) -> Samples:
        reference = self.spec.reference
        if isinstance(reference, AverageReference):
            good = np.flatnonzero(~self._bad) if not self._bad.all() else np.arange(x.shape[1])
            total = sum_in_order(np.ascontiguousarray(x.T[good]))
            return x - (total / len(good))[:, None]
        if isinstance(reference, ChannelReference):
            return x - x[:, [self.spec.channels.index(reference.channel)]]
        return x
