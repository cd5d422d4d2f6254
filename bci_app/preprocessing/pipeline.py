"""The steps in their order: samples of a source in, features of windows out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bci_app.channels import select_channels
from bci_app.preprocessing.design import design_filter, design_resampler
from bci_app.preprocessing.spec import AverageReference, ChannelReference, PreprocessingSpec
from bci_app.preprocessing.steps import Resampler, Samples, SosFilter, Windower
from bci_app.preprocessing.tokens import Tokeniser
from bci_app.stream import microvolts_per


class Window(NamedTuple):
    """The features of one window, before the rest baseline.

    Attributes
    ----------
    last : int
        Index of the window's last sample in the stream since the reset, at the stream's rate.
    features : ndarray of float64, shape (n_channels, n_features)
        Tokens of the model's channels.
    """

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

    Raises
    ------
    ChannelError
        If a channel of the model is missing or its unit is not one of voltage.
    PreprocessingError
        If the stream's rate cannot be brought to the model's.
    """

    def __init__(self, spec: PreprocessingSpec, *, channels: Sequence[str], rate: float, units: Sequence[str]) -> None:
        self.spec = spec
        self._columns = np.array(select_channels(spec.channels, channels), dtype=np.intp)
        self._scale = np.array([microvolts_per(units[i]) for i in self._columns])
        self._resampler = Resampler(design_resampler(rate, spec.rate))
        self._filter = SosFilter(design_filter(spec.rate, spec.band_pass, spec.notches))
        self._windower = Windower(spec.window, spec.hop, spec.warm_up)
        self._tokeniser = Tokeniser(spec)
        self._valid: NDArray[np.intp] | None = None

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

    @property
    def window_length(self) -> int:
        """Length of a window in samples of the stream, rounded."""
        design = self._resampler.design
        return round(self.spec.window * design.down / design.up)

    def incomplete_ends(self) -> list[int]:
        """Give the samples at which a window would end if filters had no past.

        The hop grid runs back from the first whole window after a reset: at these indices (of the
        stream, since the reset) a user expects a prediction and there can be none yet.
        """
        design = self._resampler.design
        first = self.spec.warm_up + self.spec.window - 1
        return [m * design.down // design.up for m in range(first % self.spec.hop, first, self.spec.hop)]

    def set_valid(self, valid: NDArray[np.bool_]) -> None:
        """Say which model channels the average reference may use; all, to begin with.

        Parameters
        ----------
        valid : ndarray of bool, shape (n_model_channels,)
            At least one must be true, or the reference stays as it is.
        """
        self._valid = None if valid.all() or not valid.any() else np.flatnonzero(valid)

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
        referenced = self._rereference(self._filter.process(resampled))
        return [
            Window(index, self._tokeniser.features(window))
            for index, window in self._windower.process(referenced, last)
        ]

    def _rereference(self, x: Samples) -> Samples:
        reference = self.spec.reference
        if isinstance(reference, AverageReference):
            # Column by column: a library mean chooses its order of summation by the shape.
            columns = range(x.shape[1]) if self._valid is None else self._valid
            total = np.zeros(len(x))
            for column in columns:
                total += x[:, column]
            return x - (total / len(columns))[:, None]
        if isinstance(reference, ChannelReference):
            return x - x[:, [self.spec.channels.index(reference.channel)]]
        return x
