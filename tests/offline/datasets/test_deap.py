import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from bci_app.errors import DatasetError
from offline.datasets import Threshold, open_dataset
from offline.datasets.deap import CHANNELS as DEAP
from offline.datasets.restricted_pickle import read_arrays
from offline.datasets.synth import write_python2_pickle


def files(**changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    made = {"labels": np.full((2, 4), 6.0), "data": rng.normal(size=(2, 40, 8064))}
    return {name: value for name, value in (made | changes).items() if value is not None}


def test_trials_have_the_documented_layout(deap_root: Path) -> None:
    dataset = open_dataset("deap", deap_root)
    raw = read_arrays(deap_root / "s02.dat")
    assert dataset.subjects() == ["s01", "s02"]
    trials = list(dataset.trials("s02"))
    assert [trial.trial for trial in trials] == ["01", "02", "03", "04"]
    for number, trial in enumerate(trials):
        assert trial.data.shape == (8064, 32)
        assert (trial.rate, trial.scored_from, trial.rest, trial.channels) == (128, 384, None, DEAP)
        np.testing.assert_array_equal(trial.data, raw["data"][number, :32].T)
        assert list(trial.ratings) == ["valence", "arousal", "dominance", "liking"]
        np.testing.assert_array_equal(list(trial.ratings.values()), raw["labels"][number])
        assert trial.labels == {name: int(rating > 5) for name, rating in trial.ratings.items()}


def test_the_matlab_twin_gives_the_same(deap_root: Path, tmp_path: Path) -> None:
    arrays = dict(read_arrays(deap_root / "s01.dat"))
    (tmp_path / "data_preprocessed_matlab").mkdir()
    savemat(tmp_path / "data_preprocessed_matlab" / "s01.mat", arrays)
    for one, other in zip(
        open_dataset("deap", deap_root).trials("s01"), open_dataset("deap", tmp_path).trials("s01"), strict=True
    ):
        np.testing.assert_array_equal(one.data, other.data)
        assert one.labels == other.labels
        assert one.ratings == other.ratings


def test_subjects_are_in_natural_order_and_other_files_ignored(tmp_path: Path) -> None:
    folder = tmp_path / "data_preprocessed_python"
    folder.mkdir()
    for name in ("s10.dat", "s02.dat", "s01.dat", "s01.mat", "s03.txt", "notes.dat"):
        (folder / name).touch()
    dataset = open_dataset("deap", tmp_path)
    assert dataset.subjects() == ["s01", "s02", "s10"]
    assert dataset.files("s01") == (folder / "s01.dat",)


def test_the_threshold_is_a_setting_and_recorded(tmp_path: Path) -> None:
    write_python2_pickle(tmp_path / "s01.dat", files(labels=np.array([[5.0, 5.1, 4.0, 9.0], [1.0, 6.0, 7.0, 5.0]])))
    default = open_dataset("deap", tmp_path)
    assert [list(trial.labels.values()) for trial in default.trials("s01")] == [[0, 1, 0, 1], [0, 1, 1, 0]]
    assert "high if rating > 5" in default.info.targets[0].description
    inclusive = open_dataset("deap", tmp_path, threshold=Threshold(5, inclusive=True))
    assert [list(trial.labels.values()) for trial in inclusive.trials("s01")] == [[1, 1, 0, 1], [0, 1, 1, 1]]
    assert "high if rating >= 5" in inclusive.info.targets[0].description


NAN = np.zeros((2, 40, 8064))
NAN[1, 31, 4000] = np.nan


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": np.zeros((2, 40, 8063))}, r"data of s01\.dat is not shaped .* found shape \(2, 40, 8063\)"),
        ({"data": np.zeros((2, 32, 8064))}, r"expected \(any, 40, 8064\)"),
        ({"labels": np.full((3, 4), 6.0)}, r"labels of s01\.dat is not shaped .* found shape \(3, 4\)"),
        ({"labels": np.full((2, 3), 6.0)}, r"labels of s01\.dat is not shaped"),
        ({"labels": np.full((2, 4), 0.5)}, r"valence rating of trial 1 of s01\.dat is off its scale: found 0\.5"),
        ({"labels": np.full((2, 4), np.nan)}, "is off its scale: found nan"),
        ({"data": NAN}, r"trial 2 of s01\.dat holds values that are not numbers: found 1 NaN .* index 4000"),
        ({"labels": None}, r"s01\.dat lacks labels: found data"),
    ],
)
def test_a_file_that_is_not_as_documented_is_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    write_python2_pickle(tmp_path / "s01.dat", files(**changes))
    with pytest.raises(DatasetError, match=message):
        list(open_dataset("deap", tmp_path).trials("s01"))


def test_a_truncated_file_is_refused_by_name(deap_root: Path, tmp_path: Path) -> None:
    whole = (deap_root / "s01.dat").read_bytes()
    (tmp_path / "s01.dat").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match=r"s01\.dat is truncated"):
        list(open_dataset("deap", tmp_path).trials("s01"))
    savemat(tmp_path / "whole.mat", {"data": np.zeros((2, 40, 8064)), "labels": np.full((2, 4), 6.0)})
    whole = (tmp_path / "whole.mat").read_bytes()
    (tmp_path / "s02.mat").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match=r"Cannot read s02\.mat: it is truncated"):
        list(open_dataset("deap", tmp_path).trials("s02"))


def test_a_matlab_file_without_the_arrays_is_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "s01.mat", {"data": np.zeros((2, 40, 8064))})
    with pytest.raises(DatasetError, match=r"s01\.mat lacks labels: found data"):
        list(open_dataset("deap", tmp_path).trials("s01"))
    savemat(tmp_path / "s01.mat", {"data": np.array([{}], dtype=object), "labels": np.full((2, 4), 6.0)})
    with pytest.raises(DatasetError, match=r"s01\.mat"):
        list(open_dataset("deap", tmp_path).trials("s01"))


def test_synthetic_files_are_marked_wherever_they_go(deap_root: Path, tmp_path: Path) -> None:
    assert open_dataset("deap", deap_root).info.synthetic
    assert "Synthetic" in open_dataset("deap", deap_root).info.title
    shutil.copy(deap_root / "s01.dat", tmp_path)
    assert not open_dataset("deap", tmp_path).info.synthetic
