"""Damage that hides: copies of trials, clipped, flat and doubled channels, labels that follow the order of trials.

In a public copy of GAMEEMO the files of people 15 to 28 are scaled copies of those of 1 to 14. A model that
has seen a copy of a test trial scores far too well, so splits with copies on both sides are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offline.datasets.base import Damage, Trial

SAME_SIGNAL = 0.8
"""Agreement from which two trials are copies. The closest of 60 recordings of 30 people (EEGMAT) reach 0.46, those of
180 trials of 20 people (SAM 40) 0.56; a copy has 1."""

_MEAN_SECONDS = 0.1
"""Means over this time hold no mains hum of 50 or 60 Hz, whose phase could agree by chance."""
_INSTANTS = 40
_PRINTS = 3
_CHANNELS = 8

_FLAT_UV = 0.01
_FLAT_SHARE = 0.5
_CLIPPED_RUN = 3
_CLIPPED_SHARE = 0.001
_DOUBLED = 1e-4
"""1 less the correlation of two channels that hold the same signal."""

_PERMUTATIONS = 999
_LEAST_TRIALS = 6
_LEAST_PEOPLE = 3
_ORDER_EFFECT = 0.1
_FIXED_ORDER = 0.9


@dataclass(frozen=True)
class TrialCheck:
    """What is kept of a trial to compare it with others.

    Attributes
    ----------
    number : int
        The trial's code within its subject.
    name : str
        Session and trial.
    labels : mapping of str to int
        Class of each target.
    prints : ndarray of float32, shape (n_prints, n_bits)
        Whether means of up to eight channels over 0.1 s rise more or less than usual, as 1 or -1, every 50 ms in the
        2 s after each of the steepest moments of the scored part. Scaling or shifting the signal does not change them.
    faults : mapping of str to tuple of str
        Names of channels by what is wrong with them.
    """

    number: int
    name: str
    labels: Mapping[str, int]
    prints: NDArray[np.float32]
    faults: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Findings:
    """What is wrong with a data set.

    Attributes
    ----------
    damage : tuple of Damage
        In words.
    copies : tuple of pairs of (int, int)
        Pairs of trials that are copies of each other, each as subject and number of the trial.
    """

    damage: tuple[Damage, ...]
    copies: tuple[tuple[tuple[int, int], tuple[int, int]], ...]


def examine(trial: Trial, number: int) -> TrialCheck:
    """Look at one trial.

    Parameters
    ----------
    trial : Trial
        The trial.
    number : int
        Its code within its subject.
    """
    scored = trial.data[trial.scored_from :]
    has_sessions = trial.session not in ("1", trial.subject)
    return TrialCheck(
        number=number,
        name=f"{trial.trial} of session {trial.session}" if has_sessions else trial.trial,
        labels=dict(trial.labels),
        prints=_prints(scored, trial.rate),
        faults=_channel_faults(scored, trial.channels),
    )


def find_damage(subjects: Sequence[str], checks: Sequence[Sequence[TrialCheck]]) -> Findings:
    """Compare the trials of all subjects.

    Parameters
    ----------
    subjects : sequence of str
        Their names.
    checks : sequence of sequence of TrialCheck
        The trials of each subject, in the order of the data set.
    """
    copies = _copies(checks)
    damage = [*_copies_in_words(subjects, checks, copies), *_faults_in_words(subjects, checks), *_order(checks)]
    return Findings(tuple(damage), copies)


def _prints(data: NDArray[np.float64], rate: float) -> NDArray[np.float32]:
    columns = np.unique(np.linspace(0, data.shape[1] - 1, _CHANNELS).round().astype(int))
    width = _MEAN_SECONDS * rate  # samples, not a whole number
    instants = np.arange(_INSTANTS) * width / 2
    span = round(_INSTANTS * width / 2)
    found: list[NDArray[np.float64]] = []
    starts = np.arange(len(data) - span - int(2 * width) - 1)
    if len(starts):
        cumulated = np.cumsum(data[:, columns] - data[0, columns], axis=0)
        rise = np.abs(_rise(cumulated, starts, width))
        usual = rise.mean(axis=0)
        steepness = (rise / np.where(usual > 0, usual, 1)).sum(axis=1)
        while len(found) < _PRINTS and steepness.max() > 0:
            start = int(steepness.argmax())
            steepness[max(0, start - span) : start + span] = 0
            rises = _rise(cumulated, start + instants, width)
            found.append(np.sign(rises - np.median(rises, axis=0)).ravel())  # less the drift of electrodes
    return np.array(found, dtype=np.float32).reshape(len(found), _INSTANTS * len(columns))


def _rise(cumulated: NDArray[np.float64], at: NDArray[Any], width: float) -> NDArray[np.float64]:
    """Return by how much the sum over `width` samples exceeds that before it, shape (n_instants, n_channels)."""

    def until(samples: NDArray[Any]) -> NDArray[np.float64]:
        whole = samples.astype(np.int64)
        share = (samples - whole)[:, None]
        return np.asarray((1 - share) * cumulated[whole] + share * cumulated[whole + 1])

    return until(at + 2 * width) - 2 * until(at + width) + until(at)


def _channel_faults(data: NDArray[np.float64], names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Find channels that are flat, clipped, or the same signal as another."""
    if len(data) < _CLIPPED_RUN:
        return {}
    still = np.diff(data, axis=0) == 0
    spread = data.std(axis=0)
    flat = (still.mean(axis=0) > _FLAT_SHARE) | (spread < _FLAT_UV)
    # A sample at an extreme that stays there for three samples or more.
    held = still[1:] & still[:-1]
    extreme = (data == data.max(axis=0)) | (data == data.min(axis=0))
    clipped = ((held & extreme[2:]).mean(axis=0) > _CLIPPED_SHARE) & ~flat
    found = {"flat": flat, "clipped": clipped}
    faults = {what: tuple(np.array(names)[which].tolist()) for what, which in found.items() if which.any()}
    alive = np.flatnonzero(~flat)
    if len(alive) > 1 and (doubled := _doubled(data[:, alive], [names[int(k)] for k in alive])):
        faults["the same signal"] = doubled
    return faults


def _doubled(data: NDArray[np.float64], names: Sequence[str]) -> tuple[str, ...]:
    centred = data - data.mean(axis=0)
    centred /= np.sqrt((centred**2).sum(axis=0))
    same = np.triu(1 - np.abs(centred.T @ centred) < _DOUBLED, k=1)
    first, second = (axis.tolist() for axis in np.nonzero(same))
    return tuple(f"{names[a]} and {names[b]}" for a, b in zip(first, second, strict=True))


def _copies(checks: Sequence[Sequence[TrialCheck]]) -> tuple[tuple[tuple[int, int], tuple[int, int]], ...]:
    """Find pairs of trials that share a stretch of signal, but for a factor and an offset of each channel."""
    trials = [(code, check) for code, of_subject in enumerate(checks) for check in of_subject if len(check.prints)]
    if len(trials) < 2 or len({check.prints.shape[1] for _, check in trials}) > 1:
        return ()
    prints = np.concatenate([check.prints for _, check in trials])
    owner = np.repeat(np.arange(len(trials)), [len(check.prints) for _, check in trials])
    pairs: set[tuple[int, int]] = set()
    for row in range(len(trials) - 1):
        later = owner > row
        agreement = np.abs(prints[later] @ prints[owner == row].T).max(axis=1) / prints.shape[1]
        pairs.update((row, other) for other in owner[later][agreement > SAME_SIGNAL].tolist())
    places = [(code, check.number) for code, check in trials]
    return tuple((places[first], places[second]) for first, second in sorted(pairs))


def _copies_in_words(
    subjects: Sequence[str],
    checks: Sequence[Sequence[TrialCheck]],
    copies: Sequence[tuple[tuple[int, int], tuple[int, int]]],
) -> list[Damage]:
    names = {(code, check.number): check.name for code, of_subject in enumerate(checks) for check in of_subject}
    by_people: dict[tuple[int, int], list[str]] = {}
    for first, second in copies:
        text = f"trial {names[second]} is a copy of trial {names[first]}"
        by_people.setdefault((first[0], second[0]), []).append(text)
    return [
        Damage(
            what=subjects[copy],
            why=f"copies{'' if first == copy else f' of {subjects[first]}'}: {_some(texts)}, but for a factor",
        )
        for (first, copy), texts in by_people.items()
    ]


def _faults_in_words(subjects: Sequence[str], checks: Sequence[Sequence[TrialCheck]]) -> list[Damage]:
    found = []
    for subject, of_subject in zip(subjects, checks, strict=True):
        places: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for check in of_subject:
            for what, names in check.faults.items():
                places.setdefault((what, names), []).append(check.name)
        for (what, names), trials in places.items():
            where = "every trial" if len(trials) == len(of_subject) else f"trials {_some(trials)}"
            found.append(Damage(what=subject, why=f"{what} in {where}: {_some(names)}"))
    return found


def _some(texts: Sequence[str]) -> str:
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3} more" if len(texts) > 3 else "")


def _order(checks: Sequence[Sequence[TrialCheck]]) -> list[Damage]:
    """Find targets whose classes can be read from the place of a trial in its subject's order."""
    targets = list(dict.fromkeys(name for of_subject in checks for check in of_subject for name in check.labels))
    rng = np.random.default_rng(0)
    found = []
    for target in targets:
        labels = [np.array([check.labels[target] for check in of_subject]) for of_subject in checks if of_subject]
        if sum(map(len, labels)) >= _LEAST_TRIALS and (why := _order_of(labels, rng)):
            found.append(Damage(what=target, why=why))
    return found


def _order_of(labels: Sequence[NDArray[np.int64]], rng: np.random.Generator) -> str:
    """Say how labels follow the order of trials, or nothing."""
    share = _share_by_place(labels)
    if len(labels) >= _LEAST_PEOPLE and share >= _FIXED_ORDER and _beyond_chance(_share_by_place, labels, rng):
        return f"the place of a trial in its person's order says its class: the same for {share:.0%} of the people"
    explained = _explained_by_place(labels)
    if explained >= _ORDER_EFFECT and _beyond_chance(_explained_by_place, labels, rng):
        return f"classes follow the order of trials: they explain {explained:.0%} of the variance of a trial's place"
    return ""


def _beyond_chance(
    statistic: Callable[[Sequence[NDArray[np.int64]]], float],
    labels: Sequence[NDArray[np.int64]],
    rng: np.random.Generator,
) -> bool:
    """Return True if no order of each person's trials, of 999 drawn by chance, reaches the statistic."""
    observed = statistic(labels) - 1e-12
    return all(statistic([rng.permutation(of_person) for of_person in labels]) < observed for _ in range(_PERMUTATIONS))


def _share_by_place(labels: Sequence[NDArray[np.int64]]) -> float:
    """Return the share of people who have the commonest class of a place, over the places that several people have."""
    table = np.full((len(labels), max(map(len, labels))), -1, dtype=np.int64)
    for row, of_person in zip(table, labels, strict=True):
        row[: len(of_person)] = of_person
    shared = (table >= 0).sum(axis=0) > 1
    counts = np.stack([(table[:, shared] == code).sum(axis=0) for code in range(int(table.max()) + 1)])
    return float(counts.max(axis=0).sum() / max(1, counts.sum()))


def _explained_by_place(labels: Sequence[NDArray[np.int64]]) -> float:
    """Return the share of the variance of place that classes explain within people."""
    between = total = 0.0
    for of_person in labels:
        place = np.arange(len(of_person)) - (len(of_person) - 1) / 2
        total += float((place**2).sum())
        for code in np.unique(of_person):
            members = place[of_person == code]
            between += len(members) * float(members.mean()) ** 2
    return between / total if total else 0.0
