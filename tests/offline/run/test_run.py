"""A whole run on data with a planted effect: scores, bundle, resume, and test data out of reach."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from bci_app.bundle import load_bundle
from bci_app.bundle.golden import check_bundle
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.spec import Target
from bci_app.errors import BciError, FileError
from offline.datasets.base import DatasetInfo, Split, Trial, WindowSet
from offline.datasets.windows import make_windows
from offline.presets import PRESETS, Preset
from offline.protocols import make_splits, protocol_named
from offline.run import RunResult, RunSettings, experiment, run
from offline.run.fold import Progress, run_fold
from offline.run.reference import reference_preprocessing, reference_probabilities
from offline.run.workers import Job, run_jobs
from offline.search.evolution import Evolution
from offline.supernet.space import SearchSpace
from offline.training import Recipe

CHANNELS = ("Fz", "Cz", "Pz", "O1")


@dataclass(frozen=True)
class Planted:
    """Rest and load recordings in which load raises the power at 20 Hz."""

    n_subjects: int = 8
    info: DatasetInfo = field(
        default=DatasetInfo(
            name="planted",
            title="Planted effect",
            source="made by this test",
            licence="none",
            obtain="",
            expected_files="",
            targets=(Target(name="load", classes=("low", "high")),),
            channels=CHANNELS,
            rate=128.0,
            synthetic=True,
        )
    )

    def subjects(self) -> list[str]:
        return [f"s{i}" for i in range(self.n_subjects)]

    def trials(self, subject: str) -> Iterator[Trial]:
        rng = np.random.default_rng(int(subject[1:]))
        n = 46 * 128
        t = np.arange(n) / 128
        noise = rng.standard_normal((2, n, 4)).cumsum(axis=1) * 0.5 + rng.standard_normal((2, n, 4)) * 5
        wave = np.sin(2 * np.pi * 20 * t)[:, None]
        rest, load = noise[0] + wave * 2, noise[1] + wave * 3
        base = Trial(subject, subject, "rest", rest, 128.0, CHANNELS, {"load": 0}, scored_from=30 * 128)
        yield base
        yield replace(base, trial="load", data=load, labels={"load": 1}, scored_from=0, rest=rest)


PRESET = Preset(
    name="compact",
    tokens="band power",
    space=SearchSpace("tiny", (8, 16), (2,), (1.0, 2.0), (1, 2)),
    recipe=Recipe(epochs=4, learning_rate=1e-2, class_weights=True),
    search=Evolution(population=6, generations=2, kept=3, mutations=3, crossovers=3),
    finetune=1,
    protocol="subjects",
    folds=3,
)
SETTINGS = RunSettings(dataset="planted", preset=PRESET, protocol="subjects", folds=3)


@pytest.fixture(autouse=True)
def _planted(monkeypatch: pytest.MonkeyPatch) -> None:
    def planted(*_: object) -> Planted:
        return Planted()

    monkeypatch.setattr(experiment, "open_dataset", planted)


@pytest.fixture(scope="module")
def windows() -> WindowSet:
    dataset = Planted()
    return make_windows(dataset, PRESET.preprocessing(dataset.info))


def start(out: Path, settings: RunSettings = SETTINGS) -> RunResult:
    return run(settings, out, report=lambda _: None)


def test_a_run_learns_the_effect_scores_it_and_exports_a_bundle_that_checks(tmp_path: Path) -> None:
    result = start(tmp_path / "run")
    (score,) = result.scores
    assert score.balanced_accuracy > 0.8
    assert score.rolling_balanced_accuracy is not None
    assert score.reference_balanced_accuracy is not None
    assert score.n_windows == 8 * (13 + 43)
    assert score.majority_baseline == pytest.approx(43 / 56)
    loaded = load_bundle(tmp_path / "run" / "bundle" / "planted-compact")
    assert check_bundle(loaded).windows >= 10
    assert loaded.spec.not_for_people
    card = loaded.spec.provenance
    assert card.scores == result.scores
    assert set(card.train_subjects) == {f"s{i}" for i in range(8)}
    assert str(tmp_path) not in loaded.spec.model_dump_json()
    assert str(tmp_path).encode() not in loaded.model
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    assert [fold["name"] for fold in record["folds"]] == ["fold01", "fold02", "fold03", "final"]
    assert (tmp_path / "run" / "splits.json").exists()
    assert (tmp_path / "run" / "folds" / "fold01" / "front.csv").exists()
    Predictor(loaded.spec, loaded.model)


class Killed(Exception):  # noqa: N818
    pass


@pytest.mark.parametrize("stage", ["training", "search", "fine-tuning"])
def test_a_run_stopped_in_any_stage_ends_with_the_same_graph(tmp_path: Path, stage: str) -> None:
    start(tmp_path / "unbroken")

    def die(progress: Progress) -> None:
        if (progress.fold, progress.stage, progress.done) == ("fold02", stage, 1):
            raise Killed

    with pytest.raises(Killed):
        run(SETTINGS, tmp_path / "killed", report=die)
    assert not (tmp_path / "killed" / "bundle").exists()
    start(tmp_path / "killed")
    models = [
        (tmp_path / name / "bundle" / "planted-compact" / "model.onnx").read_bytes() for name in ("unbroken", "killed")
    ]
    assert models[0] == models[1]
    records = [json.loads((tmp_path / name / "result.json").read_text()) for name in ("unbroken", "killed")]
    assert records[0]["scores"] == records[1]["scores"]
    assert records[0]["folds"] == records[1]["folds"]


def test_folds_in_processes_of_their_own_give_the_same_results(tmp_path: Path, windows: WindowSet) -> None:
    splits = make_splits(windows, "subjects", folds=3)[:2]
    told: list[Progress] = []
    alone, together = (
        run_jobs(
            windows,
            PRESET,
            [Job(split, 5, tmp_path / name / split.name) for split in splits],
            processes=processes,
            report=told.append,
        )
        for name, processes in (("alone", 1), ("together", 2))
    )
    for a, b in zip(alone, together, strict=True):
        assert a.summary == b.summary
        assert all(np.array_equal(a.logits[key], b.logits[key]) for key in a.logits)
    assert {progress.stage for progress in told} == {"training", "search", "fine-tuning"}


def test_a_failure_in_a_worker_process_arrives_whole(tmp_path: Path, windows: WindowSet) -> None:
    splits = make_splits(windows, "subjects", folds=3)[:2]
    folder = tmp_path / splits[0].name
    folder.mkdir()
    (folder / "supernet.safetensors").write_bytes(b"damaged")
    jobs = [Job(split, 5, tmp_path / split.name) for split in splits]
    with pytest.raises(BciError, match=r"Cannot read the checkpoint supernet\.safetensors.*Delete it"):
        run_jobs(windows, PRESET, jobs, processes=2, report=lambda _: None)


def test_nothing_that_is_found_depends_on_test_windows(tmp_path: Path, windows: WindowSet) -> None:
    split = make_splits(windows, "subjects", folds=3)[0]
    tokens, labels = windows.tokens.copy(), windows.labels.copy()
    tokens[split.test] = np.nan
    labels[split.test] = 1 - labels[split.test]
    poisoned = replace(windows, tokens=tokens, labels=labels)
    clean, blind = (
        run_fold(data, split, PRESET, seed=1, folder=tmp_path / name, report=lambda _: None)
        for name, data in (("clean", windows), ("blind", poisoned))
    )
    assert clean.summary == blind.summary
    weights = [(tmp_path / name / "subnet.safetensors").read_bytes() for name in ("clean", "blind")]
    assert weights[0] == weights[1]


def test_the_final_model_uses_every_window_and_tests_none(windows: WindowSet) -> None:
    for protocol, folds in (("subjects", 3), ("paper", 4)):
        splits = make_splits(windows, protocol, folds=folds)
        final = experiment.final_split(windows, splits, protocol_named(protocol))
        assert len(final.test) == 0
        assert np.array_equal(np.sort(np.concatenate([final.train, final.validation])), np.arange(len(windows)))
        if protocol == "paper":  # each subject has folds of its own, and validates in the final model
            assert set(windows.subject[final.validation]) == set(range(8))


def test_a_folder_of_another_run_or_of_other_files_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(FileError, match="is not empty"):
        start(out)
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]
    (out / "thesis.txt").unlink()
    (out / "run.json").write_text(SETTINGS.model_copy(update={"seed": 5}).model_dump_json(indent=2) + "\n")
    with pytest.raises(FileError, match="belongs to another run"):
        start(out)


def test_the_reference_sees_the_same_windows_and_finds_the_effect(windows: WindowSet) -> None:
    dataset = Planted()
    spec = reference_preprocessing(PRESET.preprocessing(dataset.info))
    assert spec is not None
    features = make_windows(dataset, spec)
    assert np.array_equal(features.last, windows.last)
    assert np.array_equal(features.trial, windows.trial)
    splits = make_splits(windows, "subjects", folds=3)
    found = reference_probabilities(features, splits, 0)
    assert np.isfinite(found).all()
    assert (found.argmax(axis=1) == features.labels[:, 0]).mean() > 0.8


def test_the_demo_subject_is_in_no_part_of_the_shipped_model() -> None:
    settings = RunSettings(dataset="eegmat", preset=PRESETS["compact"], protocol="subjects", folds=5)
    from offline.datasets import open_dataset

    dataset = open_dataset("eegmat")
    made = experiment._windows(dataset, PRESETS["compact"].preprocessing(dataset.info), settings, None)
    assert "Subject01" in dataset.subjects()
    assert "Subject01" not in made.subjects
    assert len(made.subjects) == 29


def test_a_split_without_test_windows_gives_empty_logits(tmp_path: Path, windows: WindowSet) -> None:
    split = make_splits(windows, "subjects", folds=3)[0]
    final = Split("final", split.train, split.validation, np.empty(0, dtype=np.int64))
    quick = PRESET.changed(epochs=1, generations=1, finetune=0)
    result = run_fold(windows, final, quick, seed=1, folder=tmp_path, report=lambda _: None)
    assert result.logits["found"].shape == (0, 1, 2)
