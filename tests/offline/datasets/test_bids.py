"""BIDS folders: the same samples and events as MNE-BIDS reads, labels by name, and FACED's peculiarities."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path

import mne_bids
import numpy as np
import pytest
from edfio import Bdf, BdfSignal

from bci_app.errors import DatasetError
from bci_app.montage.interpolation import interpolation_weights
from offline.datasets import Threshold, make_windows, open_dataset, plain_name
from offline.datasets.faced import CHANNELS, EMOTION_OF_CLIP, EMOTIONS
from offline.presets import PRESETS

NAMES = ("Fp1", "Fp2", "C3", "C4", "O1", "O2", "VEOG")


def table(path: Path, columns: str, *rows: tuple[object, ...]) -> None:
    lines = [columns.split(), *([str(cell) for cell in row] for row in rows)]
    path.write_text("\n".join("\t".join(line) for line in lines) + "\n", encoding="utf-8")


def write_recording(
    root: Path, subject: str, data: np.ndarray, rate: int, *, names: tuple[str, ...] = NAMES, unit: str = "uV",
    bad: tuple[str, ...] = (), session: str = "", task: str = "films",
) -> Path:  # fmt: skip
    """Write a BDF of µV (n_samples, n_channels) with its sidecars; returns the path without ending."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataset_description.json").write_text(json.dumps({"Name": "made up", "BIDSVersion": "1.7.0"}))
    folder = root / f"sub-{subject}" / (f"ses-{session}" if session else "") / "eeg"
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"sub-{subject}_{f'ses-{session}_' if session else ''}task-{task}"
    signals = [
        BdfSignal(column, rate, label=name, physical_dimension=unit, physical_range=(-4000, 4000))
        for name, column in zip(names, data.T, strict=True)
    ]
    Bdf(signals).write(stem.with_name(f"{stem.name}_eeg.bdf"))
    kinds = [(name, "VEOG" if name == "VEOG" else "EEG", unit, "bad" if name in bad else "good") for name in names]
    table(stem.with_name(f"{stem.name}_channels.tsv"), "name type units status", *kinds)
    about = {"TaskName": task, "SamplingFrequency": rate, "PowerLineFrequency": 50, "EEGReference": "n/a"}
    stem.with_name(f"{stem.name}_eeg.json").write_text(json.dumps(about))
    return stem


def events(stem: Path, columns: str, *rows: tuple[object, ...]) -> None:
    table(stem.with_name(f"{stem.name}_events.tsv"), columns, *rows)


def noise(seconds: int, rate: int, channels: int = 7, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 20, (seconds * rate, channels))


RATED = "onset duration trial_type stim_file valence mood"
ROWS = ((0, 10, "rest", "n/a", "n/a", "n/a"), (20, 15, "film", "a.mp4", 7, "Glad"), (40, 15, "film", "b.mp4", 2, "sad"))


def rated(root: Path, subject: str = "01", **more: object) -> Path:
    stem = write_recording(root, subject, noise(60, 200, seed=int(subject)), 200, **more)  # type: ignore[arg-type]
    events(stem, RATED, *ROWS)
    return stem


def test_samples_are_those_that_mne_bids_reads(tmp_path: Path) -> None:
    rated(tmp_path)
    dataset = open_dataset("bids?labels=valence,mood&trial=stim_file", tmp_path)
    assert dataset.subjects() == ["01"]
    first, second = dataset.trials("01")
    assert [(target.name, target.classes) for target in dataset.info.targets] == [
        ("valence", ("low", "high")),
        ("mood", ("glad", "sad")),
    ]
    assert (first.labels, second.labels) == ({"valence": 1, "mood": 0}, {"valence": 0, "mood": 1})
    assert (first.trial, first.ratings, first.channels) == ("a.mp4", {"valence": 7.0}, NAMES[:6])
    assert (first.stimulus, second.stimulus) == ("a.mp4", "b.mp4")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = mne_bids.BIDSPath(root=tmp_path, subject="01", task="films", datatype="eeg", suffix="eeg")
        raw = mne_bids.read_raw_bids(path, verbose="error").get_data(picks=list(NAMES[:6])).T * 1e6
    np.testing.assert_array_equal(first.data[first.scored_from :], raw[20 * 200 : 35 * 200])
    np.testing.assert_array_equal(first.data[: first.scored_from], raw[10 * 200 : 20 * 200])
    np.testing.assert_array_equal(second.rest, raw[: 10 * 200])
    assert dataset.info.rest_seconds == 10


def test_derivatives_are_not_read_again_and_every_file_counts_for_the_cache(tmp_path: Path) -> None:
    rated(tmp_path)
    rated(tmp_path / "derivatives" / "clean")
    table(tmp_path / "participants.tsv", "participant_id age", ("sub-01", 30))
    dataset = open_dataset("bids?labels=valence", tmp_path)
    assert len(list(dataset.trials("01"))) == 2
    (tmp_path / "sub-01" / "eeg" / "sub-01_task-films_eeg.fdt").touch()
    dataset = open_dataset("bids?labels=valence", tmp_path)
    assert [path.name for path in dataset.files("01")] == [
        "sub-01_task-films_eeg.bdf",
        "sub-01_task-films_eeg.fdt",
        "sub-01_task-films_eeg.json",
        "sub-01_task-films_events.tsv",
        "sub-01_task-films_channels.tsv",
        "participants.tsv",
    ]


def test_people_are_labelled_by_the_table_of_participants(tmp_path: Path) -> None:
    for number in range(3):
        write_recording(tmp_path, f"{number}", noise(12, 200, seed=number), 200)
    table(tmp_path / "participants.tsv", "participant_id group", ("sub-0", "old"), ("sub-1", "young"), ("sub-2", "old"))
    dataset = open_dataset("bids?labels=group", tmp_path)
    labels = [[trial.labels["group"] for trial in dataset.trials(name)] for name in dataset.subjects()]
    assert labels == [[0], [1], [0]]
    assert [len(trial.data) for trial in dataset.trials("1")] == [12 * 200]
    stem = tmp_path / "sub-2" / "eeg" / "sub-2_task-films"
    events(stem, "onset duration trial_type", (0, 2, "rest"), (3, 2, "probe"), (6, 4, "other"))
    dataset = open_dataset("bids?labels=group&trial_type=probe", tmp_path)
    (trial,) = dataset.trials("2")
    assert len(trial.data) - trial.scored_from == 2 * 200
    assert trial.rest is not None


def test_bad_channels_are_replaced_by_the_others_and_too_many_refused(tmp_path: Path) -> None:
    rated(tmp_path / "sound")
    rated(tmp_path / "bad", bad=("C4",))
    (sound, _), (fixed, _) = (
        open_dataset("bids?labels=valence", tmp_path / name).trials("01") for name in ("sound", "bad")
    )
    weights = interpolation_weights(NAMES[:6], (3,))[3]
    np.testing.assert_allclose(fixed.data[:, 3], sound.data @ weights)
    assert weights[3] == 0
    np.testing.assert_array_equal(np.delete(fixed.data, 3, axis=1), np.delete(sound.data, 3, axis=1))
    rated(tmp_path / "worse", bad=("C3", "C4"))
    with pytest.raises(DatasetError, match="too many bad channels: found 2 of 6: C3, C4"):
        list(open_dataset("bids?labels=valence", tmp_path / "worse").trials("01"))


def test_sessions_and_damaged_recordings_are_told_apart(tmp_path: Path) -> None:
    for session in ("2", "10"):
        rated(tmp_path, session=session)
    stem = rated(tmp_path, "02")
    stem.with_name(f"{stem.name}_eeg.bdf").write_bytes(b"nothing")
    dataset = open_dataset("bids?labels=valence", tmp_path)
    assert [(trial.session, trial.trial) for trial in dataset.trials("01")] == [
        ("2", "2"), ("2", "3"), ("10", "2"), ("10", "3"),
    ]  # fmt: skip
    with pytest.raises(DatasetError, match=r"sub-02_task-films_eeg\.bdf cannot be used"):
        list(dataset.trials("02"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "No columns of labels were named"),
        ("?labels=joy", "no labels of these names: found nothing for joy"),
        ("?joy=1", "Unknown option of a BIDS data set: found joy, expected labels"),
        ("?labels", "cannot be read: found 'labels'"),
        ("?labels=valence&scale=9-1", "Not a scale of ratings: found '9-1'"),
        ("?labels=valence&scale=1-5", "The threshold > 5 makes every valence rating low"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, options: str, message: str) -> None:
    rated(tmp_path)
    with pytest.raises(DatasetError, match=message):
        open_dataset(f"bids{options}", tmp_path)


def test_only_data_sets_with_options_take_them(tmp_path: Path) -> None:
    assert plain_name("bids?labels=a") == "bids"
    with pytest.raises(DatasetError, match="deap has no options: found 'labels=a'"):
        open_dataset("deap?labels=a", tmp_path)
    with pytest.raises(DatasetError, match="No EEG recording in BIDS format is there"):
        open_dataset("bids?labels=a", tmp_path)


def test_a_set_of_an_archive_is_read_by_its_number_where_it_was_downloaded_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCI_APP_DATA", str(tmp_path))
    with pytest.raises(DatasetError, match="datasets get ds002721 downloads it"):
        open_dataset("ds002721?labels=valence")
    rated(tmp_path / "ds002721")
    with pytest.raises(DatasetError, match=r"No columns of labels.*'ds002721\?labels="):
        open_dataset("ds002721")
    dataset = open_dataset("ds002721?labels=valence")
    assert (dataset.info.name, dataset.subjects()) == ("ds002721", ["01"])


FACED_NAMES = (*CHANNELS, "A1", "A2")


@pytest.fixture(scope="module")
def faced_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people of 32 channels and 28 clips: one at 1000 Hz, two at 250 Hz, one of these in V for µV."""
    root = tmp_path_factory.mktemp("faced")
    for number, (rate, unit) in enumerate(((1000, "uV"), (250, "uV"), (250, "V"))):
        stem = write_recording(root, f"{number:03d}", noise(170, rate, 32, number), rate, names=FACED_NAMES, unit=unit)
        order = np.random.default_rng(number).permutation(28)
        rows = [(0, 0, "start", "n/a", "n/a", "n/a", "n/a")]
        for place, clip in enumerate(order):
            emotion = EMOTION_OF_CLIP[clip].capitalize() if EMOTION_OF_CLIP[clip] != "neutral" else "\\"
            rows.append((6 * place, 4, "film", clip + 1, emotion, 3.0 + place % 2, 5.5))  # type: ignore[arg-type]
        events(stem, "onset duration trial_type video_index emotion_label Valence Arousal", *rows)
    return root


def test_a_folder_like_faced_is_read_whole(faced_root: Path) -> None:
    dataset = open_dataset("faced", faced_root)
    assert dataset.subjects() == ["000", "001", "002"]
    (target,) = dataset.info.targets
    assert (target.name, target.classes) == ("emotion_label", EMOTIONS)
    assert dataset.info.channels[:30] == CHANNELS
    levels = []
    for name in dataset.subjects():
        trials = list(dataset.trials(name))
        # The first clip begins before 5 s of fixation are over.
        assert len(trials) == 27
        for trial in trials:
            assert EMOTIONS[trial.labels["emotion_label"]] == EMOTION_OF_CLIP[int(trial.trial) - 1]
            assert trial.scored_from == 5 * trial.rate
        levels.append(np.std([trial.data.std() for trial in trials]) + trials[0].data.std())
    assert [trials.rate for trials in (next(dataset.trials("000")), next(dataset.trials("001")))] == [1000, 250]
    np.testing.assert_allclose(levels, 20, rtol=0.05)
    rated = open_dataset("faced?labels=valence", faced_root, threshold=Threshold(3.5))
    assert {trial.labels["valence"] for trial in rated.trials("001")} == {0, 1}
    windows = make_windows(dataset, PRESETS["compact"].preprocessing(dataset.info), subjects=["001"])
    assert len(windows) == 27 * 4


def test_processed_files_of_faced_are_read_without_being_unpickled(tmp_path: Path) -> None:
    folder = tmp_path / "Processed_data"
    folder.mkdir()
    signals = np.random.default_rng(0).normal(0, 10, (28, 32, 7500))
    (folder / "sub007.pkl").write_bytes(pickle.dumps(signals))
    dataset = open_dataset("faced-processed", tmp_path)
    assert dataset.subjects() == ["007"]
    trials = list(dataset.trials("007"))
    np.testing.assert_array_equal(trials[12].data, signals[12, :30].T)
    assert [EMOTIONS[trial.labels["emotion_label"]] for trial in trials] == list(EMOTION_OF_CLIP)

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return print, ("run",)

    (folder / "sub007.pkl").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(DatasetError, match=r"asks for more than arrays.*Nothing of it was executed"):
        list(open_dataset("faced-processed", tmp_path).trials("007"))
    (folder / "sub007.pkl").write_bytes(pickle.dumps(signals[:, :, :100]))
    with pytest.raises(DatasetError, match="not shaped as documented"):
        list(open_dataset("faced-processed", tmp_path).trials("007"))
