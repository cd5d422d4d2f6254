"""A head that learns from each rating of a session, and goes back where that makes it worse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bci_app.bundle.store import LoadedBundle, load_bundle
from bci_app.events import Prediction, TargetPrediction
from bci_app.learn.folds import Array, TrainedFold, TrialSums
from bci_app.learn.personal import PersonalPredictor
from bci_app.learn.prequential import SPAN, Prequential, UpdatingHead
from bci_app.learn.profile import Memory, Profile, save_profile
from bci_app.stream import Marker
from tests.bundles import write_bundle

WINDOWS = 20


class Person:
    """Windows of low and high trials, whose difference turns as a session drifts."""

    def __init__(self, width: int, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.directions = np.linalg.qr(self.rng.normal(size=(width, 2)))[0].T
        self.width = width

    def trial(self, *, high: bool, turned: float = 0.0) -> Array:
        """`turned` in radians from one direction of the features to another."""
        along = np.cos(turned) * self.directions[0] + np.sin(turned) * self.directions[1]
        noise = self.rng.normal(size=self.width) * 0.4 + self.rng.normal(size=(WINDOWS, self.width)) * 0.8
        return noise + (1.2 if high else -1.2) * along


def profile_of(person: Person, folder: Path, bundle: LoadedBundle, trials: int = 16) -> Profile:
    """Learn from trials of the person as they are before any drift."""
    high = np.arange(trials) % 2 == 1
    windows = np.concatenate([person.trial(high=bool(side)) for side in high])
    sums = TrialSums.of(windows, np.repeat(np.arange(trials), WINDOWS), trials)
    spec = bundle.spec
    values: dict[str, object] = {
        "participant": "P01", "bundle": spec.name, "model_sha256": spec.model_sha256,
        "preprocessing": spec.preprocessing.digest, "channels": spec.preprocessing.channels, "target": "valence",
        "classes": ("low", "high"), "features": "embedding", "slope": 1.0, "offset": 0.0, "verdict": {},
    }  # fmt: skip
    head = TrainedFold.among(sums, np.arange(trials)).head(np.where(high, 1.0, -1.0), 0.1)
    return save_profile(folder, values, head, Memory(sums.first, sums.second.sum(axis=0), high, 0.1))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> LoadedBundle:
    return load_bundle(write_bundle(tmp_path_factory.mktemp("bundles") / "b"))


def session(profile: Profile, person: Person, ratings: int, *, drift: float = 0.0, shuffled: bool = False) -> Array:
    """Return the share of each trial's windows that the head in use and that of the profile had right, in truth."""
    head = UpdatingHead(profile)
    found = []
    for number in range(ratings):
        high = bool(person.rng.integers(2))
        features = person.trial(high=high, turned=min(1.4, drift * number))
        found.append([np.mean((one.scores(features) > 0) == high) for one in (head.head, profile.head)])
        head.rate(features, high=bool(person.rng.integers(2)) if shuffled else high)
    return np.array(found)


def test_updates_follow_a_drift_that_leaves_the_profile_behind(bundle: LoadedBundle, tmp_path: Path) -> None:
    late = []
    for seed in range(6):
        person = Person(12, seed)
        late.append(session(profile_of(person, tmp_path, bundle), person, 60, drift=1 / 30)[-20:].mean(axis=0))
    own, profiles = np.mean(late, axis=0)
    assert own > profiles + 0.2
    assert own > 0.75


def test_ratings_by_chance_cost_nothing(bundle: LoadedBundle, tmp_path: Path) -> None:
    changes = []
    for seed in range(6):
        person = Person(12, seed)
        own, profiles = session(profile_of(person, tmp_path, bundle), person, 40, shuffled=True).mean(axis=0)
        changes.append(own - profiles)
    assert np.mean(changes) >= -0.01
    assert min(changes) >= -0.05


def test_an_updated_head_that_is_no_better_any_more_gives_way(bundle: LoadedBundle, tmp_path: Path) -> None:
    person = Person(12)
    profile = profile_of(person, tmp_path, bundle)
    head = UpdatingHead(profile)
    drifted = [head.rate(person.trial(high=bool(n % 2), turned=1.4), high=bool(n % 2)) for n in range(30)]
    assert not any(rated.updating for rated in drifted[: SPAN - 1])
    assert head.updating
    for n in range(2 * SPAN):
        head.rate(person.trial(high=bool(n % 2)), high=bool(n % 2))
        if not head.updating:
            break
    assert head.head is profile.head


def test_an_update_is_repeatable(bundle: LoadedBundle, tmp_path: Path) -> None:
    heads = []
    for _ in range(2):
        person = Person(300)
        head = UpdatingHead(profile_of(person, tmp_path, bundle))
        for number in range(3):
            head.rate(person.trial(high=number % 2 == 0), high=number % 2 == 0)
        heads.append(head)
    np.testing.assert_array_equal(heads[0].head.weights, heads[1].head.weights)


def test_a_session_is_rated_by_its_markers(bundle: LoadedBundle, tmp_path: Path) -> None:
    person = Person(bundle.spec.embedding_dim)
    predictor = PersonalPredictor(bundle, profile_of(person, tmp_path, bundle))
    prequential = Prequential(predictor)

    def windows(first: float, features: Array, *, valid: bool = True) -> None:
        target = TargetPrediction("valence", ("low", "high"), None, None)
        prequential.follow(
            Prediction(n, first + n, valid, (), 1.0, 0.0, 0.0, (target,), features=row)
            for n, row in enumerate(features)
        )

    windows(100.0, person.trial(high=True))
    assert prequential.on_marker(Marker(119.5, "self-report arousal=7")) is None  # another scale
    assert prequential.on_marker(Marker(119.5, "a door")) is None
    rated = prequential.on_marker(Marker(119.5, "self-report valence=7"))
    assert rated is not None
    assert rated.high
    assert not rated.updating
    assert predictor.head is predictor.profile.head
    assert prequential.on_marker(Marker(119.6, "self-report valence=2")) is None  # nothing new to rate
    prequential.on_marker(Marker(199.5, "study trial-onset trial=1 condition=x"))
    windows(200.0, person.trial(high=False))
    prequential.on_marker(Marker(219.5, "study trial-offset trial=1 outcome=complete"))
    windows(220.0, person.trial(high=False), valid=False)
    rated = prequential.on_marker(Marker(241.0, "study rating trial=1 valence=2"))
    assert rated is not None
    assert not rated.high
    assert len(prequential.rated) == 2
