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
from typing import Any

import numpy as np
import torch

from offline.bench import reference
from offline.datasets.base import Trial
from offline.datasets.deap import deap_info
from offline.datasets.windows import trial_windows
from offline.device import Device
from offline.export import build_graph, quantise
from offline.export.graph import Session
from offline.presets import PRESETS
from offline.search.evaluation import ValidationEvaluator
from offline.supernet.model import Network, extract
from offline.supernet.space import SPACES, SearchSpace, mutate, sample
from offline.training import RECIPES, Examples, Recipe
from offline.training.fused import automatic_fuse, train_epoch
from offline.training.loop import Job
from offline.training.step import make_optimizer

CASES = ("paper", "compact")
STACKS = (4, 8, 32)
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
    candidates: int
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
        return Case(SPACES[name], recipe, 32, 128, windows=64, candidates=8, validation=64)
    return Case(SPACES[name], recipe, 19, 9, windows=512, candidates=24, validation=480)


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
    note = progress or (lambda _: None)
    seconds = 60.0 if full else 12.0
    training, search, export = {}, {}, {}
    for name in CASES:
        case = _case(name)
        note(f"training, {name}")
        large = full or device.name != "cpu" or name != "paper"
        training[name] = _training(case, device, seconds=seconds, stacks=STACKS if large else STACKS[:-1])
        note(f"search, {name}")
        search[name] = _search(case, device, seconds=seconds / 2)
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
    """Train the subnet of middle choices in all variants in turn; return samples/s of the fastest round of each.

    What a step costs depends on the subnet, so all train the same.
    """
    data = case.examples(case.windows)
    variants: dict[str, tuple[int, Callable[[], object]]] = {
        "reference": (1, _reference_epoch(case, data, device)),
        "single": (1, _job_epoch(case, data, device, 1)),
    }
    variants |= {f"fused_{jobs}": (jobs, _job_epoch(case, data, device, jobs)) for jobs in stacks}
    spent, best = dict.fromkeys(variants, 0.0), dict.fromkeys(variants, 0.0)
    for name in ("reference", "single"):
        variants[name][1]()  # the first call warms up
    start = time.perf_counter()
    while not all(best.values()) or time.perf_counter() - start < seconds:
        for name, (jobs, epoch) in variants.items():
            if spent[name] > 1.5 * seconds / len(variants):  # a large stack needs few rounds
                continue
            begun = time.perf_counter()
            epoch()
            device.synchronise()
            elapsed = time.perf_counter() - begun
            spent[name] += elapsed
            best[name] = max(best[name], jobs * case.windows / elapsed)
    found: dict[str, float | None] = dict(best)
    return found | {f"fused_{jobs}": None for jobs in STACKS if jobs not in stacks}


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
    """Evaluate a generation of an evolution in all variants in turn; return candidates/s of the fastest rounds."""
    data = case.examples(case.validation)
    network = case.network().to(device.place)
    evaluator = ValidationEvaluator(network, case.space, data, device=device)
    model = reference.Reference(case.space, case.channels, case.features, 2, 0.0).to(device.place)
    tokens = torch.from_numpy(data.tokens).to(device.place)
    rng = np.random.default_rng(0)
    parents = [sample(case.space, rng) for _ in range(case.candidates // 2)]
    archs = list(
        dict.fromkeys(
            mutate(parents[i % len(parents)], case.space, rng, probability=0.2) for i in range(case.candidates)
        )
    )
    variants: dict[str, Callable[[], object]] = {
        "reference": lambda: [reference.accuracy(model, arch, tokens, data.labels[:, 0]) for arch in archs],
        "plain": lambda: [evaluator.alone(arch) for arch in archs],
        "batched": lambda: list(evaluator(archs)),
    }
    best = dict.fromkeys(variants, 0.0)
    start, warm = time.perf_counter(), False
    while not warm or not all(best.values()) or time.perf_counter() - start < seconds:
        for name, evaluate in variants.items():
            begun = time.perf_counter()
            evaluate()
            if warm:
                best[name] = max(best[name], len(archs) / (time.perf_counter() - begun))
        warm = True
    return best


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
