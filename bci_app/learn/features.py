"""From a recorded study to the windows of its trials, through the live preprocessing and the bundle's network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.decoder import stream_pipeline
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.store import LoadedBundle
from bci_app.errors import StudyError
from bci_app.learn.folds import Array
from bci_app.montage.names import canonical
from bci_app.preprocessing import Pipeline, PreprocessingSpec, Rest, Window, measure_rest, network_input
from bci_app.preprocessing.alignment import NoAlignment
from bci_app.preprocessing.spec import LogBandPowerToken, NoBaseline
from bci_app.preprocessing.steps import BandPass
from bci_app.recording import Recording
from bci_app.sources.channels import for_prediction
from bci_app.stream import StreamInfo
from bci_app.study.trials import RecordedStudy, RecordedTrial, Span

EMBEDDING = "embedding"
BAND_POWER = "band power"

_EYE_HZ = (1.0, 4.0)
_MUSCLE_HZ = (28.0, 45.0)
# Share of a rate up to which its spectrum is whole.
_PASSED = 0.4
# Where chewing and neck muscles, and where eyes, are seen best.
_RIM = ("F7", "F8", "FT7", "FT8", "T7", "T8", "TP7", "TP8", "TP9", "TP10", "P7", "P8", "AF7", "AF8", "Fp1", "Fp2")
_EYES = ("Fp1", "Fp2", "Fpz", "AF7", "AF8", "AF3", "AF4", "F7", "F8")


@dataclass(frozen=True)
class StudyRecording:
    """A recording with what its markers say."""

    recording: Recording
    study: RecordedStudy

    @property
    def path(self) -> Path:
        """The file."""
        return self.recording.path


@dataclass(frozen=True)
class TrialWindows:
    """The windows of one trial.

    Attributes
    ----------
    trial : RecordedTrial
        Which.
    features : dict of str to ndarray of float64, shape (n_windows, n_features)
        By kind: the network's embedding; band powers where the bundle's tokens are such.
    artefacts : ndarray of float64, shape (n_windows, n_features)
        Log power where muscle and eyes show most, less that of rest; no column without electrodes near them.
    probabilities : dict of str to ndarray of float64, shape (n_windows, n_classes)
        What the bundle itself says, by target.
    """

    trial: RecordedTrial
    features: dict[str, Array]
    artefacts: Array
    probabilities: dict[str, Array]


def trial_windows(
    source: StudyRecording, bundle: LoadedBundle, predictor: Predictor
) -> tuple[tuple[str, ...], list[TrialWindows]]:
    """Return the electrodes used, and the windows of every completed trial that lie wholly inside it.

    Raises
    ------
    StudyError
        If the study has no rest that is long enough for the bundle.
    ChannelError, PreprocessingError
        If the recording does not fit the bundle.
    """
    info = for_prediction(source.recording.info, drop=source.recording.left_out)
    pipeline = stream_pipeline(bundle.spec, channels=info.channels, rate=info.rate, units=info.units)
    spec, rate = pipeline.spec, info.rate
    windows = _windows(source.recording, pipeline)
    rest = _rest(source, spec, windows, rate)
    artefacts = _artefacts(source, spec, info, windows)
    found = []
    for trial in source.study.trials:
        inside = [row for row, window in enumerate(windows) if _lies_in(window, trial.span, rate)]
        if inside:
            tokens = np.stack([network_input(spec, windows[row].features, rest) for row in inside])
            found.append(_trial(trial, tokens, artefacts[inside], spec, predictor))
    return spec.channels, found


def _windows(recording: Recording, pipeline: Pipeline) -> list[Window]:
    """Run the preprocessing over a recording; indices are rows of the recording."""
    windows: list[Window] = []
    for segment in recording.segments:
        pipeline.reset()
        made = pipeline.process(recording.data[segment])
        windows += [
            window._replace(first=window.first + segment.start, last=window.last + segment.start) for window in made
        ]
    return windows


def _lies_in(window: Window, span: Span, rate: float) -> bool:
    return span.onset <= window.first / rate and window.last / rate < span.offset


def _rest(source: StudyRecording, spec: PreprocessingSpec, windows: Sequence[Window], rate: float) -> Rest | None:
    """Measure the rest baseline in the first rest of the study that is long enough."""
    if isinstance(spec.baseline, NoBaseline):
        return None
    longest = 0
    for span in source.study.rests:
        inside = [window.features for window in windows if _lies_in(window, span, rate)]
        longest = max(longest, len(inside))
        if len(inside) >= spec.baseline_windows:
            return measure_rest(spec, inside)
    raise StudyError(
        f"{source.path.name} has no rest that is long enough for the model",
        found=f"{longest} windows of rest",
        expected=f"{spec.baseline_windows} windows ({spec.baseline.samples / spec.rate:g} s) in one rest block",
        fix="Use a protocol with a longer rest.",
    )


def _trial(
    trial: RecordedTrial, tokens: NDArray[np.float32], artefacts: Array, spec: PreprocessingSpec, predictor: Predictor
) -> TrialWindows:
    output = predictor.predict(tokens, spec.channels)
    probabilities = {
        target.name: values for target, values in zip(predictor.spec.targets, output.probabilities, strict=True)
    }
    return TrialWindows(trial, window_features(tokens, output.embedding, spec), artefacts, probabilities)


def window_features(
    tokens: NDArray[np.float32], embedding: NDArray[np.float32], spec: PreprocessingSpec
) -> dict[str, Array]:
    """Return what a personal head can be learnt from, by kind.

    Parameters
    ----------
    tokens : ndarray of float32, shape (n_windows, n_channels, n_features)
        Network input.
    embedding : ndarray of float32, shape (n_windows, embedding_dim)
        Output of the network.
    spec : PreprocessingSpec
        Says what the tokens are.
    """
    found = {EMBEDDING: embedding.astype(np.float64)}
    if isinstance(spec.token, LogBandPowerToken):
        found[BAND_POWER] = tokens.reshape(len(tokens), -1).astype(np.float64)
    return found


def _artefacts(source: StudyRecording, spec: PreprocessingSpec, info: StreamInfo, windows: Sequence[Window]) -> Array:
    """Return log power of muscle and eyes in each window, less its mean at rest, shape (n_windows, n_features).

    The model's own tokens may have no such bands, so that the recording is looked at again.
    """
    names = [canonical(name) for name in spec.channels]
    channels = tuple(name for name in names if name in _RIM or name in _EYES)
    if not channels:
        return np.empty((len(windows), 0))
    top = min(_MUSCLE_HZ[1], _PASSED * min(spec.rate, info.rate))
    bands = (_EYE_HZ, (_MUSCLE_HZ[0], top)) if top > _MUSCLE_HZ[0] else (_EYE_HZ,)
    changed = {
        "channels": channels,
        "steps": (BandPass(low=_EYE_HZ[0], high=top, order=4),),
        "token": LogBandPowerToken(bands=bands),
        "baseline": NoBaseline(),
        "across_channels": False,
        "alignment": NoAlignment(),
    }
    pipeline = Pipeline(spec.model_copy(update=changed), channels=info.channels, rate=info.rate, units=info.units)
    power = np.stack([window.features for window in _windows(source.recording, pipeline)]).astype(np.float64)
    seen = np.array([[name in _EYES, name in _RIM][: len(bands)] for name in channels])
    found: Array = power[:, seen]
    resting = [any(_lies_in(window, span, info.rate) for span in source.study.rests) for window in windows]
    return found - found[resting].mean(axis=0) if any(resting) else found
