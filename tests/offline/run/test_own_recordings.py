"""One's own recordings from files to a bundle."""

from pathlib import Path

import numpy as np
import pytest
from edfio import Edf, EdfSignal

from bci_app.bundle.golden import check_bundle
from bci_app.bundle.store import load_golden
from bci_app.simulation import Emotion, Settings, SimulatedParticipant, plan_session
from offline.run import RunSettings, run
from tests.offline.run.planted import PRESET

CHANNELS = ("Fp1", "Fp2", "C3", "C4", "O1", "O2")
RATE = 128
TRIALS = 6
TRIAL_SECONDS = 9


def record(root: Path, subject: int, *, rest: int) -> None:
    """Write a session of synthetic EEG: a rest row, and trials rated low and high in turn."""
    states = [Emotion(valence=2.0 * (number % 2) - 1) for number in range(TRIALS)]
    script, planned = plan_session(states, rest=rest + 1.0, seconds=TRIAL_SECONDS - 3, pause=3)
    participant = SimulatedParticipant(subject, Settings(CHANNELS, float(RATE), noise=0), script=script)
    rows = ["onset\tduration\ttrial_type\tvalence", f"0\t{rest}\trest\tn/a"]
    for number, trial in enumerate(planned):
        rows.append(f"{trial.onset:g}\t{TRIAL_SECONDS}\tstimulus\t{2 + 6 * (number % 2)}")
    columns = participant.samples(0, round((planned[-1].end + 3) * RATE)).T
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
