from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from bci_app.errors import DatasetError
from offline.datasets import Threshold, open_dataset
from offline.datasets.dreamer import CHANNELS as DREAMER


def cells(*arrays: Any) -> Any:
    made = np.empty((len(arrays), 1), dtype=object)
    made[:, 0] = [np.asarray(array) for array in arrays]
    return made


def write(root: Path, *, electrodes: tuple[str, ...] = DREAMER, rate: int = 128, **changes: Any) -> Path:
    """Write one person with two films, with fields of the person changed."""
    film = np.ones((70 * 128, 14))
    person = {
        "EEG": {"baseline": cells(np.ones((7808, 14)), np.ones((7808, 14))), "stimuli": cells(film, film[: 40 * 128])},
        "ScoreValence": np.array([[3], [4]], dtype=np.uint8),
        "ScoreArousal": np.array([[1], [5]], dtype=np.uint8),
        "ScoreDominance": np.array([[2], [3]], dtype=np.uint8),
    }
    people = np.empty((1, 1), dtype=object)
    people[0, 0] = {name: value for name, value in (person | changes).items() if value is not None}
    top = {"Data": people, "EEG_SamplingRate": np.uint16(rate), "EEG_Electrodes": np.array([electrodes], dtype=object)}
    savemat(root / "DREAMER.mat", {"DREAMER": top}, do_compression=True)
    return root


def test_films_are_read_as_public_loaders_reach_them(dreamer_root: Path) -> None:
    dataset = open_dataset("dreamer", dreamer_root)
    data = loadmat(dreamer_root / "DREAMER.mat")["DREAMER"][0, 0]["Data"]
    assert dataset.subjects() == ["s01", "s02"]
    for number, trial in enumerate(dataset.trials("s02")):
        person = data[0, 1]
        np.testing.assert_array_equal(trial.data, person["EEG"][0, 0]["stimuli"][0, 0][number, 0])
        assert trial.rest is not None
        np.testing.assert_array_equal(trial.rest, person["EEG"][0, 0]["baseline"][0, 0][number, 0])
        assert trial.rest.shape == (7808, 14)
        assert trial.ratings["valence"] == person["ScoreValence"][0, 0][number, 0]
        assert trial.labels["arousal"] == int(trial.ratings["arousal"] > 3)
        assert (trial.rate, trial.channels) == (128, DREAMER)
        assert trial.data.dtype == np.float64


def test_the_last_minute_is_scored_and_short_films_are_scored_whole(tmp_path: Path) -> None:
    long, short = open_dataset("dreamer", write(tmp_path)).trials("s01")
    assert long.scored_from == 10 * 128
    assert short.scored_from == 0


def test_the_threshold_is_a_setting_and_recorded(tmp_path: Path) -> None:
    default = open_dataset("dreamer", write(tmp_path))
    assert [trial.labels["valence"] for trial in default.trials("s01")] == [0, 1]
    inclusive = open_dataset("dreamer", tmp_path, threshold=Threshold(3, inclusive=True))
    assert [trial.labels["valence"] for trial in inclusive.trials("s01")] == [1, 1]
    assert "high if rating >= 3" in inclusive.info.targets[0].description


NAN = np.ones((7808, 14))
NAN[5, 3] = np.inf


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate": 256}, r"recorded otherwise than documented: found \[256\.0\] Hz"),
        ({"electrodes": (*DREAMER[1:], DREAMER[0])}, "recorded otherwise than documented"),
        ({"ScoreValence": None}, "s01 is not built as documented: found no ScoreValence"),
        ({"ScoreValence": np.ones((3, 1))}, "valence of s01 is not shaped as documented"),
        ({"ScoreValence": np.array([[3], [6]])}, "valence rating of film 2 of s01 .* is off its scale: found 6"),
        ({"EEG": {"stimuli": cells(NAN, NAN)}}, "found no baseline"),
        ({"EEG": {"stimuli": np.ones((5, 5)), "baseline": cells(NAN)}}, "stimuli of s01 is not built as documented"),
        ({"EEG": {"stimuli": cells(NAN[:, :4].T, NAN), "baseline": cells(NAN, NAN)}}, r"is not shaped as documented"),
        (
            {"EEG": {"stimuli": cells(NAN, NAN), "baseline": cells(NAN, NAN)}},
            "film 1 of s01 .*not numbers: found 1 NaN",
        ),
        ({"EEG": {"stimuli": cells(NAN, NAN), "baseline": cells(NAN, NAN, NAN)}}, "s01 lacks baselines: found 3"),
    ],
)
def test_a_file_that_is_not_as_documented_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write(tmp_path, **changes)
    with pytest.raises(DatasetError, match=message):
        list(open_dataset("dreamer", tmp_path).trials("s01"))


def test_truncated_or_foreign_files_are_refused(tmp_path: Path) -> None:
    whole = write(tmp_path).joinpath("DREAMER.mat").read_bytes()
    for length in (0, 1, 100, 200, len(whole) // 2, len(whole) - 10):
        (tmp_path / "DREAMER.mat").write_bytes(whole[:length])
        with pytest.raises(DatasetError, match=r"DREAMER"):
            open_dataset("dreamer", tmp_path)
    savemat(tmp_path / "DREAMER.mat", {"other": 1})
    with pytest.raises(DatasetError, match=r"DREAMER\.mat lacks DREAMER: found other"):
        open_dataset("dreamer", tmp_path)
    savemat(tmp_path / "DREAMER.mat", {"DREAMER": np.ones(3)})
    with pytest.raises(DatasetError, match="not built as documented"):
        open_dataset("dreamer", tmp_path)
