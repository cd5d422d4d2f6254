"""Agreement with torcheeg 1.1.3, whose documented behaviour is written out here.

torcheeg needs scipy <= 1.10.1 and cannot be installed beside this project. The functions below say what
`DEAPDataset`, `DREAMERDataset` and `SEEDDataset` give by default: how files are opened, which samples a
chunk holds, what its baseline and its label are.
"""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from bci_app.preprocessing import PreprocessingSpec
from bci_app.preprocessing.spec import RestBaseline
from offline.datasets import Threshold, make_windows, open_dataset


class Sample(NamedTuple):
    """A chunk (n_channels, n_samples), its baseline (zero for none), its ratings, and where it ends in its trial."""

    eeg: NDArray[np.float64]
    baseline: NDArray[np.float64]
    ratings: list[float]
    end: int


def torcheeg_deap(path: Path) -> Iterator[Sample]:
    """Skip 3 s, then 1-s chunks; the baseline is the mean of the three first seconds."""
    with path.open("rb") as file:
        content = pickle.load(file, encoding="iso-8859-1")
    for trial, ratings in zip(content["data"], content["labels"], strict=True):
        eeg = trial[:32]
        baseline = eeg[:, :384].reshape(32, 3, 128).mean(axis=1)
        for start in range(384, eeg.shape[1] - 127, 128):
            yield Sample(eeg[:, start : start + 128], baseline, list(ratings), start + 128)


def torcheeg_dreamer(path: Path, subject: int) -> Iterator[Sample]:
    """Take 1-s chunks of the whole film; the baseline is the mean of the 61 s before it."""
    person = loadmat(path, verify_compressed_data_integrity=False)["DREAMER"][0, 0]["Data"][0, subject]
    eeg = person["EEG"][0, 0]
    for number in range(len(eeg["stimuli"][0, 0])):
        film, rest = (eeg[name][0, 0][number, 0][:, :14].swapaxes(1, 0) for name in ("stimuli", "baseline"))
        baseline = rest[:, : 61 * 128].reshape(14, 61, 128).mean(axis=1)
        ratings = [float(person[f"Score{name}"][0, 0][number, 0]) for name in ("Valence", "Arousal", "Dominance")]
        for start in range(0, film.shape[1] - 127, 128):
            yield Sample(film[:, start : start + 128], baseline, ratings, start + 128)


def torcheeg_seed(home: Path, name: str) -> Iterator[Sample]:
    """Take 1-s chunks of every clip; the label is looked up by the number at the end of its name."""
    clips = loadmat(home / name, verify_compressed_data_integrity=False)
    labels = loadmat(home / "label.mat", verify_compressed_data_integrity=False)["label"][0]
    for key in (key for key in clips if "eeg" in key):
        label = float(labels[int(key.split("_")[-1][3:]) - 1])
        for start in range(0, clips[key].shape[1] - 199, 200):
            yield Sample(clips[key][:62, start : start + 200], np.zeros((62, 200)), [label], start + 200)


def binary(rating: float, threshold: float) -> int:
    """Return torcheeg's `Binary`: its text says larger, its code takes equal ratings as high too."""
    return int(rating >= threshold)


def spec(channels: tuple[str, ...], rate: int, baseline: int = 0) -> PreprocessingSpec:
    made = PreprocessingSpec(channels=channels, rate=rate, window=rate, hop=rate)
    if not baseline:
        return made
    return made.model_copy(update={"baseline": RestBaseline(kind="template", samples=baseline * rate)})


def test_deap(deap_root: Path) -> None:
    dataset = open_dataset("deap", deap_root, threshold=Threshold(5, inclusive=True))
    theirs = list(torcheeg_deap(deap_root / "s02.dat"))
    ours = make_windows(dataset, spec(dataset.info.channels, 128), subjects=["s02"])
    np.testing.assert_array_equal(ours.tokens, np.stack([sample.eeg for sample in theirs]).astype(np.float32))
    np.testing.assert_array_equal(ours.last, [sample.end - 1 for sample in theirs])
    np.testing.assert_array_equal(ours.labels, [[binary(r, 5.0) for r in sample.ratings] for sample in theirs])
    assert [target.name for target in ours.targets] == ["valence", "arousal", "dominance", "liking"]
    removed = make_windows(dataset, spec(dataset.info.channels, 128, baseline=3), subjects=["s02"])
    np.testing.assert_allclose(
        removed.tokens, np.stack([sample.eeg - sample.baseline for sample in theirs]), rtol=1e-5, atol=1e-5
    )


def test_dreamer(dreamer_root: Path) -> None:
    dataset = open_dataset("dreamer", dreamer_root, threshold=Threshold(3, inclusive=True))
    theirs = list(torcheeg_dreamer(dreamer_root / "DREAMER.mat", 1))
    # Only the last minute of a film is scored here; the chunks of that minute are the same.
    lengths = [len(trial.data) for trial in dataset.trials("s02")]
    ends = iter(lengths)
    kept: list[Sample] = []
    length = 0
    for sample in theirs:
        length = next(ends) if sample.end == 128 else length
        if sample.end > length - 60 * 128:
            kept.append(sample)
    ours = make_windows(dataset, spec(dataset.info.channels, 128), subjects=["s02"])
    assert len(ours) == 60 * len(lengths)
    np.testing.assert_array_equal(ours.tokens, np.stack([sample.eeg for sample in kept]).astype(np.float32))
    np.testing.assert_array_equal(ours.last, [sample.end - 1 for sample in kept])
    np.testing.assert_array_equal(ours.labels, [[binary(r, 3.0) for r in sample.ratings] for sample in kept])
    removed = make_windows(dataset, spec(dataset.info.channels, 128, baseline=61), subjects=["s02"])
    np.testing.assert_allclose(
        removed.tokens, np.stack([sample.eeg - sample.baseline for sample in kept]), rtol=1e-4, atol=1e-4
    )


def test_seed(seed_root: Path) -> None:
    dataset = open_dataset("seed", seed_root)
    home = seed_root / "Preprocessed_EEG"
    theirs = [sample for path in sorted(home.glob("2_*.mat")) for sample in torcheeg_seed(home, path.name)]
    ours = make_windows(dataset, spec(dataset.info.channels, 200), subjects=["2"])
    np.testing.assert_array_equal(ours.tokens, np.stack([sample.eeg for sample in theirs]).astype(np.float32))
    np.testing.assert_array_equal(ours.labels[:, 0], [sample.ratings[0] + 1 for sample in theirs])
    np.testing.assert_array_equal(ours.last, [sample.end - 1 for sample in theirs])
