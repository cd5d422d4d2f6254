"""A whole run on data with a planted effect: scores, bundle, resume, and test data out of reach."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from bci_app.bundle import load_bundle
from bci_app.bundle.golden import check_bundle
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.spec import Controls, Target
from bci_app.errors import BciError, BundleError, DatasetError, FileError
from bci_app.preprocessing.steps import AverageReference
from offline.datasets import find_dataset, open_dataset
from offline.datasets.base import DatasetInfo, Split, Trial, WindowSet
from offline.datasets.windows import make_windows
from offline.export.graph import Session
from offline.export.weights import read_networks, warm_start
from offline.metrics import balanced_accuracy, fit_temperature
from offline.presets import PRESETS, Preset, Start
from offline.protocols import make_splits, protocol_named
from offline.run import RunRecord, RunResult, RunSettings, experiment, read_settings, run
from offline.run.evaluate import decode_trial
from offline.run.fold import FoldResult, Task
from offline.run.folder import claim
from offline.run.lock import locked
from offline.run.module import FoundSubnet, SubnetClassifier
from offline.run.plan import final_split
from offline.run.record import ScoredWindows
from offline.run.reference import reference_preprocessing, reference_probabilities
from offline.run.scores import protocol_scores
from offline.run.stages import run_networks
from offline.run.watch import Progress, Unwatched, Watch
from offline.run.workers import NetworkFrame, run_tasks
from offline.search.evolution import Evolution
from offline.supernet.model import Network
from offline.supernet.space import ArchConfig, SearchSpace
from offline.training import Recipe

CHANNELS = ("Fz", "Cz", "Pz", "O1")


@dataclass(frozen=True)
class Planted:
    """Rest and load recordings in which load raises the power at 20 Hz."""

    n_subjects: int = 8
    microvolts: float = 5.0
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
            rest_seconds=30.0,
        )
    )

    def subjects(self) -> list[str]:
        return [f"s{i}" for i in range(self.n_subjects)]

    def files(self, subject: str) -> tuple[Path, ...]:
        return (Path(__file__),)

    def trials(self, subject: str) -> Iterator[Trial]:
        rng = np.random.default_rng(int(subject[1:]))
        n = 46 * 128
        t = np.arange(n) / 128
        noise = rng.standard_normal((2, n, 4)).cumsum(axis=1) * 0.5 + rng.standard_normal((2, n, 4)) * self.microvolts
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
    finetune=6,
    protocol="subjects",
    folds=3,
)
SETTINGS = RunSettings(dataset="planted", preset=PRESET, protocols=("subjects",), folds=3)
SPEC = PRESET.preprocessing(Planted().info)


@pytest.fixture(scope="module", autouse=True)
def _planted() -> Iterator[None]:
    def planted(*_: object, **__: object) -> Planted:
        return Planted()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "open_dataset", planted)
        yield


@pytest.fixture(scope="module")
def windows() -> WindowSet:
    dataset = Planted()
    return make_windows(dataset, SPEC)


class Told(Unwatched):
    """Remembers progress, and may be struck by it."""

    def __init__(self, strike: Callable[[Progress], None] = lambda _: None) -> None:
        self.all: list[Progress] = []
        self._strike = strike

    def progress(self, progress: Progress) -> None:
        self.all.append(progress)
        self._strike(progress)


def start(out: Path, settings: RunSettings = SETTINGS, watch: Watch | None = None) -> RunResult:
    result = run(settings, out, watch=watch)
    assert result is not None
    return result


class Finished(NamedTuple):
    """A run that nothing happened to; only read from."""

    folder: Path
    result: RunResult


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("finished") / "run"
    return Finished(folder, start(folder))


def alone(
    windows: WindowSet, split: Split, folder: Path, *, preset: Preset = PRESET, watch: Watch | None = None
) -> FoldResult:
    task = Task(split.name, split, tuple(target.name for target in windows.targets), 1, 0, folder)
    (result,) = run_networks(windows, [task], preset, SPEC, report=(watch or Unwatched()).progress)
    assert result is not None
    return result


def test_a_run_learns_the_effect_scores_it_and_exports_a_bundle_that_checks(finished: Finished) -> None:
    folder, result = finished
    (protocol,) = result.record.protocols
    (score,) = protocol.scores["found"]
    assert score.balanced_accuracy > 0.8
    assert score.rolling_balanced_accuracy is not None
    assert score.reference_balanced_accuracy is not None
    assert score.n_windows == 8 * (13 + 42)
    assert score.majority_baseline == pytest.approx(42 / 55)
    loaded = load_bundle(folder / "bundle" / "planted-compact")
    assert check_bundle(loaded).windows >= 10
    assert loaded.spec.not_for_people
    card = loaded.spec.provenance
    assert card.scores == protocol.scores["found"]
    assert "all subjects together" in card.protocol_description
    assert "fitted in the end on the test windows of all folds" in card.protocol_description
    assert set(card.train_subjects) == {f"s{i}" for i in range(8)}
    assert str(folder.parent) not in loaded.spec.model_dump_json()
    assert str(folder.parent).encode() not in loaded.model
    record = RunRecord.read(folder)
    assert record == result.record
    assert [network.split for network in (*protocol.networks, *record.final)] == ["fold01", "fold02", "fold03", "final"]
    assert (folder / "subjects" / "splits.json").exists()
    for network in protocol.networks:
        kept = {path.name for path in (folder / network.folder).iterdir()}
        assert {"front.csv", "hypervolume.csv", "training.csv", "search.sqlite", "tensorboard"} <= kept
        assert not {name for name in kept if name.startswith(("supernet", "finetune", "calibration"))}
    Predictor(loaded.spec, loaded.model)


def test_kept_predictions_give_the_scores_again(finished: Finished) -> None:
    record = finished.result.record
    tested = ScoredWindows.read(finished.folder / "subjects" / "predictions.npz")
    again = protocol_scores(tested, ["load"], SPEC, within_subject=False)
    assert again["found"][0].n_windows == len(tested.labels)
    kept = dict(record.protocols[0].scores)
    # Controls are measured with networks and recordings, not with predictions.
    bare = {"controls": Controls(), "explained_by_controls": False}
    kept["found"] = tuple(score.model_copy(update=bare) for score in kept["found"])
    assert again == kept
    assert set(again) == {"found", "inherited", "supernet", "reference"}


def test_protocols_side_by_side_and_a_network_for_each_target(tmp_path: Path) -> None:
    settings = RunSettings(
        dataset="planted",
        preset=PRESET.changed(epochs=2, generations=1, finetune=0, networks="each"),
        protocols=("loso", "subjects"),
        folds=1,
        subjects=4,
    )
    record = start(tmp_path, settings).record
    assert record.primary == "loso"
    assert record.subjects == ("s0", "s1", "s2", "s3")
    assert {exclusion.what for exclusion in record.excluded} == {"s4", "s5", "s6", "s7"}
    assert [protocol.splits for protocol in record.protocols] == [1, 1]
    assert [network.folder for network in record.final] == ["final/load"]
    assert record.protocol("loso").networks[0].folder.startswith("loso/s")


class OneSided(Planted):
    """The last subject has recordings of one class only."""

    def trials(self, subject: str) -> Iterator[Trial]:
        for trial in super().trials(subject):
            yield replace(trial, labels={"load": 0}) if subject == "s2" else trial


def test_a_subject_who_lacks_a_class_is_in_no_balanced_figure_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "open_dataset", lambda *_, **__: OneSided())
    preset = PRESET.changed(epochs=1, generations=1, finetune=0)
    record = start(
        tmp_path, RunSettings(dataset="planted", preset=preset, protocols=("paper",), folds=2, subjects=3)
    ).record
    tested = ScoredWindows.read(tmp_path / "paper" / "predictions.npz")
    (score,) = record.protocols[0].scores["found"]
    predicted, labels = tested.probabilities["found"][0].argmax(axis=1), tested.labels[:, 0]
    own = [balanced_accuracy(predicted[tested.subject == s], labels[tested.subject == s]) for s in (0, 1)]
    assert score.balanced_accuracy == pytest.approx(np.mean(own))
    assert score.accuracy == pytest.approx(np.mean(predicted == labels))
    assert score.majority_baseline == pytest.approx((42 + 42 + 55) / (3 * 55))
    assert [e.why for e in record.excluded if e.what == "s2 (load)"] == [
        "from balanced figures of protocol paper: no tested window is high"
    ]


def test_the_exported_model_answers_for_a_protocol_that_does_not_leak() -> None:
    settings = RunSettings(dataset="planted", preset=PRESET, protocols=("paper", "trial"))
    assert settings.primary == "trial"
    assert settings.model_copy(update={"protocols": ("paper",)}).primary == "paper"
    with pytest.raises(BciError, match="each at most once"):
        RunSettings(dataset="planted", preset=PRESET, protocols=("trial", "trial"))


def test_the_command_tells_every_setting() -> None:
    changed = PRESETS["paper"].changed(
        epochs=3, generations=2, finetune=1, networks="shared", strategy="nsga2", latency=True
    )
    settings = RunSettings(
        dataset="seed", preset=changed, protocols=("paper", "trial"), folds=2, subjects=("3",), targets=("emotion",)
    )
    assert settings.command() == (
        "bci-offline run --dataset seed --preset paper --protocol paper,trial --seed 0 --folds 2 --subjects 3, "
        "--targets emotion --epochs 3 --generations 2 --finetune 1 --networks shared --search nsga2 --latency --out RUN"
    )


class Killed(Exception):  # noqa: N818
    pass


def test_a_run_stopped_in_every_stage_ends_with_the_same_graph(tmp_path: Path, finished: Finished) -> None:
    for stage in ("training", "search", "calibration", "fine-tuning"):

        def die(progress: Progress, stage: str = stage) -> None:
            if (progress.network, progress.stage, progress.done) == ("fold02", stage, 1):
                raise Killed

        with pytest.raises(Killed):
            start(tmp_path / "killed", watch=Told(die))
        assert not (tmp_path / "killed" / "bundle").exists()
    resumed = start(tmp_path / "killed").record
    unbroken = finished.result.record
    models = [
        (folder / "bundle" / "planted-compact" / "model.onnx").read_bytes()
        for folder in (finished.folder, tmp_path / "killed")
    ]
    assert models[0] == models[1]
    assert unbroken.protocols == resumed.protocols
    assert unbroken.final == resumed.final


def test_training_search_and_export_by_themselves_end_as_a_whole_run_does(tmp_path: Path, finished: Finished) -> None:
    for until in ("training", "search"):
        assert run(SETTINGS, tmp_path / "parts", until=until) is None
        assert not (tmp_path / "parts" / "bundle").exists()
    assert read_settings(tmp_path / "parts") == SETTINGS
    assert start(tmp_path / "parts").record.protocols == finished.result.record.protocols
    with pytest.raises(FileError, match="No run was started"):
        read_settings(tmp_path)


def test_networks_in_processes_of_their_own_give_the_same_results(tmp_path: Path, windows: WindowSet) -> None:
    splits = make_splits(windows, "subjects", folds=3)[:2]
    np.save(tmp_path / "tokens.npy", windows.tokens)
    mapped = replace(windows, tokens=np.load(tmp_path / "tokens.npy", mmap_mode="r"))
    watch = Told()
    one, several = (
        run_tasks(
            NetworkFrame(data, PRESET, SPEC),
            [[Task(split.name, split, ("load",), 5, 0, tmp_path / name / split.name)] for split in splits],
            processes=processes,
            report=watch.progress,
        )
        for name, processes, data in (("alone", 1, windows), ("together", 2, mapped))
    )
    for (a,), (b,) in zip(one, several, strict=True):
        assert a is not None
        assert b is not None
        assert a.summary == b.summary
        assert all(np.array_equal(a.logits[key], b.logits[key]) for key in a.logits)
    stages = {progress.stage for progress in watch.all}
    assert stages == {"training", "search", "calibration", "fine-tuning", "done"}


def test_a_failure_in_a_worker_process_arrives_whole(tmp_path: Path, windows: WindowSet) -> None:
    splits = make_splits(windows, "subjects", folds=3)[:2]
    folder = tmp_path / splits[0].name
    folder.mkdir()
    (folder / "supernet.safetensors").write_bytes(b"damaged")
    tasks = [[Task(split.name, split, ("load",), 5, 0, tmp_path / split.name)] for split in splits]
    with pytest.raises(BciError, match=r"Cannot read the checkpoint supernet\.safetensors.*Delete it"):
        run_tasks(NetworkFrame(windows, PRESET, SPEC), tasks, processes=2, report=lambda _: None)


def test_nothing_that_is_found_depends_on_test_windows(tmp_path: Path, windows: WindowSet) -> None:
    split = make_splits(windows, "subjects", folds=3)[0]
    tokens, labels = windows.tokens.copy(), windows.labels.copy()
    tokens[split.test] = np.nan
    labels[split.test] = 1 - labels[split.test]
    poisoned = replace(windows, tokens=tokens, labels=labels)
    clean, blind = (alone(data, split, tmp_path / name) for name, data in (("clean", windows), ("blind", poisoned)))
    assert clean.summary == blind.summary
    weights = [(tmp_path / name / "subnet.safetensors").read_bytes() for name in ("clean", "blind")]
    assert weights[0] == weights[1]


def test_shipped_weights_have_seen_validation_and_their_temperature_was_fitted_without_it(
    tmp_path: Path, windows: WindowSet
) -> None:
    split = make_splits(windows, "subjects", folds=3)[0]
    tuned = alone(windows, split, tmp_path / "tuned").summary
    plain = alone(windows, split, tmp_path / "plain", preset=PRESET.changed(finetune=0)).summary
    assert tuned.arch == plain.arch
    assert plain.temperatures["found"] == plain.temperatures["inherited"] == tuned.temperatures["inherited"]
    assert tuned.temperatures["found"] != tuned.temperatures["inherited"]


def test_the_shipped_network_is_calibrated_by_the_test_windows_of_all_folds(
    windows: WindowSet, finished: Finished
) -> None:
    folder, result = finished
    splits = make_splits(windows, "subjects", folds=3)
    logits = np.empty((len(windows), 2))
    for split, network in zip(splits, result.record.protocols[0].networks, strict=True):
        with np.load(folder / network.folder / "logits.npz") as archive:
            logits[split.test] = archive["subnet"][:, 0]
    assert not result.record.final[0].lines
    expected = fit_temperature(logits, windows.labels[:, 0], windows.trial)
    assert result.bundle.spec.targets[0].temperature == pytest.approx(expected, rel=1e-6)
    assert result.record.final[0].temperatures[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("strategy", ["evolution", "nsga2"])
def test_latency_is_measured_for_every_subnet_on_request(tmp_path: Path, windows: WindowSet, strategy: Any) -> None:
    split = make_splits(windows, "subjects", folds=3)[0]
    preset = PRESET.changed(epochs=1, finetune=0, strategy=strategy, latency=True)
    alone(windows, split, tmp_path, preset=preset)
    with sqlite3.connect(tmp_path / "search.sqlite") as connection:
        latencies = connection.execute("SELECT latency_ms FROM evaluations").fetchall()
    connection.close()
    assert len(latencies) >= 6
    assert all(0 < latency < 1000 for (latency,) in latencies)


def test_the_final_model_uses_every_window_and_tests_none(windows: WindowSet) -> None:
    for protocol, folds in (("subjects", 3), ("paper", 4)):
        splits = make_splits(windows, protocol, folds=folds)
        final = final_split(windows, splits, protocol_named(protocol))
        assert len(final.test) == 0
        assert np.array_equal(np.sort(np.concatenate([final.train, final.validation])), np.arange(len(windows)))
        if protocol == "paper":  # each subject has its own folds, and validates in the final model
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
    (out / "subjects").mkdir()
    (out / "subjects" / "supernet.safetensors").write_bytes(b"")
    with pytest.raises(FileError, match="belongs to another run"):
        start(out)


def test_a_run_of_a_version_with_other_names_of_settings_goes_on(tmp_path: Path) -> None:
    older = json.loads(SETTINGS.model_dump_json())
    older["preset"]["search"]["score"] = older["preset"]["search"].pop("objective")
    del older["preset"]["search_controls"]
    (tmp_path / "run.json").write_text(json.dumps(older))
    (tmp_path / "supernet.safetensors").write_bytes(b"")
    assert read_settings(tmp_path) == SETTINGS
    claim(tmp_path, SETTINGS)
    with pytest.raises(FileError, match="belongs to another run"):
        claim(tmp_path, SETTINGS.model_copy(update={"seed": 5}))


def test_networks_are_not_reused_for_other_data_of_the_same_shapes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = SETTINGS.model_copy(update={"preset": PRESET.changed(epochs=1, generations=1, finetune=0)})
    start(tmp_path / "run", quick)
    splits = tmp_path / "run" / "subjects" / "splits.json"
    written, result = splits.read_bytes(), (tmp_path / "run" / "result.json").read_bytes()
    for other in (Planted(microvolts=6.0), Planted(n_subjects=7)):
        with monkeypatch.context() as patch:
            patch.setattr(experiment, "open_dataset", lambda *_, data=other, **__: data)
            with pytest.raises(DatasetError, match=r"made for other windows: found .*expected 440 .*another --out"):
                start(tmp_path / "run", quick)
        assert splits.read_bytes() == written
        assert (tmp_path / "run" / "result.json").read_bytes() == result
    assert start(tmp_path / "run", quick).record.protocols == RunRecord.read(tmp_path / "run").protocols
    record = json.loads(written)
    record["splits"] = record["splits"][::-1]
    splits.write_text(json.dumps(record))
    with pytest.raises(DatasetError, match="divides the windows otherwise"):
        start(tmp_path / "run", quick)


def test_folds_that_loso_cannot_have_are_refused(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"protocols": ("loso",), "folds": 2})
    with pytest.raises(DatasetError, match=r"one fold a subject: found 2 folds.*Choose protocol subjects"):
        start(tmp_path / "run", settings)


def test_two_processes_do_not_work_in_one_folder(tmp_path: Path) -> None:
    quick = SETTINGS.model_copy(update={"preset": PRESET.changed(epochs=1, generations=1, finetune=0)})
    expected = pytest.raises(FileError, match="Another process works in")
    with locked(tmp_path / "run"), expected, locked(tmp_path / "run"):
        pass
    assert not (tmp_path / "run" / "run.lock").exists()
    (tmp_path / "run" / "run.json").write_text(quick.model_dump_json(indent=2) + "\n")
    (tmp_path / "run" / "run.lock").write_text("4194304 1.0")  # left by a process that was killed
    assert run(quick, tmp_path / "run", until="training") is None
    assert not (tmp_path / "run" / "run.lock").exists()


def test_a_run_that_is_refused_leaves_the_one_at_work_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with locked(folder):
        (folder / "run.json").write_text("of the one at work")
        (folder / "subjects").mkdir()
        (folder / "subjects" / "splits.json").write_text("written before anything is trained")
        with pytest.raises(FileError, match="Another process works in"):
            start(folder, SETTINGS)
        assert (folder / "run.json").read_text() == "of the one at work"
        assert (folder / "subjects" / "splits.json").exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="cannot be written"):
        start(tmp_path / "file" / "run", SETTINGS)


def test_a_run_that_was_refused_does_not_keep_the_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="missing s99"):
        start(tmp_path / "run", SETTINGS.model_copy(update={"subjects": ("s99",)}))
    assert not (tmp_path / "run").exists()
    with pytest.raises(DatasetError, match="Protocol session needs more sessions"):
        start(tmp_path / "run", SETTINGS.model_copy(update={"protocols": ("session",)}))
    start(tmp_path / "run", SETTINGS.model_copy(update={"preset": PRESET.changed(epochs=1, generations=1, finetune=0)}))


def test_the_reference_sees_the_same_windows_and_finds_the_effect(windows: WindowSet) -> None:
    dataset = Planted()
    features = make_windows(dataset, reference_preprocessing(SPEC))
    assert np.array_equal(features.last, windows.last)
    assert np.array_equal(features.trial, windows.trial)
    splits = make_splits(windows, "subjects", folds=3)
    found = reference_probabilities(features, splits, 0, reference_preprocessing(SPEC))
    assert np.isfinite(found).all()
    assert (found.argmax(axis=1) == features.labels[:, 0]).mean() > 0.8


def test_the_demo_subject_is_in_no_part_of_the_shipped_model(arithmetic_npz: Path) -> None:
    settings = RunSettings(dataset="eegmat", preset=PRESETS["compact"], protocols=("subjects",), folds=5)
    dataset = open_dataset("eegmat", arithmetic_npz)
    subjects = settings.choose_subjects(dataset)
    assert "Subject01" in dataset.subjects()
    assert "Subject01" not in subjects
    assert len(subjects) == 5


@pytest.mark.parametrize("preset", ["compact", "paper"])
@pytest.mark.parametrize(("rest", "window", "baseline"), [(0, 4, 0), (3, 1, 3), (61, 4, 26)])
def test_presets_fit_the_rest_that_a_data_set_offers(preset: str, rest: int, window: int, baseline: int) -> None:
    spec = PRESETS[preset].preprocessing(replace(Planted().info, rest_seconds=rest + 0.5))
    if preset == "paper":
        window, baseline = 1, min(rest, 60)
    assert spec.window_seconds == window
    assert spec.baseline_windows == baseline
    assert reference_preprocessing(spec).baseline_windows == baseline


def test_many_channels_are_referred_to_their_average_where_rest_is_long_but_the_reference_method_is_not() -> None:
    info = find_dataset("eegmat").info
    spec = PRESETS["compact"].preprocessing(info)
    assert AverageReference() in spec.steps
    assert AverageReference() not in reference_preprocessing(spec).steps
    assert AverageReference() in reference_preprocessing(spec, referenced=False).steps
    for changes in ({"rest_seconds": 3.0}, {"channels": info.channels[:4]}):
        assert AverageReference() not in PRESETS["compact"].preprocessing(replace(info, **changes)).steps


def test_recordings_without_a_reference_are_referred_to_the_average() -> None:
    info = replace(Planted().info, referenced=False)
    assert AverageReference() in PRESETS["compact"].preprocessing(info).steps
    assert AverageReference() not in SPEC.steps


def test_a_split_without_test_windows_gives_empty_logits(tmp_path: Path, windows: WindowSet) -> None:
    split = make_splits(windows, "subjects", folds=3)[0]
    final = Split("final", split.train, split.validation, np.empty(0, dtype=np.int64))
    result = alone(windows, final, tmp_path, preset=PRESET.changed(epochs=1, generations=1, finetune=0))
    assert result.logits["found"].shape == (0, 1, 2)


def test_the_exported_network_reads_raw_segments_in_skorch_and_moabb_as_its_bundle_does(finished: Finished) -> None:
    from skorch import NeuralNetClassifier

    trials = [replace(trial, rest=None) for trial in Planted().trials("p1")]
    segments = np.stack([trial.data.T for trial in trials]).astype(np.float32)
    spec = finished.result.bundle.spec
    predictor = Predictor(spec, finished.result.bundle.model)
    exact = [replace(trial, data=segment.T.astype(float)) for trial, segment in zip(trials, segments, strict=True)]
    expected = [list(decode_trial(spec, predictor, trial))[-1].probabilities[0] for trial in exact]
    shape = {"n_chans": len(CHANNELS), "n_times": segments.shape[2], "n_outputs": 2, "sfreq": 128.0}
    classifier = NeuralNetClassifier(
        FoundSubnet, **{f"module__{name}": value for name, value in {"run": finished.folder, **shape}.items()},
        criterion=torch.nn.CrossEntropyLoss, classes=[0, 1],
    ).initialize()  # fmt: skip
    np.testing.assert_allclose(classifier.predict_proba(segments), expected, atol=1e-4)
    # As MOABB does: a clone in a pipeline, labels encoded in the order of the alphabet, another order of classes.
    high = np.arange(len(segments)) % 2
    encoded = clone(make_pipeline(SubnetClassifier(finished.folder, 128.0, classes=(1, 0)))).fit(segments, 1 - high)
    np.testing.assert_allclose(encoded.predict_proba(segments), np.array(expected)[:, ::-1], atol=1e-4)
    assert list(encoded.predict(segments)) == list(1 - np.argmax(expected, axis=1))
    with pytest.raises(DatasetError, match="does not know these labels: found 0, 1, expected low, high"):
        SubnetClassifier(finished.folder, 128.0).fit(segments, high)
    with pytest.raises(BciError, match="too short"):
        FoundSubnet(finished.folder, **(shape | {"n_times": 256}))
    with pytest.raises(DatasetError, match="4 channels and 2 classes"):
        FoundSubnet(finished.folder, **(shape | {"n_outputs": 3}))


def test_a_run_begins_with_the_weights_and_preprocessing_of_a_bundle(
    tmp_path: Path, finished: Finished, windows: WindowSet
) -> None:
    loaded = finished.result.bundle
    ((targets, network),) = read_networks(loaded).items()
    tokens = windows.tokens[:50]
    answered = Session(loaded.model).logits(tokens)
    with torch.no_grad():
        np.testing.assert_allclose(network(torch.from_numpy(tokens)).logits.numpy(), answered, atol=1e-4)
        supernet = Network(PRESET.space.largest, n_channels=4, n_features=tokens.shape[2], class_counts=(2,))
        supernet.line = network.line
        warm_start(supernet, {targets: network}, targets)
        inherited = supernet(torch.from_numpy(tokens), network.arch).logits.numpy()
    np.testing.assert_allclose(inherited, answered, atol=1e-4)

    # Trained for one step of almost nothing, it knows the effect; from nothing it cannot.
    recipe = Recipe(epochs=1, learning_rate=1e-6, class_weights=True)
    preset = PRESET.model_copy(update={"start": Start.of(str(loaded.folder)), "recipe": recipe, "finetune": 0})
    assert "--from" in SETTINGS.model_copy(update={"preset": preset}).command()
    assert preset.preprocessing(Planted().info) == loaded.spec.preprocessing
    split = make_splits(windows, "subjects", folds=3, seed=0)[0]
    scores = []
    for name, chosen in (("from", preset), ("without", preset.model_copy(update={"start": None}))):
        found = alone(windows, split, tmp_path / name, preset=chosen)
        labels = windows.labels[split.test, 0]
        scores.append(balanced_accuracy(found.logits["supernet"][:, 0].argmax(axis=1), labels))
    assert scores[0] > max(0.75, scores[1])
    with pytest.raises(BundleError, match="no network in bundle mental-load to begin with: found a linear method"):
        Start.of("mental-load")
    with pytest.raises(BundleError, match="lack channels of bundle"):
        preset.preprocessing(replace(Planted().info, channels=("Fz", "Cz")))
    small = Network(ArchConfig(4, (2,), (1.0,)), n_channels=4, n_features=tokens.shape[2], class_counts=(2,))
    with pytest.raises(BundleError, match="does not fit into the search space"):
        warm_start(small, {targets: network}, targets)
