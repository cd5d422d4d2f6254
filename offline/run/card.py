"""The model card of an exported model."""

from __future__ import annotations

import importlib.metadata
import platform
from datetime import UTC, datetime

import numpy as np

from bci_app import __version__
from bci_app.bundle.spec import Provenance
from offline.datasets.base import DatasetInfo, Split, WindowSet
from offline.protocols import protocol_named
from offline.run.record import ProtocolRecord
from offline.run.scores import CALIBRATION, HOW_SCORED, SHIPPED_CALIBRATION

_SYNTHETIC = "Trained on synthetic signals: it knows nothing about people, and what it says of them means nothing."
_TRY_OUT = "Trying out the software. Not for use on people."
NOT_MEDICAL = "Not a medical device; no decision about a person may rest on it."


def software() -> dict[str, str]:
    """Versions of what made the model."""
    packages = ("torch", "numpy", "scipy", "onnx", "onnxruntime", "pymoo", "scikit-learn")
    versions = {name: importlib.metadata.version(name) for name in packages}
    return {"bci-app": __version__, "python": platform.python_version(), **versions}


def today() -> str:
    """Return the date in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%d")


def caution(info: DatasetInfo) -> str:
    """Say what makes scores on a data set better than they are, or nothing."""
    return "" if info.synthetic else info.caution


def model_card(
    info: DatasetInfo,
    windows: WindowSet,
    final: Split,
    *,
    record: ProtocolRecord,
    kind: str,
    finetuned: bool,
    command: str,
) -> Provenance:
    """Say where the final model comes from and what its scores are scores of.

    Parameters
    ----------
    info : DatasetInfo
        The data set.
    windows : WindowSet
        All windows of the run.
    final : Split
        What the shipped model was trained and searched on.
    record : ProtocolRecord
        The cross-validation that the model answers for.
    kind : str
        Whose scores they are: ``found``, or ``int8`` for the same networks with 8-bit weights.
    finetuned : bool
        Whether validation windows were trained on in the end.
    command : str
        What the user ran.
    """
    demo = tuple(name for name in info.demo_subjects if name not in windows.subjects)
    validation = _subjects(windows, final.validation)
    trained = _subjects(windows, np.concatenate([final.train, final.validation]) if finetuned else final.train)
    kept_out = f" but {', '.join(demo)}, whose recording the demo replays" if demo else ""
    protocol = protocol_named(record.name)
    if record.within_subject:
        apart = f" of {len(windows.subjects)} subjects"
        shipped = (
            f"Those were networks for one subject each; the model in this bundle is one for all subjects together"
            f"{kept_out}, and has itself no test score."
        )
    elif not protocol.ships_tested:
        apart = ""
        shipped = "The model in this bundle was made the same way of the same people, and knows nobody who was tested."
    else:
        apart = ""
        shipped = (
            f"The model in this bundle was made the same way of all subjects{kept_out}, and has itself no test score."
        )
    made = "trains and searches" if any(network.evaluations > 1 for network in record.networks) else "trains"
    folds = "1 fold" if record.splits == 1 else f"{record.splits} folds"
    description = (
        f"{record.description} The scores are cross-validated over {folds}{apart}: each fold {made} its own "
        f"networks and is scored on windows that were in no training. "
        f"{HOW_SCORED[record.within_subject]} {shipped} {CALIBRATION}{SHIPPED_CALIBRATION[protocol.calibrated_apart]} "
        + " ".join(filter(None, (record.lines_note, caution(info))))
    )
    limits = _SYNTHETIC if info.synthetic else info.limitations
    return Provenance(
        dataset=info.title,
        dataset_source=info.source,
        licence=info.licence,
        synthetic=info.synthetic,
        train_subjects=trained,
        validation_subjects=validation,
        held_out_subjects=demo,
        protocol=record.name,
        protocol_description=description.strip(),
        leaks=record.leaks,
        scores=record.scores[kind],
        attributions=record.attributions,
        intended_use=_TRY_OUT if info.synthetic else info.intended_use,
        limitations=f"{limits} {NOT_MEDICAL}".strip(),
        created=today(),
        command=command,
        software=software(),
    )


def _subjects(windows: WindowSet, index: np.ndarray) -> tuple[str, ...]:
    return tuple(windows.subjects[code] for code in np.unique(windows.subject[index]))
