import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from bci_app.bundle.spec import Target
from bci_app.errors import DatasetError
from offline import protocols
from offline.datasets import Split, Threshold, WindowSet
from offline.protocols import (
    PROTOCOLS,
    Protocol,
    check_split,
    leaks,
    make_splits,
    read_splits,
    write_splits,
    write_splits_csv,
)
from offline.protocols.base import Indices
from offline.protocols.deal import deal

GROUPED = {"trial": "trial", "loso": "subject", "subjects": "subject", "session": "session", "stimulus": "stimulus"}


def window_set(layout: list[list[list[int]]], seed: int = 0) -> WindowSet:
    """Make a set from the number of windows of each trial of each session of each subject."""
    rng = np.random.default_rng(seed)
    columns: dict[str, list[int]] = {key: [] for key in ("subject", "session", "trial", "last", "a", "b")}
    session = trial = -1
    for subject, sessions in enumerate(layout):
        for trials in sessions:
            session += 1
            for n in trials:
                trial += 1
                a, b = (int(label) for label in rng.integers(0, (2, 3)))
                for k in range(n):
                    for key, value in zip(columns, (subject, session, trial, k, a, b), strict=True):
                        columns[key].append(value)
    arrays = {key: np.array(value, dtype=np.int64) for key, value in columns.items()}
    return WindowSet(
        tokens=np.zeros((len(arrays["last"]), 1, 1), dtype=np.float32),
        labels=np.column_stack([arrays["a"], arrays["b"]]),
        targets=(Target(name="a", classes=("x", "y")), Target(name="b", classes=("x", "y", "z"))),
        subject=arrays["subject"],
        session=arrays["session"],
        trial=arrays["trial"],
        subjects=tuple(f"s{i + 1}" for i in range(len(layout))),
        last=arrays["last"],
        seconds=arrays["last"].astype(np.float64),
        stimulus=arrays["trial"] % 5,
    )


LISTED = {
    "neuralbench": ("mental_load", ("Subject06", "Subject10", *(f"Subject{number:02d}" for number in (1, 2, 3, 4)))),
    "libeer": ("emotion", ("1", "2", "3", "4", "5", "7")),
}
"""A target of each benchmark, and people whom it tests, validates on, and trains on."""


def listed(windows: WindowSet, protocol: str) -> WindowSet:
    name, people = LISTED[protocol]
    target = Target(name=name, classes=("x", "y"))
    return replace(windows, subjects=people[: len(windows.subjects)], targets=(target, windows.targets[1]))


def parts(protocol: str, target: str) -> dict[str, str]:
    """Read the part of each person from the file of a benchmark."""
    rows = (Path(protocols.__file__).with_name(f"{protocol}.csv")).read_text().splitlines()[1:]
    return {name: part for of, _, name, part in (line.split(",") for line in rows) if of == target}


TRIALS = st.lists(st.integers(1, 9), min_size=1, max_size=6)
SUBJECT = st.lists(TRIALS, min_size=3, max_size=4)
LAYOUT = st.lists(SUBJECT, min_size=3, max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    layout=LAYOUT,
    protocol=st.sampled_from(sorted(PROTOCOLS)),
    folds=st.none() | st.integers(2, 7),
    seed=st.integers(0, 99),
    validation=st.floats(0.01, 0.99),
)
def test_no_group_is_in_two_parts_and_no_window_is_tested_twice(
    layout: list[list[list[int]]], protocol: str, folds: int | None, seed: int, validation: float
) -> None:
    windows = window_set(layout, seed)
    assume(len(np.unique(windows.stimulus)) >= 3)
    folds = None if protocol == "loso" else folds
    if protocol == "cross-dataset":
        named = (f"{'train' if number else 'test'}:{name}" for number, name in enumerate(windows.subjects))
        windows = replace(windows, subjects=tuple(named))
    if protocol in ("neuralbench", "libeer"):
        windows = listed(windows, protocol)
    splits = make_splits(windows, protocol, folds=folds, seed=seed, validation=validation)
    assert len({split.name for split in splits}) == len(splits)
    for split in splits:
        parts = (split.train, split.validation, split.test)
        assert all(len(part) for part in parts)
        joined = np.concatenate(parts)
        assert len(np.unique(joined)) == len(joined)
        if PROTOCOLS[protocol].within_subject:
            assert len(np.unique(windows.subject[joined])) == 1
        elif folds is None and protocol != "loso+stimulus":
            assert len(joined) == len(windows)
        if protocol in GROUPED:
            groups = getattr(windows, GROUPED[protocol])
            assert sum(len(np.unique(groups[part])) for part in parts) == len(np.unique(groups[joined]))
        if protocol == "session":
            assert windows.session[split.train].max() < windows.session[split.validation].min()
            assert windows.session[split.validation].max() < windows.session[split.test].min()
    tested = np.concatenate([split.test for split in splits])
    assert len(np.unique(tested)) == len(tested)
    if protocol in ("cross-dataset", "neuralbench", "libeer"):
        assert (windows.subject[tested] == 0).all()
    elif protocol != "session":
        assert len(tested) == len(windows)


@settings(max_examples=300, deadline=None)
@given(
    units=st.lists(st.integers(1, 40), min_size=3, max_size=7),
    protocol=st.sampled_from(["trial", "subjects"]),
    folds=st.integers(2, 6),
    seed=st.integers(0, 10_000),
    validation=st.sampled_from([0.1, 0.2, 0.5]),
)
def test_three_units_or_more_always_train_validate_and_test(
    units: list[int], protocol: str, folds: int, seed: int, validation: float
) -> None:
    """However few and unequal the units are, and whatever the seed is."""
    layout = [[units]] if protocol == "trial" else [[[n]] for n in units]
    splits = make_splits(window_set(layout, seed), protocol, folds=folds, seed=seed, validation=validation)
    assert len(splits) == (3 if len(units) == 3 else min(folds, len(units)))
    assert sorted(np.concatenate([split.test for split in splits])) == list(range(sum(units)))
    assert all(len(part) for split in splits for part in (split.train, split.validation, split.test))


@settings(max_examples=60, deadline=None)
@given(labels=st.lists(st.integers(0, 1), min_size=10, max_size=40), folds=st.integers(2, 10), seed=st.integers(0, 99))
def test_trial_folds_are_stratified(labels: list[int], folds: int, seed: int) -> None:
    windows = window_set([[[6] * len(labels)]])
    windows.labels[:] = np.repeat(labels, 6)[:, None]
    splits = make_splits(windows, "trial", folds=folds, seed=seed)
    high = [windows.labels[split.test, 0].sum() // 6 for split in splits]
    sizes = [len(split.test) // 6 for split in splits]
    assert max(high) - min(high) <= 1
    assert max(sizes) - min(sizes) <= 1


def test_validation_is_a_fifth_of_the_training_trials_and_stratified() -> None:
    windows = window_set([[[60] * 40]])
    windows.labels[:] = np.repeat(np.arange(40) % 2, 60)[:, None]
    for split in make_splits(windows, "trial", folds=10):
        trials = [len(np.unique(windows.trial[part])) for part in (split.train, split.validation, split.test)]
        assert trials in ([29, 7, 4], [28, 8, 4])
        assert 3 <= windows.labels[split.validation, 0].sum() / 60 <= 4


def test_paper_shuffles_the_windows_of_each_subject_into_ten_folds() -> None:
    windows = window_set([[[60] * 10], [[60] * 10]])
    splits = make_splits(windows, "paper")
    assert [split.name for split in splits[:2]] == ["s1-fold01", "s1-fold02"]
    assert len(splits) == 20
    for split in splits:
        assert [len(split.train), len(split.validation), len(split.test)] == [432, 108, 60]
        # That is its fault: nearly every tested window has a neighbour in training.
        beside = np.isin(split.test - 1, split.train) | np.isin(split.test + 1, split.train)
        assert beside.mean() > 0.8


def test_loso_tests_each_subject_once_and_names_the_fold_after_it() -> None:
    windows = window_set([[[4, 4]]] * 5)
    splits = make_splits(windows, "loso")
    assert [split.name for split in splits] == ["s1", "s2", "s3", "s4", "s5"]
    for code, split in enumerate(splits):
        assert set(windows.subject[split.test]) == {code}


def test_session_tests_the_last_ones_in_turn() -> None:
    windows = window_set([[[4]] * 4, [[4]] * 3])
    splits = make_splits(windows, "session", folds=2)
    assert [split.name for split in splits] == ["s1-session03", "s1-session04", "s2-session03"]


def test_a_subjects_folds_do_not_depend_on_who_else_is_there() -> None:
    both, alone = window_set([[[5] * 8], [[5] * 8]]), window_set([[[5] * 8]])
    for protocol in ("paper", "trial"):
        together, single = make_splits(both, protocol, seed=3), make_splits(alone, protocol, seed=3)
        for first, second in zip(together, single, strict=False):
            np.testing.assert_array_equal(first.test, second.test)
            np.testing.assert_array_equal(first.validation, second.validation)


def test_the_seed_decides_the_folds() -> None:
    windows = window_set([[[5] * 12]])
    same, again, other = (make_splits(windows, "trial", seed=seed)[0].test for seed in (1, 1, 2))
    np.testing.assert_array_equal(same, again)
    assert not np.array_equal(same, other)


def test_people_and_stimuli_are_held_out_together() -> None:
    windows = window_set([[[4] * 5]] * 6)
    splits = make_splits(windows, "loso+stimulus")
    assert [split.name for split in splits] == [f"people0{a}-stimuli0{b}" for a in (1, 2, 3) for b in (1, 2, 3)]
    for split in splits:
        for part in (split.train, split.validation):
            assert not np.isin(windows.subject[split.test], windows.subject[part]).any()
        assert not np.isin(windows.stimulus[split.test], windows.stimulus[split.train]).any()
    assert len(make_splits(window_set([[[4] * 5]] * 3), "loso+stimulus")) == 9
    with pytest.raises(DatasetError, match=r"needs more .*found 2, expected at least 3"):
        make_splits(window_set([[[4] * 5]] * 2), "loso+stimulus")
    stolen = Split("a", np.append(splits[0].train, splits[1].test[:1]), splits[0].validation, splits[0].test)
    with pytest.raises(DatasetError, match="shared with another part"):
        check_split(windows, stolen, "loso+stimulus")


@pytest.mark.parametrize("protocol", ["stimulus", "loso+stimulus"])
def test_without_stimuli_they_cannot_be_held_out(protocol: str) -> None:
    windows = replace(window_set([[[4] * 5]] * 6), stimulus=None)
    with pytest.raises(DatasetError, match="needs a stimulus for each trial"):
        make_splits(windows, protocol)


def test_people_who_saw_the_same_stimuli_are_noted() -> None:
    windows = window_set([[[4] * 5]] * 6)
    assert "recognise the stimulus" in PROTOCOLS["loso"].note(windows)
    assert "recognise the stimulus" in PROTOCOLS["loso"].note(window_set([[[4] * 5]] * 2))
    own = replace(windows, stimulus=windows.trial)
    assert PROTOCOLS["subjects"].note(own) == PROTOCOLS["trial"].note(windows) == ""


def test_people_are_held_out_as_neuralbench_lists_them() -> None:
    for target, n in (("mental_load", 35), ("emotion_label", 123)):
        part_of = parts("neuralbench", target)
        others, test = train_test_split(list(part_of), test_size=0.2, random_state=33)
        train, validation = train_test_split(others, test_size=0.2 / 0.8, random_state=33)
        assert len(part_of) == n
        for part, names in (("train", train), ("validation", validation), ("test", test)):
            assert {name for name, of in part_of.items() if of == part} == set(names)
    windows = listed(window_set([[[4]]] * 5), "neuralbench")
    windows = replace(windows, subjects=(*windows.subjects[:4], "Subject00"))
    (split,) = make_splits(windows, "neuralbench")
    assert [set(windows.subject[getattr(split, part)]) for part in ("train", "validation", "test")] == [
        {2, 3},
        {1},
        {0},
    ]
    note = PROTOCOLS["neuralbench"].note(windows)
    assert "31 listed people are not here, 6 of them to be tested. In no list, and left out: Subject00." in note
    with pytest.raises(DatasetError, match="lists none of these people: found nobody for train, validation, test"):
        make_splits(window_set([[[4]]] * 4), "neuralbench")


def test_people_are_held_out_as_libeer_draws_them_and_ratings_of_another_scale_are_no_deap() -> None:
    for target, n in (("valence", 32), ("emotion", 15), ("emotion_label", 123)):
        part_of, order, fifth = parts("libeer", target), list(range(n)), int(0.2 * n)
        random.seed(2024)
        random.shuffle(order)
        names = [list(part_of)[k] for k in order]
        assert len(part_of) == n
        assert {part_of[name] for name in names[:fifth]} == {"test"}
        assert {part_of[name] for name in names[fifth : 2 * fifth]} == {"validation"}
        assert {part_of[name] for name in names[2 * fifth :]} == {"train"}
    windows = replace(window_set([[[4]]] * 3), subjects=("s01", "s02", "s05"))
    for scale, known in ((9.0, True), (5.0, False)):
        rated = replace(windows, targets=(Threshold(3.0).target("valence", (1.0, scale)), windows.targets[1]))
        if known:
            (split,) = make_splits(rated, "libeer")
            assert windows.subject[np.concatenate([split.test, split.validation])].tolist() == [0] * 4 + [1] * 4
        else:
            with pytest.raises(DatasetError, match="lists none of these people"):
                make_splits(rated, "libeer")


class Halves(Protocol):
    """A toy: the first and the second half of each recording are units."""

    def units(self, windows: WindowSet) -> Indices:
        return windows.trial * 2 + (windows.last >= 3)


def test_a_new_protocol_is_one_module_and_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    halves = Halves("halves", "half", within_subject=True, folds=2, description="Halves of recordings held out.")
    monkeypatch.setitem(PROTOCOLS, "halves", halves)
    windows = window_set([[[6] * 4]] * 2)
    splits = make_splits(windows, "halves")
    assert [split.name for split in splits] == ["s1-fold01", "s1-fold02", "s2-fold01", "s2-fold02"]
    write_splits(tmp_path / "splits.json", windows, splits, protocol="halves", seed=0, validation=0.2)
    assert len(read_splits(tmp_path / "splits.json", windows)) == 4
    write_splits_csv(tmp_path / "splits.csv", windows, splits)
    rows = (tmp_path / "splits.csv").read_text().splitlines()
    assert rows[0] == "split,part,subject,session,trial,seconds"
    assert len(rows) == 1 + 2 * len(windows)


def test_only_paper_leaks() -> None:
    assert [name for name in PROTOCOLS if leaks(name)] == ["paper"]


@pytest.mark.parametrize(
    ("layout", "protocol", "settings_", "message"),
    [
        ([[[9, 9]]] * 3, "trial", {}, "Protocol trial needs more trials of s1: found 2, expected at least 3"),
        ([[[9] * 9]] * 2, "loso", {}, "Protocol loso needs more subjects: found 2"),
        ([[[9] * 9]] * 4, "session", {}, "Protocol session needs more sessions of s1: found 1"),
        ([[[9] * 9]] * 4, "loso", {"folds": 2}, "one fold a subject"),
        ([[[9] * 9]] * 4, "trial", {"folds": 1}, "Too few folds"),
        ([[[9] * 9]] * 4, "trial", {"validation": 1.0}, "validation share is out of range"),
        ([[[9] * 9]], "windows", {}, "Unknown protocol: found 'windows', expected paper, trial, loso"),
    ],
)
def test_what_cannot_be_split_is_refused(
    layout: list[list[list[int]]], protocol: str, settings_: dict[str, float], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        make_splits(window_set(layout), protocol, **settings_)  # type: ignore[arg-type]


@pytest.mark.parametrize("protocol", sorted(GROUPED))
def test_a_shared_group_is_found(protocol: str) -> None:
    windows = window_set([[[6] * 5] * 3] * 4)
    split = make_splits(windows, protocol)[0]
    stolen = Split(split.name, split.train[1:], split.validation, np.sort(np.append(split.test, split.train[0])))
    with pytest.raises(DatasetError, match="shared with another part"):
        check_split(windows, stolen, protocol)


def test_splits_are_read_back_as_written(tmp_path: Path) -> None:
    windows = window_set([[[7] * 8]] * 3)
    for protocol in ("paper", "trial", "subjects"):
        path = tmp_path / "splits.json"
        splits = make_splits(windows, protocol, seed=5)
        write_splits(path, windows, splits, protocol=protocol, seed=5, validation=0.2)
        for written, read in zip(splits, read_splits(path, windows), strict=True):
            assert written.name == read.name
            for part in ("train", "validation", "test"):
                np.testing.assert_array_equal(getattr(written, part), getattr(read, part))
        assert json.loads(path.read_text())["leaks"] is (protocol == "paper")
    assert [entry.name for entry in tmp_path.iterdir()] == ["splits.json"]


def test_splits_of_other_windows_or_damaged_ones_are_refused(tmp_path: Path) -> None:
    windows, path = window_set([[[7] * 8]] * 3), tmp_path / "splits.json"
    splits = make_splits(windows, "trial")
    write_splits(path, windows, splits, protocol="trial", seed=0, validation=0.2)
    with pytest.raises(DatasetError, match=r"splits\.json was made for other windows: found 189 .*expected 168"):
        read_splits(path, window_set([[[7] * 9]] * 3))
    with pytest.raises(DatasetError, match=r"found 168 windows of 3 subjects with sha256 other…, expected 168 windows"):
        read_splits(path, replace(windows, digest="other"))
    # Another order of trials in the same number of windows shares trials between the parts.
    with pytest.raises(DatasetError, match="is not sound"):
        read_splits(path, window_set([[[9, 5] * 4]] * 3))
    path.write_text(path.read_text()[:100])
    with pytest.raises(DatasetError, match=r"Cannot read .*splits\.json.*Start a new run"):
        read_splits(path, windows)


def test_equal_units_are_dealt_by_share_and_no_part_stays_empty() -> None:
    for n_units, shares, sizes in (
        (10, [0.6, 0.2, 0.2], [6, 2, 2]),
        (3, [0.1, 0.9], [1, 2]),
        (4, [0.05, 0.05, 0.9], [1, 1, 2]),
    ):
        part = deal(np.ones((n_units, 1)), np.array(shares), np.random.default_rng(0))
        assert np.bincount(part).tolist() == sizes
