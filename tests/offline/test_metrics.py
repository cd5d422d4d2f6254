"""Figures of merit against hand-made cases and scikit-learn."""

import numpy as np
import pytest

from bci_app.errors import DatasetError
from offline.datasets.deap import THRESHOLD, deap_info
from offline.metrics import (
    Predictions,
    balanced_accuracy,
    confidence_bins,
    confusion,
    expected_calibration_error,
    fit_temperature,
    grouped_interval,
    macro_f1,
    majority_baseline,
    rolling_mean,
    scored_apart,
    softmax,
)
from offline.presets import PRESETS
from offline.run.scores import score

ONE_SECOND = PRESETS["compact"].preprocessing(deap_info(THRESHOLD))


def test_figures_count_each_class_that_occurs_the_same() -> None:
    labels = np.array([0, 0, 0, 0, 2, 2, 2, 2])
    predicted = np.array([0, 0, 0, 1, 2, 2, 0, 0])  # class 1 is named once and never true
    assert balanced_accuracy(predicted, labels) == pytest.approx((3 / 4 + 2 / 4) / 2)
    assert macro_f1(predicted, labels) == pytest.approx((2 * 3 / (5 + 4) + 2 * 2 / (2 + 4)) / 2)
    np.testing.assert_array_equal(confusion(predicted, labels, 3), [[3, 1, 0], [0, 0, 0], [2, 0, 2]])


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


def test_the_temperature_is_the_most_probable_one_before_a_log_normal_of_spread_one_half() -> None:
    rng = np.random.default_rng(1)
    logits = 4 * rng.standard_normal((300, 2))
    labels = (rng.random(300) < softmax(logits / 4)[:, 1]).astype(np.int64)
    groups = np.arange(300) % 10  # each says as much as one window
    temperatures = np.exp(np.linspace(-1, 2, 601))
    share = 10 / 2 / np.bincount(labels)[labels]  # both classes count the same
    chances = [softmax(logits / temperature)[np.arange(300), labels] for temperature in temperatures]
    posterior = [
        (share * np.log(chance)).sum() - np.log(temperature) ** 2 / (2 * 0.5**2)
        for chance, temperature in zip(chances, temperatures, strict=True)
    ]
    assert fit_temperature(logits, labels, groups) == pytest.approx(temperatures[np.argmax(posterior)], rel=0.005)


def test_perfect_logits_give_a_finite_temperature() -> None:
    labels = np.arange(10) % 2
    logits = np.where(labels[:, None] == np.arange(2), 50.0, -50.0)
    assert 0.04 < fit_temperature(logits, labels) < 21


def test_one_class_tells_nothing_of_how_sure_to_be() -> None:
    assert fit_temperature(np.array([[3.0, 1.0], [2.0, 0.0]]), np.array([0, 0])) == 1.0


def interval(skills: np.ndarray, rng: np.random.Generator, *, by_subject: bool) -> tuple[float, float]:
    """Return the interval of 20 groups that are right with a chance each, half of them of each class."""
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


@pytest.mark.parametrize(("people", "expected"), [(4, (0.875, 0.875)), (5, (0.7, 1.0))])
def test_people_are_resampled_where_there_are_five_and_their_trials_where_there_are_fewer(
    people: int, expected: tuple[float, float]
) -> None:
    """Everybody but one is always right, whatever trials are drawn; one names the same class for all."""
    labels = np.tile(np.repeat([0, 1], 40), people)
    subject = np.repeat(np.arange(people), 80)
    trial = np.arange(len(labels)) // 10
    predicted = np.where(subject == 0, 0, labels)
    assert grouped_interval(predicted, labels, subject, trial, within_subject=True) == pytest.approx(expected)
    together = grouped_interval(predicted, labels, subject, trial)
    assert together is not None
    assert together[1] - together[0] > 0.1


def test_draws_without_a_class_do_not_widen_the_interval() -> None:
    # Two of six trials are high; a draw without them would show the other class alone, here at 1.
    labels = np.repeat([0, 0, 0, 0, 1, 1], 10)
    trial = np.repeat(np.arange(6), 10)
    assert grouped_interval(np.zeros(60, dtype=np.int64), labels, trial * 0, trial) == (0.5, 0.5)


def test_there_is_no_interval_of_one_trial_a_class() -> None:
    labels = np.repeat([0, 1], 30)
    assert grouped_interval(labels, labels, labels * 0, labels) is None


def contentless(labels: np.ndarray, subject: np.ndarray, named: np.ndarray, *, within_subject: bool) -> Predictions:
    """Predictions of networks that name one class for a subject whatever the signal; ten windows a trial."""
    probabilities = np.where(named[subject][:, None] == np.arange(2), 0.6, 0.4)
    return Predictions(probabilities, labels, subject, np.arange(len(labels)) // 10, within_subject)


@pytest.fixture
def people() -> tuple[np.ndarray, np.ndarray]:
    """Labels and subject codes of 32 people with 40 trials of ten windows, some mostly high and some mostly low."""
    rng = np.random.default_rng(0)
    prior = np.clip(rng.normal(0.5, 0.1, 32), 0.2, 0.8)
    high = (rng.random((32, 40)) < prior[:, None]).astype(np.int64)
    return np.repeat(high.ravel(), 10), np.repeat(np.arange(32), 400)


@pytest.mark.parametrize("n_subjects", [32, 4])
def test_networks_that_know_their_subjects_majority_alone_are_at_chance(
    people: tuple[np.ndarray, np.ndarray], n_subjects: int
) -> None:
    labels, subject = (values[people[1] < n_subjects] for values in people)
    majority = np.array([np.bincount(labels[subject == code]).argmax() for code in range(n_subjects)])
    assert balanced_accuracy(majority[subject], labels) > 0.53  # what counting all windows together credits
    found = score(contentless(labels, subject, majority, within_subject=True), "valence", ONE_SECOND)
    assert found.balanced_accuracy == found.rolling_balanced_accuracy == 0.5
    assert found.interval is not None
    assert found.interval[0] <= 0.5 <= found.interval[1]
    assert found.accuracy == found.majority_baseline
    assert found.macro_f1 is not None
    assert found.macro_f1 < 0.5


def test_networks_that_know_the_majority_of_other_people_alone_are_at_chance(
    people: tuple[np.ndarray, np.ndarray],
) -> None:
    labels, subject = people
    for named in (0, 1):
        found = score(contentless(labels, subject, np.full(32, named), within_subject=False), "valence", ONE_SECOND)
        assert found.balanced_accuracy == 0.5
        assert found.interval is not None
        assert found.interval[0] <= 0.5 <= found.interval[1]
    guess = np.random.default_rng(1).integers(0, 2, 32)
    found = score(contentless(labels, subject, guess, within_subject=False), "valence", ONE_SECOND)
    assert found.interval is not None
    assert found.interval[0] <= 0.5 <= found.interval[1]


def test_what_is_known_beyond_the_majority_is_the_mean_over_subjects() -> None:
    # Subject 0: 3 of 4 low and all high right; subject 1: half of each.
    labels = np.array([0, 0, 0, 0, 1, 0, 0, 1, 1, 1, 1])
    predicted = np.array([0, 0, 0, 1, 1, 0, 1, 0, 0, 1, 1])
    subject = np.repeat([0, 1], [5, 6])
    predictions = Predictions(np.eye(2)[predicted], labels, subject, np.arange(11), True)
    found = score(predictions, "valence", ONE_SECOND, reference=predictions)
    assert found.balanced_accuracy == found.reference_balanced_accuracy == pytest.approx((0.875 + 0.5) / 2)
    assert found.majority_baseline == pytest.approx(8 / 11)


def test_a_subject_who_lacks_a_class_counts_in_accuracy_and_baseline_alone() -> None:
    labels = np.array([0, 1, 0, 1, 1, 1, 1, 1])
    subject = np.repeat([0, 1, 2], [2, 2, 4])
    predicted = np.array([0, 1, 1, 0, 1, 1, 1, 1])
    assert [group.tolist() for group in scored_apart(labels, subject, within_subject=True)] == [[0, 1], [2, 3]]
    found = score(Predictions(np.eye(2)[predicted], labels, subject, np.arange(8), True), "valence", ONE_SECOND)
    assert found.balanced_accuracy == 0.5
    assert (found.accuracy, found.majority_baseline) == (0.75, 0.75)
    with pytest.raises(DatasetError, match="Nobody can be scored apart"):
        scored_apart(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]), within_subject=True)


def test_bins_of_confidence_hold_every_window_once() -> None:
    rng = np.random.default_rng(3)
    p = rng.uniform(0.5, 1.0, 500)
    bins = confidence_bins(np.stack([p, 1 - p], axis=1), np.zeros(500, dtype=np.int64))
    assert sum(b.share for b in bins) == pytest.approx(1)
    assert all(b.accuracy == 1 for b in bins)
    assert [b.confidence for b in bins] == sorted(b.confidence for b in bins)
