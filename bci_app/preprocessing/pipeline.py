"""The steps in their order: samples of a source in, features of windows out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import PreprocessingError
from bci_app.montage.names import match_channels, select_channels
from bci_app.preprocessing.bad_channels import Interpolation
from bci_app.preprocessing.base import Samples, Step, StepState
from bci_app.preprocessing.resample import Resampler, design_resampler
from bci_app.preprocessing.spec import PreprocessingSpec
from bci_app.preprocessing.steps import Filter, SosFilter
from bci_app.preprocessing.windows import Windower
from bci_app.stream import microvolts_per


class Window(NamedTuple):
    """The features of one window, before the rest baseline.

    Attributes
    ----------
    first, last : int
        Indices of the window's first and last samples in the stream since the reset, at the stream's rate.
    features : ndarray of float64, shape (n_channels, n_features)
        Tokens of the model's channels.
    artefact : bool
        Whether the window breaks the model's artefact rule.
    """

    first: int
    last: int
    features: NDArray[np.float64]
    artefact: bool = False


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
    max_bad_share : float
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
        max_bad_share: float = 0.0,
    ) -> None:
        self.spec = spec
        matched = match_channels(spec.channels, channels)
        self.missing = np.array([position is None for position in matched])
        if self.missing.mean() > max_bad_share or self.missing.all():
            select_channels(spec.channels, channels)  # raises, naming what is missing
        present = [position for position in matched if position is not None]
        # A missing channel reads another one and is multiplied by 0.
        self._columns = np.array([present[0] if position is None else position for position in matched], dtype=np.intp)
        self._scale = np.array([0.0 if position is None else microvolts_per(units[position]) for position in matched])
        if rate < 2 * spec.highest_frequency:
            raise PreprocessingError(
                "The stream is too slow for the model",
                found=f"{rate:g} Hz",
                expected=f"at least {2 * spec.highest_frequency:g} Hz: the model reads frequencies up to "
                f"{spec.highest_frequency:g} Hz",
                fix="Set the device to a higher rate, or choose another model.",
            )
        self._resampler = Resampler(design_resampler(rate, spec.rate))
        self._steps = start_steps(spec, max_bad_share)
        self._windower = Windower(spec.window, spec.hop, spec.warm_up)
        self._features = spec.token.start(len(spec.channels), spec.window, spec.rate)
        self.set_bad(np.zeros(len(matched), dtype=np.bool_))

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
        """Return the first sample from `sample` on at which a window ends, or would if filters had a past.

        Both are indices of the stream since the reset.
        """
        design = self._resampler.design
        first = self.spec.warm_up + self.spec.window - 1
        m = -(-sample * design.up // design.down)
        return (m + (first - m) % self.spec.hop) * design.down // design.up

    def incomplete_ends(self) -> list[int]:
        """Return the samples at which a window would end if filters had no past.

        The hop grid runs back from the first whole window after a reset: at these indices (of the
        stream, since the reset) a user expects a prediction and there can be none yet.
        """
        design = self._resampler.design
        first = self.spec.warm_up + self.spec.window - 1
        return [m * design.down // design.up for m in range(first % self.spec.hop, first, self.spec.hop)]

    def set_bad(self, bad: NDArray[np.bool_]) -> None:
        """Do without the channels that carry no brain signal, from the next sample on.

        They are left out of the average reference. Where `max_bad_share` allows so many, they are also
        interpolated from the others.

        Parameters
        ----------
        bad : ndarray of bool, shape (n_model_channels,)
            Missing channels are always counted in.
        """
        for step in self._steps:
            step.set_bad(bad | self.missing)

    def restart(self, channels: NDArray[np.bool_]) -> None:
        """Start the filters of some channels again with the next sample: what they remember was no signal.

        Parameters
        ----------
        channels : ndarray of bool, shape (n_model_channels,)
            True for the channels to restart.
        """
        for step in self._steps:
            step.restart(channels)

    def reset(self) -> None:
        """Forget all samples, after a gap or before another recording; the index starts at 0."""
        self._resampler.reset()
        for step in self._steps:
            step.reset()
        self._windower.reset()

    def process(self, x: Samples) -> list[Window]:
        """Process the next samples and return the windows that they complete.

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
        samples, last = self._resampler.process(model)
        for step in self._steps:
            samples = step.process(samples)
        return [
            Window(begin, end, self._features(window), self._is_artefact(window))
            for begin, end, window in self._windower.process(samples, last)
        ]

    def _is_artefact(self, window: Samples) -> bool:
        rule = self.spec.artefact
        return rule is not None and rule.broken_by(window, self.spec.rate)


def start_steps(spec: PreprocessingSpec, max_bad_share: float) -> list[StepState]:
    """Return fresh states of a model's steps, with the interpolation of bad channels in its place among them."""
    mixing = next((place for place, step in enumerate(spec.steps) if step.mixes_channels), len(spec.steps))
    return [
        *_started(spec.steps[:mixing], spec),
        Interpolation(spec.channels, max_bad_share),
        *_started(spec.steps[mixing:], spec),
    ]


def _started(steps: Sequence[Step], spec: PreprocessingSpec) -> Iterator[StepState]:
    """Start steps one by one, and filters that follow each other as one cascade."""
    for _, group in groupby(steps, key=lambda step: isinstance(step, Filter)):
        together = list(group)
        filters = [step for step in together if isinstance(step, Filter)]
        if filters:
            yield SosFilter(filters, spec.rate)
        else:
            yield from (step.start(spec.channels, spec.rate) for step in together)
