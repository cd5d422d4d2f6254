"""Channel names in the spellings of real files and devices."""

from __future__ import annotations

import pytest

from bci_app.montage.names import canonical, is_electrode, match_channels


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("EEG Fp1", "Fp1"),
        ("Fp1.", "Fp1"),
        ("Oz..", "Oz"),
        ("Fcz.", "FCz"),
        ("Af7.", "AF7"),
        ("FP1", "Fp1"),
        ("fpz", "Fpz"),
        ("T3", "T7"),
        ("EEG T4", "T8"),
        ("T5", "P7"),
        ("T6", "P8"),
        ("EEG C3-REF", "C3"),
        ("EEG Fpz-Cz", "EEG Fpz-Cz"),
        ("CB1", "CB1"),
        ("TP9", "TP9"),
        ("FFC1h", "FFC1h"),
        ("ECG ECG", "ECG ECG"),
        ("Right AUX", "Right AUX"),
        ("EXG Channel 0", "EXG Channel 0"),
    ],
)
def test_spellings(name: str, expected: str) -> None:
    assert canonical(name) == expected
    assert canonical(canonical(name)) == expected


@pytest.mark.parametrize(("name", "electrode"), [("EEG T3", True), ("ECG ECG", False), ("", False), ("Marker", False)])
def test_is_electrode(name: str, electrode: bool) -> None:
    assert is_electrode(name) is electrode


def test_matching_is_by_name() -> None:
    assert match_channels(["T7", "Oz", "Cz"], ["EEG Cz", "EEG T3"]) == [1, None, 0]
