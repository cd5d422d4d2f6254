"""A whole run on data with a planted effect: scores, bundle, resume, and what begins with its result."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from bci_app.bundle import load_bundle
from bci_app.bundle.golden import check_bundle
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.spec import Controls
from bci_app.errors import BciError, BundleError, DatasetError, FileError
from offline.datasets.base import Trial, WindowSet
from offline.export.graph import Session
from offline.export.weights import read_networks, warm_start
from offline.metrics import balanced_accuracy
from offline.presets import PRESETS, Start
from offline.protocols import make_splits
from offline.run import RunRecord, RunSettings, experiment, read_settings, run
from offline.run.evaluate import decode_trial
from offline.run.fold import read_result
from offline.run.module import FoundSubnet, SubnetClassifier
from offline.run.record import ScoredWindows
from offline.run.scores import protocol_scores
from offline.run.watch import Progress
from offline.supernet.model import Network
from offline.supernet.space import ArchConfig
from offline.training import Recipe
from tests.offline.run.planted import CHANNELS, PRESET, SETTINGS, SPEC, Finished, Planted, Told, alone, start

pytestmark = pytest.mark.usefixtures("planted")


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
    assert [each.target for each in card.attributions] == ["load"]
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


def test_a_network_of_another_version_is_refused(finished: Finished, tmp_path: Path) -> None:
    shutil.copytree(next(finished.folder.glob("final/*")), tmp_path / "n")
    with np.load(tmp_path / "n" / "logits.npz") as archive:
        np.savez(tmp_path / "n" / "logits.npz", found=archive["found"])
    with pytest.raises(DatasetError, match=r"cannot be used: found .*subnet.*Start a new run"):
        read_result(tmp_path / "n")


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
