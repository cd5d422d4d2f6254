"""What the machine does in a second: training, search, windows, export; and what the full tables would take.

Variants that are compared take turns and train the same subnet, so that their ratios hold on a machine that does other
work too.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from offline.bench import reference
from offline.datasets.base import Trial
from offline.datasets.deap import deap_info
from offline.datasets.windows import trial_windows
from offline.device import Device, keep_freed_memory
from offline.export import build_graph, quantise
from offline.export.graph import Session
from offline.presets import PRESETS
from offline.search.evaluation import ValidationEvaluator
from offline.search.evolution import evolve
from offline.search.store import EvaluationStore
from offline.supernet.model import Network, extract
from offline.supernet.space import SPACES, ArchConfig, SearchSpace
from offline.training import RECIPES, Examples, Recipe
from offline.training.fused import automatic_fuse, train_epoch
from offline.training.loop import Job
from offline.training.step import make_optimizer

CASES = ("paper", "compact")
STACKS = (4, 8, 32)
GENERATIONS = 3
"""Of the search whose candidates are evaluated: the first is random, the others resemble the best before them."""

_ASSUMPTION = (
    "protocol paper: every subject x 3 targets x 10 folds, 400 epochs of the training windows at the best measured "
    "samples/s, and 2500 candidates of a search at the best measured candidates/s; no early stopping, no fine-tuning"
)
_TABLES = {"deap": (32, 2400), "dreamer": (23, 3728)}
"""Subjects, and 1-s windows of a subject (DEAP: 40 trials of 60 s; DREAMER: 18 films, 67,104 / 18 s in all)."""


@dataclass(frozen=True)
class Case:
    """A network and data of the size of a preset."""

    space: SearchSpace
    recipe: Recipe
    channels: int
    features: int
    windows: int
    validation: int

    def examples(self, windows: int, seed: int = 0) -> Examples:
        """Make random windows of two classes."""
        rng = np.random.default_rng(seed)
        tokens = rng.standard_normal((windows, self.channels, self.features)).astype(np.float32)
        return Examples(tokens, rng.integers(0, 2, (windows, 1)))

    def network(self, seed: int = 0) -> Network:
        """Make a supernet."""
        torch.manual_seed(seed)
        return Network(self.space.largest, n_channels=self.channels, n_features=self.features, class_counts=(2,))


def _case(name: str) -> Case:
    recipe = RECIPES[name].model_copy(update={"epochs": 10_000, "patience": 0, "steps": 0})
    if name == "paper":
        return Case(SPACES[name], recipe, 32, 128, windows=64, validation=64)
    return Case(SPACES[name], recipe, 19, 9, windows=512, validation=480)


def measure(*, device: Device, full: bool = False, progress: Callable[[str], None] | None = None) -> dict[str, Any]:
    """Measure everything.

    Parameters
    ----------
    device : Device
        What to measure.
    full : bool
        Measure longer, and the stack of 32 networks of the paper's size on a processor too.
    progress : callable, optional
        Called with the name of each part.

    Returns
    -------
    dict
        ``training.<paper|compact>.<reference|single|fused_4|fused_8|fused_32>`` in samples/s (None where it was not
        measured), ``search.<paper|compact>.<reference|plain|batched>`` in candidates/s, and the rest by name.
    """
    keep_freed_memory()
    note = progress or (lambda _: None)
    seconds = 120.0 if full else 24.0
    training, search, export = {}, {}, {}
    for name in CASES:
        case = _case(name)
        note(f"training, {name}")
        large = full or device.name != "cpu" or name != "paper"
        training[name] = _training(case, device, seconds=seconds, stacks=STACKS if large else STACKS[:-1])
        note(f"search, {name}")
        search[name] = _search(case, device, seconds=seconds)
        note(f"export, {name}")
        export[name] = _export(case)
    return {
        "device": device.describe(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "training": training,
        "search": search,
        "ratios": _ratios(training, search),
        "auto_fuse": {name: _auto(_case(name), device) for name in CASES},
        "prepare": {"windows_per_second": _prepare()},
        "export": export,
        "peak_memory_bytes": _peak_memory(device),
        "projected_hours": {table: _projected(training["paper"], search["paper"], table) for table in _TABLES},
        "assumption": _ASSUMPTION,
    }


def _auto(case: Case, device: Device) -> int:
    network, largest = case.network(), case.space.largest
    return automatic_fuse(
        network.parameters_of(largest), batch_size=case.recipe.batch_size, tokens=case.channels + 1,
        width=largest.embed_dim, depth=largest.depth, device=device,
    )  # fmt: skip


def _training(case: Case, device: Device, *, seconds: float, stacks: tuple[int, ...]) -> dict[str, float | None]:
    """Return samples/s of every variant of training.

    What a step costs depends on the subnet, so all train that of middle choices.
    """
    data = case.examples(case.windows)
    jobs = {"reference": 1, "single": 1, **{f"fused_{count}": count for count in stacks}}
    epochs = {
        name: _reference_epoch(case, data, device) if name == "reference" else _job_epoch(case, data, device, count)
        for name, count in jobs.items()
    }
    best = _fastest(epochs, device, seconds=seconds)
    found: dict[str, float | None] = {name: jobs[name] * case.windows / took for name, took in best.items()}
    return found | {f"fused_{count}": None for count in STACKS if count not in stacks}


def _fastest(variants: dict[str, Callable[[], object]], device: Device, *, seconds: float) -> dict[str, float]:
    """Return the seconds of the fastest round of each variant.

    The next round is always that of the variant that had the least time, so that short ones have many rounds. The
    first round of each warms up; it counts where there is no other.
    """
    rounds: dict[str, list[float]] = {name: [] for name in variants}
    while not all(rounds.values()) or sum(map(sum, rounds.values())) < seconds:
        name = min(rounds, key=lambda each: sum(rounds[each]))
        begun = time.perf_counter()
        variants[name]()
        device.synchronise()
        rounds[name].append(time.perf_counter() - begun)
    return {name: min(each) for name, each in rounds.items()}


def _reference_epoch(case: Case, data: Examples, device: Device) -> Callable[[], None]:
    model = reference.Reference(case.space, case.channels, case.features, 2, case.recipe.dropout).to(device.place)
    optimizer = make_optimizer(model.parameters(), case.recipe)
    tokens = torch.from_numpy(data.tokens).to(device.place)
    labels = torch.from_numpy(data.labels[:, 0]).to(device.place)

    def epoch() -> None:
        with device.autocast():
            reference.train_epoch(model, optimizer, case.space.middle.largest, case.recipe, tokens, labels)

    return epoch


def _job_epoch(case: Case, data: Examples, device: Device, count: int) -> Callable[[], object]:
    jobs = [
        Job(
            case.network(seed), case.recipe, data,
            space=case.space, arch=case.space.middle.largest, seed=seed, subnet_seed=0, device=device,
        )
        for seed in range(count)
    ]  # fmt: skip
    return lambda: train_epoch(jobs)


def _search(case: Case, device: Device, *, seconds: float) -> dict[str, float]:
    """Return candidates/s of every variant of evaluating the generations of a short evolution."""
    data = case.examples(case.validation)
    evaluator = ValidationEvaluator(case.network().to(device.place), case.space, data, device=device)
    model = reference.Reference(case.space, case.channels, case.features, 2, 0.0).to(device.place)
    tokens = torch.from_numpy(data.tokens).to(device.place)
    generations = _generations(case.space, evaluator)
    archs = [arch for generation in generations for arch in generation]
    best = _fastest(
        {
            "reference": lambda: [reference.accuracy(model, arch, tokens, data.labels[:, 0]) for arch in archs],
            "plain": lambda: [evaluator.alone(arch) for arch in archs],
            "batched": lambda: [list(evaluator(generation)) for generation in generations],
        },
        device,
        seconds=seconds,
    )
    return {name: len(archs) / took for name, took in best.items()}


def _generations(space: SearchSpace, evaluator: ValidationEvaluator) -> list[list[ArchConfig]]:
    """Return the first generations of an evolution, of as many subnets as those of preset ``compact``."""
    found: list[list[ArchConfig]] = []
    settings = PRESETS["compact"].search.model_copy(update={"generations": GENERATIONS})
    with TemporaryDirectory() as folder:
        file = Path(folder) / "search.sqlite"
        with EvaluationStore(file, identity=evaluator.identity, evaluate=evaluator) as store:
            evolve(
                space, settings, store, seed=0,
                on_generation=lambda _, evaluations: found.append([each.arch for each in evaluations]),
            )  # fmt: skip
    return found


def _ratios(training: dict[str, Any], search: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return every rate over that of the reference."""
    return {
        f"{kind}.{case}": {name: rate / rates["reference"] for name, rate in rates.items() if rate is not None}
        for kind, cases in (("training", training), ("search", search))
        for case, rates in cases.items()
    }


def _export(case: Case) -> dict[str, dict[str, float]]:
    """Measure size and latency of the corners in float32 and int8."""
    found = {}
    network = case.network()
    for corner in ("smallest", "largest"):
        model = build_graph([extract(network, getattr(case.space, corner))])
        for kind, content in (("fp32", model), ("int8", quantise(model))):
            found[f"{corner}_{kind}"] = {"bytes": len(content), "latency_ms": _latency(content, case)}
    return found


def _latency(graph: bytes, case: Case) -> float:
    """Measure the median time in ms of one window on one thread."""
    session = Session(graph)
    tokens = np.zeros((1, case.channels, case.features), dtype=np.float32)
    times = []
    for _ in range(60):
        start = time.perf_counter()
        session.logits(tokens)
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times[10:]))


def _prepare(*, seconds: float = 60.0) -> float:
    """Measure how many 1-s windows the paper's preprocessing makes in a second, for a DEAP trial on one thread."""
    info = deap_info()
    spec = PRESETS["paper"].preprocessing(info)
    rest, rate = info.rest_seconds, info.rate
    data = 10 * np.random.default_rng(0).standard_normal((round((rest + seconds) * rate), len(info.channels)))
    trial = Trial("s01", "1", "1", data, rate, info.channels, labels={}, ratings={}, scored_from=round(rest * rate))
    start = time.perf_counter()
    tokens, _ = trial_windows(trial, spec)
    return len(tokens) / (time.perf_counter() - start)


def _peak_memory(device: Device) -> int:
    accelerator = device.peak_bytes()
    if accelerator is not None:
        return accelerator
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _projected(training: dict[str, float | None], search: dict[str, float], table: str) -> float:
    subjects, windows = _TABLES[table]
    networks = subjects * 3 * 10
    rate = max(value for value in training.values() if value is not None)
    samples = networks * 400 * 0.9 * 0.8 * windows
    candidates = networks * 2500 * (0.18 * windows / _case("paper").validation)
    return (samples / rate + candidates / max(search["plain"], search["batched"])) / 3600
