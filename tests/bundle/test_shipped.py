"""The bundles that ship run here as where they were made, and their cards say what they must."""

from __future__ import annotations

from pathlib import Path

import pytest

from bci_app.bundle import load_bundle, shipped_models
from bci_app.bundle.golden import check_bundle

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


def test_the_demo_person_is_in_no_part_of_the_demo_model() -> None:
    provenance = load_bundle(shipped_models() / "mental-load").spec.provenance
    assert "Subject01" in provenance.held_out_subjects
    assert "Subject01" not in provenance.train_subjects + provenance.validation_subjects
    assert all(score.balanced_accuracy > 0.65 for score in provenance.scores)
