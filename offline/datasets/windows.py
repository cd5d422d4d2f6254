"""From trials to the windows that a network trains on, through the live preprocessing."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.spec import Target
from bci_app.errors import BciError, DatasetError
from bci_app.preprocessing import Pipeline, Rest, Window, measure_rest, network_input
from bci_app.preprocessing.alignment import Aligner
from bci_app.preprocessing.spec import NoBaseline, PreprocessingSpec
from offline.datasets.base import Dataset, Trial, WindowSet
from offline.datasets.damage import TrialCheck, examine, find_damage

Progress = Callable[[int, int], None]
"""Called with the subjects done and the subjects in all."""

OnSkip = Callable[[str, DatasetError], None]
"""Called with a subject that is left out, and why."""

# Keeps the working arrays of long recordings small; the windows are the same for any block.
_BLOCK = 1 << 16


@dataclass(frozen=True)
class SubjectWindows:
    """The windows of one subject, with group codes that count from 0 within the subject.

    Attributes
    ----------
    tokens : ndarray of float32, shape (n_windows, n_channels, n_features)
        Network input.
    labels : ndarray of int64, shape (n_windows, n_targets)
        Class indices.
    session, trial, last : ndarray of int64, shape (n_windows,)
        As in `WindowSet`.
    seconds : ndarray of float64, shape (n_windows,)
        As in `WindowSet`.
    stimulus : ndarray of int64, shape (n_windows,)
        As in `WindowSet`.
    checks : tuple of TrialCheck
        What was found in each trial that has windows.
    """

    tokens: NDArray[np.float32]
    labels: NDArray[np.int64]
    session: NDArray[np.int64]
    trial: NDArray[np.int64]
    last: NDArray[np.int64]
    seconds: NDArray[np.float64]
    stimulus: NDArray[np.int64]
    checks: tuple[TrialCheck, ...] = ()


def stimulus_code(name: str) -> int:
    """Return the code of a stimulus, the same wherever the name is; -1 for no name."""
    return zlib.crc32(name.encode()) if name else -1


def _blocks(data: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    for start in range(0, len(data), _BLOCK):
        yield data[start : start + _BLOCK]


def rest_windows(
    trial: Trial, spec: PreprocessingSpec, pipeline: Pipeline, own: Sequence[Window] | None = None
) -> list[NDArray[np.float64]]:
    """Return the features of the windows that the rest baseline of a trial is measured on.

    Parameters
    ----------
    trial, spec, pipeline
        The trial and its preprocessing, which starts again.
    own : sequence of Window, optional
        The windows of the trial itself, if they are there.
    """
    if trial.rest is None and own is not None:
        return [window.features for window in own[: spec.baseline_windows]]
    pipeline.reset()
    windows: list[NDArray[np.float64]] = []
    for block in _blocks(trial.data if trial.rest is None else trial.rest):
        windows += [window.features for window in pipeline.process(block)]
        if len(windows) >= spec.baseline_windows:
            break
    return windows[: spec.baseline_windows]


def is_scored(trial: Trial, spec: PreprocessingSpec, number: int) -> bool:
    """Tell whether a window of a trial, counted from 0, may be trained on or scored.

    It may if all its samples lie at or after `trial.scored_from` and, where the rest baseline is measured in the
    trial's own beginning, after the rest period.
    """
    first = spec.warm_up + number * spec.hop  # at the model rate, counted from the first sample
    own_rest = 0 if isinstance(spec.baseline, NoBaseline) or trial.rest is not None else spec.baseline.samples
    return first >= own_rest and first * trial.rate >= trial.scored_from * spec.rate


def scored_windows(trial: Trial, spec: PreprocessingSpec, pipeline: Pipeline) -> tuple[list[Window], Rest | None]:
    """Return the windows of one trial that may be trained on or scored, and the rest baseline measured beside them.

    Filter state starts with the recording, so that samples before `trial.scored_from` settle the filters as they
    would live.
    """
    windows = [window for block in _blocks(trial.data) for window in pipeline.process(block)]
    rest = measure_rest(spec, rest_windows(trial, spec, pipeline, windows) if spec.baseline_windows else [])
    return [window for number, window in enumerate(windows) if is_scored(trial, spec, number)], rest


def trial_pipeline(trial: Trial, spec: PreprocessingSpec, *, max_bad_share: float = 0.0) -> Pipeline:
    """Return the live preprocessing for the recording of a trial.

    Raises
    ------
    ChannelError, PreprocessingError
        If the specification does not fit the recording.
    """
    units = ("uV",) * len(trial.channels)
    return Pipeline(spec, channels=trial.channels, rate=trial.rate, units=units, max_bad_share=max_bad_share)


def session_aligner(spec: PreprocessingSpec) -> Aligner:
    """Return the alignment of one session: one for all trials of a person's session, in their order."""
    return Aligner(spec.alignment, len(spec.channels), spec.n_features)


def trial_tokens(
    spec: PreprocessingSpec, windows: Sequence[Window], rest: Rest | None, aligner: Aligner | None = None
) -> NDArray[np.float32]:
    """Return the network input (n_windows, n_channels, n_features) of windows, referred to a rest baseline.

    Parameters
    ----------
    spec, windows, rest
        The windows of a trial and their baseline.
    aligner : Aligner, optional
        The session's, which goes on; by default the trial is a session by itself.
    """
    aligner = aligner or session_aligner(spec)
    tokens = np.empty((len(windows), len(spec.channels), spec.n_features), dtype=np.float32)
    for row, window in zip(tokens, windows, strict=True):
        use = np.full(len(row), not window.artefact)
        row[:] = aligner.process(network_input(spec, window.features, rest), use)
    return tokens


def trial_windows(
    trial: Trial, spec: PreprocessingSpec, aligner: Aligner | None = None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Make the windows of one trial that may be trained on or scored, as `scored_windows` chooses them.

    Returns
    -------
    tokens : ndarray of float32, shape (n_windows, n_channels, n_features)
        Network input.
    last : ndarray of int64, shape (n_windows,)
        Index in `trial.data` of each window's last sample.

    Raises
    ------
    ChannelError, PreprocessingError
        If the specification does not fit the recording.
    """
    scored, rest = scored_windows(trial, spec, trial_pipeline(trial, spec))
    return trial_tokens(spec, scored, rest, aligner), np.array([window.last for window in scored], dtype=np.int64)


def choose_targets(dataset: Dataset, targets: Sequence[str] | None) -> tuple[Target, ...]:
    """Return the targets of a data set by name, all of them for None.

    Raises
    ------
    DatasetError
        If a name is unknown or named twice, or there is none.
    """
    known = {target.name: target for target in dataset.info.targets}
    names = list(known) if targets is None else list(targets)
    if not names or len(set(names)) != len(names) or not set(names) <= set(known):
        raise DatasetError(
            f"Data set {dataset.info.name} cannot give these targets",
            found=", ".join(names) or "none",
            expected=f"each at most once, of {', '.join(known)}",
        )
    return tuple(known[name] for name in names)


def choose_subjects(dataset: Dataset, subjects: Sequence[str] | None) -> list[str]:
    """Return the subjects asked for in the data set's order, all of them for None.

    Raises
    ------
    DatasetError
        If one is not there.
    """
    available = dataset.subjects()
    if subjects is None:
        return available
    if missing := [name for name in subjects if name not in available]:
        raise DatasetError(
            f"Data set {dataset.info.name} lacks subjects",
            found=f"{', '.join(available)}; missing {', '.join(missing)}",
            expected=", ".join(subjects),
        )
    return [name for name in available if name in set(subjects)]


def subject_windows(
    dataset: Dataset, spec: PreprocessingSpec, subject: str, *, targets: Sequence[Target]
) -> SubjectWindows:
    """Make the windows of one subject.

    Raises
    ------
    DatasetError
        If a file is damaged, the specification does not fit a recording, or no window results.
    """
    sessions: dict[str, int] = {}
    aligners: dict[str, Aligner] = {}
    tokens, labels, session, trial_code, last, seconds, stimulus = [], [], [], [], [], [], []
    names = set()
    checks: list[TrialCheck] = []
    for number, trial in enumerate(dataset.trials(subject)):
        if (trial.session, trial.trial) in names:
            raise DatasetError(f"{subject} has trial {trial.trial} of session {trial.session} twice")
        names.add((trial.session, trial.trial))
        try:
            aligner = aligners.setdefault(trial.session, session_aligner(spec))
            made, ends = trial_windows(trial, spec, aligner)
        except DatasetError:
            raise
        except BciError as error:
            raise DatasetError(
                f"Preprocessing does not fit trial {trial.trial} of {subject}", found=str(error)
            ) from error
        n = len(made)
        if n:
            checks.append(examine(trial, number))
        tokens.append(made)
        labels.append(np.tile(np.array([trial.labels[t.name] for t in targets], dtype=np.int64), (n, 1)))
        session.append(np.full(n, sessions.setdefault(trial.session, len(sessions)), dtype=np.int64))
        trial_code.append(np.full(n, number, dtype=np.int64))
        last.append(ends)
        seconds.append(ends / trial.rate)
        stimulus.append(np.full(n, stimulus_code(trial.stimulus), dtype=np.int64))
    if not sum(map(len, tokens)):
        raise DatasetError(
            f"{subject} has no window",
            found=f"{len(names)} trials",
            expected=f"a trial with {spec.window_seconds:g} s to score after warm-up and baseline",
        )
    return SubjectWindows(
        tokens=np.concatenate(tokens),
        labels=np.concatenate(labels),
        session=np.concatenate(session),
        trial=np.concatenate(trial_code),
        last=np.concatenate(last),
        seconds=np.concatenate(seconds),
        stimulus=np.concatenate(stimulus),
        checks=tuple(checks),
    )


def join_subjects(
    parts: Sequence[SubjectWindows], subjects: Sequence[str], targets: Sequence[Target], *, tokens: NDArray[np.float32]
) -> WindowSet:
    """Join subjects into one set whose session and trial codes are unique.

    Parameters
    ----------
    parts, subjects
        Windows and name of each subject.
    targets
        What the label columns are.
    tokens : ndarray of float32, shape (n_windows, n_channels, n_features)
        The tokens of all parts, one after the other; may be memory-mapped.
    """
    session_offsets = np.cumsum([0, *(int(part.session.max()) + 1 for part in parts)])
    trial_offsets = np.cumsum([0, *(int(part.trial.max()) + 1 for part in parts)])
    findings = find_damage(subjects, [part.checks for part in parts])
    return WindowSet(
        tokens=tokens,
        labels=np.concatenate([part.labels for part in parts]),
        targets=tuple(targets),
        subject=np.repeat(np.arange(len(parts), dtype=np.int64), [len(part.last) for part in parts]),
        session=np.concatenate([part.session + offset for part, offset in zip(parts, session_offsets, strict=False)]),
        trial=np.concatenate([part.trial + offset for part, offset in zip(parts, trial_offsets, strict=False)]),
        subjects=tuple(subjects),
        last=np.concatenate([part.last for part in parts]),
        seconds=np.concatenate([part.seconds for part in parts]),
        stimulus=np.concatenate([part.stimulus for part in parts]),
        copies=tuple(
            (int(trial_offsets[a]) + first, int(trial_offsets[b]) + second)
            for (a, first), (b, second) in findings.copies
        ),
        damage=findings.damage,
    )


def make_windows(
    dataset: Dataset,
    spec: PreprocessingSpec,
    *,
    subjects: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    progress: Progress | None = None,
    on_skip: OnSkip | None = None,
) -> WindowSet:
    """Make the windows of a data set, in memory.

    Parameters
    ----------
    dataset : Dataset
        Where the trials come from.
    spec : PreprocessingSpec
        The preprocessing, the same as live.
    subjects, targets : sequence of str, optional
        Which ones; all by default.
    progress : callable, optional
        Called with the subjects done and the subjects in all.
    on_skip : callable, optional
        Called with a subject that cannot be used and the reason; it is then left out. Without it
        such a subject is an error.

    Raises
    ------
    DatasetError
        If a subject or target is unknown, a file is damaged (see `on_skip`), or nothing is left.
    """
    chosen, names = choose_targets(dataset, targets), choose_subjects(dataset, subjects)
    parts: dict[str, SubjectWindows] = {}
    for done, name in enumerate(names, start=1):
        try:
            parts[name] = subject_windows(dataset, spec, name, targets=chosen)
        except DatasetError as error:
            if on_skip is None:
                raise
            on_skip(name, error)
        if progress is not None:
            progress(done, len(names))
    if not parts:
        raise DatasetError(f"No subject of data set {dataset.info.name} can be used", found=f"{len(names)} subjects")
    tokens = np.concatenate([part.tokens for part in parts.values()])
    return join_subjects(list(parts.values()), list(parts), chosen, tokens=tokens)
