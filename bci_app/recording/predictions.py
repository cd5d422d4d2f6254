"""The predictions that a recording of a session holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import FileError
from bci_app.events import Prediction
from bci_app.recording.session_streams import ARTEFACT_SCORE, ARTEFACTS, PREDICTIONS_TYPE
from bci_app.recording.xdf import load_streams
from bci_app.recording.xdf_chunks import check_xdf

_INVALID = "invalid: "
_SMOOTHED = ", smoothed"
_KNOWN = ("sample", "valid", "quality", "age", "compute")


@dataclass(frozen=True, slots=True, eq=False)
class RecordedPredictions:
    """What a session predicted, one row a window.

    Attributes
    ----------
    sample : ndarray of int64, shape (n_windows,)
        Stream index of each window's last sample.
    time : ndarray of float64, shape (n_windows,)
        LSL time of that sample.
    valid : ndarray of bool, shape (n_windows,)
        Whether the engine stood behind it.
    reasons : tuple of tuple of str
        Why not, for each window.
    quality : ndarray of float64, shape (n_windows,)
        Share of channels with good contact.
    classes : mapping of str to tuple of str
        Classes of each target.
    probability, smoothed : mapping of str to ndarray of float64, shape (n_windows, n_classes)
        By target; nan where invalid.
    artefact : tuple of str
        What each window holds beside the brain: ``muscle``, ``movement``, or empty.
    artefact_score : ndarray of float64, shape (n_windows,)
        How strong that is; more than 1 is an artefact. nan where it is not known.
    """

    sample: NDArray[np.int64]
    time: NDArray[np.float64]
    valid: NDArray[np.bool_]
    reasons: tuple[tuple[str, ...], ...]
    quality: NDArray[np.float64]
    classes: Mapping[str, tuple[str, ...]]
    probability: Mapping[str, NDArray[np.float64]]
    smoothed: Mapping[str, NDArray[np.float64]]
    artefact: tuple[str, ...]
    artefact_score: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.sample)

    @classmethod
    def of(cls, predictions: Sequence[Prediction]) -> RecordedPredictions:
        """Arrange predictions of one model that were made now, at least one."""
        classes = {target.name: target.classes for target in predictions[0].targets}
        columns: dict[str, dict[str, NDArray[np.float64]]] = {}
        for kind in ("probability", "smoothed"):
            columns[kind] = {
                name: np.array([getattr(p.targets[n], kind) or (np.nan,) * len(words) for p in predictions])
                for n, (name, words) in enumerate(classes.items())
            }
        return cls(
            sample=np.array([p.sample for p in predictions], dtype=np.int64),
            time=np.array([p.time for p in predictions]),
            valid=np.array([p.valid for p in predictions], dtype=np.bool_),
            reasons=tuple(tuple(reason.value for reason in p.reasons) for p in predictions),
            quality=np.array([p.quality for p in predictions]),
            classes=classes,
            probability=columns["probability"],
            smoothed=columns["smoothed"],
            artefact=tuple(p.artefact for p in predictions),
            artefact_score=np.array([p.artefact_score for p in predictions]),
        )


def read_predictions(path: Path) -> RecordedPredictions | None:
    """Read the predictions of a session; None if the recording holds none.

    Raises
    ------
    FileError
        If the file is damaged, or holds predictions of several models.
    """
    content = path.read_bytes()
    checked = check_xdf(content, path)
    streams = [s for s in checked.streams.values() if s.type == PREDICTIONS_TYPE and s.n_samples and s.labels]
    if not streams:
        return None
    if len(streams) > 1:
        raise FileError(
            f"{path.name} holds predictions of several models",
            found=f"{len(streams)} streams of type {PREDICTIONS_TYPE}",
            expected="one",
        )
    loaded, _ = load_streams(path, content[: checked.n_bytes], streams)
    stream = loaded[streams[0].id]
    values = np.asarray(stream["time_series"], dtype=np.float64)
    columns = {label: values[:, n] for n, label in enumerate(streams[0].labels)}
    if not set(_KNOWN) <= set(columns):
        raise FileError(
            f"{path.name} holds a stream of type {PREDICTIONS_TYPE} that is not one of bci-app",
            found=", ".join(columns),
            expected=", ".join(_KNOWN),
        )
    reasons = {label.removeprefix(_INVALID): column for label, column in columns.items() if label.startswith(_INVALID)}
    named = [name for name in ARTEFACTS if name in columns]  # recordings of earlier versions have none
    classes: dict[str, tuple[str, ...]] = {}
    for label in columns:
        target, separator, name = label.partition(": ")
        if separator and not label.startswith(_INVALID) and not label.endswith(_SMOOTHED):
            classes[target] = (*classes.get(target, ()), name)
    return RecordedPredictions(
        sample=columns["sample"].astype(np.int64),
        time=np.asarray(stream["time_stamps"], dtype=np.float64),
        valid=columns["valid"] > 0,
        reasons=tuple(
            tuple(reason for reason, column in reasons.items() if column[row] > 0) for row in range(len(values))
        ),
        quality=columns["quality"],
        classes=classes,
        probability={t: np.stack([columns[f"{t}: {c}"] for c in names], axis=1) for t, names in classes.items()},
        smoothed={
            t: np.stack([columns[f"{t}: {c}{_SMOOTHED}"] for c in names], axis=1) for t, names in classes.items()
        },
        artefact=tuple(next((name for name in named if columns[name][row] > 0), "") for row in range(len(values))),
        artefact_score=columns.get(ARTEFACT_SCORE, np.full(len(values), np.nan)),
    )
