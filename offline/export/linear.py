"""A fitted linear map of the tokens as the graph of a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bci_app.bundle.spec import INPUT_NAME, OUTPUT_NAMES, POSITIONS_NAME
from offline.export.graph import IR_VERSION, OPSET


class LinearHead(NamedTuple):
    """The linear map of one target.

    Attributes
    ----------
    weights : ndarray of float64, shape (n_classes, n_inputs)
        Inputs are the tokens of all channels one after the other, or their means over the channels.
    intercept : ndarray of float64, shape (n_classes,)
        Added to the logits.
    """

    weights: NDArray[np.float64]
    intercept: NDArray[np.float64]

    @classmethod
    def of_logistic(
        cls,
        coefficients: NDArray[np.float64],
        intercept: NDArray[np.float64],
        *,
        mean: NDArray[np.float64] | None = None,
        scale: NDArray[np.float64] | None = None,
    ) -> LinearHead:
        """Return the map of a fitted logistic regression, as scikit-learn holds it.

        Parameters
        ----------
        coefficients, intercept : ndarray of float64, shapes (n_classes or 1, n_inputs) and (n_classes or 1,)
            ``coef_`` and ``intercept_``; one row for two classes.
        mean, scale : ndarray of float64, shape (n_inputs,), optional
            ``mean_`` and ``scale_`` of a scaler before it.
        """
        weights = coefficients if scale is None else coefficients / scale
        shift = intercept if mean is None else intercept - weights @ mean
        if len(weights) == 1:  # the logit of the second class: half of it for each, with opposite signs
            weights, shift = np.concatenate([-weights, weights]) / 2, np.concatenate([-shift, shift]) / 2
        return cls(weights, shift)


def linear_graph(heads: Sequence[LinearHead], *, n_features: int, n_channels: int | None) -> bytes:
    """Write linear maps as one graph.

    Parameters
    ----------
    heads : sequence of LinearHead
        One for each target.
    n_features : int
        Length of a token.
    n_channels : int or None
        Channels of a fixed bundle, whose inputs are all tokens. None for an elastic bundle, whose inputs are the means
        of the tokens over the channels that are there.

    Returns
    -------
    bytes
        The graph; its embedding is the input of the maps.

    Raises
    ------
    ValueError
        If a map does not take so many inputs.
    """
    size = n_features * (n_channels or 1)
    if wrong := [head.weights.shape for head in heads if head.weights.shape[1:] != (size,)]:
        raise ValueError(f"linear maps of shapes {wrong} where there are {size} inputs")
    n_classes = max(len(head.intercept) for head in heads)
    weights = np.zeros((size, len(heads), n_classes), dtype=np.float32)
    shift = np.zeros((len(heads), n_classes), dtype=np.float32)
    for index, head in enumerate(heads):
        weights[:, index, : len(head.intercept)] = head.weights.T
        shift[index, : len(head.intercept)] = head.intercept
    constants: dict[str, NDArray[np.generic]] = {
        "weights": weights.reshape(size, -1),  # (size, n_targets, n_classes) -> (size, n_targets * n_classes)
        "shift": shift,
        "shape": np.array([-1, len(heads), n_classes], dtype=np.int64),
    }
    if n_channels is None:
        constants["channel_axis"] = np.array([1], dtype=np.int64)
        embed = helper.make_node("ReduceMean", [INPUT_NAME, "channel_axis"], [OUTPUT_NAMES[1]], keepdims=0)
    else:
        embed = helper.make_node("Flatten", [INPUT_NAME], [OUTPUT_NAMES[1]], axis=1)
    nodes = [
        embed,
        helper.make_node("MatMul", [OUTPUT_NAMES[1], "weights"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["mapped"]),
        helper.make_node("Add", ["mapped", "shift"], [OUTPUT_NAMES[0]]),
    ]
    return _graph(nodes, constants, n_features=n_features, n_channels=n_channels, shape=(size, len(heads), n_classes))


def _graph(
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, NDArray[np.generic]],
    *,
    n_features: int,
    n_channels: int | None,
    shape: tuple[int, int, int],
) -> bytes:
    floats, (size, n_targets, n_classes) = TensorProto.FLOAT, shape
    inputs = [helper.make_tensor_value_info(INPUT_NAME, floats, ["batch", n_channels or "channels", n_features])]
    if n_channels is None:
        inputs.append(helper.make_tensor_value_info(POSITIONS_NAME, floats, ["channels", 3]))
    graph = helper.make_graph(
        nodes,
        "linear",
        inputs,
        [
            helper.make_tensor_value_info(OUTPUT_NAMES[0], floats, ["batch", n_targets, n_classes]),
            helper.make_tensor_value_info(OUTPUT_NAMES[1], floats, ["batch", size]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="bci-offline"
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
