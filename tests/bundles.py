"""Small real bundles for tests: a linear classifier as an ONNX graph, random but fixed weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bci_app.bundle.golden import make_golden
from bci_app.bundle.spec import (
    BlockArchitecture,
    Bundle,
    Electrode,
    Provenance,
    Smoothing,
    SubnetArchitecture,
    Target,
    TargetScore,
)
from bci_app.bundle.store import save_bundle, sha256
from bci_app.montage.positions import electrode_positions
from bci_app.preprocessing import PreprocessingSpec
from bci_app.preprocessing.spec import AverageReference, BandPass, LogBandPowerToken, RestBaseline

CHANNELS = ("Fp1", "Fp2", "C3", "C4", "O1", "O2")
BANDS = ((1.0, 4.0), (4.0, 8.0), (8.0, 13.0), (13.0, 30.0))
LOAD = Target(name="mental_load", classes=("low", "high"))
VALENCE = Target(name="valence", classes=("negative", "neutral", "positive"), temperature=1.5)


def small_spec(**changes: object) -> PreprocessingSpec:
    """1-s windows every 0.5 s at 128 Hz, band powers against 4 s of rest."""
    settings: dict[str, object] = {
        "channels": CHANNELS,
        "rate": 128,
        "band_pass": BandPass(low=1, high=45),
        "reference": AverageReference(),
        "warm_up": 64,
        "window": 128,
        "hop": 64,
        "token": LogBandPowerToken(bands=BANDS),
        "baseline": RestBaseline(kind="feature", samples=512),
    }
    return PreprocessingSpec.model_validate(settings | changes)


def unfiltered_spec(**changes: object) -> PreprocessingSpec:
    """The same windows at the rate of a stream of 250 Hz: a process that runs them need not load SciPy's filters."""
    rates: dict[str, object] = {"band_pass": None, "rate": 250, "warm_up": 125, "window": 250, "hop": 125}
    return small_spec(**rates | {"baseline": RestBaseline(kind="feature", samples=1000)} | changes)


def linear_model(spec: PreprocessingSpec, targets: tuple[Target, ...], *, seed: int = 0) -> bytes:
    """Build the graph: flatten tokens, one matrix product to the logits, one to the embedding."""
    rng = np.random.default_rng(seed)
    n_channels, n_features = len(spec.channels), spec.n_features
    n_classes = max(len(target.classes) for target in targets)
    size = n_channels * n_features
    weights = {
        "w_logits": rng.normal(0, 0.3, (size, len(targets) * n_classes)).astype(np.float32),
        "w_embedding": rng.normal(0, 0.3, (size, 3)).astype(np.float32),
        "shape": np.array([-1, len(targets), n_classes], dtype=np.int64),
    }
    nodes = [
        helper.make_node("Flatten", ["eeg"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "w_logits"], ["scores"]),
        helper.make_node("Reshape", ["scores", "shape"], ["logits"]),
        helper.make_node("MatMul", ["flat", "w_embedding"], ["embedding"]),
    ]
    floats = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("eeg", floats, ["batch", n_channels, n_features])],
        [
            helper.make_tensor_value_info("logits", floats, ["batch", len(targets), n_classes]),
            helper.make_tensor_value_info("embedding", floats, ["batch", 3]),
        ],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def elastic_model(spec: PreprocessingSpec, targets: tuple[Target, ...], *, seed: int = 0) -> bytes:
    """Build an elastic graph: the mean over channels of tokens and places, one matrix product to each output."""
    rng = np.random.default_rng(seed)
    n_features, n_classes = spec.n_features, max(len(target.classes) for target in targets)
    size = n_features + 3
    weights = {
        "w_logits": rng.normal(0, 0.5, (size, len(targets) * n_classes)).astype(np.float32),
        "w_embedding": rng.normal(0, 0.5, (size, 3)).astype(np.float32),
        "shape": np.array([-1, len(targets), n_classes], dtype=np.int64),
        "channel_axis": np.array([1], dtype=np.int64),
        "first_axis": np.array([0], dtype=np.int64),
        "three": np.array([3], dtype=np.int64),
        "batch_only": np.array([0], dtype=np.int64),
        "one": np.array([1], dtype=np.int64),
    }
    nodes = [
        helper.make_node("ReduceMean", ["eeg", "channel_axis"], ["mean_token"], keepdims=0),
        helper.make_node("ReduceMean", ["positions", "first_axis"], ["centre"], keepdims=1),
        helper.make_node("Shape", ["eeg"], ["sizes"]),
        helper.make_node("Slice", ["sizes", "batch_only", "one"], ["batch_size"]),
        helper.make_node("Concat", ["batch_size", "three"], ["wanted"], axis=0),
        helper.make_node("Expand", ["centre", "wanted"], ["centres"]),
        helper.make_node("Concat", ["mean_token", "centres"], ["both"], axis=1),
        helper.make_node("MatMul", ["both", "w_logits"], ["scores"]),
        helper.make_node("Reshape", ["scores", "shape"], ["logits"]),
        helper.make_node("MatMul", ["both", "w_embedding"], ["embedding"]),
    ]
    floats = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "elastic",
        [
            helper.make_tensor_value_info("eeg", floats, ["batch", "channels", n_features]),
            helper.make_tensor_value_info("positions", floats, ["channels", 3]),
        ],
        [
            helper.make_tensor_value_info("logits", floats, ["batch", len(targets), n_classes]),
            helper.make_tensor_value_info("embedding", floats, ["batch", 3]),
        ],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def describe(model: bytes, spec: PreprocessingSpec, targets: tuple[Target, ...], **changes: object) -> Bundle:
    """Write the card of a test bundle."""
    names = tuple(target.name for target in targets)
    fields: dict[str, object] = {
        "name": "test-linear",
        "title": "Linear test model",
        "not_for_people": True,
        "model_sha256": sha256(model),
        "model_bytes": len(model),
        "preprocessing": spec,
        "targets": targets,
        "embedding_dim": 3,
        "smoothing": Smoothing(windows=4),
        "architecture": (
            SubnetArchitecture(
                targets=names, embed_dim=3, blocks=(BlockArchitecture(heads=1, mlp_ratio=1.0),), parameters=10
            ),
        ),
        "provenance": Provenance(
            dataset="noise",
            dataset_source="made for tests",
            licence="none",
            synthetic=True,
            train_subjects=(),
            protocol="none",
            protocol_description="random weights",
            scores=tuple(
                TargetScore(target=name, balanced_accuracy=0.5, accuracy=0.5, majority_baseline=0.5, n_windows=1)
                for name in names
            ),
            intended_use="tests",
            limitations="random weights",
            created="2026-01-01",
            command="tests",
            software={},
        ),
    }
    return Bundle.model_validate(fields | changes)


def elastic_settings(spec: PreprocessingSpec) -> dict[str, object]:
    """Return what makes a bundle elastic: half of its electrodes may be bad, and two are enough."""
    places = zip(spec.channels, electrode_positions(spec.channels), strict=True)
    return {
        "montage": "elastic",
        "electrodes": tuple(Electrode(name=name, position=place) for name, place in places if place is not None),
        "bad_channels": "leave out",
        "max_bad_share": 0.5,
        "min_channels": 2,
    }


def write_bundle(
    folder: Path,
    *,
    spec: PreprocessingSpec | None = None,
    targets: tuple[Target, ...] = (LOAD,),
    seconds: float = 8.0,
    **changes: object,
) -> Path:
    """Write a whole bundle with a golden record of noise at 250 Hz."""
    spec = spec or small_spec()
    model = elastic_model(spec, targets) if changes.get("montage") == "elastic" else linear_model(spec, targets)
    bundle = describe(model, spec, targets, **changes)
    raw = (20 * np.random.default_rng(5).standard_normal((round(seconds * 250), len(spec.channels)))).astype(np.float32)
    save_bundle(folder, bundle, model, make_golden(bundle, model, raw=raw, channels=spec.channels, rate=250.0))
    return folder
