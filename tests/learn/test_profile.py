"""Profiles: whole, unaltered, and for their own bundle only."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bci_app.bundle import find_bundle
from bci_app.bundle.store import LoadedBundle, load_bundle
from bci_app.errors import ProfileError
from bci_app.learn.folds import Head
from bci_app.learn.personal import PersonalPredictor
from bci_app.learn.profile import ARRAYS_FILE, PROFILE_FILE, Memory, Profile, load_profile, save_profile
from tests.bundles import write_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> LoadedBundle:
    write_bundle(tmp_path / "model")
    return load_bundle(tmp_path / "model")


def saved(folder: Path, bundle: LoadedBundle, **changes: object) -> Profile:
    spec = bundle.spec
    width = spec.embedding_dim
    rng = np.random.default_rng(0)
    values: dict[str, object] = {
        "participant": "P01",
        "bundle": spec.name,
        "model_sha256": spec.model_sha256,
        "preprocessing": spec.preprocessing.digest,
        "channels": spec.preprocessing.channels,
        "target": spec.targets[0].name,
        "classes": ("low", "high"),
        "features": "embedding",
        "slope": 2.0,
        "offset": 0.5,
        "verdict": {"p": 0.002},
    }
    memory = Memory(rng.normal(size=(6, width)), np.eye(width), np.arange(6) % 2 == 0, 0.1)
    return save_profile(folder, values | changes, Head(rng.normal(size=width), 0.25), memory)


def test_a_profile_comes_back_as_it_was(tmp_path: Path, bundle: LoadedBundle) -> None:
    profile = saved(tmp_path / "p", bundle)
    again = load_profile(tmp_path / "p")
    assert again.spec == profile.spec
    np.testing.assert_array_equal(again.head.weights, profile.head.weights)
    np.testing.assert_array_equal(again.memory.high, profile.memory.high)


def test_a_profile_without_sets_still_loads_and_one_with_wrong_sets_is_refused(
    tmp_path: Path, bundle: LoadedBundle
) -> None:
    assert PersonalPredictor(bundle, saved(tmp_path / "p", bundle)).spec.targets[0].conformal == ()
    file = tmp_path / "p" / PROFILE_FILE
    content = json.loads(file.read_text())
    del content["conformal"]
    file.write_text(json.dumps(content))
    assert load_profile(tmp_path / "p").spec.conformal is None
    content["conformal"] = {"coverage": 0.9, "thresholds": [0.6], "kind": "marginal", "of": "window", "n_windows": 9}
    file.write_text(json.dumps(content))
    with pytest.raises(ProfileError, match="1 conformal thresholds for 2 classes"):
        load_profile(tmp_path / "p")


def test_the_head_answers_for_its_target_and_the_bundle_for_all_others(tmp_path: Path, bundle: LoadedBundle) -> None:
    predictor = PersonalPredictor(bundle, saved(tmp_path / "p", bundle))
    spec = bundle.spec.preprocessing
    tokens = np.random.default_rng(1).normal(size=(5, len(spec.channels), spec.n_features)).astype(np.float32)
    output = predictor.predict(tokens)
    score = predictor.head.scores(output.embedding.astype(np.float64))
    np.testing.assert_allclose(output.probabilities[0][:, 1], 1 / (1 + np.exp(-(2 * score + 0.5))))
    np.testing.assert_allclose(output.probabilities[0].sum(axis=1), 1.0)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"model_sha256": "0" * 64}, "another bundle"),
        ({"preprocessing": "other"}, "another preprocessing"),
        ({"features": "band power"}, "weights"),
    ],
)
def test_a_profile_of_another_bundle_is_refused_with_the_reason(
    tmp_path: Path, bundle: LoadedBundle, change: dict[str, object], what: str
) -> None:
    profile = saved(tmp_path / "p", bundle, **change)
    with pytest.raises(ProfileError, match=what):
        profile.require_fit(bundle.spec)


def test_altered_arrays_are_refused(tmp_path: Path, bundle: LoadedBundle) -> None:
    saved(tmp_path / "p", bundle)
    file = tmp_path / "p" / ARRAYS_FILE
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(ProfileError, match=r"is not the file that profile\.json describes"):
        load_profile(tmp_path / "p")


@pytest.mark.parametrize("text", ["", "{}", "[" * 10_000, '{"format": "bci-app-profile", "version": 9}'])
def test_damaged_descriptions_are_refused(tmp_path: Path, bundle: LoadedBundle, text: str) -> None:
    saved(tmp_path / "p", bundle)
    (tmp_path / "p" / PROFILE_FILE).write_text(text)
    with pytest.raises(ProfileError, match="There is no profile"):
        load_profile(tmp_path / "p")


def test_pickled_arrays_are_refused(tmp_path: Path, bundle: LoadedBundle) -> None:
    import hashlib

    saved(tmp_path / "p", bundle)
    file = tmp_path / "p" / ARRAYS_FILE
    np.savez(file, weights=np.array([{"a": 1}], dtype=object))
    content = json.loads((tmp_path / "p" / PROFILE_FILE).read_text())
    content["arrays_sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    (tmp_path / "p" / PROFILE_FILE).write_text(json.dumps(content))
    with pytest.raises(ProfileError, match="Cannot read"):
        load_profile(tmp_path / "p")


def test_a_missing_folder_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="Name the folder that bci-app learn wrote"):
        load_profile(tmp_path / "nothing")


def test_other_electrodes_than_those_of_the_trials_are_refused(tmp_path: Path, bundle: LoadedBundle) -> None:
    predictor = PersonalPredictor(bundle, saved(tmp_path / "p", bundle, channels=("Fp1",)))
    with pytest.raises(ProfileError, match="another montage"):
        predictor.check_channels(bundle.spec.preprocessing.channels)


def test_a_target_that_the_bundle_lacks_is_added(tmp_path: Path, bundle: LoadedBundle) -> None:
    predictor = PersonalPredictor(bundle, saved(tmp_path / "p", bundle, target="joy"))
    assert [target.name for target in predictor.spec.targets] == [*(t.name for t in bundle.spec.targets), "joy"]
    spec = bundle.spec.preprocessing
    output = predictor.predict(np.zeros((2, len(spec.channels), spec.n_features), dtype=np.float32))
    assert len(output.probabilities) == len(predictor.spec.targets)


def test_the_order_of_electrodes_changes_nothing_and_a_missing_one_stands_as_at_rest(tmp_path: Path) -> None:
    bundle = load_bundle(find_bundle("mental-load"))
    spec = bundle.spec.preprocessing
    channels, n_features = spec.channels, spec.n_features
    width = len(channels) * n_features
    rng = np.random.default_rng(0)
    memory = Memory(rng.normal(size=(6, width)), np.eye(width), np.arange(6) % 2 == 0, 0.1)
    spec_values = saved(tmp_path / "any", bundle).spec.model_dump(exclude={"arrays_sha256", "created"})
    head = Head(rng.normal(size=width), 0.0)
    profile = save_profile(tmp_path / "p", spec_values | {"features": "band power"}, head, memory)
    predictor = PersonalPredictor(bundle, profile)
    tokens = rng.normal(size=(3, len(channels), n_features)).astype(np.float32)
    predictor.check_channels(channels[::-1])
    expected = predictor.predict(tokens, channels).probabilities[0]
    turned = predictor.predict(tokens[:, ::-1], channels[::-1]).probabilities[0]
    np.testing.assert_allclose(turned, expected, atol=1e-6)
    at_rest = tokens.copy()
    at_rest[:, 0] = 0.0
    without = predictor.predict(tokens[:, 1:], channels[1:]).probabilities[0]
    np.testing.assert_allclose(without, predictor.predict(at_rest, channels).probabilities[0], atol=1e-6)
