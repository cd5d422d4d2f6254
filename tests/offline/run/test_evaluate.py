"""Evaluation of a bundle through the live code, beside windows made offline."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from bci_app.bundle import LoadedBundle, load_bundle
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.spec import Conformal, Provenance, Smoothing
from bci_app.errors import BundleError, DatasetError
from offline import cli
from offline.datasets import Threshold, make_windows, open_dataset
from offline.datasets.synth import synth
from offline.export import Excerpt, ExportedSubnet, export_bundle
from offline.metrics import balanced_accuracy, rolling_mean
from offline.presets import PRESETS
from offline.protocols import make_splits
from offline.run.answers import swapped
from offline.run.evaluate import evaluate, evaluate_reference, shared_targets
from offline.run.reference import reference_preprocessing, reference_probabilities
from offline.supernet.model import Network
from offline.supernet.space import ArchConfig
from tests.offline.mental_arithmetic import write_npz

CARD = Provenance(
    dataset="none", dataset_source="none", licence="none", synthetic=True, train_subjects=("Subject00", "Subject03"),
    protocol="none", protocol_description="untrained", scores=(), intended_use="test", limitations="all",
    created="2026-01-01", command="none", software={},
)  # fmt: skip


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recordings of three made-up people."""
    return write_npz(tmp_path_factory.mktemp("sample") / "three.npz", subjects=3)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> LoadedBundle:
    """A network of random weights for EEGMAT."""
    dataset = open_dataset("eegmat", sample)
    spec = PRESETS["compact"].preprocessing(dataset.info)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Network(
            ArchConfig(16, (2,), (2.0,)), n_channels=19, n_features=spec.n_features, class_counts=(2,)
        ).eval()
    trial = next(iter(dataset.trials(dataset.subjects()[0])))
    folder = tmp_path_factory.mktemp("bundle") / "untrained"
    export_bundle(
        folder,
        [ExportedSubnet(network, dataset.info.targets)],
        name="untrained",
        title="Untrained",
        preprocessing=spec,
        provenance=CARD,
        excerpt=Excerpt(trial.data[: 40 * 128].astype(np.float32), trial.channels, trial.rate),
        smoothing=Smoothing(windows=10),
    )
    return load_bundle(folder)


def test_the_live_code_scores_the_windows_that_offline_makes(bundle: LoadedBundle, sample: Path) -> None:
    dataset = open_dataset("eegmat", sample)
    (result,) = evaluate(bundle, dataset)
    windows = make_windows(dataset, bundle.spec.preprocessing)
    (probabilities,) = Predictor(bundle.spec, bundle.model).predict(windows.tokens).probabilities
    labels = windows.labels[:, 0]
    assert result.windows == len(windows) == 3 * (27 + 56)
    assert result.balanced_accuracy == pytest.approx(balanced_accuracy(probabilities.argmax(axis=1), labels))
    rolled = rolling_mean(probabilities, windows.trial, 10).argmax(axis=1)
    assert result.rolling_balanced_accuracy == pytest.approx(balanced_accuracy(rolled, labels))
    one = windows.subject == 1
    assert result.subjects[windows.subjects[1]].balanced_accuracy == pytest.approx(
        balanced_accuracy(probabilities[one].argmax(axis=1), labels[one])
    )


def test_the_command_prints_what_the_issue_names(bundle: LoadedBundle, sample: Path) -> None:
    arguments = ["evaluate", str(bundle.folder), "--dataset", "eegmat", "--file", str(sample)]
    result = CliRunner().invoke(cli.app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert list(printed) == [
        "balanced_accuracy", "rolling_balanced_accuracy", "ece", "per_subject", "answered",
        "answered_rolling_balanced_accuracy", "coverage", "swap", "auc_within",
    ]  # fmt: skip
    assert printed["answered"] == 1.0
    assert printed["answered_rolling_balanced_accuracy"] == printed["rolling_balanced_accuracy"]
    assert printed["coverage"] is None
    assert set(printed["swap"]) == {"rest_high", "task_high"}
    assert 0 <= printed["auc_within"] <= 1
    assert len(printed["per_subject"]) == 3
    assert "1 of 3 subjects" in result.stderr
    table = CliRunner().invoke(cli.app, [*arguments, "--subjects", "2"])
    assert "calibration error" in table.stdout
    assert "reference" not in table.stdout


def test_windows_whose_set_has_several_classes_have_no_answer(bundle: LoadedBundle, sample: Path) -> None:
    dataset = open_dataset("eegmat", sample)
    (sure,) = evaluate(bundle, dataset)
    target = bundle.spec.targets[0]
    everything = Conformal(of="window", coverage=0.9, thresholds=(1.0, 1.0), kind="marginal", n_windows=100)
    spec = bundle.spec.model_copy(update={"targets": (target.model_copy(update={"conformal": (everything,)}),)})
    (found,) = evaluate(replace(bundle, spec=spec), dataset)
    assert found.balanced_accuracy == sure.balanced_accuracy
    assert sure.answers is not None
    assert found.answers is not None
    assert (sure.answers.share, sure.answers.coverage) == (1.0, None)
    assert (found.answers.share, found.answers.coverage) == (0.0, 1.0)
    assert found.answers.rolling_balanced_accuracy is None


def test_a_swapped_baseline_is_the_beginning_of_the_task(sample: Path) -> None:
    trials = list(open_dataset("eegmat", sample).trials("Subject02"))
    rest, task = swapped(trials, "mental_load", 30.0)
    assert rest.rest is trials[1].data
    assert (rest.labels["mental_load"], rest.scored_from) == (0, trials[0].scored_from)
    assert (task.rest, task.scored_from) == (None, round(30 * task.rate))
    assert list(swapped(trials[:1], "mental_load", 30.0)) == []


def test_the_reference_stands_beside_fitted_on_the_other_subjects(bundle: LoadedBundle, sample: Path) -> None:
    dataset = open_dataset("eegmat", sample)
    results = evaluate(bundle, dataset)
    (reference,) = evaluate_reference(bundle, dataset, results)
    assert reference.windows == results[0].windows
    spec = reference_preprocessing(bundle.spec.preprocessing)
    windows = make_windows(dataset, spec)
    splits = [split for split in make_splits(windows, "loso") if split.name == windows.subjects[0]]
    probabilities = reference_probabilities(windows, splits, 0, spec)[splits[0].test]
    assert reference.subjects[windows.subjects[0]].balanced_accuracy == pytest.approx(
        balanced_accuracy(probabilities.argmax(axis=1), windows.labels[splits[0].test, 0])
    )
    arguments = ["evaluate", str(bundle.folder), "--dataset", "eegmat", "--file", str(sample)]
    table = CliRunner().invoke(cli.app, arguments)
    assert table.exit_code == 0, table.output
    assert f"{reference.balanced_accuracy:.3f}" in table.stdout
    assert "fitted for each subject on the other 2" in " ".join(table.stdout.split())


def test_a_reference_of_other_windows_is_refused(bundle: LoadedBundle, sample: Path) -> None:
    dataset = open_dataset("eegmat", sample)
    (result,) = evaluate(bundle, dataset)
    changed = {name: replace(score, windows=score.windows + 1) for name, score in result.subjects.items()}
    with pytest.raises(DatasetError, match="the same windows"):
        evaluate_reference(bundle, dataset, [replace(result, subjects=changed)])


def test_a_data_set_without_its_targets_is_refused(bundle: LoadedBundle, tmp_path: Path) -> None:
    synth("deap", tmp_path, subjects=1, trials=2)
    with pytest.raises(BundleError, match="mental_load"):
        evaluate(bundle, open_dataset("deap", tmp_path))


def test_a_class_that_is_all_baseline_is_named_and_not_scored(
    bundle: LoadedBundle, sample: Path, tmp_path: Path
) -> None:
    with np.load(sample, allow_pickle=False) as archive:
        arrays = dict(archive)
    np.savez(tmp_path / "short.npz", **arrays | {"X": arrays["X"][..., : 30 * 128]})
    with pytest.raises(DatasetError, match=r"No window of mental load low is left.*found 78 windows, all of high"):
        evaluate(bundle, open_dataset("eegmat", tmp_path / "short.npz"))


def test_ratings_divided_elsewhere_are_refused_until_the_threshold_is_the_bundles(
    bundle: LoadedBundle, tmp_path: Path
) -> None:
    synth("deap", tmp_path, subjects=1, trials=2)
    seven, five = (open_dataset("deap", tmp_path, threshold=Threshold.parse(text)) for text in (">=7", ">5"))
    rated = seven.info.targets[:1]
    spec = bundle.spec.model_copy(update={"targets": rated})
    with pytest.raises(BundleError, match=r"divides valence elsewhere.*found .*> 5, expected .*>= 7.*--threshold"):
        evaluate(replace(bundle, spec=spec), five)
    assert shared_targets(spec, seven) == ["valence"]


def test_ratings_on_another_scale_are_divided_where_their_data_set_divides_them(
    bundle: LoadedBundle, tmp_path: Path
) -> None:
    synth("dreamer", tmp_path, subjects=1, trials=2)
    from_9 = Threshold(5).target("valence", (1, 9))
    spec = bundle.spec.model_copy(update={"targets": (from_9,)})
    assert shared_targets(spec, open_dataset("dreamer", tmp_path)) == ["valence"]


def test_an_elastic_model_is_scored_beside_the_reference_on_other_electrodes(tmp_path: Path) -> None:
    four = np.array(["TP9", "AF7", "AF8", "TP10"])
    signals = np.random.default_rng(2).normal(scale=100, size=(6, 4, 60 * 128)).round().astype(np.int16)
    other = write_npz(tmp_path / "muse.npz", subjects=3, ch_names=four, X=signals)
    result = CliRunner().invoke(cli.app, ["evaluate", "mental-load", "--dataset", "eegmat", "--file", str(other)])
    assert result.exit_code == 0, result.output
    assert "reference: logistic regression" in " ".join(result.output.split())
