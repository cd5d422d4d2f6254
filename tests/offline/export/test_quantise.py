"""8-bit weights: a smaller graph of the same inputs and outputs, close to the float one."""

import logging

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from offline.export import build_graph, quantise
from offline.export.graph import Session
from tests.offline.export.test_graph import subnet


def test_weights_are_bytes_and_predictions_stay_close(caplog: pytest.LogCaptureFixture) -> None:
    networks = [subnet(1, (2,), channels=9, features=12), subnet(2, (3, 2), channels=9, features=12)]
    model = build_graph(networks)
    with caplog.at_level(logging.WARNING):
        small = quantise(model)
    assert not caplog.records
    assert quantise(model) == small
    graph = onnx.load_model_from_string(small).graph
    maps = sum(node.op_type == "MatMulInteger" for node in graph.node)
    weights = [
        tensor for tensor in graph.initializer if tensor.data_type == TensorProto.UINT8 and len(tensor.dims) == 2
    ]
    assert maps == len(weights) > 0
    tokens = np.random.default_rng(0).standard_normal((40, 9, 12)).astype(np.float32)
    whole, rounded = Session(model).logits(tokens), Session(small).logits(tokens)
    assert whole.shape == rounded.shape == (40, 3, 3)
    real = whole > -1e3  # the padding of narrower targets
    assert np.abs(whole - rounded)[real].max() < 0.1 * np.ptp(whole[real])
    assert np.abs(whole - rounded)[real].max() > 0
