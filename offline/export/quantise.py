"""Weights as 8-bit integers, with activations quantised as they come (ONNX Runtime's dynamic quantisation)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx
from onnx import helper

_PREPARED = {"onnx.quant.pre_process": "onnxruntime.quant"}


def quantise(model: bytes) -> bytes:
    """Return a graph whose linear maps hold unsigned 8-bit weights, with one scale an output.

    Products of unsigned numbers do not saturate on processors without 8-bit dot products, as signed weights do there.
    The scale of the activations is that of the batch: score windows one at a time, as a live session does.

    Parameters
    ----------
    model : bytes
        Made by `build_graph`.

    Returns
    -------
    bytes
        An ONNX graph of the same inputs and outputs; its bytes depend on the weights only.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load_model_from_string(model)
    # Shapes are stated and nothing is left to fold; without this mark ONNX Runtime advises to prepare the graph.
    helper.set_model_props(graph, _PREPARED)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "quantised.onnx"
        quantize_dynamic(graph, path, per_channel=True, weight_type=QuantType.QUInt8)
        made = onnx.load(path)
    del made.metadata_props[:]
    made.producer_name, made.producer_version = "bci-offline", ""
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString(deterministic=True))
