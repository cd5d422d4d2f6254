"""What a finished run leaves behind: ``result.json``, and the predictions of every protocol."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from bci_app.atomic import write_arrays_atomically, write_atomically
from bci_app.bundle.spec import Attribution, BadChannelLoss, Quantisation, Target, TargetScore
from bci_app.errors import FileError
from bci_app.preprocessing.spec import PreprocessingSpec
from offline.run.comparison import SearchComparison
from offline.run.fold import FoldSummary
from offline.run.settings import RunSettings

RESULT_FILE = "result.json"
PREDICTIONS_FILE = "predictions.npz"
PREDICTIONS_CSV = "predictions.csv"
REFERENCE = "reference"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkRecord(_Frozen):
    """One network of one fold.

    Attributes
    ----------
    folder : str
        Where its curves and its search are, under the run's folder.
    split : str
        Name of the split.
    targets : tuple of str
        What it predicts.
    embed_dim, heads, mlp_ratios, parameters
        The found subnet.
    temperatures : tuple of float
        Of the found subnet, one a target.
    validation_balanced_accuracy : float
        Of the found subnet with inherited weights.
    evaluations, epochs, best_epoch : int
        Of search and training.
    lines : tuple of str
        The targets that a line answers for in its place.
    """

    folder: str
    split: str
    targets: tuple[str, ...]
    embed_dim: int
    heads: tuple[int, ...]
    mlp_ratios: tuple[float, ...]
    parameters: int
    temperatures: tuple[float, ...]
    validation_balanced_accuracy: float
    evaluations: int
    epochs: int
    best_epoch: int
    lines: tuple[str, ...] = ()

    @classmethod
    def of(cls, folder: str, summary: FoldSummary) -> NetworkRecord:
        """Record what a fold found."""
        return cls(
            folder=folder,
            split=summary.name,
            targets=summary.targets,
            embed_dim=summary.arch.embed_dim,
            heads=summary.arch.heads,
            mlp_ratios=summary.arch.mlp_ratios,
            parameters=summary.parameters,
            temperatures=summary.temperatures["found"],
            validation_balanced_accuracy=summary.validation_balanced_accuracy,
            evaluations=summary.evaluations,
            epochs=summary.epochs,
            best_epoch=summary.best_epoch,
            lines=summary.lines,
        )


class LeakRecord(_Frozen):
    """What the nearest neighbour on the reference's features reaches for a target under a protocol.

    Attributes
    ----------
    target : str
        The target.
    nearest, elsewhere : float
        Balanced accuracy over all training windows, and without those of the tested trial or stimulus.
    """

    target: str
    nearest: float
    elsewhere: float

    @property
    def gain(self) -> float:
        """What remembering a trial or a stimulus is worth."""
        return self.nearest - self.elsewhere


class ProtocolRecord(_Frozen):
    """One protocol: its folds, and the scores of each kind of prediction, one a target."""

    name: str
    folder: str
    description: str
    leaks: bool
    within_subject: bool
    splits: int
    networks: tuple[NetworkRecord, ...]
    scores: dict[str, tuple[TargetScore, ...]]
    leak: tuple[LeakRecord, ...] = ()
    attributions: tuple[Attribution, ...] = ()
    search: tuple[SearchComparison, ...] = ()

    @property
    def lines_note(self) -> str:
        """Where a line answers in place of the networks; empty for nowhere."""
        counts = Counter(name for network in self.networks for name in network.lines)
        if not counts:
            return ""
        shares = (
            f"{name} in {count} of {sum(name in network.targets for network in self.networks)} networks"
            for name, count in counts.items()
        )
        return (
            "Validation windows choose for each target between the network and logistic regression on the same "
            f"tokens. The latter answers for {', '.join(shares)}."
        )


class Exclusion(_Frozen):
    """A subject or a target that the run leaves out, and why."""

    what: str
    why: str


class DatasetRecord(_Frozen):
    """The data set."""

    name: str
    title: str
    source: str
    licence: str
    synthetic: bool


class BaselineRecord(_Frozen):
    """A method that the run was compared with: the kind of its predictions, its name in tables, and its source."""

    name: str
    title: str
    source: str


class RunRecord(_Frozen):
    """``result.json``.

    Attributes
    ----------
    subjects : tuple of str
        Those that the run used.
    damage : tuple of Exclusion
        What is wrong with the data that the run used: the subject or target, and what was found.
    windows, trials : int
        How many of them.
    largest : int
        Parameters of the largest subnet of the space with all targets of a network.
    caution : str
        What makes the scores better than they are; empty if nothing is known to.
    primary : str
        The protocol that the exported model answers for.
    baselines : tuple of BaselineRecord
        The methods that the run was compared with, besides the reference.
    final : tuple of NetworkRecord
        The exported networks.
    quantisation : Quantisation or None
        What 8-bit weights cost, if the bundle has such.
    bad_channel_losses : tuple of BadChannelLoss
        What replaced channels cost, if that was measured.
    max_bad_share : float
        Share of the channels that the bundle allows to be bad.
    bad_channels : {"interpolate", "rest"}
        What stands for them.
    """

    command: str
    settings: RunSettings
    dataset: DatasetRecord
    preprocessing: PreprocessingSpec
    targets: tuple[Target, ...]
    subjects: tuple[str, ...]
    excluded: tuple[Exclusion, ...]
    damage: tuple[Exclusion, ...] = ()
    windows: int
    trials: int
    caution: str
    primary: str
    largest: int
    reference_method: str
    baselines: tuple[BaselineRecord, ...] = ()
    protocols: tuple[ProtocolRecord, ...]
    final: tuple[NetworkRecord, ...]
    bundle: str
    quantisation: Quantisation | None = None
    bad_channel_losses: tuple[BadChannelLoss, ...] = ()
    max_bad_share: float = 0.0
    bad_channels: Literal["interpolate", "rest"] = "interpolate"
    model_bytes: int
    latency_ms: float
    seconds: float
    created: str
    software: dict[str, str]

    @property
    def networks_title(self) -> str:
        """What the networks of the folds are called in tables."""
        return "found subnets" if self.settings.preset.searched else "networks"

    def protocol(self, name: str) -> ProtocolRecord:
        """Return a protocol by name."""
        return next(protocol for protocol in self.protocols if protocol.name == name)

    def write(self, out: Path) -> None:
        """Write it into the folder of a run."""
        write_atomically(out / RESULT_FILE, self.model_dump_json(indent=2) + "\n")

    @classmethod
    def read(cls, out: Path) -> RunRecord:
        """Read it back.

        Raises
        ------
        FileError
            If the run is not finished, or the file is damaged.
        """
        try:
            return cls.model_validate_json((out / RESULT_FILE).read_bytes())
        except OSError as error:
            raise FileError(
                f"No finished run is in {out}",
                found=f"no {RESULT_FILE}",
                expected="the folder of a run that came to its end",
                fix="Run the same command again; it goes on where it was.",
            ) from error
        except ValidationError as error:
            raise FileError(
                f"Cannot read {RESULT_FILE} of {out}",
                found=f"{error.error_count()} faults, the first: {error.errors()[0]['msg']}",
                expected="a file written by this version of bci-app",
                fix="Run the same command again.",
            ) from error


@dataclass(frozen=True)
class ScoredWindows:
    """The windows that a protocol tested, in time order within each trial.

    Attributes
    ----------
    labels : ndarray of int64, shape (n_windows, n_targets)
        Class indices.
    subject, trial : ndarray of int64, shape (n_windows,)
        Group codes; `subject` indexes the run's subjects.
    seconds : ndarray of float64, shape (n_windows,)
        Time of the last sample in its recording.
    probabilities : mapping of str to tuple of ndarray
        For each kind of prediction one array (n_windows, n_classes) a target.
    """

    labels: NDArray[np.int64]
    subject: NDArray[np.int64]
    trial: NDArray[np.int64]
    seconds: NDArray[np.float64]
    probabilities: Mapping[str, Sequence[NDArray[np.float64]]]

    def write(self, path: Path) -> None:
        """Write it whole or not at all."""
        arrays = {name: getattr(self, name) for name in ("labels", "subject", "trial", "seconds")}
        for kind, columns in self.probabilities.items():
            arrays |= {f"{kind}.{t}": column.astype(np.float32) for t, column in enumerate(columns)}
        write_arrays_atomically(path, {"kinds": json.dumps(list(self.probabilities)), **arrays})

    def write_csv(self, path: Path, *, subjects: Sequence[str], targets: Sequence[Target]) -> None:
        """Write one row for each window, target and kind of prediction, with the probability of each class.

        Parameters
        ----------
        path : Path
            The file.
        subjects : sequence of str
            Names of the subject codes.
        targets : sequence of Target
            What the label columns are.
        """
        widest = max(len(target.classes) for target in targets)
        written = io.StringIO()
        rows = csv.writer(written, lineterminator="\n")
        columns = ("subject", "trial", "seconds", "target", "true", "method", "predicted")
        rows.writerow([*columns, *(f"p{number}" for number in range(widest))])
        for kind, of_targets in self.probabilities.items():
            for t, (target, found) in enumerate(zip(targets, of_targets, strict=True)):
                for i, values in enumerate(found):
                    who = subjects[self.subject[i]], self.trial[i], f"{self.seconds[i]:.3f}", target.name
                    named = target.classes[self.labels[i, t]], kind, target.classes[int(values.argmax())]
                    rows.writerow([*who, *named, *(f"{value:.5f}" for value in values)])
        write_atomically(path, written.getvalue())

    @classmethod
    def read(cls, path: Path) -> ScoredWindows:
        """Read it back.

        Raises
        ------
        FileError
            If the file is missing or damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                kinds = json.loads(str(archive["kinds"]))
                n_targets = archive["labels"].shape[1]
                probabilities = {
                    kind: tuple(archive[f"{kind}.{t}"].astype(np.float64) for t in range(n_targets)) for kind in kinds
                }
                return cls(archive["labels"], archive["subject"], archive["trial"], archive["seconds"], probabilities)
        except (OSError, ValueError, KeyError, IndexError, BadZipFile) as error:
            raise FileError(
                f"Cannot read the predictions {path}", found=str(error), fix="Run the same command again."
            ) from error
