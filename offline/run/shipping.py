"""From the networks of a run to its bundle: golden record, model card, and what 8-bit weights cost."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bci_app.bundle import LoadedBundle, load_bundle, require_replaceable
from bci_app.bundle.spec import NAME_PATTERN, BadChannelLoss, Provenance, QuantisedScore, Smoothing
from bci_app.errors import BundleError, DatasetError
from bci_app.preprocessing.spec import NoBaseline, PreprocessingSpec
from bci_app.simulation import Settings, SimulatedParticipant
from offline.datasets.base import Dataset, DatasetInfo, WindowSet
from offline.export import Excerpt, ExportedSubnet, build_graph, export_bundle, quantise
from offline.export.graph import Session
from offline.run.bad_channels import allowed_share
from offline.run.fold import FoldResult, Task, read_subnet, with_targets
from offline.run.record import ProtocolRecord
from offline.run.scores import rolling_windows
from offline.run.settings import RunSettings

INT8 = "int8"
"""Kind of prediction: the found subnets with 8-bit weights."""

_GOLDEN_WINDOWS = 10
_GOLDEN_PARTICIPANT = 0
_SYNTHETIC_TITLE = "Synthetic {targets} (not for use on people)"


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

    def destination(self, settings: RunSettings, info: DatasetInfo, out: Path) -> Path:
        """Return the folder of the bundle, after a check that it has a name and that nothing else would be lost.

        Raises
        ------
        BundleError
            If the name is none, or the folder holds anything but a bundle, or the run itself.
        """
        name = self.bundle_name(settings, info)
        if not re.fullmatch(NAME_PATTERN, name):
            raise BundleError(
                "A bundle cannot have this name",
                found=repr(name),
                expected="letters, digits, dots, dashes and underscores, a letter or digit first",
                fix="Choose another --name; --export names the folder.",
            )
        folder = self.folder or out / "bundle" / name
        require_replaceable(folder)
        if out.resolve().is_relative_to(folder.resolve()):
            raise BundleError(
                f"{folder} would be replaced by a bundle",
                found=f"the folder of the run, {out}",
                expected="a folder beside or in that of the run",
                fix="Choose another folder for --export.",
            )
        return folder

    def bundle_name(self, settings: RunSettings, info: DatasetInfo) -> str:
        """Return the name of the bundle."""
        default = info.bundle_name or f"{info.name}-{settings.preset.name}"
        return self.name or default + ("-int8" if self.int8 else "")

    def options(self) -> tuple[str, ...]:
        """Return the words of the command line that ask for it; names of bundles stand for themselves."""
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
    excerpt: Excerpt,
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
    excerpt : Excerpt
        Signal for the golden record.
    losses : tuple of BadChannelLoss
        What was measured; empty if nothing was.
    """
    folder = shipping.destination(settings, dataset.info, out)
    allowed = allowed_share(losses, len(spec.channels))
    export_bundle(
        folder,
        [_exported(windows, task, result) for task, result in networks],
        name=shipping.bundle_name(settings, dataset.info),
        title=_title(dataset, [target.name for target in windows.targets]),
        preprocessing=spec,
        provenance=card.model_copy(update={"bad_channels": losses}),
        excerpt=excerpt,
        smoothing=Smoothing(windows=rolling_windows(spec)),
        max_bad_share=allowed.share,
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


def _title(dataset: Dataset, targets: Sequence[str]) -> str:
    if dataset.info.synthetic:
        return _SYNTHETIC_TITLE.format(targets="–".join(target.replace("_", " ") for target in targets))
    return dataset.info.bundle_title or dataset.info.title


def _exported(windows: WindowSet, task: Task, result: FoldResult) -> ExportedSubnet:
    targets = tuple(
        target.model_copy(update={"temperature": temperature})
        for target, temperature in zip(
            with_targets(windows, task.targets).targets, result.summary.temperatures["found"], strict=True
        )
    )
    return ExportedSubnet(read_subnet(task.folder, windows, result), targets, result.summary.lines)


def golden_excerpt(dataset: Dataset, spec: PreprocessingSpec, trained: Sequence[str]) -> Excerpt:
    """Return signal for the golden record: a rest baseline, if there is one, and ten windows.

    It is the beginning of the demo subject's recording where the data set has one that can be used and was not
    `trained` on, else synthetic EEG: a bundle may go where the recordings of the data set may not.
    """
    info = dataset.info
    rest = 0 if isinstance(spec.baseline, NoBaseline) else spec.baseline.samples
    seconds = (max(rest, spec.warm_up) + spec.window + _GOLDEN_WINDOWS * spec.hop) / spec.rate
    demos = (name for name in info.demo_subjects if name not in trained)
    demo = next((name for name in demos if name in dataset.subjects()), None)
    found = None if demo is None else _beginning(dataset, demo, seconds)
    if found is not None:
        return found
    participant = SimulatedParticipant(_GOLDEN_PARTICIPANT, Settings(info.channels, info.rate))
    eeg = participant.samples(0, _samples(seconds, info.rate))
    eeg -= eeg.mean(axis=0)  # electrode offsets would cost float32 its precision
    return Excerpt(eeg.astype(np.float32), info.channels, info.rate)


def _beginning(dataset: Dataset, subject: str, seconds: float) -> Excerpt | None:
    """Return the beginning of a subject's first recording, None if it is too short or cannot be read."""
    try:
        trial = next(iter(dataset.trials(subject)))
    except DatasetError:  # nothing of it is trained on either
        return None
    data, n = trial.data if trial.rest is None else trial.rest, _samples(seconds, trial.rate)
    return Excerpt(data[:n].astype(np.float32), trial.channels, trial.rate) if len(data) >= n else None


def _samples(seconds: float, rate: float) -> int:
    return math.ceil(seconds * rate) + 1
