"""Trained on one data set, scored on another: the electrodes of both, and nobody on both sides."""

from pathlib import Path

import numpy as np
import pytest

from bci_app.errors import DatasetError
from offline.datasets import make_windows, open_dataset
from offline.datasets.cross import CrossDataset
from offline.datasets.eegmat import CHANNELS
from offline.presets import PRESETS
from offline.protocols import PROTOCOLS, make_splits
from offline.run.plan import final_split
from tests.offline.mental_arithmetic import write_npz


def test_people_of_one_data_set_train_and_those_of_another_are_tested(arithmetic_npz: Path, tmp_path: Path) -> None:
    fewer = ("Fz", "Cz", "Pz", "O1", "O2", "AF3")
    rng = np.random.default_rng(1)
    signals = rng.normal(scale=100, size=(6, len(fewer), 60 * 128)).round().astype(np.int16)
    other = write_npz(tmp_path / "other.npz", subjects=3, seed=1, ch_names=np.array(fewer), X=signals)
    name = f"cross?train=eegmat&train_root={arithmetic_npz}&test=eegmat&test_root={other}"
    dataset = open_dataset(name)
    assert isinstance(dataset, CrossDataset)
    assert set(dataset.info.channels) == set(fewer) & set(CHANNELS)
    windows = make_windows(dataset, PRESETS["compact"].preprocessing(dataset.info))
    assert len(windows.subjects) == 9
    (split,) = make_splits(windows, "cross-dataset")
    sides = {
        part: {windows.subjects[code].partition(":")[0] for code in windows.subject[getattr(split, part)]}
        for part in ("train", "validation", "test")
    }
    assert sides == {"train": {"train"}, "validation": {"train"}, "test": {"test"}}
    shipped = final_split(windows, [split], PROTOCOLS["cross-dataset"])
    np.testing.assert_array_equal(
        np.sort(np.concatenate([shipped.train, shipped.validation, split.test])), range(len(windows))
    )
    alone = make_windows(dataset.train, PRESETS["compact"].preprocessing(dataset.info))
    with pytest.raises(DatasetError, match="needs two data sets"):
        make_splits(alone, "cross-dataset")
    with pytest.raises(DatasetError, match="needs two others"):
        open_dataset("cross?train=eegmat")
