"""From samples to probabilities: the one path of the live engine, `check` and offline evaluation."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.predictor import Predictor
from bci_app.preprocessing import Pipeline, Rest, Window, measure_rest, network_input

Probabilities = tuple[NDArray[np.float64], ...]


class Decoded(NamedTuple):
    """What the decoder makes of one window.

    Attributes
    ----------
    last : int
        Index of the window's last sample since the last reset of the pipeline.
    tokens : ndarray of float32, shape (n_channels, n_features), or None
        Network input; None while the rest baseline is measured.
    probabilities : tuple of ndarray, each of shape (n_classes,), or None
        One array a target.
    smoothed : tuple of ndarray, each of shape (n_classes,), or None
        Rolling mean over the last valid windows.
    spread : tuple of ndarray, each of shape (n_classes,), or None
        Standard deviation over the same windows.
    seconds : float
        Time that the network took.
    """

    last: int
    tokens: NDArray[np.float32] | None
    probabilities: Probabilities | None
    smoothed: Probabilities | None
    spread: Probabilities | None
    seconds: float


class _RestWindow(NamedTuple):
    """A window of the rest baseline, and which channels carried no brain signal in it."""

    features: NDArray[np.float64]
    bad: NDArray[np.bool_]


class Decoder:
    """Preprocessing, rest baseline, network and smoothing of one session.

    The baseline belongs to the person and outlives gaps; filters and smoothing do not.
    """

    def __init__(self, pipeline: Pipeline, predictor: Predictor) -> None:
        self.pipeline = pipeline
        self._predictor = predictor
        self._spec = predictor.spec.preprocessing
        self._as_at_rest = predictor.spec.bad_channels == "rest"
        self._most_bad = predictor.spec.max_interpolated
        self._recent: deque[Probabilities] = deque(maxlen=predictor.spec.smoothing.windows)
        self.restart_baseline()

    def restart_baseline(self) -> None:
        """Measure the rest baseline anew, from the next window on."""
        self._rest: Rest | None = None
        self._rest_windows: list[_RestWindow] = []
        self._recent.clear()

    def set_rest(self, rest: Rest) -> None:
        """Use a rest baseline that was measured before; smoothing starts anew."""
        self._rest = rest
        self._recent.clear()

    @property
    def rest(self) -> Rest | None:
        """The session's rest baseline, once it is measured."""
        return self._rest

    @property
    def baseline_progress(self) -> float:
        """Share of the rest baseline that is measured, 0 to 1."""
        needed = self._spec.baseline_windows
        return 1.0 if not needed or self._rest is not None else len(self._rest_windows) / needed

    def reset(self) -> None:
        """Start filters and smoothing anew, after a gap."""
        self.pipeline.reset()
        self._recent.clear()

    def decode(self, window: Window, *, usable: bool = True, bad: NDArray[np.bool_] | None = None) -> Decoded:
        """Take the next window.

        Where the bundle lets bad channels stand as at rest, their tokens are 0. So are those of channels that were bad
        while the rest was measured, until it is measured anew; with more of them than the bundle allows, there is no
        prediction. The rest itself is never measured with more: windows with channels that were bad only for a time
        are then given up.

        Parameters
        ----------
        window : Window
            From the decoder's pipeline.
        usable : bool
            False if the signal is too bad: the window is then neither part of the baseline nor
            given to the network.
        bad : ndarray of bool, shape (n_channels,), optional
            Channels that carried no brain signal at some time of the window; none by default.
        """
        if not usable:
            return Decoded(window.last, None, None, None, None, 0.0)
        if bad is None:
            bad = np.zeros(len(self._spec.channels), dtype=np.bool_)
        if self.baseline_progress < 1.0:
            self._add_to_rest(_RestWindow(window.features, bad))
            return Decoded(window.last, None, None, None, None, 0.0)
        tokens = network_input(self._spec, window.features, self._rest)
        if self._as_at_rest and self._rest is not None:
            replaced = bad.copy()
            replaced[list(self._rest.bad)] = True
            if replaced.mean() > self._most_bad:
                return Decoded(window.last, None, None, None, None, 0.0)
            tokens[replaced] = 0.0
        start = perf_counter()
        output = self._predictor.predict(tokens[None])
        seconds = perf_counter() - start
        probabilities = tuple(array[0] for array in output.probabilities)
        self._recent.append(probabilities)
        recent = [np.array(arrays) for arrays in zip(*self._recent, strict=True)]
        smoothed = tuple(arrays.mean(axis=0) for arrays in recent)
        spread = tuple(arrays.std(axis=0) for arrays in recent)
        return Decoded(window.last, tokens, probabilities, smoothed, spread, seconds)

    def _add_to_rest(self, window: _RestWindow) -> None:
        """Take a window into the rest baseline, and measure it if that was the last one needed."""
        self._rest_windows.append(window)
        bad = _bad_in_any(self._rest_windows)
        if self._as_at_rest and bad.mean() > self._most_bad:
            # What was bad for a time only gives way to what is bad now.
            self._rest_windows = [past for past in self._rest_windows if not (past.bad & ~window.bad).any()]
            bad = _bad_in_any(self._rest_windows)
        if len(self._rest_windows) == self._spec.baseline_windows:
            rest = measure_rest(self._spec, [past.features for past in self._rest_windows])
            self._rest = None if rest is None else replace(rest, bad=tuple(np.flatnonzero(bad).tolist()))


def _bad_in_any(windows: Sequence[_RestWindow]) -> NDArray[np.bool_]:
    return np.asarray(np.any([window.bad for window in windows], axis=0))
