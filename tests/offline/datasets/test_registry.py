from pathlib import Path

import pytest

from bci_app.errors import DatasetError
from offline.datasets import Threshold, list_datasets, open_dataset

NAMES = [
    "eegmat", "deap", "deap-original", "dreamer", "seed", "faced", "faced-processed", "bids", "recordings",
]  # fmt: skip


def test_an_unknown_data_set_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="found 'eegmatt', expected eegmat, deap, deap-original, dreamer, seed"):
        open_dataset("eegmatt", tmp_path)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "bids"])
def test_a_data_set_without_its_folder_says_where_it_is_had(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match=f"Data set {name} needs a folder.*--root"):
        open_dataset(name)
    with pytest.raises(DatasetError, match=f"folder of data set {name} is not there"):
        open_dataset(name, tmp_path / "nothing")
    with pytest.raises(DatasetError, match="there"):
        open_dataset(name, tmp_path)


def test_a_threshold_is_refused_where_labels_are_no_ratings() -> None:
    with pytest.raises(DatasetError, match="eegmat has no ratings to divide: found threshold > 5"):
        open_dataset("eegmat", threshold=Threshold(5))


def test_the_list_tells_what_a_folder_holds(deap_root: Path, seed_root: Path, tmp_path: Path) -> None:
    (tmp_path / "deap").symlink_to(deap_root)
    (tmp_path / "Preprocessed_EEG").symlink_to(seed_root / "Preprocessed_EEG")
    rows = {row.info.name: row for row in list_datasets(tmp_path)}
    assert list(rows) == [*NAMES, "simulated", "cross"]
    assert {name for name, row in rows.items() if row.held} == {"deap", "seed", "simulated"}
    assert rows["deap"].found == f"2 subjects of synthetic files in {tmp_path / 'deap'}"
    assert rows["eegmat"].found.startswith("No subject of EEGMAT is complete there")
    assert rows["dreamer"].found == f"DREAMER is not there: {tmp_path}"
    for row in rows.values():
        assert row.info.licence
        assert row.info.source
        assert row.info.obtain
        assert row.info.expected_files
    assert [row.info.name for row in list_datasets() if row.held] == ["simulated"]
    with pytest.raises(DatasetError, match="The folder is not there"):
        list_datasets(tmp_path / "nothing")


def test_the_list_tells_why_a_file_cannot_be_opened(dreamer_root: Path, tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "in" / "dreamer"):
        place.mkdir(parents=True, exist_ok=True)
        (place / "DREAMER.mat").write_bytes((dreamer_root / "DREAMER.mat").read_bytes()[:100_000])
        (row,) = (
            row for row in list_datasets(tmp_path if place == tmp_path else place.parent) if row.info.name == "dreamer"
        )
        assert not row.held
        assert row.found.startswith("Cannot read DREAMER.mat: it is truncated")


def test_a_downloaded_data_set_needs_no_folder(
    tmp_path: Path, deap_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCI_APP_DATA", str(tmp_path))
    (tmp_path / "deap").symlink_to(deap_root)
    assert open_dataset("deap").subjects() == ["s01", "s02"]
    assert [row.info.name for row in list_datasets() if row.held] == ["deap", "simulated"]
