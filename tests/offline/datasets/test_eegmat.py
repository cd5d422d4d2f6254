from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from bci_app.errors import DatasetError
from offline.datasets import open_dataset
from offline.datasets.eegmat import INFO, REST_SECONDS, EegmatArrays, EegmatFolder
from tests.offline.mental_arithmetic import write_npz


def test_former_arrays_hold_thirty_people_in_microvolts(shared_data: Path) -> None:
    path = shared_data / "eegmat" / "eegmat_128hz_30subjects.npz"
    dataset = open_dataset("eegmat", path)
    assert len(dataset.subjects()) == 30
    assert dataset.subjects()[:5] == ["Subject01", "Subject02", "Subject03", "Subject04", "Subject05"]
    rest, arithmetic = dataset.trials("Subject01")
    assert (rest.trial, rest.labels, rest.scored_from, rest.rest) == ("rest", {"mental_load": 0}, 30 * 128, None)
    assert (arithmetic.trial, arithmetic.labels, arithmetic.scored_from) == ("arithmetic", {"mental_load": 1}, 0)
    assert arithmetic.rest is rest.data
    assert rest.data.shape == (7680, 19)
    assert rest.data.dtype == np.float64
    assert rest.channels == INFO.channels
    assert INFO.channels[6:8] == ("T7", "T8")
    with np.load(path, allow_pickle=False) as archive:
        raw, names = archive["X"][1], list(archive["ch_names"])
    t3 = INFO.channels.index("T7")
    np.testing.assert_allclose(arithmetic.data[:, t3], raw[names.index("T3")] * 0.1, rtol=1e-6)
    # The original files of one person lie in the same folder: what holds more people is read.
    assert open_dataset("eegmat", shared_data / "eegmat").subjects() == dataset.subjects()


def _write_sample(path: Path, **changes: object) -> Path:
    small = {
        "X": np.ones((4, 19, 256), dtype=np.int16),
        "y": np.array([0, 1, 1, 0], dtype=np.int8),
        "subject": np.array([10, 10, 9, 9], dtype=np.int16),
    }
    return write_npz(path, seconds=1, **(small | changes))


def test_any_npz_of_that_shape_is_read_in_natural_order(tmp_path: Path) -> None:
    dataset = open_dataset("eegmat", _write_sample(tmp_path / "own.npz"))
    assert dataset.subjects() == ["Subject09", "Subject10"]
    assert [trial.labels["mental_load"] for trial in dataset.trials("Subject09")] == [0, 1]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"subject": np.array(["p10", "p10", "p9", "p9"])}, ["p9", "p10"]),
        ({"subject": np.array([b"7", b"7", b"5", b"5"])}, ["Subject05", "Subject07"]),
        ({"subject": np.array([120.0, 120.0, 3.0, 3.0])}, ["Subject03", "Subject120"]),
        ({"X": np.ones((4, 19, 256), dtype=np.float32)}, ["Subject09", "Subject10"]),
        ({"X": np.ones((4, 19, 256), dtype=np.float16)}, ["Subject09", "Subject10"]),
        ({"y": np.array([False, True, True, False])}, ["Subject09", "Subject10"]),
        ({"y": np.array([0.0, 1.0, 1.0, 0.0])}, ["Subject09", "Subject10"]),
        ({"scale_uV": np.array([0.1]), "sfreq": np.array([128.0])}, ["Subject09", "Subject10"]),
        ({"ch_names": np.array([f"EEG {name}" for name in INFO.channels])}, ["Subject09", "Subject10"]),
        ({"ch_names": np.array(INFO.channels).astype("S3")}, ["Subject09", "Subject10"]),
    ],
)
def test_other_types_and_names_say_the_same(tmp_path: Path, changes: dict[str, object], names: list[str]) -> None:
    dataset = open_dataset("eegmat", _write_sample(tmp_path / "own.npz", **changes))
    assert dataset.subjects() == names
    for name in names:
        assert [trial.labels["mental_load"] for trial in dataset.trials(name)] == [0, 1]
        assert all(trial.data == pytest.approx(0.1) for trial in dataset.trials(name))


def test_channels_are_found_by_name(tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(19)
    X = np.arange(19, dtype=np.int16)[None, :, None] * np.ones((4, 1, 256), dtype=np.int16)
    path = _write_sample(tmp_path / "own.npz", X=X[:, order], ch_names=np.array(INFO.channels)[order])
    rest, _ = EegmatArrays(path).trials("Subject09")
    np.testing.assert_allclose(rest.data[0], 0.1 * np.arange(19), rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X": np.ones((4, 18, 256), dtype=np.int16)}, "does not have the shape of EEGMAT recordings"),
        ({"y": np.array([0, 2, 1, 0])}, "does not have the shape of EEGMAT recordings"),
        ({"y": np.array([0.0, 0.5, 1.0, 0.0])}, "does not have the shape of EEGMAT recordings"),
        ({"subject": np.array([np.nan, 1, 1, 0])}, "does not have the shape of EEGMAT recordings"),
        (
            {"ch_names": np.array([*INFO.channels[:-1], "ECG"])},
            "channels of own.npz are neither those of EEGMAT nor electrodes: found ECG",
        ),
        ({"scale_uV": None}, "Cannot read own.npz as recordings of EEGMAT"),
        ({"y": np.array([{}, 1, 1, 0], dtype=object)}, "Cannot read own.npz as recordings of EEGMAT"),
        ({"X": np.full((4, 19, 256), np.nan)}, "not numbers: found 4864 NaN"),
        ({"X": np.ones((4, 19, 0), dtype=np.int16)}, "is empty"),
        ({"subject": np.array([9, 9, 9, 9])}, "Subject09 of own.npz is incomplete: found 2 rest recordings"),
    ],
)
def test_a_malformed_npz_is_refused_with_its_name(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    dataset = EegmatArrays(_write_sample(tmp_path / "own.npz", **changes))
    with pytest.raises(DatasetError, match=message):
        list(dataset.trials("Subject09"))


def test_a_truncated_npz_is_refused(tmp_path: Path) -> None:
    whole = _write_sample(tmp_path / "own.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match=r"Cannot read cut\.npz"):
        open_dataset("eegmat", tmp_path / "cut.npz").subjects()


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_mutated_files_give_data_or_a_message(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.npz"
    content = bytearray(_write_sample(path).read_bytes())
    places = st.integers(0, len(content) - 1)
    for at in data.draw(st.lists(places, min_size=1, max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    dataset = EegmatArrays(path)
    try:
        for trial in dataset.trials("Subject09"):
            assert trial.data.shape[1] == 19
    except DatasetError:
        pass


def test_original_files_are_read_without_the_padding_at_their_end(shared_data: Path) -> None:
    folder = shared_data / "eegmat"
    dataset = EegmatFolder(folder)
    assert dataset.subjects() == ["Subject01"]
    rest, arithmetic = dataset.trials("Subject01")
    assert rest.rate == dataset.info.rate == 500
    assert 180 * 500 < len(rest.data) < 181.5 * 500
    assert 60 * 500 < len(arithmetic.data) < 61.5 * 500
    assert rest.scored_from == REST_SECONDS * 500
    # The arrays are 60 s of these files, resampled: rest from 120 s, arithmetic from the beginning.
    for original, sample, start in zip(
        (rest, arithmetic), open_dataset("eegmat", folder).trials("Subject01"), (120, 0), strict=True
    ):
        resampled = resample_poly(original.data, 32, 125, axis=0)[start * 128 :][: 60 * 128]
        for k in range(19):
            assert np.corrcoef(resampled[:, k], sample.data[:, k])[0, 1] > 0.9
        np.testing.assert_allclose(resampled.std(axis=0), sample.data.std(axis=0), rtol=0.1)


def test_edf_files_of_a_folder_are_paired_by_their_names(sample_recordings: tuple[Path, Path], tmp_path: Path) -> None:
    for number, path in enumerate(sample_recordings, start=1):
        for subject in ("00", "2"):
            (tmp_path / f"Subject{subject}_{number}.edf").symlink_to(path)
    (tmp_path / "Subject07_1.edf").symlink_to(sample_recordings[0])
    dataset = open_dataset("eegmat", tmp_path)
    assert dataset.subjects() == ["Subject00", "Subject02"]
    rest, arithmetic = dataset.trials("Subject02")
    assert (rest.rate, rest.channels) == (500, INFO.channels)
    assert (rest.labels, arithmetic.labels) == ({"mental_load": 0}, {"mental_load": 1})
    _write_sample(tmp_path / "fewer.npz", X=np.ones((2, 19, 256)), y=np.array([0, 1]), subject=np.array([5, 5]))
    assert open_dataset("eegmat", tmp_path).subjects() == ["Subject00", "Subject02"]
    write_npz(tmp_path / "more.npz", subjects=3, seconds=1)
    with pytest.raises(DatasetError, match="several npz files: found fewer"):
        open_dataset("eegmat", tmp_path)
    (tmp_path / "fewer.npz").unlink()
    assert open_dataset("eegmat", tmp_path).subjects() == ["Subject01", "Subject02", "Subject03"]


def test_a_folder_without_a_complete_subject_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Subject03_1.edf").touch()
    with pytest.raises(DatasetError, match="found 1 of its files"):
        open_dataset("eegmat", tmp_path).subjects()


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not there"):
        open_dataset("eegmat", tmp_path / "nothing")
