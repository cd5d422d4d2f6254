"""The line beside a network: chosen by validation alone, and shipped as what it is."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bci_app.bundle.spec import Target
from offline.baselines.linear import logistic
from offline.datasets.base import WindowSet
from offline.export import ExportedSubnet, build_graph
from offline.export.graph import Session, check_parity
from offline.metrics import balanced_accuracy, expected_calibration_error, softmax
from offline.protocols import make_splits
from offline.run.line import chosen_lines, put_beside, units_apart
from offline.supernet.model import Network
from offline.supernet.space import ArchConfig

TARGETS = (Target(name="valence", classes=("low", "high")), Target(name="emotion", classes=("a", "b", "c")))


def planted(trials: int = 36, effect: float = 1.0) -> WindowSet:
    """Trials of 8 windows; each target moves one feature of all channels."""
    rng = np.random.default_rng(0)
    trial = np.repeat(np.arange(trials), 8)
    labels = np.stack([trial % 2, trial // 2 % 3], axis=1)
    tokens = rng.standard_normal((len(trial), 4, 3)) + rng.standard_normal((trials, 4, 3))[trial] * 0.1
    tokens[:, :, 0] += effect * labels[:, :1]
    tokens[:, :, 1] += labels[:, 1:]
    who = np.zeros(len(trial), dtype=np.int64)
    return WindowSet(
        tokens=tokens.astype(np.float32), labels=labels, subject=who, trial=trial, session=who, seconds=trial * 0.0,
        last=np.arange(len(trial)), subjects=("s1",), targets=TARGETS,
    )  # fmt: skip


def test_validation_chooses_between_line_and_network_and_tested_labels_have_no_part() -> None:
    windows = planted()
    split = make_splits(windows, "trial", folds=3, seed=0)[0]
    held = windows.labels[split.validation]
    knows = np.zeros((len(held), 2, 3))
    knows[np.arange(len(held)), 1, held[:, 1]] = 9.0  # of the second target, and nothing of the first
    found = chosen_lines(windows, split, knows, (1.0, 1.0))
    assert [line is None for line in found] == [False, True]
    labels = windows.labels.copy()
    labels[split.test] = 1 - labels[split.test]
    again = chosen_lines(replace(windows, labels=labels), split, knows, (1.0, 1.0))
    for line, same in zip(found[:1], again[:1], strict=True):
        assert line is not None
        assert same is not None
        np.testing.assert_array_equal(line.weights, same.weights)
        assert line.temperature == same.temperature


def test_the_simple_reference_is_left_only_for_a_network_that_is_clearly_better() -> None:
    windows = planted()
    split = make_splits(windows, "trial", folds=3, seed=0)[0]
    flat, held = windows.tokens.reshape(len(windows), -1), split.validation
    labels, logits = windows.labels[:, 0], np.zeros((len(held), 2, 3))
    fitted = make_pipeline(StandardScaler(), logistic())
    logits[:, 0, :2] = fitted.fit(flat[split.train], labels[split.train]).predict_log_proba(flat[held])
    right = 9.0 * np.eye(2)[labels[held]]
    wrong = np.flatnonzero(logits[:, 0, :2].argmax(axis=1) != labels[held])
    logits[wrong[0], 0, :2] = right[wrong[0]]
    line, _ = chosen_lines(windows, split, logits, (1.0, 1.0), reference=True)
    assert line is not None
    known = np.concatenate([split.train, split.validation])
    expected = fitted.fit(flat[known], labels[known]).predict(flat[split.test])
    np.testing.assert_array_equal((flat[split.test] @ line.weights.T + line.bias).argmax(axis=1), expected)
    logits[:, 0, :2] = right
    assert chosen_lines(windows, split, logits, (1.0, 1.0), reference=True)[0] is None


def test_a_line_answers_for_its_target_in_the_exported_graph_and_the_card_says_so() -> None:
    windows = planted()
    split = make_splits(windows, "trial", folds=3, seed=0)[0]
    lines = chosen_lines(windows, split, np.zeros((len(split.validation), 2, 3)), (1.0, 1.0))
    assert all(lines)
    torch.manual_seed(0)
    network = Network(ArchConfig(8, (2,), (2.0,)), n_channels=4, n_features=3, class_counts=(2, 3)).eval()
    alone = network(torch.from_numpy(windows.tokens)).logits.detach().numpy()
    put_beside(network, (lines[0], None))
    graph = build_graph([network])
    check_parity(graph, [network])
    logits = Session(graph).logits(windows.tokens)
    np.testing.assert_allclose(logits[:, 1], alone[:, 1], atol=1e-5)
    # The line sees tokens beyond 5 standard deviations as 5.
    far, limit, near = (network(torch.full((1, 4, 3), value)).logits.detach()[0, 0] for value in (7.0, 5.0, 4.5))
    torch.testing.assert_close(far, limit)
    assert not torch.allclose(near, limit)
    tested = balanced_accuracy(logits[split.test, 0, :2].argmax(axis=1), windows.labels[split.test, 0])
    assert tested > 0.8
    parts = ExportedSubnet(network, TARGETS, ("valence",)).architecture()
    assert [(part.kind, part.targets) for part in parts] == [("subnet", ("emotion",)), ("linear", ("valence",))]


def test_a_line_that_is_right_in_few_trials_may_be_sure() -> None:
    windows = planted(trials=16, effect=2.0)
    split = make_splits(windows, "trial", folds=4, seed=0)[0]
    line, _ = chosen_lines(windows, split, np.zeros((len(split.validation), 2, 3)), (1.0, 1.0))
    assert line is not None
    tested = windows.tokens[split.test].reshape(len(split.test), -1)
    probabilities = softmax((tested @ line.weights.T + line.bias) / line.temperature)
    labels = windows.labels[split.test, 0]
    assert balanced_accuracy(probabilities.argmax(axis=1), labels) > 0.9
    assert expected_calibration_error(probabilities, labels) < 0.1


@pytest.mark.parametrize(("protocol", "unit"), [("trial", "trial"), ("paper", "window")])
def test_a_line_is_calibrated_on_what_the_protocol_holds_apart(protocol: str, unit: str) -> None:
    windows = planted()
    split = make_splits(windows, protocol, folds=3, seed=0)[0]
    expected = windows.trial if unit == "trial" else np.arange(len(windows))
    np.testing.assert_array_equal(units_apart(windows, split), expected)
