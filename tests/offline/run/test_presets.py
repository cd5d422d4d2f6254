"""What a preset makes of a data set."""

from dataclasses import replace
from pathlib import Path

import pytest

from bci_app.preprocessing.steps import AverageReference
from offline.datasets import find_dataset, open_dataset
from offline.presets import PRESETS
from offline.run import RunSettings
from offline.run.reference import reference_preprocessing
from tests.offline.run.planted import SPEC, Planted


def test_the_demo_subject_is_in_no_part_of_the_shipped_model(arithmetic_npz: Path) -> None:
    settings = RunSettings(dataset="eegmat", preset=PRESETS["compact"], protocols=("subjects",), folds=5)
    dataset = open_dataset("eegmat", arithmetic_npz)
    subjects = settings.choose_subjects(dataset)
    assert "Subject01" in dataset.subjects()
    assert "Subject01" not in subjects
    assert len(subjects) == 5


@pytest.mark.parametrize("preset", ["compact", "paper"])
@pytest.mark.parametrize(("rest", "window", "baseline"), [(0, 4, 0), (3, 1, 3), (61, 4, 26)])
def test_presets_fit_the_rest_that_a_data_set_offers(preset: str, rest: int, window: int, baseline: int) -> None:
    spec = PRESETS[preset].preprocessing(replace(Planted().info, rest_seconds=rest + 0.5))
    if preset == "paper":
        window, baseline = 1, min(rest, 60)
    assert spec.window_seconds == window
    assert spec.baseline_windows == baseline
    assert reference_preprocessing(spec).baseline_windows == baseline


def test_many_channels_are_referred_to_their_average_where_rest_is_long_but_the_reference_method_is_not() -> None:
    info = find_dataset("eegmat").info
    spec = PRESETS["compact"].preprocessing(info)
    assert AverageReference() in spec.steps
    assert AverageReference() not in reference_preprocessing(spec).steps
    assert AverageReference() in reference_preprocessing(spec, referenced=False).steps
    for changes in ({"rest_seconds": 3.0}, {"channels": info.channels[:4]}):
        assert AverageReference() not in PRESETS["compact"].preprocessing(replace(info, **changes)).steps


def test_recordings_without_a_reference_are_referred_to_the_average() -> None:
    info = replace(Planted().info, referenced=False)
    assert AverageReference() in PRESETS["compact"].preprocessing(info).steps
    assert AverageReference() not in SPEC.steps
