"""The elastic head: tokens of any electrodes, carried to fixed places by attention, and a linear map.

Each fixed place attends to the electrodes that are there, by the angle between them alone: the weights are a softmax
of their cosines. It is one layer of attention whose queries and keys are positions (Vaswani et al. 2017), or kernel
regression on the sphere (Nadaraya 1964, Watson 1964). A logistic regression reads the places. `elastic_graph` writes
the same as ONNX.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bci_app.bundle.spec import INPUT_NAME, OUTPUT_NAMES, POSITIONS_NAME

LIMIT = 5.0
"""Features beyond it are limited to it: standard deviations of rest, or units of log power."""

OPSET = 18
IR_VERSION = 9


@dataclass(frozen=True)
class ElasticHead:
    """A fitted head of two classes.

    Attributes
    ----------
    places : ndarray of float64, shape (n_places, 3)
        Where the head reads, on the unit sphere.
    width : float
        How far a place looks, in radians.
    weights : ndarray of float64, shape (n_places, n_features)
        Of each feature at each place.
    bias : float
        Added to the sum.
    """

    places: NDArray[np.float64]
    width: float
    weights: NDArray[np.float64]
    bias: float

    def logit(self, tokens: NDArray[np.float32], positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log odds of the second class.

        Parameters
        ----------
        tokens : ndarray, shape (n_windows, n_electrodes, n_features)
            Network input.
        positions : ndarray, shape (n_electrodes, 3)
            Where the electrodes lie on the unit sphere.

        Returns
        -------
        ndarray, shape (n_windows,)
        """
        carried = carry(tokens, attention(self.places, positions, self.width))
        return np.asarray(np.einsum("npf,pf->n", carried, self.weights) + self.bias)


def attention(places: NDArray[np.float64], positions: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Return the weight of each electrode at each place, shape (n_places, n_electrodes); rows sum to 1."""
    cosines = places @ positions.T / width**2
    weights = np.exp(cosines - cosines.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def carry(tokens: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Carry tokens (n_windows, n_electrodes, n_features), limited, to places (n_windows, n_places, n_features)."""
    return np.einsum("pc,ncf->npf", weights, np.clip(tokens, -LIMIT, LIMIT))


def fit_head(
    carried: NDArray[np.float64],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    *,
    places: NDArray[np.float64],
    width: float,
    inverse_penalty: float,
) -> ElasticHead:
    """Fit the head by logistic regression on standardised features.

    Parameters
    ----------
    carried : ndarray, shape (n_windows, n_places, n_features)
        Tokens at the places.
    labels : ndarray of int64, shape (n_windows,)
        0 or 1.
    weights : ndarray, shape (n_windows,)
        How much each window counts.
    places, width
        As in `ElasticHead`.
    inverse_penalty : float
        Inverse strength of the ridge penalty.
    """
    from sklearn.linear_model import LogisticRegression

    flat = carried.reshape(len(carried), -1)
    mean, sd = flat.mean(axis=0), np.maximum(flat.std(axis=0), 1e-9)
    model = LogisticRegression(C=inverse_penalty, max_iter=500).fit((flat - mean) / sd, labels, weights)
    slope = model.coef_[0] / sd
    bias = float(model.intercept_[0] - slope @ mean)
    return ElasticHead(places, width, slope.reshape(carried.shape[1:]), bias)


def elastic_graph(head: ElasticHead) -> bytes:
    """Write a head as an ONNX graph.

    Returns
    -------
    bytes
        Inputs ``eeg`` (batch, channels, features) and ``positions`` (channels, 3); outputs ``logits`` (batch, 1, 2),
        the two log odds, and ``embedding`` (batch, features): the part of the log odds that each feature adds.
    """
    n_features = head.weights.shape[1]
    constants = {
        "places": head.places / head.width**2,
        "lowest": np.array(-LIMIT),
        "highest": np.array(LIMIT),
        "weights": head.weights[None],
        "bias": np.array([[head.bias]]),
        "halves": np.array([[[-0.5, 0.5]]]).reshape(1, 1, 2),
    }
    axes = {"over_places": [1], "over_features": [1], "to_classes": [2]}
    nodes = [
        helper.make_node("Transpose", [POSITIONS_NAME], ["electrodes"], perm=[1, 0]),
        helper.make_node("MatMul", ["places", "electrodes"], ["cosines"]),
        helper.make_node("Softmax", ["cosines"], ["attention"], axis=-1),
        helper.make_node("Clip", [INPUT_NAME, "lowest", "highest"], ["limited"]),
        helper.make_node("MatMul", ["attention", "limited"], ["carried"]),  # (batch, places, features)
        helper.make_node("Mul", ["carried", "weights"], ["parts"]),
        helper.make_node("ReduceSum", ["parts", "over_places"], [OUTPUT_NAMES[1]], keepdims=0),
        helper.make_node("ReduceSum", [OUTPUT_NAMES[1], "over_features"], ["sum"], keepdims=1),
        helper.make_node("Add", ["sum", "bias"], ["odds"]),
        helper.make_node("Unsqueeze", ["odds", "to_classes"], ["column"]),
        helper.make_node("Mul", ["column", "halves"], [OUTPUT_NAMES[0]]),
    ]
    floats = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "elastic-head",
        [
            helper.make_tensor_value_info(INPUT_NAME, floats, ["batch", "channels", n_features]),
            helper.make_tensor_value_info(POSITIONS_NAME, floats, ["channels", 3]),
        ],
        [
            helper.make_tensor_value_info(OUTPUT_NAMES[0], floats, ["batch", 1, 2]),
            helper.make_tensor_value_info(OUTPUT_NAMES[1], floats, ["batch", n_features]),
        ],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
        + [numpy_helper.from_array(np.array(value, dtype=np.int64), name) for name, value in axes.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
