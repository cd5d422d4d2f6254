"""Latency of a network, through the predictor that the app uses."""

from __future__ import annotations

import time

import numpy as np

from bci_app.bundle import Bundle
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.spec import Provenance, Smoothing, Target
from bci_app.preprocessing.spec import PreprocessingSpec
from offline.export.describe import ExportedSubnet, describe_bundle
from offline.export.graph import build_graph
from offline.supernet.model import Network


def measure_latency(spec: Bundle, model: bytes, *, repeats: int = 200) -> float:
    """Return the median time in ms that the app's predictor takes for one window."""
    predictor = Predictor(spec, model)
    tokens = np.zeros((1, len(spec.preprocessing.channels), spec.preprocessing.n_features), dtype=np.float32)
    times = []
    for _ in range(repeats + 10):
        start = time.perf_counter()
        predictor.predict(tokens)
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times[10:]))


def subnet_latency(
    network: Network, targets: tuple[Target, ...], preprocessing: PreprocessingSpec, *, repeats: int = 50
) -> float:
    """Return the median time in ms of one window through a network that is not exported yet."""
    model = build_graph([network])
    nothing = Provenance(
        dataset="", dataset_source="", licence="", synthetic=False, train_subjects=(), protocol="",
        protocol_description="", scores=(), intended_use="", limitations="", created="", command="", software={},
    )  # fmt: skip
    spec = describe_bundle(
        "latency",
        "latency",
        model,
        [ExportedSubnet(network, targets)],
        preprocessing=preprocessing,
        provenance=nothing,
        smoothing=Smoothing(),
    )
    return measure_latency(spec, model, repeats=repeats)
