"""Two EDF files of a made-up person: rest and a task, in the layout of a common clinical amplifier."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from edfio import Edf, EdfAnnotation, EdfSignal

from bci_app.simulation import Settings, SimulatedParticipant

RATE = 500
ELECTRODES = [
    "Fp1",
    "Fp2",
    "F3",
    "F4",
    "F7",
    "F8",
    "T3",
    "T4",
    "C3",
    "C4",
    "T5",
    "T6",
    "P3",
    "P4",
    "O1",
    "O2",
    "Fz",
    "Cz",
    "Pz",
]
LABELS = (*(f"EEG {name}" for name in ELECTRODES), "EEG A2-A1", "ECG ECG")
POP_SECOND = 45
"""Second of the task at which electrode O2 jumps."""


FILES = ("Subject01_1.edf", "Subject01_2.edf")


def write_session(folder: Path) -> None:
    """Write 182 s of rest and 62 s of a task."""
    rest, task = (_recorded(seed, seconds) for seed, seconds in ((11, 182), (12, 62)))
    task[POP_SECOND * RATE :, ELECTRODES.index("O2")] += 400.0
    for file, eeg in zip(FILES, (rest, task), strict=True):
        _write(folder / file, eeg)


def _recorded(seed: int, seconds: int) -> np.ndarray:
    """Make EEG as such an amplifier stores it: without offset and drift."""
    eeg = SimulatedParticipant(seed, Settings(channels=ELECTRODES, rate=RATE)).samples(0, seconds * RATE)
    spectrum = np.fft.rfft(eeg, axis=0)
    spectrum[: round(0.8 * seconds)] = 0
    return np.fft.irfft(spectrum, len(eeg), axis=0)


def _write(path: Path, eeg: np.ndarray) -> None:
    others = np.random.default_rng(0).normal(0, 5, (len(eeg), 2))
    signals = [
        EdfSignal(column, RATE, label=label, physical_dimension="uV", physical_range=(-3200, 3200))
        for label, column in zip(LABELS, np.column_stack([eeg, others]).clip(-3200, 3200).T, strict=True)
    ]
    Edf(signals, annotations=[EdfAnnotation(0.0, None, "made up")]).write(path)
