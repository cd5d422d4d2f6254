"""One network of one fold: what determines it, what was found, and its files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter
from safetensors.torch import load, save
from torch import Tensor

from bci_app.atomic import write_arrays_atomically, write_atomically
from bci_app.errors import DatasetError
from offline.datasets.base import Split, WindowSet
from offline.supernet.model import Network, line_layer
from offline.supernet.space import ArchConfig
from offline.training import Examples

RESULT_FILE = "result.json"
LOGITS_FILE = "logits.npz"
SUBNET_FILE = "subnet.safetensors"
CHECKPOINT_FILE = "supernet.safetensors"
SEARCH_FILE = "search.sqlite"
RANDOM_SEARCH_FILE = "random.sqlite"
TRAINING_FILE = "training.csv"
FRONT_FILE = "front.csv"
HYPERVOLUME_FILE = "hypervolume.csv"

FOUND = "found"
KINDS = (FOUND, "inherited", "supernet")
"""What is scored: what is shipped, the network before fine-tuning, and after a search the largest subnet before it."""

SUBNET = "subnet"
"""Kind of prediction: the found subnet after fine-tuning, for all targets, where lines answer for some of them."""

RIVALS = {
    "random": "best of a random search",
    "largest": "largest subnet",
    "median": "subnet of median size",
}
"""What a search is compared with, fine-tuned as the found subnet is, and what it is called in tables."""


@dataclass(frozen=True)
class SampledSubnet:
    """A random subnet, on which the ranking by inherited weights is checked.

    Attributes
    ----------
    parameters : int
        Its size.
    inherited : float
        Validation accuracy of its inherited weights, of the kind that the search goes by.
    alone : float
        Balanced accuracy on the test windows after fine-tuning, the mean over targets.
    """

    parameters: int
    inherited: float
    alone: float


@dataclass(frozen=True)
class SearchControls:
    """What the search of one network is compared with.

    Attributes
    ----------
    evaluations : int
        Subnets that the random search evaluated.
    parameters : dict of str to int
        Size of each of `RIVALS`.
    sample : tuple of SampledSubnet
        Random subnets, the same in all networks of a run.
    """

    evaluations: int
    parameters: dict[str, int]
    sample: tuple[SampledSubnet, ...]


@dataclass(frozen=True)
class FoldSummary:
    """What a fold found, without the arrays.

    Attributes
    ----------
    name : str
        Name of the split.
    targets : tuple of str
        What the network predicts.
    arch : ArchConfig
        The found subnet.
    parameters : int
        Its size.
    validation_accuracy, validation_balanced_accuracy : float
        Of its inherited weights.
    temperatures : dict of str to tuple of float
        For each of `KINDS`, `SUBNET` and `RIVALS`, one a target, fitted on validation windows that its weights were
        not.
    evaluations : int
        Subnets that the search looked at.
    epochs, best_epoch : int
        Epochs trained, and the one whose weights were kept.
    lines : tuple of str
        The targets that a line answers for: see `offline.run.line`.
    search_controls : SearchControls or None
        What the search is compared with; None where nothing is tested or it was not asked for.
    """

    name: str
    targets: tuple[str, ...]
    arch: ArchConfig
    parameters: int
    validation_accuracy: float
    validation_balanced_accuracy: float
    temperatures: dict[str, tuple[float, ...]]
    evaluations: int
    epochs: int
    best_epoch: int
    lines: tuple[str, ...] = ()
    search_controls: SearchControls | None = None


@dataclass(frozen=True)
class FoldResult:
    """A finished fold.

    Attributes
    ----------
    summary : FoldSummary
        What was found.
    logits : dict of str to ndarray of float32, shape (n_test, n_targets, n_classes)
        Of the test windows, for each of `KINDS` and `SUBNET`, and of `RIVALS` where the search is compared.
    """

    summary: FoldSummary
    logits: dict[str, NDArray[np.float32]]


def examples(windows: WindowSet, index: NDArray[np.int64]) -> Examples:
    """Take the windows of some indices."""
    return Examples(np.ascontiguousarray(windows.tokens[index]), windows.labels[index])


def class_counts(windows: WindowSet) -> tuple[int, ...]:
    """Return the number of classes of each target."""
    return tuple(len(target.classes) for target in windows.targets)


def with_targets(windows: WindowSet, targets: Sequence[str]) -> WindowSet:
    """Take some targets of a window set."""
    names = [target.name for target in windows.targets]
    columns = [names.index(target) for target in targets]
    return replace(
        windows, labels=windows.labels[:, columns], targets=tuple(windows.targets[column] for column in columns)
    )


@dataclass(frozen=True)
class Task:
    """One network of one fold.

    Attributes
    ----------
    name : str
        For people.
    split : Split
        Its test part may be empty.
    targets : tuple of str
        What the network predicts.
    seed : int
        Seed of everything random but the subnets of the steps.
    subnet_seed : int
        Seed of the subnets of the steps. Networks that share it can be trained together.
    folder : Path
        Where checkpoints and results go.
    """

    name: str
    split: Split
    targets: tuple[str, ...]
    seed: int
    subnet_seed: int
    folder: Path


_SUMMARY = TypeAdapter(FoldSummary)


def write_result(folder: Path, result: FoldResult, network: Network) -> None:
    """Write arrays and weights first: a result file that is there means that all is there."""
    # One entry only: safetensors writes several in no certain order, and equal runs give equal files.
    weights = save(_contiguous(network.state_dict()), {"arch": result.summary.arch.to_json()})
    write_atomically(folder / SUBNET_FILE, weights)
    write_arrays_atomically(folder / LOGITS_FILE, result.logits)
    write_atomically(folder / RESULT_FILE, json.dumps(asdict(result.summary), indent=2) + "\n")


def read_result(folder: Path) -> FoldResult | None:
    """Read what `write_result` wrote; None if it is not there.

    Raises
    ------
    DatasetError
        If it is damaged, or another version wrote it.
    """
    if not (folder / RESULT_FILE).exists():
        return None
    try:
        summary = _SUMMARY.validate_json((folder / RESULT_FILE).read_bytes())
        with np.load(folder / LOGITS_FILE, allow_pickle=False) as archive:
            logits = {name: archive[name] for name in (*archive.files, SUBNET)}
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise DatasetError(
            f"The network in {folder} cannot be used",
            found=str(error).splitlines()[0],
            expected="what this version of bci-app writes",
            fix="Start a new run with another --out.",
        ) from error
    return FoldResult(summary, logits)


def read_subnet(folder: Path, windows: WindowSet, result: FoldResult) -> Network:
    """Load the found subnet of a finished task."""
    subnet = Network(
        result.summary.arch,
        n_channels=windows.tokens.shape[1],
        n_features=windows.tokens.shape[2],
        class_counts=class_counts(with_targets(windows, result.summary.targets)),
    )
    if result.summary.lines:
        subnet.line = line_layer(subnet)
    subnet.load_state_dict(load((folder / SUBNET_FILE).read_bytes()))
    return subnet.eval()


def _contiguous(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.contiguous() for name, value in state.items()}
