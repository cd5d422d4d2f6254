"""Hidden damage: a planted copy is found in the files of every format, and refused across folds."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from edfio import Bdf, BdfSignal, Edf, EdfSignal
from scipy.io import loadmat, savemat

from bci_app.bundle.spec import Target
from bci_app.errors import DatasetError
from offline.datasets import DatasetInfo, Trial, WindowSet, make_windows, open_dataset, prepare
from offline.datasets.deap import CHANNELS as DEAP
from offline.datasets.eegmat import CHANNELS as EEGMAT
from offline.datasets.restricted_pickle import read_arrays
from offline.datasets.synth import synth, write_python2_pickle
from offline.presets import PRESETS
from offline.protocols import make_splits
from tests.offline.datasets.test_bids import NAMES, events, write_recording
from tests.offline.mental_arithmetic import write_npz

SCALE = -1.7


def noise(seconds: int, rate: int, channels: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 20, (seconds * rate, channels))


def npz(root: Path) -> str:
    path = write_npz(root / "x.npz", subjects=3)
    with np.load(path, allow_pickle=False) as archive:
        arrays = dict(archive)
    arrays["X"][4:] = -2 * arrays["X"][:2]
    np.savez(path, **arrays)
    return "eegmat"


def edf(root: Path) -> str:
    for number in range(3):
        for condition in (1, 2):
            data = noise(60, 128, 19, 10 * (number % 2) + condition) * (SCALE if number == 2 else 1)
            signals = [
                EdfSignal(column, 128, label=f"EEG {name}", physical_dimension="uV", physical_range=(-500, 500))
                for name, column in zip(EEGMAT, data.T, strict=True)
            ]
            Edf(signals).write(root / f"Subject{number:02d}_{condition}.edf")
    return "eegmat"


def deap(root: Path) -> str:
    synth("deap", root, subjects=2, trials=2, seed=7)
    first, second = (dict(read_arrays(root / f"s0{number}.dat")) for number in (1, 2))
    write_python2_pickle(root / "s03.dat", {"data": SCALE * first["data"], "labels": second["labels"]})
    return "deap"


def deap_original(root: Path) -> str:
    rate, rows = 512, []
    for number in range(1, 4):
        codes = np.zeros(140 * rate)
        for start in (6 * rate, 75 * rate):
            codes[start - 5 * rate :], codes[start:], codes[start + 60 * rate :] = 3, 4, 5
        data = noise(140, rate, 32, number % 2) * (SCALE if number == 3 else 1)
        ranges = {"physical_range": (-1000.0, 1000.0), "physical_dimension": "uV"}
        signals = [BdfSignal(c, rate, label=n, **ranges) for n, c in zip(DEAP, data.T, strict=True)]  # type: ignore[arg-type]
        signals.append(BdfSignal(codes, rate, label="Status", physical_range=(-8388608.0, 8388607.0)))
        Bdf(signals).write(root / f"s{number:02d}.bdf")
        rows += [f"{number},{trial},{trial},0,{3 * trial},{3 * trial},5,5,1" for trial in (1, 2)]
    head = "Participant_id,Trial,Experiment_id,Start_time,Valence,Arousal,Dominance,Liking,Familiarity"
    (root / "participant_ratings.csv").write_text("\n".join([head, *rows]) + "\n")
    return "deap-original"


def dreamer(root: Path) -> str:
    synth("dreamer", root, subjects=3, trials=2, seed=7)
    content = loadmat(root / "DREAMER.mat")
    people = content["DREAMER"][0, 0]["Data"]
    first, third = (people[0, person]["EEG"][0, 0]["stimuli"][0, 0] for person in (0, 2))
    for film in range(2):
        third[film, 0] = SCALE * first[film, 0]
    savemat(root / "DREAMER.mat", {"DREAMER": content["DREAMER"]})
    return "dreamer"


def seed(root: Path) -> str:
    synth("seed", root, subjects=2, trials=2, seed=7)
    home = root / "Preprocessed_EEG"
    for path in home.glob("*_201310*.mat"):
        path.unlink()  # one session is enough
    for path in list(home.glob("1_*.mat")):
        first = loadmat(path)
        copied = {name: SCALE * data for name, data in first.items() if not name.startswith("_")}
        savemat(path.with_name(f"3{path.name[1:]}"), copied)
    return "seed"


def bids(root: Path) -> str:
    for number in range(3):
        data = noise(60, 200, 7, number % 2) * (SCALE if number == 2 else 1)
        stem = write_recording(root, str(number), data, 200, names=NAMES)
        events(
            stem, "onset duration trial_type mood", (0, 10, "rest", "n/a"), (15, 20, "film", "a"), (40, 20, "film", "b")
        )
    return "bids?labels=mood"


def recordings(root: Path) -> str:
    for number in range(3):
        data = noise(60, 100, 4, number % 2) * (SCALE if number == 2 else 1)
        signals = [
            EdfSignal(column, 100, label=name, physical_dimension="uV", physical_range=(-500, 500))
            for name, column in zip(("Fz", "Cz", "Pz", "Oz"), data.T, strict=True)
        ]
        Edf(signals).write(root / f"sub-{number}_eeg.edf")
        (root / f"sub-{number}_events.tsv").write_text("onset\tduration\tmood\n10\t15\ta\n35\t15\tb\n")
    return "recordings"


def faced_processed(root: Path) -> str:
    first, second = (np.random.default_rng(k).normal(0, 10, (28, 32, 7500)).astype(np.float32) for k in (0, 1))
    for number, signals in enumerate((first, second, SCALE * first)):
        (root / f"sub{number:03d}.pkl").write_bytes(pickle.dumps(signals))
    return "faced-processed"


FORMATS: tuple[Callable[[Path], str], ...] = (
    npz, edf, deap, deap_original, dreamer, seed, bids, recordings, faced_processed,
)  # fmt: skip


@pytest.mark.parametrize("write", FORMATS, ids=lambda write: write.__name__)
def test_a_scaled_copy_among_people_is_found_in_every_format(write: Callable[[Path], str], tmp_path: Path) -> None:
    dataset = open_dataset(write(tmp_path), tmp_path)
    first, second, third = dataset.subjects()
    spec = PRESETS["compact"].preprocessing(dataset.info)
    spec = spec.model_copy(update={"hop": 4 * spec.window})  # few windows are enough
    windows = make_windows(dataset, spec)
    of_trial = dict(zip(windows.trial.tolist(), windows.subject.tolist(), strict=True))
    assert {(windows.subjects[of_trial[a]], windows.subjects[of_trial[b]]) for a, b in windows.copies} == {
        (first, third)
    }
    assert len(windows.copies) == sum(code == 0 for code in of_trial.values())
    (found,) = [damage for damage in windows.damage if "copies" in damage.why]
    assert found.what == third
    assert f"copies of {first}: trial" in found.why
    with pytest.raises(
        DatasetError, match=f"tests copies of trials that are trained on: found .* of {first} and {third}"
    ):
        make_splits(windows, "loso")
    assert "session" not in found.why or dataset.info.name == "seed"
    without = make_windows(dataset, spec, subjects=[first, second])
    assert not without.copies


CHANNELS = ("Fz", "Cz", "Pz", "Oz")


@dataclass(frozen=True)
class Made:
    """Trials from arrays: (n_samples, 4) and a class for each trial of each person."""

    people: tuple[tuple[tuple[np.ndarray, int], ...], ...]

    @property
    def info(self) -> DatasetInfo:
        target = Target(name="mood", classes=("a", "b"))
        return DatasetInfo("made", "Made up", "", "", "", "", (target,), CHANNELS, 128.0)

    def subjects(self) -> list[str]:
        return [f"s{number}" for number in range(len(self.people))]

    def files(self, subject: str) -> tuple[Path, ...]:
        return (Path(__file__),)

    def trials(self, subject: str) -> list[Trial]:  # type: ignore[override]
        person = self.people[int(subject[1:])]
        return [Trial(subject, "1", str(k), x, 128.0, CHANNELS, {"mood": y}) for k, (x, y) in enumerate(person)]


def person(number: int, labels: str) -> tuple[tuple[np.ndarray, int], ...]:
    return tuple((noise(10, 128, 4, 100 * number + k), int(label)) for k, label in enumerate(labels))


SPEC = PRESETS["compact"].preprocessing(Made(()).info)


def test_copies_within_a_person_are_refused_across_folds_and_not_within_one() -> None:
    trials = list(person(0, "010101"))
    trials[4] = (3 * trials[1][0] + 5, 0)
    made = Made((tuple(trials), person(1, "100110"), person(2, "101001")))
    windows = make_windows(made, SPEC)
    assert windows.copies == ((1, 4),)
    assert windows.damage[0].what == "s0"
    assert windows.damage[0].why == "copies: trial 4 is a copy of trial 1, but for a factor"
    make_splits(windows, "loso")
    make_splits(windows, "paper")
    with pytest.raises(DatasetError, match="1 copies, of s0 and s0"):
        make_splits(windows, "trial")


def test_a_copy_that_begins_later_is_found() -> None:
    trials = list(person(0, "0101"))
    rng = np.random.default_rng(5)
    trials[2] = (np.vstack([noise(1, 128, 4, 9), -2 * trials[1][0][:-128]]) + rng.normal(0, 1, (1280, 4)), 0)
    assert make_windows(Made((tuple(trials),)), SPEC).copies == ((1, 2),)


def test_copies_come_back_from_the_cache(tmp_path: Path) -> None:
    made = Made((person(0, "01"), person(1, "10"), person(0, "01")))
    fresh = prepare(made, SPEC, tmp_path)  # type: ignore[arg-type]
    kept = prepare(made, SPEC, tmp_path)  # type: ignore[arg-type]
    assert fresh.copies == kept.copies == make_windows(made, SPEC).copies == ((0, 4), (1, 5))
    assert kept.damage == fresh.damage


def test_faulty_channels_are_named() -> None:
    trials = [noise(10, 128, 4, k) for k in range(3)]
    for data in trials:
        data[:, 1] = 3.0
    trials[0][:, 2] = 0.5 * trials[0][:, 0] + 7
    trials[1][:, 3] = trials[1][:, 3].clip(-15, 15)
    windows = make_windows(Made((tuple((data, k % 2) for k, data in enumerate(trials)),)), SPEC)
    assert {found.why for found in windows.damage} == {
        "flat in every trial: Cz",
        "the same signal in trials 0: Fz and Pz",
        "clipped in trials 1: Oz",
    }


def test_sound_signals_are_not_called_damaged() -> None:
    rng = np.random.default_rng(3)
    time = np.arange(1280)[:, None] / 128
    people = []
    for _ in range(6):
        trials = []
        for _ in range(8):
            # The same mains hum and drift in all trials, digitised at 0.5 µV.
            drift, hum = 400 * np.exp(-time / 5), 60 * np.sin(2 * np.pi * 50 * time)
            data = np.round(2 * (rng.normal(0, 8, (1280, 4)) + drift + hum)) / 2
            trials.append((data, int(rng.random() < 0.5)))
        people.append(tuple(trials))
    assert make_windows(Made(tuple(people)), SPEC).damage == ()


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["00001111"] * 4, "the place of a trial in its person's order says its class: the same for 100%"),
        (["0101"] * 8, "the place of a trial"),
        (["00001111", "11110000", "00001111", "11110000"], "classes follow the order of trials: they explain 76%"),
        (["01101001", "10010110", "01011010", "10100101"], ""),
    ],
)
def test_labels_that_follow_the_order_of_trials_are_found(labels: list[str], words: str) -> None:
    windows = make_windows(Made(tuple(person(k, text) for k, text in enumerate(labels))), SPEC)
    found = [damage.why for damage in windows.damage if damage.what == "mood"]
    assert len(found) == bool(words)
    assert all(words in why for why in found)


def test_a_set_without_copies_is_not_refused() -> None:
    windows = make_windows(Made(tuple(person(k, "0110") for k in range(3))), SPEC)
    assert isinstance(windows, WindowSet)
    assert len(make_splits(windows, "loso")) == 3
    assert len(make_splits(replace(windows, copies=((0, 1),)), "loso")) == 3
