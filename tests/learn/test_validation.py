"""The personal head: it finds what is there, and nothing where nothing is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from bci_app.bundle.conformal import prediction_sets
from bci_app.learn.calibration import calibrate, calibration_error, fit_sets
from bci_app.learn.folds import TrainedFold, TrialSums
from bci_app.learn.validation import Trials, fit, validate
from bci_app.learn.verdict import FEWEST_CHANGES, Verdict, class_changes, interval, trials_needed


def made(effect: float, *, trials: int = 12, windows: int = 20, features: int = 10, seed: int = 0) -> Trials:
    """Trials with their own offsets, as trials have, and an effect on two features."""
    rng = np.random.default_rng(seed)
    high = np.arange(trials) % 2 == 1
    trial = np.repeat(np.arange(trials), windows)
    x = rng.normal(0, 0.5, (trials, features))[trial] + rng.normal(size=(len(trial), features))
    x[:, :2] += effect * np.where(high, 0.5, -0.5)[trial][:, None]
    return Trials({"embedding": x, "band power": x[:, ::-1].copy()}, trial, high, np.zeros(trials, dtype=np.int64))


def test_a_planted_effect_is_found() -> None:
    validation = validate(made(2.0), permutations=199)
    assert validation.balanced_accuracy > 0.75
    assert validation.p <= 0.01  # of 924 labellings a few are nearly the true one
    assert validation.chance_band[0] < 0.5 < validation.chance_band[1]


def test_without_an_effect_p_is_spread_evenly() -> None:
    p = [validate(made(0.0, seed=seed), permutations=39).p for seed in range(40)]
    assert 0.3 < np.mean(p) < 0.7
    assert sum(value <= 0.05 for value in p) <= 6


def test_labels_of_a_trial_that_is_left_out_do_not_touch_its_score() -> None:
    """Flipping one trial's label changes its own scores only through the trials that it was learnt from."""
    trials = made(1.0)
    fold = TrainedFold.among(TrialSums.of(trials.features["embedding"], trials.trial, 12), np.arange(1, 12))
    signs = np.where(trials.high, 1.0, -1.0)
    flipped = signs.copy()
    flipped[0] *= -1
    rows = trials.features["embedding"][trials.trial == 0]
    np.testing.assert_array_equal(fold.scores(rows, signs[1:, None]), fold.scores(rows, flipped[1:, None]))


def test_the_head_is_the_ridge_classifier_of_scikit_learn() -> None:
    trials = made(1.0)
    x = trials.features["embedding"]
    standard = (x - x.mean(axis=0)) / x.std(axis=0)
    ridge = Ridge(alpha=0.1 * len(x), fit_intercept=True).fit(standard, np.where(trials.high[trials.trial], 1.0, -1.0))
    weights = fit(trials, "embedding", 0.1).weights * x.std(axis=0)
    cosine = weights @ ridge.coef_ / np.linalg.norm(weights) / np.linalg.norm(ridge.coef_)
    assert cosine > 1 - 1e-9


def test_scores_of_many_labellings_equal_those_of_one_head_each() -> None:
    trials = made(1.0)
    fold = TrainedFold.among(TrialSums.of(trials.features["embedding"], trials.trial, 12), np.arange(12))
    rng = np.random.default_rng(1)
    labels = np.where(rng.random((12, 5)) < 0.5, 1.0, -1.0)
    labels[:2] = np.array([[1.0], [-1.0]])
    together = fold.scores(trials.features["embedding"], labels, (0.1, 1.0))
    for column in range(5):
        for row, penalty in enumerate((0.1, 1.0)):
            alone = fold.head(labels[:, column], penalty).scores(trials.features["embedding"])
            np.testing.assert_allclose(together[row, :, column], alone, atol=1e-9)


def test_labels_are_permuted_within_sessions() -> None:
    """Two sessions of one class each say nothing: no permutation differs from what was seen."""
    trials = made(3.0)
    apart = Trials(trials.features, trials.trial, trials.high, trials.high.astype(np.int64))
    assert validate(apart, permutations=49).p == 1.0


def test_the_interval_holds_the_figure_and_narrows_with_trials() -> None:
    few, many = made(1.5, trials=8), made(1.5, trials=40)
    widths = []
    for trials in (few, many):
        validation = validate(trials, permutations=0)
        low, high = interval(trials, validation.scores)
        assert low <= validation.balanced_accuracy <= high
        widths.append(high - low)
    assert widths[1] < widths[0]


def test_what_drifts_is_no_effect_where_one_class_comes_after_the_other() -> None:
    trials = made(0.0, trials=16)
    features = {kind: values + trials.trial[:, None] / 4 for kind, values in trials.features.items()}
    after = Trials(features, trials.trial, np.arange(16) >= 8, trials.group)
    turns = Trials(features, trials.trial, np.arange(16) % 2 == 0, trials.group)
    assert validate(after, permutations=199).p <= 0.01  # leaving trials out cannot see it
    assert validate(turns, permutations=199).p > 0.05
    assert class_changes(after) == 1 < FEWEST_CHANGES <= class_changes(turns)


def test_a_small_effect_needs_more_trials_than_a_large_one() -> None:
    needed = []
    for effect in (0.8, 3.0):
        trials = made(effect, trials=24)
        needed.append(trials_needed(trials, validate(trials, permutations=0).scores))
    assert needed[0] is not None and needed[1] is not None  # noqa: PT018
    assert needed[0] > needed[1]


def test_calibrated_probabilities_say_how_often_the_head_is_right() -> None:
    trials = made(1.0, trials=40)
    validation = validate(trials, permutations=0)
    high = trials.high[trials.trial]
    calibration = calibrate(validation.scores, high, trials.weight)
    probability = calibration.probability(validation.scores)
    assert calibration_error(probability, high, trials.weight) < 0.08
    assert np.corrcoef(probability, high)[0, 1] > 0.2


def test_sets_of_a_person_hold_the_class_of_a_new_trial_nine_times_in_ten() -> None:
    rng = np.random.default_rng(0)
    n_trials, n_windows = 16, 12
    trial = np.repeat(np.arange(n_trials), n_windows)
    held = []
    for _ in range(300):
        # Windows of a trial share most of what makes them right or wrong.
        right = rng.normal(1.0, 1.2, n_trials + 1).repeat(n_windows) + rng.normal(0, 0.3, (n_trials + 1) * n_windows)
        high = np.tile([True, False], n_trials).repeat(n_windows)[: len(right)]
        probability = 1 / (1 + np.exp(np.where(high, -right, right)))
        new = slice(n_trials * n_windows, None)
        found = fit_sets(probability[: len(trial)], high[: len(trial)], trial)
        assert found is not None
        sets = prediction_sets(np.stack([1 - probability[new], probability[new]], axis=1), found)
        held.append(sets[np.arange(n_windows), high[new].astype(int)].mean())
    assert 0.89 < np.mean(held) < 0.96
    eight = trial < 8
    assert fit_sets(np.full(eight.sum(), 0.9), np.ones(eight.sum(), dtype=bool), trial[eight]) is None


def test_a_head_that_is_wrong_says_nothing() -> None:
    high = np.arange(100) % 2 == 1
    calibration = calibrate(np.where(high, -1.0, 1.0), high, np.full(100, 0.1))
    np.testing.assert_allclose(calibration.probability(np.array([-3.0, 3.0])), 0.5, atol=0.01)


SURE: dict[str, Any] = {
    "target": "valence", "trials": 16, "balanced_accuracy": 0.8, "interval": (0.6, 0.9), "chance": (0.3, 0.7),
    "p": 0.002,
    "general_balanced_accuracy": 0.5, "artefact_balanced_accuracy": 0.5, "calibration_error": 0.1, "trials_needed": 30,
    "features": "band power", "labels": "ratings", "changes": 8,
}  # fmt: skip


@pytest.mark.parametrize(
    ("found", "adopted", "words"),
    [
        ({}, True, "recognises your valence 0.80 of the time (chance is 0.5) on trials that it has not seen."),
        ({"p": 0.02}, False, "cannot be recognised from these 16 trials. About 30 trials"),
        ({"p": 0.02, "trials_needed": 9}, False, "may still be luck (p 0.020); a few more trials can decide."),
        ({"interval": (0.49, 0.9)}, False, "cannot be recognised"),
        ({"general_balanced_accuracy": 0.8}, False, "does as well or better on the same trials (0.80)."),
        ({"general_balanced_accuracy": 0.79}, True, "recognises your valence 0.80"),
        ({"changes": 2}, False, "Mix the conditions."),
        ({"artefact_balanced_accuracy": 0.79}, True, "it may not be your brain"),
    ],
)
def test_the_verdict_is_a_sentence_that_hides_nothing(found: dict[str, Any], adopted: bool, words: str) -> None:
    verdict = Verdict(**SURE | found)
    assert verdict.adopted is adopted
    assert words in verdict.sentence
