"""Whether a recorded session predicts again what it predicted: evidence for a reviewer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.predictor import Predictor
from bci_app.bundle.store import LoadedBundle
from bci_app.engine.recompute import predictions_of_recording
from bci_app.errors import FileError
from bci_app.events import Prediction
from bci_app.recording import Recording, read_recording
from bci_app.recording.predictions import RecordedPredictions, read_predictions

TOLERANCE = 1e-5
"""Largest difference of a probability that counts as equal."""

SETTLING = 20.0
"""Seconds at the beginning of a recording that does not begin with its session, which are not compared: filters knew
what came before. They forget it to `TOLERANCE` within this time."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What the comparison found.

    Attributes
    ----------
    windows : int
        Windows that are valid in the recording, where they can be compared.
    compared : int
        Of these, windows that were predicted again.
    largest : float
        Largest difference of a probability.
    from_start : bool
        Whether the recording begins with its session. Else its first seconds (`SETTLING`) are left out.
    """

    windows: int
    compared: int
    largest: float
    from_start: bool

    @property
    def same(self) -> bool:
        """Whether every window that can be compared was predicted again, with equal probabilities."""
        return self.windows > 0 and self.compared == self.windows and self.largest <= TOLERANCE


def verify_session(path: Path, bundle: LoadedBundle, *, predictor: Predictor | None = None) -> Verification:
    """Predict a recorded session again, with the channels that it used, and compare.

    Parameters
    ----------
    path : Path
        XDF that bci-app recorded.
    bundle : LoadedBundle
        The model of the session.
    predictor : Predictor, optional
        As in `predictions_of_recording`.

    Raises
    ------
    FileError
        If the recording holds no predictions, or they were made with another bundle or profile.
    BciError
        If it does not fit the bundle.
    """
    recording = read_recording(path)
    recorded = read_predictions(path) if recording.format == "XDF" else None
    if recorded is None:
        raise FileError(
            f"{path.name} holds no predictions",
            found="samples only",
            expected="a session with a model that bci-app recorded",
            fix="Name a recording of bci-app run, or of the window.",
        )
    _require_same(recording, "bundle", {"bundle": bundle.spec.name, "model_sha256": bundle.spec.model_sha256})
    _require_same(recording, "profile", {} if predictor is None else predictor.profile_facts)
    if "prequential" in recording.session:
        raise FileError(
            f"The head that predicted in {path.name} has learnt from its ratings as they came",
            expected="a session without --prequential",
            fix="Its predictions follow from the order in which ratings arrived, and cannot be made again.",
        )
    again = predictions_of_recording(recording, bundle, predictor=predictor)
    valid = {prediction.sample: prediction for prediction in again if prediction.valid}
    from_start = recording.first == 0
    rows = recorded.valid & (recorded.time >= recording.start + (0.0 if from_start else SETTLING))
    return _compare(recorded, np.flatnonzero(rows), valid, from_start=from_start)


def _require_same(recording: Recording, what: str, named: Mapping[str, str]) -> None:
    """Check that the session was predicted with what is named. One that does not name its bundle is only compared."""
    hashed = "model_sha256" if what == "bundle" else f"{what}_sha256"
    wanted, found = str(recording.session.get(hashed, "")), named.get(hashed, "")
    if found == wanted or "model_sha256" not in recording.session:
        return
    raise FileError(
        f"The predictions in {recording.path.name} were made with another {what}",
        found=f"{named[what]} {found[:12]}" if found else f"no {what}",
        expected=f"{recording.session.get(what)} {wanted[:12]}" if wanted else f"no {what}",
        fix=f"Name the {what} of the session." if wanted else f"Leave the {what} out.",
    )


def _compare(
    recorded: RecordedPredictions, rows: NDArray[np.intp], again: Mapping[int, Prediction], *, from_start: bool
) -> Verification:
    compared, largest = 0, 0.0
    for row in rows:
        prediction = again.get(int(recorded.sample[row]))
        if prediction is None:
            continue
        found = {target.name: target.probability for target in prediction.targets if target.probability is not None}
        if set(found) != set(recorded.classes):
            continue
        compared += 1
        for name, probability in recorded.probability.items():
            largest = max(largest, float(np.abs(np.subtract(probability[row], found[name])).max()))
    return Verification(len(rows), compared, largest, from_start)
