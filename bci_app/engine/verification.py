"""Whether a recorded session predicts again what it predicted: evidence for a reviewer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bci_app.bundle.predictor import Predictor
from bci_app.bundle.store import LoadedBundle
from bci_app.engine.recompute import predictions_of_recording
from bci_app.errors import FileError
from bci_app.events import Prediction
from bci_app.recording import read_recording
from bci_app.recording.predictions import RecordedPredictions, read_predictions

TOLERANCE = 1e-5
"""Largest difference of a probability that counts as equal."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What the comparison found.

    Attributes
    ----------
    windows : int
        Windows that are valid in the recording.
    compared : int
        Of these, windows that were predicted again.
    largest : float
        Largest difference of a probability.
    """

    windows: int
    compared: int
    largest: float

    @property
    def same(self) -> bool:
        """Whether every valid window was predicted again, with equal probabilities."""
        return self.windows > 0 and self.compared == self.windows and self.largest <= TOLERANCE


def verify_session(path: Path, bundle: LoadedBundle, *, predictor: Predictor | None = None) -> Verification:
    """Predict a recorded session again and compare.

    Parameters
    ----------
    path : Path
        XDF that bci-app recorded, from the beginning of the session on.
    bundle : LoadedBundle
        The model of the session.
    predictor : Predictor, optional
        As in `predictions_of_recording`.

    Raises
    ------
    FileError
        If the recording holds no predictions.
    BciError
        If it does not fit the bundle.
    """
    recorded = read_predictions(path)
    if recorded is None:
        raise FileError(
            f"{path.name} holds no predictions",
            found="samples only",
            expected="a session with a model that bci-app recorded",
            fix="Name a recording of bci-app run, or of the window.",
        )
    again = predictions_of_recording(read_recording(path), bundle, predictor=predictor)
    return _compare(recorded, {prediction.sample: prediction for prediction in again if prediction.valid})


def _compare(recorded: RecordedPredictions, again: dict[int, Prediction]) -> Verification:
    compared, largest = 0, 0.0
    for row in np.flatnonzero(recorded.valid):
        prediction = again.get(int(recorded.sample[row]))
        if prediction is None:
            continue
        found = {target.name: target.probability for target in prediction.targets if target.probability is not None}
        if set(found) != set(recorded.classes):
            continue
        compared += 1
        for name, probability in recorded.probability.items():
            largest = max(largest, float(np.abs(np.subtract(probability[row], found[name])).max()))
    return Verification(int(recorded.valid.sum()), compared, largest)
