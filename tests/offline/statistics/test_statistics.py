"""Tests over people, chance and the leak meter, on cases whose answer is known."""

import numpy as np
import pytest
from scipy.stats import binom

from bci_app.bundle.spec import Target
from offline.datasets.base import Split, WindowSet
from offline.statistics import chance_level, compare_methods, measure_leak, own_scores
from offline.statistics.people import holm


def test_a_method_that_is_better_for_everybody_has_the_exact_p_of_its_sign() -> None:
    first = {f"s{i}": 0.7 + 0.01 * i for i in range(8)}
    (found,) = compare_methods(first, {"other": dict.fromkeys(first, 0.6)})
    assert found.people == 8
    assert found.difference == pytest.approx(0.135)
    assert found.effect == pytest.approx(0.135 / np.std(np.arange(8) * 0.01, ddof=1))
    assert found.p_permutation == pytest.approx(2 * binom.pmf(8, 8, 0.5))  # one arrangement of 256 on each side


def test_people_whom_one_method_lacks_are_in_no_pair() -> None:
    first, other = {"a": 0.6, "b": 0.7, "c": 0.8}, {"a": 0.5, "b": 0.5}
    (found,) = compare_methods(first, {"other": other, "nobody": {"z": 1.0}})
    assert (found.method, found.people) == ("other", 2)


def test_equal_methods_do_not_differ() -> None:
    scores = {"a": 0.6, "b": 0.7}
    (found,) = compare_methods(scores, {"same": scores})
    assert (found.difference, found.effect, found.p_holm) == (0.0, None, 1.0)


def test_holm_multiplies_by_what_is_left_and_never_falls() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]


def test_people_are_scored_by_their_own_windows() -> None:
    labels, predicted = np.array([0, 1, 0, 1, 0, 0]), np.array([0, 1, 0, 0, 0, 1])
    assert own_scores(predicted, labels, np.array([0, 0, 1, 1, 2, 2])) == {0: 1.0, 1: 0.5}


def test_chance_exchanges_whole_trials_so_that_few_trials_prove_little() -> None:
    """Two trials for each of three people, all right: one of 2³ exchanges is the true one."""
    labels = np.repeat([0, 1, 0, 1, 0, 1], 50)
    subject, trial = np.repeat([0, 0, 1, 1, 2, 2], 50), np.repeat(np.arange(6), 50)
    found = chance_level(labels, labels, subject, trial)
    assert found.p == pytest.approx(1 / 8, abs=0.03)
    assert found.mean == pytest.approx(0.5, abs=0.03)
    assert found.upper == 1.0
    assert chance_level(labels, labels, subject, np.arange(300)).p < 0.001  # as if windows were independent


def windows() -> WindowSet:
    """Twenty trials of ten windows; each trial has its own mark in the features, and labels are drawn by trial."""
    rng = np.random.default_rng(0)
    trial = np.repeat(np.arange(20), 10)
    marks = rng.standard_normal((20, 3, 4)) * 5
    tokens = (marks[trial] + rng.standard_normal((200, 3, 4))).astype(np.float32)
    labels = rng.permutation(np.repeat([0, 1], 10))[trial][:, None]
    zeros = np.zeros(200, np.int64)
    return WindowSet(
        tokens, labels, (Target(name="load", classes=("low", "high")),), zeros, zeros, trial, ("a",), zeros,
        np.tile(np.arange(10.0), 20), stimulus=np.where(trial < 10, trial // 2, -1),
    )  # fmt: skip


def test_the_leak_meter_tells_shuffled_windows_from_whole_trials() -> None:
    made, order = windows(), np.random.default_rng(1).permutation(200)
    shuffled = Split("shuffled", np.sort(order[:100]), np.sort(order[100:120]), np.sort(order[120:]))
    whole = Split("whole", np.arange(0, 100), np.arange(100, 120), np.arange(120, 200))
    leaking, sound = measure_leak(made, [shuffled], 0), measure_leak(made, [whole], 0)
    assert leaking is not None
    assert sound is not None
    assert leaking.nearest > 0.95
    assert leaking.gain > 0.25
    assert sound.gain == 0.0


def test_windows_of_a_shown_stimulus_leak_across_trials() -> None:
    made = windows()
    odd = np.flatnonzero((made.trial < 10) & (made.trial % 2 == 1))
    rest = np.flatnonzero(~np.isin(np.arange(200), odd))
    found = measure_leak(made, [Split("a", rest[:100], rest[100:], odd)], 0)
    assert found is not None
    assert made.stimulus is not None
    assert not np.isin(made.trial[odd], made.trial[rest]).any()
    assert np.isin(made.stimulus[odd], made.stimulus[rest]).all()
