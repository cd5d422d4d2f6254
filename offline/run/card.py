"""The model card of an exported model."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from bci_app import __version__
from bci_app.bundle.spec import Provenance, Score
from offline.datasets.base import DatasetInfo, Split, WindowSet
from offline.presets import DEMO_SUBJECTS
from offline.protocols import Protocol

_INTENDED = {
    "eegmat": "Research and demonstration: telling rest from mental arithmetic after 30 s of rest with eyes closed "
    "as the person's own baseline.",
}
_LIMITS = {
    "eegmat": "Mental load, not emotion. Learnt from healthy young adults, eyes closed, one headset, one task. Rest "
    "and arithmetic are two recordings of one session, so that what changes with time may help to tell them apart.",
}
_NOT_MEDICAL = "Not a medical device; no decision about a person may rest on it."


def software() -> dict[str, str]:
    """Versions of what made the model."""
    packages = ("torch", "numpy", "scipy", "onnx", "onnxruntime", "pymoo", "scikit-learn")
    versions = {name: importlib.metadata.version(name) for name in packages}
    return {"bci-app": __version__, "python": platform.python_version(), **versions}


def model_card(
    info: DatasetInfo,
    windows: WindowSet,
    final: Split,
    *,
    protocol: Protocol,
    folds: int,
    scores: Sequence[Score],
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
    protocol : Protocol
        Of the cross-validation.
    folds : int
        Folds that were scored.
    scores : sequence of Score
        Cross-validated, one a target.
    finetuned : bool
        Whether validation windows were trained on in the end.
    command : str
        What the user ran.
    """
    demo = DEMO_SUBJECTS.get(info.name, ())
    validation = _subjects(windows, final.validation)
    trained = _subjects(windows, np.concatenate([final.train, final.validation]) if finetuned else final.train)
    kept_out = f" but {', '.join(demo)}, whose recording the demo replays" if demo else ""
    description = (
        f"{protocol.description} The scores are cross-validated over {folds} folds: each fold trains and searches a "
        f"network of its own and is scored on windows that neither met. The model in this bundle was made the same "
        f"way of all subjects{kept_out}, and has itself no test score."
    )
    return Provenance(
        dataset=info.title,
        dataset_source=info.source,
        licence=info.licence,
        synthetic=info.synthetic,
        train_subjects=trained,
        validation_subjects=validation,
        held_out_subjects=demo,
        protocol=protocol.name,
        protocol_description=description,
        leaks=protocol.leaks,
        scores=tuple(scores),
        intended_use=_INTENDED.get(info.name, "Research."),
        limitations=f"{_LIMITS.get(info.name, '')} {_NOT_MEDICAL}".strip(),
        created=datetime.now(UTC).strftime("%Y-%m-%d"),
        command=command,
        software=software(),
    )


def _subjects(windows: WindowSet, index: np.ndarray) -> tuple[str, ...]:
    return tuple(windows.subjects[code] for code in np.unique(windows.subject[index]))
