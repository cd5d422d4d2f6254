"""Moments of a map over the head: what a few numbers keep of the tokens of any electrodes, read by linear maps.

Each feature of the tokens is a map over the electrodes that are there. Its moments are the means over the electrodes of
the map times a constant, the coordinates right, front and up, and their products: the lowest terms of a polynomial on
the sphere, as spherical harmonics are. They exist for any electrodes, and a logistic regression reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bci_app.bundle.spec import INPUT_NAME, OUTPUT_NAMES, POSITIONS_NAME
from offline.elastic.head import IR_VERSION, LIMIT, OPSET

N_MOMENTS = 7


def terms(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1, x, y, z, x², y² and xy of positions (n_electrodes, 3), shape (N_MOMENTS, n_electrodes)."""
    x, y, z = positions.T
    return np.stack([np.ones_like(x), x, y, z, x * x, y * y, x * y])


def moments(tokens: NDArray[np.float32], positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the moments of limited tokens, shape (n_windows, N_MOMENTS * n_features).

    Parameters
    ----------
    tokens : ndarray of float32, shape (n_windows, n_electrodes, n_features)
        Network input.
    positions : ndarray of float64, shape (n_electrodes, 3)
        Places on the unit sphere.
    """
    weights = terms(positions) / len(positions)
    return np.einsum("mc,ncf->nmf", weights, np.clip(tokens, -LIMIT, LIMIT)).reshape(len(tokens), -1)


@dataclass(frozen=True)
class MomentHead:
    """Fitted logistic regressions of two classes each, on standardised moments.

    Attributes
    ----------
    mean, scale : ndarray of float64, shape (n_inputs,)
        Of the moments.
    weights : ndarray of float64, shape (n_targets, n_inputs)
        Of the standardised moments.
    bias : ndarray of float64, shape (n_targets,)
        Added to the sums.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    @classmethod
    def fit(cls, inputs: NDArray[np.float64], labels: NDArray[np.int64], *, inverse_penalty: float) -> MomentHead:
        """Fit one regression for each column of `labels` (n_windows, n_targets) to moments (n_windows, n_inputs)."""
        from sklearn.linear_model import LogisticRegression

        mean, scale = inputs.mean(axis=0), np.maximum(inputs.std(axis=0), 1e-9)
        standard = (inputs - mean) / scale
        fitted = [LogisticRegression(C=inverse_penalty, max_iter=500).fit(standard, column) for column in labels.T]
        return cls(
            mean,
            scale,
            np.stack([model.coef_[0] for model in fitted]),
            np.array([model.intercept_[0] for model in fitted]),
        )

    def probability(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of each target's second class, shape (n_windows, n_targets)."""
        odds = (inputs - self.mean) / self.scale @ self.weights.T + self.bias
        return np.asarray(1 / (1 + np.exp(-odds)))


def moment_graph(head: MomentHead) -> bytes:
    """Write a head as an ONNX graph.

    Returns
    -------
    bytes
        Inputs ``eeg`` (batch, channels, features) and ``positions`` (channels, 3); outputs ``logits``
        (batch, targets, 2) and ``embedding``, the standardised moments.
    """
    n_targets, size = head.weights.shape
    floats = {
        "lowest": np.array(-LIMIT),
        "highest": np.array(LIMIT),
        "one": np.array(1.0),
        "mean": head.mean,
        "scale": head.scale,
        # The log odds are halved between the classes, with opposite signs.
        "weights": np.stack([-head.weights / 2, head.weights / 2], axis=1).reshape(2 * n_targets, size).T,
        "bias": np.stack([-head.bias / 2, head.bias / 2], axis=1),
    }
    shapes = {"flat": [-1, size], "by_target": [-1, n_targets, 2], "electrodes": [0], "thirds": [1, 1, 1]}
    node = helper.make_node
    nodes = [
        node("Split", [POSITIONS_NAME, "thirds"], ["x", "y", "z"], axis=1),
        node("Sub", ["x", "x"], ["zero"]),
        node("Add", ["zero", "one"], ["ones"]),
        node("Mul", ["x", "x"], ["xx"]),
        node("Mul", ["y", "y"], ["yy"]),
        node("Mul", ["x", "y"], ["xy"]),
        node("Concat", ["ones", "x", "y", "z", "xx", "yy", "xy"], ["columns"], axis=1),
        node("ReduceSum", ["ones", "electrodes"], ["count"], keepdims=1),
        node("Div", ["columns", "count"], ["terms"]),
        node("Transpose", ["terms"], ["rows"], perm=[1, 0]),
        node("Clip", [INPUT_NAME, "lowest", "highest"], ["limited"]),
        node("MatMul", ["rows", "limited"], ["moments"]),  # (batch, moments, features)
        node("Reshape", ["moments", "flat"], ["inputs"]),
        node("Sub", ["inputs", "mean"], ["centred"]),
        node("Div", ["centred", "scale"], [OUTPUT_NAMES[1]]),
        node("MatMul", [OUTPUT_NAMES[1], "weights"], ["odds"]),
        node("Reshape", ["odds", "by_target"], ["halves"]),
        node("Add", ["halves", "bias"], [OUTPUT_NAMES[0]]),
    ]
    n_features = size // N_MOMENTS
    graph = helper.make_graph(
        nodes,
        "moments",
        [_described(INPUT_NAME, ["batch", "channels", n_features]), _described(POSITIONS_NAME, ["channels", 3])],
        [_described(OUTPUT_NAMES[0], ["batch", n_targets, 2]), _described(OUTPUT_NAMES[1], ["batch", size])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in floats.items()]
        + [numpy_helper.from_array(np.array(value, dtype=np.int64), name) for name, value in shapes.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _described(name: str, shape: Sequence[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
