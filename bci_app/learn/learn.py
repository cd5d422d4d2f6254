"""From a folder of recorded trials to a verdict and, if it is worth it, a profile."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from bci_app.bundle.predictor import Predictor
from bci_app.bundle.store import LoadedBundle
from bci_app.errors import BciError, StudyError
from bci_app.learn.calibration import calibrate, calibration_error, fit_sets
from bci_app.learn.features import StudyRecording, TrialWindows, trial_windows
from bci_app.learn.folds import TrialSums
from bci_app.learn.labels import Labels, known_targets, labels_of
from bci_app.learn.profile import Memory, Profile, profiles_folder, save_profile
from bci_app.learn.validation import Trials, Validation, fit, validate
from bci_app.learn.verdict import Verdict, class_changes, general_accuracy, interval, trials_needed
from bci_app.recording import read_recording
from bci_app.study.trials import read_study

PERMUTATIONS = 500


@dataclass(frozen=True)
class Learnt:
    """What `learn` found.

    Attributes
    ----------
    verdict : Verdict
        What the head is worth.
    profile : Profile or None
        Written only if the head is adopted.
    profile_folder : Path or None
        Where.
    skipped : tuple of str
        Recordings that could not be used, and why.
    """

    verdict: Verdict
    profile: Profile | None
    profile_folder: Path | None
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class _Collected:
    """The trials of a person, over all their recordings."""

    participant: str
    channels: tuple[str, ...]
    windows: list[TrialWindows]
    session: list[str]
    files: list[str]
    skipped: list[str]


def learn(
    folder: Path,
    bundle: LoadedBundle,
    *,
    target: str | None = None,
    participant: str | None = None,
    out: Path | Callable[[str, str], Path] | None = None,
    permutations: int = PERMUTATIONS,
) -> Learnt:
    """Learn a head from a person's recorded trials, score it, and write a profile if it is above chance.

    Parameters
    ----------
    folder : Path
        A study's folder, one of its sessions, or one recording.
    bundle : LoadedBundle
        Whose embedding and preprocessing are used.
    target : str, optional
        What to learn; the bundle's first target that the trials have labels of by default.
    participant : str, optional
        Whose recordings, where the folder holds several people's.
    out : Path or callable, optional
        Where the profile is written, or what makes the folder of participant and target; without it none is written.
    permutations : int
        Random labellings for chance.

    Raises
    ------
    StudyError
        If there are no labelled trials, or they cannot be labelled with the target.
    BciError
        If no recording fits the bundle.
    """
    collected = _collect(find_recordings(folder), bundle, participant, folder)
    recorded = [one.trial for one in collected.windows]
    chosen = target or _default_target(bundle, known_targets(recorded))
    labels = labels_of(recorded, chosen)
    used = [collected.windows[i] for i in labels.index]
    trials = _trials(used, labels, [collected.session[i] for i in labels.index])
    # The matrices are small: threads would mostly wait for each other, three times as long where other programs run.
    with threadpool_limits(1, user_api="blas"):
        validation = validate(trials, permutations=permutations)
        verdict = _verdict(trials, validation, labels, used, permutations)
    if not verdict.adopted or out is None:
        return Learnt(verdict, None, None, tuple(collected.skipped))
    where = out if isinstance(out, Path) else out(collected.participant, labels.target)
    profile = _write(where, collected, bundle, trials, validation, verdict, labels)
    return Learnt(verdict, profile, where, tuple(collected.skipped))


def default_profile_folder(bundle: str, participant: str, target: str) -> Path:
    """Return where the profile of a person for a bundle and a target lies among the user's data."""
    # The code comes from a recording, which may be anybody's.
    return profiles_folder() / re.sub(r"[^A-Za-z0-9_.-]", "-", f"{participant}_{bundle}_{target}").lstrip(".")


def find_recordings(folder: Path) -> list[Path]:
    """List the XDF recordings below a folder, or the one that is named.

    Raises
    ------
    StudyError
        If there is none.
    """
    if folder.is_file():
        return [folder]
    found = sorted(folder.rglob("*.xdf")) if folder.is_dir() else []
    if not found:
        raise StudyError(
            f"There is no recording in {folder}",
            found="no XDF file" if folder.is_dir() else "nothing",
            expected="the folder that bci-app study wrote",
            fix="Record a study first: bci-app study --help",
        )
    return found


def _collect(paths: Sequence[Path], bundle: LoadedBundle, participant: str | None, folder: Path) -> _Collected:
    predictor = Predictor(bundle.spec, bundle.model)
    people: dict[str, _Collected] = {}
    skipped: list[str] = []
    failures: list[BciError] = []
    for path in paths:
        try:
            recording = read_recording(path)
            study = read_study((note.onset, note.text) for note in recording.annotations)
            if study is None:
                continue
            who = study.details.get("participant", "unknown")
            if participant is not None and who != participant:
                continue
            channels, windows = trial_windows(StudyRecording(recording, study), bundle, predictor)
        except BciError as error:
            failures.append(error)
            skipped.append(f"{path.name}: {error}")
            continue
        person = people.setdefault(who, _Collected(who, channels, [], [], [], skipped))
        if channels != person.channels:
            skipped.append(f"{path.name}: it has other electrodes than {person.files[0]}")
            continue
        person.windows.extend(windows)
        person.session.extend([study.details.get("session", path.name)] * len(windows))
        person.files.append(path.name)
    if not people:
        if failures:
            raise failures[0]
        raise StudyError(
            f"No recording in {folder} holds trials{f' of {participant}' if participant else ''}",
            found=f"{len(paths)} recordings",
            expected="recordings of bci-app study",
            fix="Record a study first: bci-app study --help",
        )
    if len(people) > 1:
        raise StudyError(
            f"The recordings in {folder} are of several people",
            found=", ".join(sorted(people)),
            expected="those of one person",
            fix="Name one with --participant.",
        )
    return next(iter(people.values()))


def _default_target(bundle: LoadedBundle, known: Sequence[str]) -> str:
    of_bundle = [target.name for target in bundle.spec.targets]
    for name in (*[n for n in of_bundle if n in known], *known):
        return name
    raise StudyError(
        "The trials have no labels",
        found="no ratings and no intended classes",
        expected=f"ratings of {', '.join(of_bundle)}, or a protocol that states what each trial intends",
    )


def _trials(windows: Sequence[TrialWindows], labels: Labels, sessions: Sequence[str]) -> Trials:
    kinds = windows[0].features
    return Trials(
        features={kind: np.concatenate([one.features[kind] for one in windows]) for kind in kinds},
        trial=np.repeat(np.arange(len(windows)), [len(one.artefacts) for one in windows]),
        high=labels.high,
        group=np.unique(np.array(sessions), return_inverse=True)[1],
    )


def _verdict(
    trials: Trials, validation: Validation, labels: Labels, windows: Sequence[TrialWindows], permutations: int
) -> Verdict:
    high = trials.high[trials.trial]
    calibration = calibrate(validation.scores, high, trials.weight)
    general = None
    if all(labels.target in one.probabilities for one in windows):
        general = np.concatenate([one.probabilities[labels.target][:, -1] for one in windows])
    artefacts = np.concatenate([one.artefacts for one in windows])
    by_artefacts = None
    if artefacts.shape[1]:
        by_artefacts = validate(replace(trials, features={"artefacts": artefacts}), permutations=0).balanced_accuracy
    return Verdict(
        target=labels.target,
        trials=len(trials.high),
        balanced_accuracy=validation.balanced_accuracy,
        interval=interval(trials, validation.scores),
        chance=validation.chance_band if permutations else (0.5, 0.5),
        p=validation.p,
        general_balanced_accuracy=general_accuracy(trials, general),
        artefact_balanced_accuracy=by_artefacts,
        calibration_error=calibration_error(calibration.probability(validation.scores), high, trials.weight),
        trials_needed=trials_needed(trials, validation.scores),
        features=validation.chosen,
        labels=labels.origin,
        changes=class_changes(trials),
    )


def _write(
    out: Path,
    collected: _Collected,
    bundle: LoadedBundle,
    trials: Trials,
    validation: Validation,
    verdict: Verdict,
    labels: Labels,
) -> Profile:
    high = trials.high[trials.trial]
    calibration = calibrate(validation.scores, high, trials.weight)
    sums = TrialSums.of(trials.features[validation.chosen], trials.trial, len(trials.high))
    spec = bundle.spec
    return save_profile(
        out,
        {
            "participant": collected.participant,
            "bundle": spec.name,
            "model_sha256": spec.model_sha256,
            "preprocessing": spec.preprocessing.digest,
            "channels": collected.channels,
            "target": labels.target,
            "classes": labels.classes,
            "features": validation.chosen,
            "slope": calibration.slope,
            "offset": calibration.offset,
            "conformal": fit_sets(calibration.probability(validation.scores), high, trials.trial),
            "verdict": verdict.as_dict(),
            "recordings": tuple(collected.files),
        },
        fit(trials, validation.chosen, validation.penalty),
        Memory(sums.first, sums.second.sum(axis=0), trials.high, validation.penalty),
    )
