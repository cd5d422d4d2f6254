"""One fold: train a supernet, search it, fit its temperature, and look at test windows at the very end."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from torch import Tensor

from offline.atomic import write_atomically
from offline.datasets.base import Split, WindowSet
from offline.metrics import fit_temperature
from offline.presets import Preset
from offline.search.evaluation import ValidationEvaluator
from offline.search.evolution import evolve
from offline.search.pareto import write_front, write_hypervolume
from offline.search.store import Evaluation, EvaluationStore
from offline.supernet.extract import Subnet, extract
from offline.supernet.model import Supernet
from offline.supernet.space import ArchConfig
from offline.training import Epoch, Examples, History, Recipe, predict, train

RESULT_FILE = "result.json"
LOGITS_FILE = "logits.npz"
SUBNET_FILE = "subnet.safetensors"
CHECKPOINT_FILE = "supernet.safetensors"
FINETUNE_FILE = "finetune.safetensors"
SEARCH_FILE = "search.sqlite"


class Progress(NamedTuple):
    """How far a fold is: its name, the stage, and steps done of all."""

    fold: str
    stage: str
    done: int
    total: int


Report = Callable[[Progress], None]


@dataclass(frozen=True)
class FoldSummary:
    """What a fold found, without the arrays.

    Attributes
    ----------
    name : str
        Name of the split.
    arch : ArchConfig
        The found subnet.
    parameters : int
        Its size.
    validation_accuracy, validation_balanced_accuracy : float
        Of its inherited weights.
    temperatures : tuple of float
        One for each target, fitted on validation windows.
    evaluations : int
        Subnets that the search looked at.
    epochs, best_epoch : int
        Epochs trained, and the one whose weights were kept.
    """

    name: str
    arch: ArchConfig
    parameters: int
    validation_accuracy: float
    validation_balanced_accuracy: float
    temperatures: tuple[float, ...]
    evaluations: int
    epochs: int
    best_epoch: int


@dataclass(frozen=True)
class FoldResult:
    """A finished fold.

    Attributes
    ----------
    summary : FoldSummary
        What was found.
    logits : dict of str to ndarray of float32, shape (n_test, n_targets, n_classes)
        Of the test windows: ``found`` (what is shipped), ``inherited`` (the found subnet before
        fine-tuning) and ``supernet`` (the largest subnet).
    """

    summary: FoldSummary
    logits: dict[str, NDArray[np.float32]]


def examples(windows: WindowSet, index: NDArray[np.int64]) -> Examples:
    """Take the windows of some indices."""
    return Examples(np.ascontiguousarray(windows.tokens[index]), windows.labels[index])


def class_counts(windows: WindowSet) -> tuple[int, ...]:
    """Give the number of classes of each target."""
    return tuple(len(target.classes) for target in windows.targets)


def run_fold(
    windows: WindowSet, split: Split, preset: Preset, *, seed: int, folder: Path, report: Report
) -> FoldResult:
    """Run one fold, or go on with it where it was killed.

    Training sees ``split.train``, early stopping, search and calibration ``split.validation``,
    fine-tuning both; ``split.test`` is read once everything else is settled.

    Parameters
    ----------
    windows : WindowSet
        All windows.
    split : Split
        Its test part may be empty.
    preset : Preset
        What to do.
    seed : int
        The only source of randomness.
    folder : Path
        Where checkpoints and results go.
    report : callable
        Told how far it is.
    """
    finished = _read(folder)
    if finished is not None:
        return finished
    training, validation = examples(windows, split.train), examples(windows, split.validation)
    model = _supernet(windows, preset, seed)
    history = train(
        model,
        preset.recipe,
        training,
        seed=seed,
        validation=validation,
        checkpoint=folder / CHECKPOINT_FILE,
        on_epoch=lambda epoch: report(Progress(split.name, "training", epoch.epoch, preset.recipe.epochs)),
    )
    _write_history(folder / "training.csv", history)
    found, evaluations = _search(model, validation, preset, seed=seed, folder=folder, name=split.name, report=report)
    inherited = extract(model, found.arch)
    held = predict(model, validation.tokens, found.arch).double().numpy()
    temperatures = tuple(
        fit_temperature(held[:, t, :n], validation.labels[:, t]) for t, n in enumerate(class_counts(windows))
    )
    test_tokens = windows.tokens[split.test]
    logits = {
        "supernet": _logits(model, test_tokens, preset.space.largest),
        "inherited": _logits(model, test_tokens, found.arch),
    }
    network = inherited
    if preset.finetune:
        both = examples(windows, np.sort(np.concatenate([split.train, split.validation])))
        network = _finetune(model, found.arch, both, preset, seed=seed, folder=folder, name=split.name, report=report)
    logits["found"] = _logits(model, test_tokens, found.arch)
    summary = FoldSummary(
        name=split.name,
        arch=found.arch,
        parameters=found.metrics.parameters,
        validation_accuracy=found.metrics.accuracy,
        validation_balanced_accuracy=found.metrics.balanced_accuracy,
        temperatures=temperatures,
        evaluations=evaluations,
        epochs=len(history.epochs),
        best_epoch=history.best,
    )
    result = FoldResult(summary, logits)
    _write(folder, result, network)
    return result


def _supernet(windows: WindowSet, preset: Preset, seed: int) -> Supernet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Supernet(
            preset.space,
            n_channels=windows.tokens.shape[1],
            n_features=windows.tokens.shape[2],
            class_counts=class_counts(windows),
            dropout=preset.recipe.dropout,
        )


def _search(
    model: Supernet, validation: Examples, preset: Preset, *, seed: int, folder: Path, name: str, report: Report
) -> tuple[Evaluation, int]:
    """Search a trained supernet on validation windows; gives the subnet and how many were looked at."""
    evaluator = ValidationEvaluator(model, validation)
    generations: list[list[Evaluation]] = []
    total = preset.search.generations

    def note(generation: int, found: object) -> None:
        generations.append(list(found))  # type: ignore[call-overload]
        report(Progress(name, "search", generation + 1, total))

    with EvaluationStore(folder / SEARCH_FILE, identity=evaluator.identity, evaluate=evaluator) as store:
        best = evolve(preset.space, preset.search, store, seed=seed, on_generation=note)
        everything = store.all()
    report(Progress(name, "search", total, total))
    write_front(everything, folder / "front.csv")
    write_hypervolume(generations, model.parameters_of(preset.space.largest), folder / "hypervolume.csv")
    return best, len(everything)


def _finetune(
    model: Supernet,
    arch: ArchConfig,
    data: Examples,
    preset: Preset,
    *,
    seed: int,
    folder: Path,
    name: str,
    report: Report,
) -> Subnet:
    """Train the found subnet on, in the supernet's weights, and extract it."""
    recipe: Recipe = preset.finetune_recipe

    def note(epoch: Epoch) -> None:
        report(Progress(name, "fine-tuning", epoch.epoch, recipe.epochs))

    train(model, recipe, data, seed=seed + 1, arch=arch, checkpoint=folder / FINETUNE_FILE, on_epoch=note)
    return extract(model, arch)


def _logits(model: Supernet, tokens: NDArray[np.float32], arch: ArchConfig) -> NDArray[np.float32]:
    if not len(tokens):
        return np.empty((0, len(model.class_counts), max(model.class_counts)), dtype=np.float32)
    return np.asarray(predict(model, tokens, arch).numpy())


def _write_history(path: Path, history: History) -> None:
    columns = list(asdict(history.epochs[0]))
    rows = [
        ",".join("" if value is None else f"{value:.8g}" for value in asdict(epoch).values())
        for epoch in history.epochs
    ]
    write_atomically(path, "\n".join([",".join(columns), *rows]) + "\n")


def _write(folder: Path, result: FoldResult, network: Subnet) -> None:
    """Write arrays and weights first: a result file that is there means that all is there."""
    summary = asdict(result.summary) | {"arch": json.loads(result.summary.arch.to_json())}
    # One entry only: safetensors writes several in no certain order, and equal runs give equal files.
    weights = save(_contiguous(network.state_dict()), {"arch": result.summary.arch.to_json()})
    write_atomically(folder / SUBNET_FILE, weights)
    partial = folder / f".{LOGITS_FILE}"
    with partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **result.logits)
    partial.replace(folder / LOGITS_FILE)
    write_atomically(folder / RESULT_FILE, json.dumps(summary, indent=2) + "\n")


def _read(folder: Path) -> FoldResult | None:
    if not (folder / RESULT_FILE).exists():
        return None
    values = json.loads((folder / RESULT_FILE).read_text())
    values["arch"] = ArchConfig.from_json(json.dumps(values["arch"]))
    values["temperatures"] = tuple(values["temperatures"])
    with np.load(folder / LOGITS_FILE, allow_pickle=False) as archive:
        return FoldResult(FoldSummary(**values), {name: archive[name] for name in archive.files})


def read_subnet(folder: Path, windows: WindowSet, result: FoldResult) -> Subnet:
    """Load the found subnet of a finished fold."""
    subnet = Subnet(
        result.summary.arch,
        n_channels=windows.tokens.shape[1],
        n_features=windows.tokens.shape[2],
        class_counts=class_counts(windows),
    )
    subnet.load_state_dict(load((folder / SUBNET_FILE).read_bytes()))
    return subnet.eval()


def _contiguous(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.contiguous() for name, value in state.items()}
