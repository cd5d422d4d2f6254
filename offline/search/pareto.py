"""Pareto fronts and the hypervolume under them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bci_app.atomic import write_atomically
from offline.search.store import Evaluation


def objectives(evaluations: Sequence[Evaluation], *, latency: bool) -> NDArray[np.float64]:
    """Return what is minimised, shape (n, 2 or 3): validation error, millions of parameters, latency in ms.

    The error is that of the balanced accuracy.
    """
    rows = []
    for evaluation in evaluations:
        metrics = evaluation.metrics
        row = [1 - metrics.balanced_accuracy, metrics.parameters / 1e6]
        if latency:
            if metrics.latency_ms is None:
                raise ValueError("latency was not measured for every subnet")
            row.append(metrics.latency_ms)
        rows.append(row)
    return np.array(rows, dtype=np.float64).reshape(len(rows), 3 if latency else 2)


def non_dominated(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows of (n, objectives) no other row beats in one objective without losing in another."""
    better = (values[:, None] <= values[None]).all(-1) & (values[:, None] < values[None]).any(-1)
    return np.asarray(~better.any(axis=0))


def hypervolume(values: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Return the volume between a front (n, objectives) and a reference point that is worse in all."""
    from pymoo.indicators.hv import HV

    return float(HV(ref_point=reference)(values)) if len(values) else 0.0


def fronts(generations: Sequence[Sequence[Evaluation]], *, latency: bool) -> list[list[Evaluation]]:
    """Return, for each generation, the front of all subnets evaluated so far, smallest subnet first."""
    found: list[list[Evaluation]] = []
    for generation in generations:
        # A subnet that was beaten stays beaten, so the last front stands for all earlier subnets.
        known = list({e.arch: e for e in [*(found[-1] if found else ()), *generation]}.values())
        keep = non_dominated(objectives(known, latency=latency))
        front = (e for e, on_front in zip(known, keep, strict=True) if on_front)
        found.append(sorted(front, key=lambda e: e.metrics.parameters))
    return found


def write_fronts(by_generation: Sequence[Sequence[Evaluation]], path: Path) -> None:
    """Write the front after every generation, as `fronts` returns it, as CSV.

    The column ``found`` is the generation that first evaluated a subnet.
    """
    lines = ["generation,parameters,validation_error,validation_loss,latency_ms,embed_dim,depth,found,arch"]
    for number, front in enumerate(by_generation):
        for e in front:
            latency = "" if e.metrics.latency_ms is None else f"{e.metrics.latency_ms:.4f}"
            quoted = '"' + e.arch.to_json().replace('"', '""') + '"'
            lines.append(
                f"{number},{e.metrics.parameters},{1 - e.metrics.balanced_accuracy:.6f},{e.metrics.loss:.6f},{latency},"
                f"{e.arch.embed_dim},{e.arch.depth},{e.generation},{quoted}"
            )
    write_atomically(path, "\n".join(lines) + "\n")


def write_hypervolume(
    generations: Sequence[Sequence[Evaluation]], largest: int, path: Path, *, latency: bool
) -> list[float]:
    """Write, for each generation, the subnets evaluated so far and the hypervolume of their front; return the latter.

    The reference point is an error of 1, the size of the space's largest subnet, and, where latency is an objective,
    that of the slowest subnet.
    """
    reference = [1.0, largest / 1e6]
    if latency:
        everything = [e for generation in generations for e in generation]
        reference.append(float(objectives(everything, latency=True)[:, 2].max()))
    known: set[str] = set()
    volumes: list[float] = []
    lines = ["generation,subnets,hypervolume"]
    for number, (found, front) in enumerate(zip(generations, fronts(generations, latency=latency), strict=True)):
        known |= {e.arch.to_json() for e in found}
        volumes.append(hypervolume(objectives(front, latency=latency), np.array(reference)))
        lines.append(f"{number},{len(known)},{volumes[-1]:.8f}")
    write_atomically(path, "\n".join(lines) + "\n")
    return volumes
