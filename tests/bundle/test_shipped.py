"""The bundles that ship run here as where they were made, and their cards say what they must."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bci_app.bundle import load_bundle, shipped_models
from bci_app.bundle.golden import check_bundle
from bci_app.bundle.store import load_golden
from bci_app.montage.headsets import HEADSETS

SHIPPED = sorted(folder for folder in shipped_models().iterdir() if folder.is_dir())


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_shipped_bundle_gives_here_what_it_gave_where_it_was_made(folder: Path) -> None:
    loaded = load_bundle(folder)
    assert loaded.spec.name == folder.name
    assert check_bundle(loaded).windows > 0
    assert sum(file.stat().st_size for file in folder.iterdir()) < 8e6


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_synthetic_models_say_that_they_are_not_for_people(folder: Path) -> None:
    spec = load_bundle(folder).spec
    assert spec.provenance.synthetic == spec.not_for_people
    if spec.not_for_people:
        assert "not for use on people" in spec.title


def test_the_shipped_model_reads_load_on_any_headset_and_not_change() -> None:
    """Its scores are those of people held out, each beside the swap test, for each headset."""
    spec = load_bundle(shipped_models() / "mental-load").spec
    (score,) = spec.provenance.scores
    assert score.balanced_accuracy > 0.65
    assert score.controls.swap is not None
    assert score.controls.swap.rest_high < 0.1
    assert not score.explained_by_controls
    for headset in ("muse", "epoc", "cyton", "daisy", "10-20"):
        found = spec.montage_score(HEADSETS[headset].channels)
        assert found is not None
        assert found.balanced_accuracy > 0.6
        # Where change alone is called high too often, the card says so.
        assert found.controls.swap is not None
        assert found.explained_by_controls == (found.controls.swap.rest_high > 0.1)


def test_no_recording_of_a_training_person_is_in_the_shipped_model() -> None:
    folder = shipped_models() / "mental-load"
    provenance = load_bundle(folder).spec.provenance
    assert provenance.held_out_subjects == ()
    # The golden record is made up: its signal begins with the drift of the simulation, not at a stored sample of a
    # recording, which is a whole number of tenths of a microvolt.
    raw = load_golden(folder)["raw"].astype(np.float64)
    assert np.abs(10 * raw - np.round(10 * raw)).mean() > 0.2
