"""What a run refuses before anything is trained: targets that cannot be scored, and references of other windows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bci_app.bundle.spec import Target
from bci_app.errors import DatasetError
from offline.datasets import Threshold, open_dataset
from offline.datasets.base import WindowSet
from offline.datasets.synth import synth
from offline.presets import PRESETS
from offline.protocols import protocol_named
from offline.run import RunSettings, run
from offline.run.plan import make_plan, uncounted
from offline.run.reference import require_same_windows
from offline.run.settings import LARGEST_SEED, network_seed

SETTINGS = RunSettings(dataset="deap", preset=PRESETS["compact"], protocols=("trial", "subjects"), folds=2)
ANY_FOLDS = SETTINGS.model_copy(update={"folds": None})


def windows_of(labels: np.ndarray) -> WindowSet:
    """Return ten windows of each trial of each subject; `labels` (n_subjects, n_trials)."""
    n_subjects, n_trials = labels.shape
    n = labels.size * 10
    trial = np.repeat(np.arange(labels.size), 10)
    return WindowSet(
        tokens=np.zeros((n, 1, 1), dtype=np.float32),
        labels=np.repeat(labels.ravel(), 10)[:, None],
        targets=(Target(name="valence", classes=("low", "high"), description="self-rating from 1 to 9"),),
        subject=np.repeat(np.arange(n_subjects), n_trials * 10),
        session=np.repeat(np.arange(n_subjects), n_trials * 10),
        trial=trial,
        subjects=tuple(f"s{i + 1:02d}" for i in range(n_subjects)),
        last=np.tile(np.arange(10) * 128, labels.size),
        seconds=np.tile(np.arange(10.0), labels.size),
    )


MIXED = np.tile([0, 1], (4, 3))


@pytest.mark.parametrize("protocol", ["paper", "trial", "subjects", "loso"])
def test_a_target_of_one_class_is_refused(tmp_path: Path, protocol: str) -> None:
    with pytest.raises(DatasetError, match=r"all windows are low, expected .*1 to 9.*--threshold"):
        make_plan(windows_of(MIXED * 0), protocol_named(protocol), ANY_FOLDS, tmp_path)
    assert not (tmp_path / protocol).exists()


def test_a_target_that_nobody_has_both_classes_of_is_refused_where_subjects_are_scored_apart(tmp_path: Path) -> None:
    windows = windows_of(np.repeat([[0], [1], [0], [1]], 6, axis=1))
    with pytest.raises(DatasetError, match="every subject lacks a class"):
        make_plan(windows, protocol_named("trial"), SETTINGS, tmp_path)
    make_plan(windows, protocol_named("subjects"), SETTINGS, tmp_path)


def test_test_windows_of_one_class_are_refused(tmp_path: Path) -> None:
    windows = windows_of(np.repeat([[0], [1], [0], [1]], 6, axis=1))
    settings = SETTINGS.model_copy(update={"folds": 1})
    with pytest.raises(DatasetError, match="all windows that protocol loso tests are low"):
        make_plan(windows, protocol_named("loso"), settings, tmp_path)


def test_subjects_who_lack_a_class_are_told(tmp_path: Path) -> None:
    labels = MIXED.copy()
    labels[1] = 1
    windows = windows_of(labels)
    plans = [make_plan(windows, protocol_named(name), SETTINGS, tmp_path) for name in ("paper", "trial", "subjects")]
    (exclusion,) = uncounted(windows, plans)
    assert exclusion.what == "s02 (valence)"
    assert exclusion.why == "from balanced figures of protocol paper, trial: no tested window is low"


@pytest.mark.parametrize("text", [">9", ">=1", ">=9.5", "0.5", ">20"])
def test_a_threshold_that_divides_nothing_is_refused_before_the_folder_is_taken(tmp_path: Path, text: str) -> None:
    synth("deap", tmp_path / "data", subjects=1, trials=2)
    settings = SETTINGS.model_copy(update={"threshold": text})
    with pytest.raises(DatasetError, match=r"makes every valence rating .*ratings are from 1 to 9"):
        run(settings, tmp_path / "run", root=tmp_path / "data")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("text", [">1", ">=9", "8.9"])
def test_a_threshold_that_divides_is_taken(tmp_path: Path, text: str) -> None:
    synth("deap", tmp_path, subjects=1, trials=2)
    targets = open_dataset("deap", tmp_path, threshold=Threshold.parse(text)).info.targets
    assert targets[0].description.endswith(f"high if rating {Threshold.parse(text)}")


def test_a_reference_of_other_windows_is_refused() -> None:
    windows = windows_of(MIXED)
    require_same_windows(windows, replace(windows, tokens=windows.tokens + 1))
    less = windows_of(MIXED[:3])
    for other, found in (
        (less, "subjects that one of them lacks: s04"),
        (replace(less, subjects=windows.subjects), "180 windows for the network's 240"),
        (replace(windows, last=windows.last + 1), "other trials or times"),
        (replace(windows, trial=windows.trial[::-1]), "other trials or times"),
    ):
        with pytest.raises(DatasetError, match=found):
            require_same_windows(windows, other)


def test_no_two_networks_have_the_same_seed_and_those_of_the_first_999_splits_stay() -> None:
    assert [network_seed(7, number) for number in (0, 998, None)] == [7000, 7998, 7999]
    numbers = [None, *range(2500)]
    seeds = [network_seed(seed, number) for seed in (0, 1, 2, LARGEST_SEED) for number in numbers]
    assert len(set(seeds)) == len(seeds)
    assert max(seeds) < 2**63
