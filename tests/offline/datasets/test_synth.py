from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bci_app.errors import DatasetError
from bci_app.preprocessing import PreprocessingSpec
from bci_app.preprocessing.spec import LogBandPowerToken, RestBaseline
from offline.datasets import make_windows, open_dataset
from offline.datasets.deap import CHANNELS as DEAP
from offline.datasets.restricted_pickle import read_arrays
from offline.datasets.synth import synth
from offline.protocols import make_splits


def test_deap_files_have_the_published_shapes_and_processing(deap_root: Path) -> None:
    arrays = read_arrays(deap_root / "s01.dat")
    data, labels = arrays["data"], arrays["labels"]
    assert data.shape == (4, 40, 8064)
    assert data.dtype == labels.dtype == np.float64
    assert labels.shape == (4, 4)
    assert labels.min() >= 1
    assert labels.max() <= 9
    eeg = data[:, :32]
    # Average reference, 4-45 Hz, µV.
    np.testing.assert_allclose(eeg.mean(axis=1), 0, atol=1e-9)
    power = (np.abs(np.fft.rfft(eeg, axis=2)) ** 2).mean(axis=(0, 1))
    frequency = np.fft.rfftfreq(8064, 1 / 128)
    outside = (frequency < 3.5) | (frequency > 45.5)
    assert power[outside].sum() < 1e-6 * power.sum()
    assert 3 < eeg.std() < 40


def test_dreamer_files_have_the_published_layout(dreamer_root: Path) -> None:
    top = loadmat(dreamer_root / "DREAMER.mat")["DREAMER"][0, 0]
    assert {"noOfSubjects", "noOfVideoSequences", "Disclaimer", "Provider", "Version", "Acknowledgement"} <= set(
        top.dtype.names
    )
    assert (top["EEG_SamplingRate"].item(), top["ECG_SamplingRate"].item()) == (128, 256)
    assert top["Data"].shape == (1, 2)
    person = top["Data"][0, 0]
    assert set(person.dtype.names) == {"Age", "Gender", "EEG", "ECG", "ScoreValence", "ScoreArousal", "ScoreDominance"}
    eeg, ecg = person["EEG"][0, 0], person["ECG"][0, 0]
    assert eeg["stimuli"][0, 0].shape == eeg["baseline"][0, 0].shape == (2, 1)
    film, pulse = eeg["stimuli"][0, 0][0, 0], ecg["stimuli"][0, 0][0, 0]
    assert film.shape[1] == 14
    assert pulse.shape == (2 * len(film), 2)
    assert 3800 < film.mean() < 4600  # the offset that the headset does not remove


def test_seed_files_have_the_published_layout(seed_root: Path) -> None:
    home = seed_root / "Preprocessed_EEG"
    assert loadmat(home / "label.mat")["label"].tolist() == [[1, 0, -1]]
    prefixes = set()
    for path in sorted(home.glob("*_*.mat")):
        names = [name for name in loadmat(path) if not name.startswith("__")]
        assert [name.split("_")[1] for name in names] == ["eeg1", "eeg2", "eeg3"]
        prefixes.add(names[0].split("_")[0])
    assert len(prefixes) == 2  # one a subject


@pytest.mark.parametrize(("kind", "name"), [("deap", "s01.dat"), ("dreamer", "DREAMER.mat")])
def test_the_seed_decides_everything(tmp_path: Path, kind: str, name: str) -> None:
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        synth(kind, tmp_path / folder, subjects=1, trials=2, seed=seed)
    skip = 128  # a MAT file begins with the date
    first, same, other = ((tmp_path / folder / name).read_bytes()[skip:] for folder in "abc")
    assert first == same
    assert first != other


def test_fewer_subjects_are_the_same_subjects(deap_root: Path, tmp_path: Path) -> None:
    synth("deap", tmp_path / "one", subjects=1, trials=4, seed=7)
    assert (tmp_path / "one" / "s01.dat").read_bytes() == (deap_root / "s01.dat").read_bytes()


def test_what_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="found 'amigos', expected deap, dreamer, seed"):
        synth("amigos", tmp_path / "a", subjects=1, trials=2)
    with pytest.raises(DatasetError, match="found 19, expected 2 to 18"):
        synth("dreamer", tmp_path / "a", subjects=1, trials=19)
    with pytest.raises(DatasetError, match="found 0, expected 1 to 32"):
        synth("deap", tmp_path / "a", subjects=0, trials=19)
    (tmp_path / "mine.txt").touch()
    with pytest.raises(DatasetError, match="an empty or new folder"):
        synth("deap", tmp_path, subjects=1, trials=2)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], float]:
    """Balanced accuracy of a line on band power by protocol and target, one subject."""
    root = tmp_path_factory.mktemp("gap")
    synth("deap", root, subjects=1, trials=30, seed=1)
    dataset = open_dataset("deap", root)
    spec = PreprocessingSpec(
        channels=DEAP,
        rate=128,
        window=512,
        hop=512,
        token=LogBandPowerToken(bands=((4, 8), (8, 13), (13, 30), (30, 45))),
    )
    windows = make_windows(dataset, spec)
    features = windows.tokens.reshape(len(windows), -1)
    made = {}
    for protocol in ("paper", "trial"):
        splits = make_splits(windows, protocol, folds=5)
        for column, target in enumerate(windows.targets):
            truth, predicted = windows.labels[:, column], np.full(len(windows), -1)
            for split in splits:
                train = np.concatenate([split.train, split.validation])
                model = make_pipeline(StandardScaler(), RidgeClassifier(30.0))
                predicted[split.test] = model.fit(features[train], truth[train]).predict(features[split.test])
            made[protocol, target.name] = float(balanced_accuracy_score(truth, predicted))
    return made


def test_shuffled_segments_look_far_better_than_whole_trials(scores: dict[tuple[str, str], float]) -> None:
    for target in ("valence", "arousal", "dominance", "liking"):
        assert scores["paper", target] > 0.8
        assert scores["paper", target] - scores["trial", target] > 0.15
    # No effect was planted for liking: what shuffled segments find there is the trial, nothing else.
    assert scores["trial", "liking"] < 0.6


def test_the_planted_effect_is_found_in_whole_trials(scores: dict[tuple[str, str], float]) -> None:
    planted = [scores["trial", target] for target in ("valence", "arousal", "dominance")]
    assert np.mean(planted) > 0.56
    assert np.mean(planted) > scores["trial", "liking"] + 0.05


def test_a_baseline_of_three_seconds_can_be_measured(deap_root: Path) -> None:
    spec = PreprocessingSpec(
        channels=DEAP,
        rate=128,
        window=128,
        hop=128,
        baseline=RestBaseline(kind="template", samples=384),
        across_channels=True,
    )
    windows = make_windows(open_dataset("deap", deap_root), spec)
    assert windows.tokens.shape == (2 * 4 * 60, 32, 128)
