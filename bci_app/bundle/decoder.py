"""From samples to probabilities: the one path of the live engine, `check` and offline evaluation."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.conformal import prediction_sets
from bci_app.bundle.domain import DomainCheck
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.spec import Bundle
from bci_app.errors import PreprocessingError
from bci_app.events import Reason
from bci_app.preprocessing import Pipeline, Rest, Window, measure_rest, network_input
from bci_app.preprocessing.alignment import Aligner, AlignmentState

Probabilities = tuple[NDArray[np.float64], ...]


class Decoded(NamedTuple):
    """What the decoder makes of one window.

    Attributes
    ----------
    last : int
        Index of the window's last sample since the last reset of the pipeline.
    tokens : ndarray of float32, shape (n_channels, n_features), or None
        Network input; None while the rest baseline is measured and where the signal is too bad. Channels that an
        elastic bundle leaves out are not in it.
    probabilities : tuple of ndarray, each of shape (n_classes,), or None
        One array a target.
    smoothed : tuple of ndarray, each of shape (n_classes,), or None
        Rolling mean over the last valid windows. None if this window is not valid.
    spread : tuple of ndarray, each of shape (n_classes,), or None
        Standard deviation over the same windows.
    seconds : float
        Time that the network took.
    reasons : tuple of Reason
        Why the model does not stand behind the window: `ARTEFACT`, `UNLIKE_TRAINING`.
    distance : float or None
        Distance from the training data; more than 1 is unlike them. None without a domain check.
    sets : tuple of (ndarray of bool, shape (n_classes,), or None), or None
        For each target the classes in its conformal set; None where the bundle states none.
    features : ndarray of float64, shape (n_features,), or None
        What a person's head read, where one predicts.
    """

    last: int
    tokens: NDArray[np.float32] | None = None
    probabilities: Probabilities | None = None
    smoothed: Probabilities | None = None
    spread: Probabilities | None = None
    seconds: float = 0.0
    reasons: tuple[Reason, ...] = ()
    distance: float | None = None
    sets: tuple[NDArray[np.bool_] | None, ...] | None = None
    features: NDArray[np.float64] | None = None

    @property
    def undecided(self) -> bool:
        """Whether no target has an answer: a conformal set with exactly one class, or no set."""
        return self.sets is not None and all(found is not None and found.sum() != 1 for found in self.sets)


class _RestWindow(NamedTuple):
    """A window of the rest baseline, and which channels carried no brain signal in it."""

    features: NDArray[np.float64]
    bad: NDArray[np.bool_]


def stream_pipeline(bundle: Bundle, *, channels: Sequence[str], rate: float, units: Sequence[str]) -> Pipeline:
    """Return the preprocessing of a bundle for a stream; an elastic bundle takes the electrodes that are there.

    Raises
    ------
    ChannelError, PreprocessingError
        If the stream does not fit the bundle.
    """
    fitted = bundle.for_stream(channels, units)
    # What an elastic bundle leaves out is not interpolated.
    share = 0.0 if bundle.elastic else bundle.max_bad_share
    return Pipeline(fitted.preprocessing, channels=channels, rate=rate, units=units, max_bad_share=share)


class Decoder:
    """Preprocessing, rest baseline, network and smoothing of one session.

    Baseline and alignment belong to the person and outlive gaps; filters and smoothing do not.

    Parameters
    ----------
    pipeline : Pipeline
        As `stream_pipeline` makes it.
    predictor : Predictor
        The network of the bundle.
    """

    def __init__(self, pipeline: Pipeline, predictor: Predictor) -> None:
        self.pipeline = pipeline
        self._predictor = predictor
        self._spec = pipeline.spec
        predictor.check_channels(self._spec.channels)
        bundle = predictor.spec
        self._bundle = bundle
        self._most_bad = bundle.max_bad_share
        self._recent: deque[Probabilities] = deque(maxlen=bundle.smoothing.windows)
        self._aligner = Aligner(self._spec.alignment, len(self._spec.channels), self._spec.n_features)
        statistics = bundle.domain_for(self._spec.channels)
        self._domain = None if statistics is None else DomainCheck(statistics)
        self._conformal = [bundle.conformal_for(target, self._spec.channels) for target in bundle.targets]
        self.restart_baseline()

    def restart_baseline(self) -> None:
        """Measure the rest baseline again, from the next window on."""
        self._rest: Rest | None = None
        self._rest_windows: list[_RestWindow] = []
        self._recent.clear()
        self._aligner.reset()

    def set_rest(self, rest: Rest) -> None:
        """Use a rest baseline that was measured before; smoothing and alignment start again.

        Raises
        ------
        PreprocessingError
            If it is not one of as many channels.
        """
        if len(rest.mean) != len(self._spec.channels):
            raise PreprocessingError(
                "The rest baseline does not fit the electrodes of this session",
                found=f"a baseline of {len(rest.mean)} electrodes",
                expected=f"one of {', '.join(self._spec.channels)}",
                fix="Measure the rest again with these electrodes.",
            )
        self._rest = rest
        self._recent.clear()
        self._aligner.reset()

    @property
    def alignment(self) -> AlignmentState | None:
        """What the alignment knows of the session; None where the bundle aligns nothing."""
        return self._aligner.state

    def set_alignment(self, state: AlignmentState | None) -> None:
        """Go on with an alignment of another time of the session; None to start again."""
        if state is None:
            self._aligner.reset()
        else:
            self._aligner.restore(state)

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
        """Start filters and smoothing again, after a gap."""
        self.pipeline.reset()
        self._recent.clear()

    def decode(self, window: Window, *, usable: bool = True, bad: NDArray[np.bool_] | None = None) -> Decoded:
        """Take the next window.

        Where the bundle replaces bad channels by tokens as at rest, their tokens are 0. Where it leaves them out, they
        are not in the network's input. The same holds for channels that were bad while the rest was measured, until it
        is measured again. With more of them than the bundle allows, there is no prediction. The rest itself is never
        measured with more: windows with channels that were bad only for a time are then given up.

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
            return Decoded(window.last)
        if bad is None:
            bad = np.zeros(len(self._spec.channels), dtype=np.bool_)
        if self.baseline_progress < 1.0:
            self._add_to_rest(_RestWindow(window.features, bad))
            return Decoded(window.last)
        replaced = self._replaced(bad)
        n_left = len(replaced) - int(replaced.sum())
        if replaced.mean() > self._most_bad or (self._bundle.elastic and n_left < self._bundle.min_channels):
            return Decoded(window.last)
        tokens = network_input(self._spec, window.features, self._rest)
        tokens = self._aligner.process(tokens, ~replaced & (not window.artefact))
        return self._predict(window, tokens, replaced)

    def _replaced(self, bad: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the channels whose tokens are not those that were measured."""
        if self._bundle.bad_channels == "interpolate":
            return np.zeros_like(bad)  # the pipeline has repaired them
        replaced = bad.copy()
        if self._rest is not None:
            replaced[list(self._rest.bad)] = True
        return replaced

    def _predict(self, window: Window, tokens: NDArray[np.float32], replaced: NDArray[np.bool_]) -> Decoded:
        channels = None
        if self._bundle.elastic:
            tokens = tokens[~replaced]
            channels = [name for name, out in zip(self._spec.channels, replaced, strict=True) if not out]
        else:
            tokens[replaced] = 0.0
        start = perf_counter()
        output = self._predictor.predict(tokens[None], channels)
        seconds = perf_counter() - start
        probabilities = tuple(array[0] for array in output.probabilities)
        distance = None
        if self._domain is not None:
            distance = float(self._domain.distance(tokens[None], output.embedding)[0])
        reasons = (Reason.ARTEFACT,) if window.artefact else ()
        if distance is not None and not distance <= 1:
            reasons = (*reasons, Reason.UNLIKE_TRAINING)
        smoothed, spread = None, None
        if not reasons:
            smoothed, spread = self._smooth(probabilities)
        sets = self._sets(probabilities, smoothed)
        features = None if output.features is None else output.features[0]
        return Decoded(window.last, tokens, probabilities, smoothed, spread, seconds, reasons, distance, sets, features)

    def _smooth(self, probabilities: Probabilities) -> tuple[Probabilities, Probabilities]:
        self._recent.append(probabilities)
        recent = [np.array(arrays) for arrays in zip(*self._recent, strict=True)]
        return tuple(arrays.mean(axis=0) for arrays in recent), tuple(arrays.std(axis=0) for arrays in recent)

    def _sets(
        self, probabilities: Probabilities, smoothed: Probabilities | None
    ) -> tuple[NDArray[np.bool_] | None, ...] | None:
        if smoothed is None or not any(self._conformal):
            return None
        return tuple(
            None if found is None else prediction_sets(of_window if found.of == "window" else over_time, found)
            for found, of_window, over_time in zip(self._conformal, probabilities, smoothed, strict=True)
        )

    def _add_to_rest(self, window: _RestWindow) -> None:
        """Take a window into the rest baseline, and measure it if that was the last one needed."""
        self._rest_windows.append(window)
        bad = _bad_in_any(self._rest_windows)
        if self._bundle.bad_channels != "interpolate" and bad.mean() > self._most_bad:
            # What was bad for a time only gives way to what is bad now.
            self._rest_windows = [past for past in self._rest_windows if not (past.bad & ~window.bad).any()]
            bad = _bad_in_any(self._rest_windows)
        if len(self._rest_windows) == self._spec.baseline_windows:
            rest = measure_rest(self._spec, [past.features for past in self._rest_windows])
            self._rest = None if rest is None else replace(rest, bad=tuple(np.flatnonzero(bad).tolist()))


def _bad_in_any(windows: Sequence[_RestWindow]) -> NDArray[np.bool_]:
    return np.asarray(np.any([window.bad for window in windows], axis=0))
