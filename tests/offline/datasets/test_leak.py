"""A leak detector: real data on which neighbours in time look alike and nothing else helps.

In UCI's EEG eye state recording a nearest neighbour finds the eyes' state in 98 % of shuffled samples
and is at chance on stretches that it has not seen. Any protocol that shares a stretch shows it here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier

from bci_app.bundle.spec import Target
from bci_app.preprocessing import PreprocessingSpec
from offline.datasets import DatasetInfo, Trial, WindowSet, make_windows
from offline.datasets.dreamer import CHANNELS as DREAMER
from offline.datasets.eegmat import INFO
from offline.protocols import make_splits

TARGET = Target(name="eyes", classes=("open", "closed"))


@dataclass(frozen=True)
class EyeState:
    """Runs of one eye state as trials; consecutive runs grouped into made-up subjects or sessions."""

    data: NDArray[np.float64]
    state: NDArray[np.int64]
    subject_runs: int
    session_runs: int
    info: DatasetInfo

    def _runs(self) -> list[slice]:
        edges = [0, *(np.flatnonzero(np.diff(self.state)) + 1), len(self.state)]
        return [slice(int(a), int(b)) for a, b in pairwise(edges)]

    def subjects(self) -> list[str]:
        return [str(i) for i in range(-(-len(self._runs()) // self.subject_runs))]

    def trials(self, subject: str) -> Iterator[Trial]:
        for number, run in enumerate(self._runs()):
            if number // self.subject_runs == int(subject):
                yield Trial(
                    subject=subject,
                    session=str(number // self.session_runs),
                    trial=str(number),
                    data=self.data[run],
                    rate=128,
                    channels=DREAMER,
                    labels={"eyes": int(self.state[run.start])},
                )


@pytest.fixture(scope="module")
def recording(shared_data: Path) -> NDArray[np.float64]:
    lines = (shared_data / "eeg_eye_state" / "eeg_eye_state.arff").read_text().split("@DATA")[1]
    return np.array([line.split(",") for line in lines.split()], dtype=np.float64)


def windows(recording: NDArray[np.float64], *, subject_runs: int = 100, session_runs: int = 100) -> WindowSet:
    """Make one window of every sample."""
    info = replace(INFO, targets=(TARGET,), channels=DREAMER)
    dataset = EyeState(recording[:, :14], recording[:, 14].astype(np.int64), subject_runs, session_runs, info)
    return make_windows(dataset, PreprocessingSpec(channels=DREAMER, rate=128, window=1, hop=1))


def nearest_neighbour(made: WindowSet, protocol: str, folds: int | None) -> float:
    truth, predicted = made.labels[:, 0], np.full(len(made), -1)
    for split in make_splits(made, protocol, folds=folds):
        train = np.concatenate([split.train, split.validation])
        model = KNeighborsClassifier(1).fit(made.tokens[train, :, 0], truth[train])
        predicted[split.test] = model.predict(made.tokens[split.test, :, 0])
    tested = predicted >= 0
    return float(balanced_accuracy_score(truth[tested], predicted[tested]))


def test_shuffled_samples_leak(recording: NDArray[np.float64]) -> None:
    made = windows(recording)
    assert len(made) == 14980
    assert nearest_neighbour(made, "paper", None) > 0.97


@pytest.mark.parametrize(
    ("protocol", "folds", "subject_runs", "session_runs"),
    [("trial", 5, 100, 100), ("subjects", 4, 4, 4), ("loso", None, 4, 4), ("session", 4, 100, 4)],
)
def test_the_other_protocols_stay_near_chance(
    recording: NDArray[np.float64], protocol: str, folds: int | None, subject_runs: int, session_runs: int
) -> None:
    made = windows(recording, subject_runs=subject_runs, session_runs=session_runs)
    assert nearest_neighbour(made, protocol, folds) < 0.65
