"""Directional training: rest stays low when the task stands for rest, and the bundle says what it reached."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bci_app.bundle import load_bundle
from bci_app.bundle.golden import check_bundle
from bci_app.montage.headsets import HEADSETS
from bci_app.preprocessing import network_input
from offline.baselines.artefacts import ARTEFACTS_ONLY
from offline.cli import app
from offline.elastic.sessions import TASK, Person, load_preprocessing
from offline.elastic.study import ElasticSettings, HeldOut, cross_validate, standard, summarise, swapped
from offline.run.controls import DISTANCE, MEAN_Z

CHANNELS = ("Fp1", "Fp2", "F7", "F8", "T7", "T8", "C3", "C4", "P7", "P8", "O1", "O2")
SETTINGS = ElasticSettings(folds=3, seeds=1, inverse_penalty=0.03)
N_WINDOWS = 56


def person(number: int) -> Person:
    """Return a person whose alpha power falls by 0.6 under load, among drifts of the same size that mean nothing."""
    spec = load_preprocessing(CHANNELS)
    rng = np.random.default_rng(number)
    level = rng.normal(0, 1, (1, len(CHANNELS), 7))
    recordings = []
    for load in (0, 1):
        change = rng.choice([-0.6, 0.6], (1, 1, 7)) * load
        change[:, :, 2:4] = -0.6 * load
        recordings.append(level + change + 0.3 * rng.normal(size=(N_WINDOWS, len(CHANNELS), 7)))
    return Person(f"P{number}", spec, (recordings[0], recordings[1]))


@pytest.fixture(scope="module")
def found() -> dict[str, HeldOut]:
    people = [person(number) for number in range(12)]
    return cross_validate(people, SETTINGS, {"standard": (people, standard), "swapped": (people, swapped)})


def test_load_is_found_on_people_held_out(found: dict[str, HeldOut]) -> None:
    assert summarise(found["standard"], SETTINGS).rolling > 0.9


def test_rest_stays_low_when_the_task_stands_for_rest(found: dict[str, HeldOut]) -> None:
    assert summarise(found["swapped"], SETTINGS).rest_high < 0.1


def test_sets_hold_the_true_class_as_often_as_stated(found: dict[str, HeldOut]) -> None:
    assert summarise(found["standard"], SETTINGS).answers.coverage > 0.8


def test_no_window_shares_a_sample_with_its_baseline() -> None:
    one = person(0)
    for label in (0, 1):
        for late in (False, True):
            kept = int((one.session(label, late=late).labels == label).sum())
            # 30 s of baseline take windows that begin less than 4 s before it or in it.
            assert kept == N_WINDOWS - 29
    assert one.session(TASK).tokens.shape[1:] == (len(CHANNELS), 14)


def test_the_shape_of_the_spectrum_stands_beside_what_is_referred_to_rest() -> None:
    one = person(0)
    features = one.recordings[0][40]
    rest = one.spec.baseline.measure(list(one.recordings[0][:26]))
    tokens = network_input(one.spec, features, rest)
    np.testing.assert_allclose(tokens[:, :7], (features - rest.mean) / rest.sd, rtol=1e-5)
    np.testing.assert_allclose(tokens[:, 7:], features - features.mean(axis=1, keepdims=True), atol=1e-5)


@pytest.fixture
def eegmat(tmp_path: Path) -> Path:
    """Write six people's recordings in the arrays of EEGMAT: noise, with more of it below 8 Hz under load."""
    rng = np.random.default_rng(3)
    names = HEADSETS["10-20"].channels
    n = 60 * 128
    slow = np.convolve(rng.normal(size=n), np.ones(16) / 16, mode="same")
    rows = []
    for k in range(12):
        noise = rng.normal(0, 10, (len(names), n))
        rows.append(noise + (k % 2) * 20 * slow)
    path = tmp_path / "eegmat.npz"
    np.savez(
        path,
        X=np.array(rows).round().astype(np.int16),
        y=np.tile([0, 1], 6).astype(np.int8),
        subject=np.repeat(np.arange(2, 8), 2).astype(np.int16),
        ch_names=np.array(names),
        sfreq=np.array(128),
        scale_uV=np.array(1.0, dtype=np.float32),
    )
    return path


def test_the_command_writes_a_bundle_with_a_score_for_each_headset(eegmat: Path, tmp_path: Path) -> None:
    folder = tmp_path / "load"
    result = CliRunner().invoke(
        app, ["elastic", str(folder), "--root", str(eegmat), "--seeds", "1", "--note", "Four people."]
    )
    assert result.exit_code == 0, result.output
    assert "fitted to muse alone: windows" in result.output
    (muse,) = (line for line in result.output.splitlines() if line.lstrip().startswith("muse (4)"))
    assert len(re.findall(r"\d\.\d{3}\b", muse)) == 7  # no column is cut on a terminal of 80 characters
    loaded = load_bundle(folder)
    assert "Four people." in loaded.spec.provenance.limitations
    check_bundle(loaded)
    spec = loaded.spec
    controls = spec.provenance.scores[0].controls
    assert controls is not None
    assert {MEAN_Z, DISTANCE, ARTEFACTS_ONLY} <= set(controls.simple_methods)
    assert controls.false_alarms is not None
    score = spec.montage_score(HEADSETS["muse"].channels)
    assert score is not None
    assert score.montage == "muse"
    assert score.controls.swap is not None
    assert score.answers is not None
    assert 0.8 < score.answers.coverage <= 1
    assert spec.conformal_for(spec.targets[0], HEADSETS["muse"].channels) is not None
    assert spec.domain_for(HEADSETS["muse"].channels) is not None
    odd = spec.montage_score(("F3", "F4", "P3", "P4", "Oz"))
    assert odd is not None
    assert (odd.any_of, odd.montage) == (4, "any 4 of 10-20")
    (read_from,) = spec.provenance.attributions
    assert [each.name for each in read_from.channels] == list(spec.preprocessing.channels)
    assert [each.name for each in read_from.bands][::6] == ["4–6 Hz", "22–28 Hz"]
