import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from bci_app.errors import DatasetError
from offline.datasets import open_dataset
from offline.datasets.seed import CHANNELS as SEED


def write(root: Path, name: str = "1_20131027.mat", **clips: Any) -> Path:
    home = root / "Preprocessed_EEG"
    home.mkdir(exist_ok=True)
    savemat(home / "label.mat", {"label": np.array([[1, 0, -1]])})
    made = {f"djc_eeg{i}": np.full((62, 200 * 3 + 1), float(i)) for i in (1, 2, 3)}
    savemat(home / name, {key: value for key, value in (made | clips).items() if value is not None})
    return root


def test_clips_are_read_channel_first_with_their_labels(seed_root: Path) -> None:
    dataset = open_dataset("seed", seed_root)
    raw = loadmat(seed_root / "Preprocessed_EEG" / "2_20131030.mat")
    assert dataset.subjects() == ["1", "2"]
    trials = list(dataset.trials("2"))
    assert [trial.session for trial in trials] == ["20131027"] * 3 + ["20131030"] * 3 + ["20131107"] * 3
    assert [trial.labels["emotion"] for trial in trials] == [2, 1, 0] * 3
    assert dataset.info.targets[0].classes == ("negative", "neutral", "positive")
    (name,) = (key for key in raw if key.endswith("_eeg2"))
    np.testing.assert_array_equal(trials[4].data, raw[name].T)
    assert len(trials[4].data) % 200 == 1
    assert (trials[4].rate, trials[4].channels, trials[4].scored_from, trials[4].rest) == (200, SEED, 0, None)


def test_subjects_sessions_and_clips_are_in_natural_order(tmp_path: Path) -> None:
    for name in ("10_20131130.mat", "2_20140404.mat", "2_20131204.mat", "1_20131027.mat"):
        write(tmp_path, name)
    (tmp_path / "Preprocessed_EEG" / "readme.txt").touch()
    dataset = open_dataset("seed", tmp_path)
    assert dataset.subjects() == ["1", "2", "10"]
    assert [path.name for path in dataset.files("2")] == ["2_20131204.mat", "2_20140404.mat", "label.mat"]
    assert [trial.session for trial in dataset.trials("2")] == ["20131204"] * 3 + ["20140404"] * 3


def test_clips_are_numbered_not_sorted_by_name(tmp_path: Path) -> None:
    home = write(tmp_path).joinpath("Preprocessed_EEG")
    savemat(home / "label.mat", {"label": np.array([[1, 0, -1, -1, 0, 1, -1, 0, 1, 1, 0]])})
    savemat(home / "1_20131027.mat", {f"ww_eeg{i}": np.full((62, 201), float(i)) for i in range(11, 0, -1)})
    assert [trial.data[0, 0] for trial in open_dataset("seed", tmp_path).trials("1")] == list(range(1, 12))


NAN = np.zeros((62, 601))
NAN[61, 17] = np.nan


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        ({"djc_eeg2": None}, "does not hold one variable for each label: found djc_eeg1, djc_eeg3"),
        ({"djc_eeg4": np.zeros((62, 201))}, r"expected \*_eeg1 … \*_eeg3"),
        ({"djc_eeg2": np.zeros((601, 62))}, r"djc_eeg2 of 1_20131027\.mat is not shaped as documented"),
        ({"djc_eeg2": NAN}, "djc_eeg2 .*not numbers: found 1 NaN or infinite values, the first at index 17"),
        ({"djc_eeg2": "text"}, "djc_eeg2 .*holds no real numbers"),
    ],
)
def test_a_file_that_is_not_as_documented_is_refused(tmp_path: Path, clips: dict[str, Any], message: str) -> None:
    write(tmp_path, **clips)
    with pytest.raises(DatasetError, match=message):
        list(open_dataset("seed", tmp_path).trials("1"))


def test_truncated_or_missing_files_are_refused(seed_root: Path, tmp_path: Path) -> None:
    shutil.copytree(seed_root, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "Preprocessed_EEG" / "1_20131030.mat"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DatasetError, match=r"1_20131030\.mat"):
        list(open_dataset("seed", tmp_path).trials("1"))
    (tmp_path / "Preprocessed_EEG" / "label.mat").unlink()
    with pytest.raises(DatasetError, match=r"SEED lacks label\.mat"):
        list(open_dataset("seed", tmp_path).trials("2"))
    shutil.rmtree(tmp_path / "Preprocessed_EEG")
    with pytest.raises(DatasetError, match="No file of SEED is there"):
        open_dataset("seed", tmp_path)
