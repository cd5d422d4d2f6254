"""Scores of a bundle on labelled recordings, through the code of the live session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle import LoadedBundle
from bci_app.bundle.decoder import Decoded, Decoder, stream_pipeline
from bci_app.bundle.predictor import PROCESSOR, Predictor
from bci_app.bundle.spec import Bundle, SwapTest
from bci_app.errors import BciError, BundleError, DatasetError
from bci_app.preprocessing import Pipeline, Window
from bci_app.preprocessing.spec import NoBaseline
from offline.datasets.base import Dataset, Split, Trial
from offline.datasets.labels import rating_rule
from offline.datasets.windows import choose_subjects, is_scored, make_windows
from offline.metrics import balanced_accuracy, expected_calibration_error, rolling_mean
from offline.run.answers import AnswerScore, answers_on, swapped
from offline.run.reference import reference_preprocessing, reference_probabilities
from offline.run.scores import rolling_windows

LEAST_SUBJECTS = 3
"""Fewer cannot say what a reference learns from people for others."""

_CHUNK = 32


@dataclass(frozen=True)
class SubjectScore:
    """Scores of one subject."""

    windows: int
    balanced_accuracy: float
    rolling_balanced_accuracy: float


@dataclass(frozen=True)
class EvaluationResult:
    """What a bundle reached on one target.

    Attributes
    ----------
    target : str
        The target.
    windows : int
        How many were scored.
    balanced_accuracy, rolling_balanced_accuracy : float
        Over all windows; of single ones and of the mean probability over 10 s.
    ece : float
        Expected calibration error over ten bins.
    subjects : dict of str to SubjectScore
        The same for each subject.
    answers : AnswerScore or None
        How many windows were answered, and what that is worth; None for a reference, which answers always.
    """

    target: str
    windows: int
    balanced_accuracy: float
    rolling_balanced_accuracy: float
    ece: float
    subjects: dict[str, SubjectScore]
    answers: AnswerScore | None = None

    def as_json(self) -> dict[str, object]:
        """Return what ``bci-offline evaluate --json`` prints; of a subject the balanced accuracy of single windows."""
        printed: dict[str, object] = {
            "balanced_accuracy": self.balanced_accuracy,
            "rolling_balanced_accuracy": self.rolling_balanced_accuracy,
            "ece": self.ece,
            "per_subject": {name: score.balanced_accuracy for name, score in self.subjects.items()},
        }
        if self.answers is not None:
            printed |= {
                "answered": self.answers.share,
                "answered_rolling_balanced_accuracy": self.answers.rolling_balanced_accuracy,
                "coverage": self.answers.coverage,
                "swap": self.answers.swap and self.answers.swap.model_dump(),
                "auc_within": self.answers.auc_within,
            }
        return printed


def evaluate(
    loaded: LoadedBundle, dataset: Dataset, *, subjects: Sequence[str] | None = None, provider: str = PROCESSOR
) -> tuple[EvaluationResult, ...]:
    """Score a bundle on recordings, window by window, as a live session would see them.

    The rest baseline is measured once for each recording, as the data set defines it. Filters start again with every
    recording.

    Parameters
    ----------
    loaded : LoadedBundle
        The bundle.
    dataset : Dataset
        Labelled recordings with some of the bundle's targets.
    subjects : sequence of str, optional
        Which ones; all by default.
    provider : str
        What ONNX Runtime computes with.

    Returns
    -------
    tuple of EvaluationResult
        One for each target that bundle and data set have in common.

    Raises
    ------
    BundleError
        If they have no target in common, name its classes differently, or call other ratings high.
    DatasetError
        If a recording does not fit the bundle, or no window of one of the classes is left to score.
    """
    spec = loaded.spec
    shared = shared_targets(spec, dataset)
    predictor = Predictor(spec, loaded.model, provider=provider)
    names = choose_subjects(dataset, subjects)
    found: list[tuple[int, int, Trial, Decoded]] = []
    for code, name in enumerate(names):
        for trial in dataset.trials(name):
            recording = len(found)
            found += [(code, recording, trial, output) for output in decode_trial(spec, predictor, trial)]
    if not found:
        raise DatasetError("Nothing is left to score", found=f"{len(names)} subjects", expected="longer recordings")
    subject = np.array([code for code, *_ in found], dtype=np.int64)
    group = np.array([recording for _, recording, *_ in found], dtype=np.int64)
    decoded = [output for *_, output in found]
    results = []
    for target in shared:
        labels = np.array([trial.labels[target] for _, _, trial, _ in found], dtype=np.int64)
        column = [t.name for t in spec.targets].index(target)
        _require_classes(spec, column, labels)
        probabilities = np.stack([_of_target(output, column) for output in decoded])
        result = _result(target, probabilities, labels, subject, group, names, rolling_windows(spec.preprocessing))
        swap = _swap_test(spec, predictor, dataset, names, target)
        results.append(replace(result, answers=answers_on(decoded, column, labels, subject, swap)))
    return tuple(results)


def _of_target(decoded: Decoded, column: int) -> NDArray[np.float64]:
    assert decoded.probabilities is not None  # `decode_trial` yields no other
    return decoded.probabilities[column]


def _swap_test(
    spec: Bundle, predictor: Predictor, dataset: Dataset, names: Sequence[str], target: str
) -> SwapTest | None:
    """Score with the beginning of each person's task as the rest baseline, where there is a labelled rest."""
    column = [t.name for t in spec.targets].index(target)
    preprocessing = spec.preprocessing
    if isinstance(preprocessing.baseline, NoBaseline) or len(spec.targets[column].classes) != 2:
        return None
    seconds = preprocessing.baseline.samples / preprocessing.rate
    high: tuple[list[bool], list[bool]] = [], []
    for name in names:
        for trial in swapped(list(dataset.trials(name)), target, seconds):
            high[trial.labels[target]].extend(
                bool(_of_target(output, column).argmax() == 1) for output in decode_trial(spec, predictor, trial)
            )
    if not all(high):
        return None
    return SwapTest(rest_high=float(np.mean(high[0])), task_high=float(np.mean(high[1])))


def evaluate_reference(
    loaded: LoadedBundle, dataset: Dataset, results: Sequence[EvaluationResult]
) -> tuple[EvaluationResult, ...]:
    """Score the reference on the windows that a bundle was scored on, each subject by what the others teach.

    Parameters
    ----------
    loaded : LoadedBundle
        The bundle.
    dataset : Dataset
        The recordings.
    results : sequence of EvaluationResult
        What `evaluate` returned for them, of `LEAST_SUBJECTS` subjects or more.

    Raises
    ------
    DatasetError
        If the windows are not the same.
    """
    channels = dataset.info.channels
    preprocessing = loaded.spec.for_stream(channels, ("uV",) * len(channels)).preprocessing
    spec = reference_preprocessing(preprocessing, referenced=dataset.info.referenced)
    windows = make_windows(dataset, spec, subjects=list(results[0].subjects), targets=[r.target for r in results])
    splits = [
        Split(name, np.flatnonzero(windows.subject != code), np.empty(0, dtype=np.int64), test)
        for code, name in enumerate(windows.subjects)
        for test in [np.flatnonzero(windows.subject == code)]
    ]
    found = []
    for t, result in enumerate(results):
        beside = _result(
            result.target,
            reference_probabilities(windows, splits, t, spec),
            windows.labels[:, t],
            windows.subject,
            windows.trial,
            windows.subjects,
            rolling_windows(preprocessing),
        )
        counts = [{name: score.windows for name, score in r.subjects.items()} for r in (result, beside)]
        if counts[0] != counts[1]:
            raise DatasetError(
                "The reference cannot stand beside the network",
                found=f"{beside.windows} windows for the network's {result.windows}",
                expected="the same windows of the same subjects for both",
                fix="See that the recordings do not change meanwhile.",
            )
        found.append(beside)
    return tuple(found)


def shared_targets(spec: Bundle, dataset: Dataset) -> list[str]:
    """List the targets of a bundle that a data set has labels for, with the same classes."""
    there = {target.name: target.classes for target in dataset.info.targets}
    shared = [target.name for target in spec.targets if there.get(target.name) == target.classes]
    if not shared:
        raise BundleError(
            f"Bundle {spec.name} predicts nothing that data set {dataset.info.name} has labels for",
            found="; ".join(f"{target.name} ({', '.join(target.classes)})" for target in spec.targets),
            expected="; ".join(f"{name} ({', '.join(classes)})" for name, classes in there.items()),
            fix="Choose another --dataset.",
        )
    for target in spec.targets:
        here = next((other for other in dataset.info.targets if other.name == target.name in shared), None)
        ours, theirs = rating_rule(target), None if here is None else rating_rule(here)
        # Scales that differ have no limit in common; each data set's own is taken then.
        if ours and theirs and ours[0] == theirs[0] and ours[1] != theirs[1]:
            raise BundleError(
                f"Data set {dataset.info.name} divides {target.title} elsewhere than bundle {spec.name}",
                found=theirs[1],
                expected=ours[1],
                fix="Choose the bundle's own limit by --threshold.",
            )
    return shared


def _require_classes(spec: Bundle, column: int, labels: NDArray[np.int64]) -> None:
    """Check that every class of a target has a window: recall of a class without any is no number."""
    target = spec.targets[column]
    if missing := [name for code, name in enumerate(target.classes) if code not in labels]:
        raise DatasetError(
            f"No window of {target.title} {' or '.join(missing)} is left to score",
            found=f"{len(labels)} windows, all of {' or '.join(n for n in target.classes if n not in missing)}",
            expected="windows of every class after the rest baseline",
            fix="Take longer recordings, or recordings of all classes.",
        )


def decode_trial(spec: Bundle, predictor: Predictor, trial: Trial) -> Iterator[Decoded]:
    """Yield what the live code makes of every window of a recording that is scored and predicted."""
    preprocessing = spec.preprocessing
    try:
        units = ("uV",) * len(trial.channels)
        pipeline = stream_pipeline(spec, channels=trial.channels, rate=trial.rate, units=units)
        decoder = Decoder(pipeline, predictor)
        if trial.rest is not None and preprocessing.baseline_windows:
            for window in _windows(pipeline, trial.rest):
                decoder.decode(window)
                if decoder.baseline_progress >= 1:
                    break
            if decoder.baseline_progress < 1:
                raise DatasetError(
                    f"The rest of {trial.subject} is too short for bundle {spec.name}",
                    found=f"{len(trial.rest) / trial.rate:.1f} s",
                    expected=f"{preprocessing.baseline_windows} windows of {preprocessing.window_seconds:g} s",
                )
            decoder.reset()
        for number, window in enumerate(_windows(pipeline, trial.data)):
            decoded = decoder.decode(window)
            if is_scored(trial, preprocessing, number) and decoded.probabilities is not None:
                yield decoded
    except DatasetError:
        raise
    except BciError as error:
        raise DatasetError(
            f"The recordings of {trial.subject} do not fit bundle {spec.name}", found=str(error)
        ) from error


def _windows(pipeline: Pipeline, data: NDArray[np.float64]) -> Iterator[Window]:
    for start in range(0, len(data), _CHUNK):
        yield from pipeline.process(data[start : start + _CHUNK])


def _result(
    target: str,
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int64],
    subject: NDArray[np.int64],
    group: NDArray[np.int64],
    names: Sequence[str],
    windows: int,
) -> EvaluationResult:
    single = probabilities.argmax(axis=1)
    rolled = rolling_mean(probabilities, group, windows).argmax(axis=1)
    subjects = {
        names[code]: SubjectScore(
            int((subject == code).sum()),
            balanced_accuracy(single[subject == code], labels[subject == code]),
            balanced_accuracy(rolled[subject == code], labels[subject == code]),
        )
        for code in np.unique(subject)
    }
    return EvaluationResult(
        target=target,
        windows=len(labels),
        balanced_accuracy=balanced_accuracy(single, labels),
        rolling_balanced_accuracy=balanced_accuracy(rolled, labels),
        ece=expected_calibration_error(probabilities, labels),
        subjects=subjects,
    )
