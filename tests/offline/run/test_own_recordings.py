"""One's own recordings from files to a bundle."""

from pathlib import Path

import numpy as np
import pytest
from edfio import Edf, EdfSignal

from bci_app.bundle.golden import check_bundle
from bci_app.bundle.store import load_golden
from offline.datasets.synth_signal import Person, Strengths
from offline.run import RunSettings, run
from tests.offline.run.test_run import PRESET

CHANNELS = ("Fp1", "Fp2", "C3", "C4", "O1", "O2")
RATE = 128
TRIALS = 6
TRIAL_SECONDS = 9


def record(root: Path, subject: int, *, rest: int) -> None:
    """Write a session of synthetic EEG: a rest row, and trials rated low and high in turn."""
    rng = np.random.default_rng(subject)
    person = Person(CHANNELS, float(RATE), Strengths(), rng)
    session = person.session(rng)
    before, _ = person.trial(session, {}, rng)
    parts = [person.eeg(before, (rest + 1) * RATE, rng)]
    rows = ["onset\tduration\ttrial_type\tvalence", f"0\t{rest}\trest\tn/a"]
    for number in range(TRIALS):
        _, during = person.trial(session, {"valence": number % 2 - 0.5}, rng)
        rows.append(f"{rest + 1 + number * TRIAL_SECONDS}\t{TRIAL_SECONDS}\tstimulus\t{2 + 6 * (number % 2)}")
        parts.append(person.eeg(during, TRIAL_SECONDS * RATE, rng))
    columns = np.concatenate(parts).T
    signals = [
        EdfSignal(column, RATE, label=name, physical_dimension="uV")
        for name, column in zip(CHANNELS, columns, strict=True)
    ]
    Edf(signals).write(root / f"sub-{subject}_eeg.edf")
    (root / f"sub-{subject}_events.tsv").write_text("\n".join(rows) + "\n")


def settings(**changes: object) -> RunSettings:
    preset = PRESET.changed(epochs=1, generations=1, finetune=0)
    chosen = RunSettings(dataset="recordings", preset=preset, protocols=("subjects",), folds=1)
    return chosen.model_copy(update=changes)


@pytest.mark.parametrize("rest", [3, 15, 30])
def test_recordings_with_a_rest_row_of_any_length_end_in_a_bundle_without_them(tmp_path: Path, rest: int) -> None:
    (tmp_path / "data").mkdir()
    for subject in (1, 2, 3):
        record(tmp_path / "data", subject, rest=rest)
    result = run(settings(), tmp_path / "run", root=tmp_path / "data")
    assert result is not None
    assert result.record.subjects == ("1", "2", "3")
    assert result.bundle.spec.preprocessing.baseline_windows > 0
    assert check_bundle(result.bundle).windows >= 10
    raw = load_golden(result.bundle.folder)["raw"].astype(np.float64)
    assert raw.shape[1] == len(CHANNELS)
    # The excerpt is nobody's recording: it goes along with none of them.
    for subject in (1, 2, 3):
        own = np.stack([signal.data for signal in _edf(tmp_path / "data" / f"sub-{subject}_eeg.edf")], axis=1)
        assert abs(np.corrcoef(raw[:, 0], own[: len(raw), 0])[0, 1]) < 0.5


def _edf(path: Path) -> tuple[EdfSignal, ...]:
    from edfio import read_edf

    return tuple(read_edf(path).signals)
