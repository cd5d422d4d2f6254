"""From the networks of a run to its bundle: golden record, model card, and what 8-bit weights cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle import LoadedBundle, load_bundle
from bci_app.bundle.spec import BadChannelLoss, Provenance, QuantisedScore, Smoothing
from bci_app.preprocessing.spec import NoBaseline, PreprocessingSpec
from offline.datasets.base import Dataset, Trial, WindowSet
from offline.export import Excerpt, ExportedSubnet, build_graph, export_bundle, quantise
from offline.export.graph import Session
from offline.presets import DEMO_SUBJECTS
from offline.run.bad_channels import allowed_share
from offline.run.fold import FoldResult, Task, read_subnet, told
from offline.run.record import ProtocolRecord
from offline.run.scores import rolling_windows
from offline.run.settings import RunSettings

INT8 = "int8"
"""Kind of prediction: the found subnets with 8-bit weights."""

_GOLDEN_WINDOWS = 10
_SYNTHETIC_TITLE = "Synthetic {targets} (not for use on people)"
_NAMES = {"eegmat": ("mental-load", "Mental load (mental arithmetic)")}


@dataclass(frozen=True)
class Shipping:
    """How the bundle of a run is written; no result but the bundle depends on it.

    Attributes
    ----------
    folder : Path or None
        Where it goes; ``RUN/bundle/NAME`` for None.
    name : str or None
        Its name; by data set and preset for None.
    int8 : bool
        Store the weights as 8-bit integers, and measure what that costs on the test windows of every fold.
    bad_channels : bool
        Measure what replaced channels cost on the test windows of the primary protocol, and allow as many bad ones
        in a live session, replaced in the way, as `allowed_share` finds.
    """

    folder: Path | None = None
    name: str | None = None
    int8: bool = False
    bad_channels: bool = False

    def options(self) -> tuple[str, ...]:
        """Give the words of the command line that ask for it; names of bundles stand for themselves."""
        asked = {"--int8": self.int8, "--bad-channels": self.bad_channels}
        return tuple(option for option, given in asked.items() if given)


def ship(
    shipping: Shipping,
    networks: Sequence[tuple[Task, FoldResult]],
    *,
    out: Path,
    settings: RunSettings,
    dataset: Dataset,
    windows: WindowSet,
    spec: PreprocessingSpec,
    card: Provenance,
    record: ProtocolRecord,
    losses: tuple[BadChannelLoss, ...],
) -> LoadedBundle:
    """Write the bundle of a run, and load it as the app does.

    Parameters
    ----------
    shipping : Shipping
        How.
    networks : sequence of Task and FoldResult
        Those that ship.
    out : Path
        The run's folder.
    settings, dataset, windows, spec
        The run.
    card : Provenance
        The model card.
    record : ProtocolRecord
        The cross-validation that the model answers for.
    losses : tuple of BadChannelLoss
        What was measured; empty if nothing was.
    """
    default, title = _names(settings, dataset, [target.name for target in windows.targets])
    name = shipping.name or default + ("-int8" if shipping.int8 else "")
    folder = shipping.folder or out / "bundle" / name
    allowed = allowed_share(losses, len(spec.channels))
    export_bundle(
        folder,
        [_exported(windows, task, result) for task, result in networks],
        name=name,
        title=title,
        preprocessing=spec,
        provenance=card.model_copy(update={"bad_channels": losses}),
        excerpt=golden_excerpt(dataset, spec, windows.subjects[0]),
        smoothing=Smoothing(windows=rolling_windows(spec)),
        max_interpolated=allowed.share,
        bad_channels=allowed.method,
        quantised=quantised_scores(record) if shipping.int8 else None,
    )
    return load_bundle(folder)


def with_int8(windows: WindowSet, task: Task, result: FoldResult) -> FoldResult:
    """Add what the found subnet says of its test windows with 8-bit weights; its temperatures stay.

    One window at a time, as live: the scale of the activations would otherwise be that of a whole batch.
    """
    session = Session(quantise(build_graph([read_subnet(task.folder, windows, result)])))
    tokens = windows.tokens[task.split.test]
    shape = result.logits["found"].shape
    logits = np.empty(shape, dtype=np.float32)
    for row, window in zip(logits, tokens, strict=True):
        row[:] = session.logits(np.ascontiguousarray(window[None], dtype=np.float32))[0]
    summary = replace(
        result.summary, temperatures=result.summary.temperatures | {INT8: result.summary.temperatures["found"]}
    )
    return FoldResult(summary, result.logits | {INT8: logits})


def quantised_scores(record: ProtocolRecord) -> tuple[QuantisedScore, ...]:
    """Set the scores of 8-bit weights beside those of float weights."""
    return tuple(
        QuantisedScore(
            target=small.target,
            n_windows=small.n_windows,
            float_accuracy=whole.accuracy,
            accuracy=small.accuracy,
            float_balanced_accuracy=whole.balanced_accuracy,
            balanced_accuracy=small.balanced_accuracy,
        )
        for whole, small in zip(record.scores["found"], record.scores[INT8], strict=True)
    )


def _names(settings: RunSettings, dataset: Dataset, targets: Sequence[str]) -> tuple[str, str]:
    """Give the default name of the bundle, and its title."""
    if settings.dataset in _NAMES:
        return _NAMES[settings.dataset]
    title = dataset.info.title
    if dataset.info.synthetic:
        title = _SYNTHETIC_TITLE.format(targets="–".join(target.replace("_", " ") for target in targets))
    return f"{settings.dataset}-{settings.preset.name}", title


def _exported(windows: WindowSet, task: Task, result: FoldResult) -> ExportedSubnet:
    targets = tuple(
        target.model_copy(update={"temperature": temperature})
        for target, temperature in zip(
            told(windows, task.targets).targets, result.summary.temperatures["found"], strict=True
        )
    )
    return ExportedSubnet(read_subnet(task.folder, windows, result), targets)


def golden_excerpt(dataset: Dataset, spec: PreprocessingSpec, subject: str) -> Excerpt:
    """Take the beginning of a subject's first recording: the rest baseline, if there is one, and ten windows.

    It is the demo subject's where the data set has one, so that no training data ship.
    """
    subject = next((name for name in DEMO_SUBJECTS.get(dataset.info.name, ()) if name in dataset.subjects()), subject)
    trial: Trial = next(iter(dataset.trials(subject)))
    rest = 0 if isinstance(spec.baseline, NoBaseline) else spec.baseline.samples
    samples = max(rest, spec.warm_up) + spec.window + _GOLDEN_WINDOWS * spec.hop
    data = trial.data if trial.rest is None else trial.rest
    raw: NDArray[np.float32] = data[: int(np.ceil(samples / spec.rate * trial.rate)) + 1].astype(np.float32)
    return Excerpt(raw, trial.channels, trial.rate)
