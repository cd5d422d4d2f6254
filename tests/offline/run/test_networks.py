"""The networks of a run: side by side in processes, blind to test windows, calibrated, timed."""

import multiprocessing
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bci_app.errors import BciError
from offline.datasets.base import Split, WindowSet
from offline.datasets.windows import make_windows
from offline.metrics import fit_temperature
from offline.protocols import make_splits, protocol_named
from offline.run.fold import SUBNET, Task
from offline.run.plan import final_split
from offline.run.reference import reference_preprocessing, reference_probabilities
from offline.run.workers import NetworkFrame, run_tasks
from tests.offline.processes import CONTEXT
from tests.offline.run.planted import PRESET, SPEC, Finished, Planted, Told, alone


@pytest.fixture
def _forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes begin with torch loaded; tests of killed and interrupted ones spawn them as users do."""
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: CONTEXT)


@pytest.mark.usefixtures("_forked")
def test_networks_in_separate_processes_give_the_same_results(tmp_path: Path, windows: WindowSet) -> None:
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


@pytest.mark.usefixtures("_forked")
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
    assert plain.temperatures[SUBNET] == plain.temperatures["inherited"] == tuned.temperatures["inherited"]
    assert tuned.temperatures[SUBNET] != tuned.temperatures["inherited"]


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


def test_the_reference_sees_the_same_windows_and_finds_the_effect(windows: WindowSet) -> None:
    dataset = Planted()
    features = make_windows(dataset, reference_preprocessing(SPEC))
    assert np.array_equal(features.last, windows.last)
    assert np.array_equal(features.trial, windows.trial)
    splits = make_splits(windows, "subjects", folds=3)
    found = reference_probabilities(features, splits, 0, reference_preprocessing(SPEC))
    assert np.isfinite(found).all()
    assert (found.argmax(axis=1) == features.labels[:, 0]).mean() > 0.8


def test_a_split_without_test_windows_gives_empty_logits(tmp_path: Path, windows: WindowSet) -> None:
    split = make_splits(windows, "subjects", folds=3)[0]
    final = Split("final", split.train, split.validation, np.empty(0, dtype=np.int64))
    result = alone(windows, final, tmp_path, preset=PRESET.changed(epochs=1, generations=1, finetune=0))
    assert result.logits["found"].shape == (0, 1, 2)
