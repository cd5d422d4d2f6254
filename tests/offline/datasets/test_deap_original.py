from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edfio import Bdf, BdfSignal
from numpy.typing import NDArray

from bci_app.errors import DatasetError
from offline.datasets import open_dataset
from offline.datasets.deap import CHANNELS as DEAP

# The order of the Twente recordings, subjects 1 to 22.
TWENTE = (
    "Fp1", "AF3", "F7", "F3", "FC1", "FC5", "T7", "C3", "CP1", "CP5", "P7", "P3", "Pz", "PO3", "O1", "Oz",
    "O2", "PO4", "P4", "P8", "CP6", "CP2", "C4", "T8", "FC6", "FC2", "F4", "F8", "AF4", "Fp2", "Fz", "Cz",
)  # fmt: skip
RATE = 512
HEADER = "Participant_id,Trial,Experiment_id,Start_time,Valence,Arousal,Dominance,Liking,Familiarity\n"
# Presented as video 7 and then video 3; rows are not in the order of presentation.
ROWS = "1,2,3,100,7.1,2,6,4.5,1\n1,1,7,50,3,8.5,5,5.01,\n2,1,7,50,3,8.5,5,5.01,\n"


def status(n: int, starts: tuple[int, ...], high: int = 0) -> NDArray[np.float64]:
    """Make the status channel: fixation, video and rating around each start, upper bits set."""
    codes = np.zeros(n, dtype=np.int64)
    for start in starts:
        codes[start - 5 * RATE :] = 3
        codes[start:] = 4
        codes[start + 60 * RATE :] = 5
    return (codes | high).astype(np.float64)


def write(
    root: Path, order: tuple[str, ...], codes: NDArray[np.float64], *, name: str = "s01", label: str = "Status"
) -> NDArray[np.float64]:
    """Write a recording; gives the EEG in Geneva order."""
    (root / "data_original").mkdir(exist_ok=True)
    eeg = np.random.default_rng(0).normal(scale=30, size=(len(DEAP), len(codes))).round(1)
    ranges: Any = {"physical_range": (-262144.0, 262143.0), "physical_dimension": "uV"}
    signals = [BdfSignal(eeg[DEAP.index(channel)], RATE, label=channel, **ranges) for channel in order]
    signals += [BdfSignal(np.zeros(len(codes)), RATE, label=extra, **ranges) for extra in ("EXG1", "GSR1")]
    signals.append(BdfSignal(codes, RATE, label=label, physical_range=(-8388608.0, 8388607.0)))
    Bdf(signals).write(root / "data_original" / f"{name}.bdf")
    return eeg


def ratings(root: Path, rows: str = ROWS) -> Path:
    (root / "metadata_csv").mkdir(exist_ok=True)
    (root / "metadata_csv" / "participant_ratings.csv").write_text(HEADER + rows)
    return root


STARTS = (6 * RATE, 75 * RATE)
LENGTH = 140 * RATE


@pytest.mark.parametrize(
    ("order", "high", "label"), [(TWENTE, 0, "Status"), (DEAP, 0x1E00, "Status"), (DEAP, 0x1E00, "")]
)
def test_channels_are_found_by_name_and_codes_under_the_upper_bits(
    tmp_path: Path, order: tuple[str, ...], high: int, label: str
) -> None:
    eeg = write(ratings(tmp_path), order, status(LENGTH, STARTS, high), label=label)
    dataset = open_dataset("deap-original", tmp_path)
    first, second = dataset.trials("s01")
    assert (first.trial, second.trial) == ("07", "03")
    assert second.ratings == {"valence": 7.1, "arousal": 2.0, "dominance": 6.0, "liking": 4.5}
    assert first.labels == {"valence": 0, "arousal": 1, "dominance": 0, "liking": 1}
    for trial, start in ((first, STARTS[0]), (second, STARTS[1])):
        assert (trial.rate, trial.channels, trial.scored_from) == (512, DEAP, 5 * RATE)
        assert trial.data.shape == (65 * RATE, 32)
        np.testing.assert_allclose(trial.data, eeg[:, start - 5 * RATE : start + 60 * RATE].T, atol=0.04)


def test_trials_that_do_not_match_the_ratings_are_refused(tmp_path: Path) -> None:
    write(ratings(tmp_path), DEAP, status(LENGTH, STARTS[:1]))
    with pytest.raises(DatasetError, match=r"found 1 videos \(status code 4\), expected 2"):
        list(open_dataset("deap-original", tmp_path).trials("s01"))


def test_a_recording_that_ends_within_a_trial_is_refused(tmp_path: Path) -> None:
    write(ratings(tmp_path), DEAP, status(130 * RATE, STARTS))
    with pytest.raises(DatasetError, match=r"s01\.bdf ends within a trial: found 55\.0 s of video 3"):
        list(open_dataset("deap-original", tmp_path).trials("s01"))


def test_a_truncated_recording_is_refused(tmp_path: Path) -> None:
    write(ratings(tmp_path), DEAP, status(LENGTH, STARTS))
    path = tmp_path / "data_original" / "s01.bdf"
    path.write_bytes(path.read_bytes()[:-1_000_000])
    with pytest.raises(DatasetError, match=r"s01\.bdf cannot be used"):
        list(open_dataset("deap-original", tmp_path).trials("s01"))


def test_a_missing_channel_is_refused(tmp_path: Path) -> None:
    write(ratings(tmp_path), TWENTE[:-1], status(LENGTH, STARTS))
    with pytest.raises(DatasetError, match=r"channels of s01\.bdf do not fit: .*missing Cz"):
        list(open_dataset("deap-original", tmp_path).trials("s01"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1,2,3,100,7.1,2,6\n", r"Cannot read participant_ratings\.csv"),
        ("one,2,3,100,7.1,2,6,4,1\n", r"Cannot read participant_ratings\.csv"),
        ("1,1,3,0,0.2,2,6,4,1\n1,2,4,0,5,5,5,5,1\n", "valence rating of video 3 of s01.bdf is off its scale"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path: Path, rows: str, message: str) -> None:
    write(ratings(tmp_path, rows), DEAP, status(LENGTH, STARTS))
    with pytest.raises(DatasetError, match=message):
        list(open_dataset("deap-original", tmp_path).trials("s01"))


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    write(tmp_path, DEAP, status(2 * RATE, ()))
    with pytest.raises(DatasetError, match="lacks the table of ratings"):
        open_dataset("deap-original", tmp_path).files("s01")
