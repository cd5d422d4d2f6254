"""Figures of merit against hand-made cases and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, f1_score

from offline.metrics import (
    balanced_accuracy,
    confusion,
    expected_calibration_error,
    fit_temperature,
    grouped_interval,
    macro_f1,
    majority_baseline,
    rolling_mean,
    softmax,
)


@given(st.integers(0, 10_000), st.integers(2, 4))
def test_figures_agree_with_scikit_learn(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, 40)])
    predicted = rng.integers(0, classes, len(labels))
    assert balanced_accuracy(predicted, labels) == pytest.approx(balanced_accuracy_score(labels, predicted))
    assert macro_f1(predicted, labels) == pytest.approx(f1_score(labels, predicted, average="macro"))
    np.testing.assert_array_equal(confusion(predicted, labels, classes), confusion_matrix(labels, predicted))


def test_naming_the_majority_has_its_share_as_accuracy_and_chance_when_balanced() -> None:
    labels = np.array([0] * 30 + [1] * 70)
    assert majority_baseline(labels) == 0.7
    assert balanced_accuracy(np.ones(100, dtype=np.int64), labels) == 0.5


def test_rolling_means_stay_within_a_trial_and_look_back_only() -> None:
    probabilities = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.5, 0.5]])
    trial = np.array([7, 7, 7, 7, 9])
    rolled = rolling_mean(probabilities, trial, 2)
    np.testing.assert_allclose(rolled[:, 0], [1.0, 0.5, 0.0, 0.0, 0.5])
    np.testing.assert_allclose(rolling_mean(probabilities, trial, 1), probabilities)


def test_calibration_error_of_a_calibrated_and_of_a_boasting_model() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.5, 1.0, 20_000)
    labels = (rng.random(20_000) > p).astype(np.int64)
    assert expected_calibration_error(np.stack([p, 1 - p], axis=1), labels) < 0.02
    sure = np.tile([[1.0, 0.0]], (1000, 1))
    assert expected_calibration_error(sure, np.arange(1000) % 2) == pytest.approx(0.5)


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_the_temperature_of_scaled_logits_is_found(true: float) -> None:
    rng = np.random.default_rng(1)
    logits = rng.standard_normal((20_000, 2))
    probabilities = softmax(logits)
    labels = (rng.random(20_000) < probabilities[:, 1]).astype(np.int64)
    assert fit_temperature(logits * true, labels) == pytest.approx(true, rel=0.1)


def test_few_groups_of_windows_say_little_of_the_temperature() -> None:
    rng = np.random.default_rng(1)
    logits = 4 * rng.standard_normal((20_000, 2))
    labels = (rng.random(20_000) < softmax(logits / 4)[:, 1]).astype(np.int64)
    found = [fit_temperature(logits, labels, np.arange(20_000) % groups) for groups in (2, 20, 200, 20_000)]
    assert 1 < found[0] < found[1] < found[2] < found[3] == pytest.approx(4, rel=0.1)


def test_perfect_logits_give_a_finite_temperature() -> None:
    labels = np.arange(10) % 2
    logits = np.where(labels[:, None] == np.arange(2), 50.0, -50.0)
    assert 0.04 < fit_temperature(logits, labels) < 21


def test_one_class_tells_nothing_of_how_sure_to_be() -> None:
    assert fit_temperature(np.array([[3.0, 1.0], [2.0, 0.0]]), np.array([0, 0])) == 1.0


def interval(skills: np.ndarray, rng: np.random.Generator, *, by_subject: bool) -> tuple[float, float]:
    """Give the interval of 20 groups that are right with a chance each, half of them of each class."""
    group = np.repeat(np.arange(20), 50)
    labels = rng.integers(0, 2, 1000) if by_subject else group % 2
    right = rng.random(1000) < skills[group]
    subject, trial = (group, np.arange(1000)) if by_subject else (group * 0, group)
    found = grouped_interval(np.where(right, labels, 1 - labels), labels, subject, trial)
    assert found is not None
    assert found[0] < skills.mean() < found[1]
    return found


@pytest.mark.parametrize("by_subject", [True, False])
def test_the_interval_covers_the_value_and_is_wider_when_groups_differ(by_subject: bool) -> None:
    rng = np.random.default_rng(2)
    alike = interval(np.full(20, 0.75), rng, by_subject=by_subject)
    unlike = interval(np.linspace(0.5, 1.0, 20), rng, by_subject=by_subject)
    assert unlike[1] - unlike[0] > 1.5 * (alike[1] - alike[0])


def test_there_is_no_interval_of_one_trial_a_class() -> None:
    labels = np.repeat([0, 1], 30)
    assert grouped_interval(labels, labels, labels * 0, labels) is None
