"""The data set of simulated people: no file, people held out, an effect that can be found and one that cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from bci_app.errors import DatasetError
from offline.datasets import list_datasets, make_windows, open_dataset
from offline.datasets.simulated import FIRST_PERSON, Simulated, Simulation
from offline.presets import band_power_preprocessing


def test_it_needs_no_file_and_has_nobody_in_common_with_the_demo() -> None:
    dataset = open_dataset("simulated")
    assert dataset.info.synthetic
    assert dataset.subjects()[0] == f"P{FIRST_PERSON}"
    assert dataset.files("P1000") == ()
    assert {row.info.name: row.found for row in list_datasets()}["simulated"] == "needs no file"


def test_trials_hold_their_state_in_all_that_is_scored() -> None:
    dataset = Simulated(Simulation(people=1, trials=4, montage="muse"))
    trials = list(dataset.trials("P1000"))
    assert [trial.channels for trial in trials] == [("TP9", "AF7", "AF8", "TP10")] * 4
    for target in ("valence", "arousal", "dominance"):
        assert sorted(trial.labels[target] for trial in trials) == [0, 0, 1, 1]
    assert all(trial.rest is not None and len(trial.rest) == 40 * 128 for trial in trials)
    assert all(len(trial.data) - trial.scored_from == 20 * 128 for trial in trials)
    again = list(dataset.trials("P1000"))
    np.testing.assert_array_equal(again[3].data, trials[3].data)


@pytest.mark.parametrize(("effect", "low", "high"), [(2.0, 0.7, 1.0), (0.0, 0.38, 0.62)])
def test_people_held_out_show_the_effect_and_no_effect_is_chance(effect: float, low: float, high: float) -> None:
    dataset = Simulated(Simulation(people=5, trials=6, effect=effect, montage="epoc"))
    windows = make_windows(dataset, band_power_preprocessing(dataset.info))
    x = np.clip(windows.tokens.reshape(len(windows), -1), -6, 6)
    train = windows.subject < 3
    scores = []
    for column in range(2):  # valence and arousal
        truth = windows.labels[:, column]
        model = LogisticRegression(C=0.01, max_iter=300).fit(x[train], truth[train])
        scores.append(balanced_accuracy_score(truth[~train], model.predict(x[~train])))
    assert low < np.mean(scores) < high


def test_settings_follow_the_name_and_impossible_ones_are_refused(tmp_path: Path) -> None:
    dataset = open_dataset("simulated?people=3&effect=0&montage=Cz,Pz&first=5000")
    assert dataset.subjects() == ["P5000", "P5001", "P5002"]
    assert dataset.info.channels == ("Cz", "Pz")
    assert "effect 0" in dataset.info.title
    for options, message in (("people=-1", "people '-1'"), ("montage=helmet", "Unknown montage"), ("mood=1", "mood")):
        with pytest.raises(DatasetError, match=message):
            open_dataset(f"simulated?{options}")
    with pytest.raises(DatasetError, match="has no files"):
        open_dataset("simulated", tmp_path)
