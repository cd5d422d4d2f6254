"""What personal models are worth: planted and null simulated people, EEGMAT and SAM 40 as studies of load.

    python -m tests.benchmarks.own_models planted --people 20
    python -m tests.benchmarks.own_models null --people 40
    python -m tests.benchmarks.own_models eegmat EEGMAT.npz
    python -m tests.benchmarks.own_models sam40 SAM40.npz EEGMAT.npz

Each prints a line a person and a summary, and takes minutes. docs/study.md quotes the summaries.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle import find_bundle, load_bundle
from bci_app.bundle.conformal import prediction_sets
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.store import LoadedBundle
from bci_app.learn.features import BAND_POWER, EMBEDDING, StudyRecording, trial_windows
from bci_app.learn.folds import Array, balanced_accuracy
from bci_app.learn.labels import labels_of
from bci_app.learn.learn import learn
from bci_app.learn.profile import Profile
from bci_app.learn.validation import Trials, fit, validate
from bci_app.preprocessing import Pipeline, measure_rest, network_input
from bci_app.preprocessing.spec import RestBaseline
from bci_app.recording import read_recording
from bci_app.sources.registry import open_source
from bci_app.study.headless import study_without_window
from bci_app.study.opening import StudyOptions
from bci_app.study.trials import read_study
from offline.datasets import open_dataset
from offline.elastic.head import ElasticHead, attention, carry
from offline.elastic.sessions import RATE, TASK, load_preprocessing, positions_of, read_people
from offline.elastic.study import ElasticSettings, fit_people

BUNDLE = "mental-load"
TARGET = "arousal"
"""Planted in alpha and beta, which the bundle's tokens hold; it has no general model of it."""

BLOCK = 4
"""Windows of EEGMAT that stand for a trial."""


def recorded(folder: Path, person: int, effect: float, session: int) -> Path:
    """Record a whole session of guided recall of a simulated person."""
    source = f"synthetic:?participant={person}&effect={effect:g}&session={session}&rate=128&speed=max"
    options = StudyOptions(out=folder, source=source, session=f"{session + 1:02d}")
    done = study_without_window(
        "guided-recall",
        open_source(source),
        options,
        stopped=threading.Event(),
        on_stage=lambda _stage, _sample: None,
    )
    return done.recording


class Second(NamedTuple):
    """How a profile does on the windows of another session's trials; every trial counts the same."""

    balanced_accuracy: float
    covered: float
    """Share of windows whose set holds the true class; nan without sets."""
    decided: float
    """Share of windows whose set holds one class."""
    right_if_decided: float
    """Share of those that are right."""


def on_session(path: Path, bundle: LoadedBundle, profile: Profile) -> Second:
    """Score a profile on another session."""
    recording = read_recording(path)
    study = read_study((note.onset, note.text) for note in recording.annotations)
    assert study is not None
    _, windows = trial_windows(StudyRecording(recording, study), bundle, Predictor(bundle.spec, bundle.model))
    labels = labels_of([one.trial for one in windows], profile.spec.target)
    used = [windows[index] for index in labels.index]
    scores = np.concatenate([profile.head.scores(one.features[profile.spec.features]) for one in used])
    counts = [len(one.artefacts) for one in used]
    high, weight = np.repeat(labels.high, counts), np.repeat(1 / np.array(counts), counts)
    reached = float(balanced_accuracy(scores[:, None], high[:, None], weight)[0])
    if profile.spec.conformal is None:
        return Second(reached, np.nan, np.nan, np.nan)
    probability = profile.calibration.probability(scores)
    sets = prediction_sets(np.stack([1 - probability, probability], axis=1), profile.spec.conformal)
    decided, right = sets.sum(axis=1) == 1, (scores > 0) == high
    covered = np.average(sets[np.arange(len(high)), high.astype(int)], weights=weight)
    return Second(
        reached,
        float(covered),
        float(np.average(decided, weights=weight)),
        float(np.average(right[decided], weights=weight[decided])) if decided.any() else np.nan,
    )


def simulated(people: int, effect: float) -> None:
    """Learn from a first session of each person, and score those that are adopted on a second."""
    bundle = load_bundle(find_bundle(BUNDLE))
    adopted: list[Second] = []
    for person in range(1, people + 1):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            first = recorded(folder, person, effect, 0)
            found = learn(first, bundle, target=TARGET, out=folder / "profile")
            line = f"person {person:2d}: {found.verdict.balanced_accuracy:.2f}, p {found.verdict.p:.3f}"
            if found.profile is None:
                print(f"{line}, not adopted", flush=True)
                continue
            adopted.append(on_session(recorded(folder, person, effect, 1), bundle, found.profile))
            print(f"{line}, adopted; second session {adopted[-1].balanced_accuracy:.2f}", flush=True)
    print(f"effect {effect:g}: {len(adopted)} of {people} adopted", flush=True)
    if adopted:
        reached, covered, decided, right = np.array(adopted).T
        enough = (reached >= 0.75).sum()
        print(f"second session: mean {reached.mean():.3f}, lowest {reached.min():.3f}, 0.75 or more for {enough}")
        print(
            f"sets: hold the class of {np.nanmean(covered):.3f} (lowest {np.nanmin(covered):.3f}), decide "
            f"{np.nanmean(decided):.3f}, of which {np.nanmean(right):.3f} are right"
        )


class Compared(NamedTuple):
    """Balanced accuracies on windows that were kept apart."""

    general: float
    """Of the general head, which has not seen the person."""
    own: float
    """Of the person's own head, whatever the verdict."""
    said: float
    """What leaving out blocks of the windows that were learnt from promised."""


class Windows(NamedTuple):
    """Network input of windows, and whether they are of the task."""

    tokens: NDArray[np.float32]
    high: NDArray[np.bool_]

    @classmethod
    def of(cls, rest: Sequence[NDArray[np.float32]], task: Sequence[NDArray[np.float32]]) -> Windows:
        return cls(np.concatenate([*rest, *task]), np.repeat([False, True], [sum(map(len, rest)), sum(map(len, task))]))


def compare(head: ElasticHead, positions: NDArray[np.float64], known: Windows, kept: Windows) -> Compared:
    """Learn from some windows and score others.

    Stretches of `BLOCK` windows stand for trials. They are neighbours in one recording of each class, so that leaving
    them out promises too much, and `bci-app learn` refuses such trials.
    """
    weights = attention(head.places, positions, head.width)

    def features(tokens: NDArray[np.float32]) -> dict[str, Array]:
        added = np.einsum("npf,pf->nf", carry(tokens, weights), head.weights)
        return {EMBEDDING: added, BAND_POWER: tokens.reshape(len(tokens), -1).astype(np.float64)}

    def reached(scores: Array) -> float:
        return float(balanced_accuracy(scores[:, None], kept.high[:, None], np.ones(len(scores)))[0])

    number = np.concatenate([np.arange((known.high == label).sum()) // BLOCK for label in (False, True)])
    _, trial = np.unique(number + 1000 * known.high, return_inverse=True)
    of_trial = np.array([known.high[trial == one][0] for one in range(trial.max() + 1)])
    trials = Trials(features(known.tokens), trial, of_trial, np.zeros(len(of_trial), dtype=np.int64))
    validation = validate(trials, permutations=0)
    own = reached(fit(trials, validation.chosen, validation.penalty).scores(features(kept.tokens)[validation.chosen]))
    return Compared(reached(head.logit(kept.tokens, positions)), own, validation.balanced_accuracy)


def eegmat(file: Path) -> None:
    """Learn from the first half of rest and arithmetic, score the second; the general head has not seen the person."""
    dataset = open_dataset("eegmat", file)
    people = read_people(dataset, load_preprocessing(dataset.info.channels))
    positions = positions_of(dataset.info.channels)
    settings, rows = ElasticSettings(), {}
    order = np.random.default_rng(0).permutation(len(people))
    for fold in np.array_split(order, settings.folds):
        head = fit_people([people[k] for k in np.setdiff1d(order, fold)], settings)
        for person in (people[k] for k in fold):
            session = person.standard
            halves = [
                Windows(session.tokens[half], session.labels[half] == TASK)
                for half in (~session.second_half, session.second_half)
            ]
            rows[person.name] = compare(head, positions, *halves)
    summarise(rows)


def sam40(file: Path, trained_on: Path) -> None:
    """Learn from the second relaxation and the first arithmetic, score those that were recorded apart from them.

    The general head is that of EEGMAT. The rest baseline is the first relaxation.
    """
    dataset = open_dataset("eegmat", trained_on)
    head = fit_people(read_people(dataset, load_preprocessing(dataset.info.channels)), ElasticSettings())
    archive = np.load(file, allow_pickle=False)
    channels = tuple(map(str, archive["ch_names"]))
    baseline = RestBaseline(kind="feature", samples=24 * RATE, shape=True)
    spec = load_preprocessing(channels).model_copy(update={"baseline": baseline})
    rows = {}
    for subject in np.unique(archive["subject"]):

        def windows(task: str, trial: int, subject: int = subject) -> list[NDArray[np.float64]]:
            mine = (archive["subject"] == subject) & (archive["task"] == task) & (archive["trial"] == trial)
            (row,) = np.flatnonzero(mine)
            data = np.ascontiguousarray(archive["X"][row].T * float(archive["scale_uV"]))
            pipeline = Pipeline(spec, channels=channels, rate=RATE, units=("uV",) * len(channels))
            return [window.features for window in pipeline.process(data)]

        rest = measure_rest(spec, windows("Relax", 1)[: spec.baseline_windows])
        tokens = {
            (task, trial): np.stack([network_input(spec, features, rest) for features in windows(task, trial)])
            for task, trial in (("Relax", 2), ("Relax", 3), ("Arithmetic", 1), ("Arithmetic", 2), ("Arithmetic", 3))
        }
        known = Windows.of([tokens["Relax", 2]], [tokens["Arithmetic", 1]])
        kept = Windows.of([tokens["Relax", 3]], [tokens["Arithmetic", 2], tokens["Arithmetic", 3]])
        rows[f"person {subject}"] = compare(head, positions_of(channels), known, kept)
    summarise(rows)


def summarise(rows: Mapping[str, Compared]) -> None:
    """Print a line a person, and what was gained and lost."""
    for name, row in sorted(rows.items()):
        print(f"{name:10} general {row.general:.2f}  own {row.own:.2f}  (blocks left out said {row.said:.2f})")
    general, own, said = np.array(list(rows.values())).T
    change = own - general
    print(
        f"{general.mean():.3f} to {own.mean():.3f} (said {said.mean():.3f}); better for {(change > 0).sum()}, "
        f"worse for {(change < 0).sum()} of {len(change)}, worst {change.min():+.2f}"
    )


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("planted", "null", "eegmat", "sam40"))
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--people", type=int, default=20)
    chosen = parser.parse_args()
    if chosen.what == "eegmat":
        eegmat(*chosen.files)
    elif chosen.what == "sam40":
        sam40(*chosen.files)
    else:
        simulated(chosen.people, 1.0 if chosen.what == "planted" else 0.0)


if __name__ == "__main__":
    main()
