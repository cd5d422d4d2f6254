"""What personal models are worth: planted and null simulated people, and EEGMAT as a study of load.

    python -m tests.benchmarks.own_models planted --people 20
    python -m tests.benchmarks.own_models null --people 40
    python -m tests.benchmarks.own_models eegmat ../shared/data/eegmat

Each prints a line a person and a summary, and takes minutes. docs/study.md quotes the summaries.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from pathlib import Path

import numpy as np

from bci_app.bundle import find_bundle, load_bundle
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.store import LoadedBundle
from bci_app.learn.features import BAND_POWER, EMBEDDING, StudyRecording, trial_windows
from bci_app.learn.folds import Array, balanced_accuracy
from bci_app.learn.labels import labels_of
from bci_app.learn.learn import learn
from bci_app.learn.profile import Profile
from bci_app.learn.validation import Trials, fit, validate
from bci_app.learn.verdict import Verdict, general_accuracy, interval
from bci_app.recording import read_recording
from bci_app.sources.registry import open_source
from bci_app.study.headless import study_without_window
from bci_app.study.opening import StudyOptions
from bci_app.study.trials import read_study
from offline.datasets import open_dataset
from offline.elastic.head import ElasticHead, attention, carry
from offline.elastic.sessions import TASK, Person, load_preprocessing, positions_of, read_people
from offline.elastic.study import ElasticSettings, fit_people

BUNDLE = "mental-load"
TARGET = "valence"
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


def on_session(path: Path, bundle: LoadedBundle, profile: Profile) -> float:
    """Return the balanced accuracy of a profile on the windows of another session's trials."""
    recording = read_recording(path)
    study = read_study((note.onset, note.text) for note in recording.annotations)
    assert study is not None
    _, windows = trial_windows(StudyRecording(recording, study), bundle, Predictor(bundle.spec, bundle.model))
    labels = labels_of([one.trial for one in windows], profile.spec.target)
    used = [windows[index] for index in labels.index]
    scores = np.concatenate([profile.head.scores(one.features[profile.spec.features]) for one in used])
    counts = [len(one.artefacts) for one in used]
    high, weight = np.repeat(labels.high, counts), np.repeat(1 / np.array(counts), counts)
    return float(balanced_accuracy(scores[:, None], high[:, None], weight)[0])


def simulated(people: int, effect: float) -> None:
    """Learn from a first session of each person, and score those that are adopted on a second."""
    bundle = load_bundle(find_bundle(BUNDLE))
    adopted: list[float] = []
    for person in range(1, people + 1):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            first = recorded(folder, person, effect, 0)
            found = learn(first, bundle, target=TARGET, out=folder / "profile")
            line = f"person {person:2d}: {found.verdict.balanced_accuracy:.2f}, p {found.verdict.p:.3f}"
            if found.profile is None:
                print(f"{line}, not adopted", flush=True)
                continue
            adopted.append(on_session(recorded(folder, person, effect, 1), bundle, found.profile) if effect else np.nan)
            print(f"{line}, adopted; second session {adopted[-1]:.2f}", flush=True)
    print(f"effect {effect:g}: {len(adopted)} of {people} adopted", flush=True)
    if effect and adopted:
        print(f"second session: mean {np.mean(adopted):.3f}, lowest {min(adopted):.3f}")


def own_in_second_half(person: Person, head: ElasticHead) -> tuple[float, float, float, Verdict]:
    """Learn from the first half of a person's rest and task, score the second.

    Stretches of `BLOCK` windows stand for trials, as there is one recording of each. They are neighbours, so that the
    verdict is more confident than one on trials apart.

    Returns
    -------
    tuple of (float, float, float, Verdict)
        Balanced accuracy in the second half: of the general head, which has not seen the person, of the person's own
        whatever the verdict, and of what the verdict says to use.
    """
    session, positions = person.standard, positions_of(person.spec.channels)
    logit = head.logit(session.tokens, positions)
    carried = carry(session.tokens, attention(head.places, positions, head.width))
    features = {
        EMBEDDING: np.einsum("npf,pf->nf", carried, head.weights),
        BAND_POWER: session.tokens.reshape(len(session.tokens), -1).astype(np.float64),
    }
    high, first = session.labels == TASK, ~session.second_half
    trial = np.full(len(high), -1)
    for label in (False, True):
        rows = np.flatnonzero(first & (high == label))
        trial[rows] = trial.max() + 1 + np.arange(len(rows)) // BLOCK
    rows = trial >= 0
    of_trial = np.array([high[trial == number][0] for number in range(trial.max() + 1)])
    trials = Trials(
        {k: v[rows] for k, v in features.items()}, trial[rows], of_trial, np.zeros(len(of_trial), dtype=int)
    )
    validation = validate(trials, permutations=200)
    general = general_accuracy(trials, 1 / (1 + np.exp(-logit[rows])))
    verdict = Verdict(
        "mental_load", len(of_trial), validation.balanced_accuracy, interval(trials, validation.scores),
        validation.chance_band, validation.p, general, None, 0.0, None, validation.chosen, "what was done",
    )  # fmt: skip
    own = fit(trials, validation.chosen, validation.penalty).scores(features[validation.chosen])
    late = session.second_half

    def reached(scores: Array) -> float:
        return float(balanced_accuracy(scores[late, None], high[late, None], np.ones(int(late.sum())))[0])

    return reached(logit), reached(own), reached(own if verdict.adopted else logit), verdict


def eegmat(file: Path) -> None:
    """Compare a person's own head with the general one, over people that the general one has not seen."""
    dataset = open_dataset("eegmat", file)
    people = read_people(dataset, load_preprocessing(dataset.info.channels))
    settings = ElasticSettings()
    rows: dict[str, tuple[float, float, float, Verdict]] = {}
    order = np.random.default_rng(0).permutation(len(people))
    for fold in np.array_split(order, settings.folds):
        head = fit_people([people[k] for k in np.setdiff1d(order, fold)], settings)
        rows |= {people[k].name: own_in_second_half(people[k], head) for k in fold}
    for name, (general, own, used, verdict) in sorted(rows.items()):
        word = "adopted" if verdict.adopted else "not adopted"
        print(f"{name:10} general {general:.2f}  own {own:.2f}  {word:11}  used {used:.2f}")
    general, own, used = (np.array([row[column] for row in rows.values()]) for column in range(3))
    for name, values in (("own, always", own), ("own, if adopted", used)):
        change = values - general
        print(
            f"{name:16} {general.mean():.3f} to {values.mean():.3f}; better for {(change > 0).sum()}, worse for "
            f"{(change < 0).sum()} of {len(change)}, worst {change.min():+.2f}"
        )


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("planted", "null", "eegmat"))
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--people", type=int, default=20)
    chosen = parser.parse_args()
    if chosen.what == "eegmat":
        eegmat(chosen.file)
    else:
        simulated(chosen.people, 1.0 if chosen.what == "planted" else 0.0)


if __name__ == "__main__":
    main()
