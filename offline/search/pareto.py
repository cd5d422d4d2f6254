"""Pareto fronts and the hypervolume under them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from offline.atomic import write_atomically
from offline.search.store import Evaluation


def objectives(evaluations: Sequence[Evaluation], *, latency: bool = False) -> NDArray[np.float64]:
    """Give what is minimised, shape (n, 2 or 3): validation error, millions of parameters, latency in ms.

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
    """Tell which rows of (n, objectives) no other row beats in one objective without losing in another."""
    better = (values[:, None] <= values[None]).all(-1) & (values[:, None] < values[None]).any(-1)
    return np.asarray(~better.any(axis=0))


def hypervolume(values: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Give the volume between a front (n, objectives) and a reference point that is worse in all."""
    from pymoo.indicators.hv import HV

    return float(HV(ref_point=reference)(values)) if len(values) else 0.0


def write_front(evaluations: Sequence[Evaluation], path: Path) -> list[Evaluation]:
    """Write the front of error and parameters as CSV, smallest subnet first, and give it."""
    front = sorted(
        (e for e, keep in zip(evaluations, non_dominated(objectives(evaluations)), strict=True) if keep),
        key=lambda e: e.metrics.parameters,
    )
    lines = ["parameters,validation_error,validation_loss,latency_ms,embed_dim,depth,generation,arch"]
    for e in front:
        latency = "" if e.metrics.latency_ms is None else f"{e.metrics.latency_ms:.4f}"
        quoted = '"' + e.arch.to_json().replace('"', '""') + '"'
        lines.append(
            f"{e.metrics.parameters},{1 - e.metrics.balanced_accuracy:.6f},{e.metrics.loss:.6f},{latency},"
            f"{e.arch.embed_dim},{e.arch.depth},{e.generation},{quoted}"
        )
    write_atomically(path, "\n".join(lines) + "\n")
    return front


def write_hypervolume(generations: Sequence[Sequence[Evaluation]], largest: int, path: Path) -> list[float]:
    """Write, for each generation, the subnets met so far and the hypervolume of their front, and give it.

    The reference point is an error of 1 and the size of the space's largest subnet.
    """
    reference = np.array([1.0, largest / 1e6])
    met: dict[str, Evaluation] = {}
    volumes: list[float] = []
    lines = ["generation,subnets,hypervolume"]
    for number, found in enumerate(generations):
        met |= {e.arch.to_json(): e for e in found}
        volumes.append(hypervolume(objectives(list(met.values())), reference))
        lines.append(f"{number},{len(met)},{volumes[-1]:.8f}")
    write_atomically(path, "\n".join(lines) + "\n")
    return volumes
