"""The network, through ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from bci_app.bundle.spec import INPUT_NAME, OUTPUT_NAMES, POSITIONS_NAME, Bundle
from bci_app.errors import BundleError
from bci_app.montage.positions import electrode_positions

_INVALID_GRAPH = (
    ort.capi.onnxruntime_pybind11_state.InvalidProtobuf,
    ort.capi.onnxruntime_pybind11_state.InvalidGraph,
    ort.capi.onnxruntime_pybind11_state.InvalidArgument,
    ort.capi.onnxruntime_pybind11_state.NoSuchFile,
    ort.capi.onnxruntime_pybind11_state.NotImplemented,
    ort.capi.onnxruntime_pybind11_state.Fail,
    ort.capi.onnxruntime_pybind11_state.RuntimeException,
)

_NOWHERE = "/nonexistent-external-weights"
_ANY = "any"

PROCESSOR = "CPUExecutionProvider"
"""ONNX Runtime's name of what computes on the processor."""


class PredictedBatch(NamedTuple):
    """What the network computes from a batch of windows.

    Attributes
    ----------
    probabilities : tuple of ndarray of float64, each of shape (n_windows, n_classes)
        Calibrated, one array for each target.
    embedding : ndarray of float32, shape (n_windows, embedding_dim)
        The representation before the classifier.
    features : ndarray of float64, shape (n_windows, n_features), or None
        What a person's head read, where one predicts.
    """

    probabilities: tuple[NDArray[np.float64], ...]
    embedding: NDArray[np.float32]
    features: NDArray[np.float64] | None = None


class Predictor:
    """Run the graph of a bundle.

    One thread without spinning: the default pool of ONNX Runtime keeps a core busy between the
    predictions of a live session.

    Parameters
    ----------
    spec : Bundle
        What it predicts.
    model : bytes
        The graph.
    provider : str
        What ONNX Runtime computes with; the processor in a live session.

    Attributes
    ----------
    spec : Bundle
        What it predicts.
    profile_facts : mapping of str to str
        What a recording says about the person's profile that predicts; empty without one.

    Raises
    ------
    BundleError
        If the graph does not load or run, refers to data outside itself, or its inputs and outputs are
        not those that the bundle promises.
    """

    def __init__(self, spec: Bundle, model: bytes, *, provider: str = PROCESSOR) -> None:
        self.spec = spec
        self.profile_facts: Mapping[str, str] = {}
        self._graph_targets = spec.targets
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Weights outside the graph would be looked for beside the working directory: point nowhere.
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", _NOWHERE)
        options.log_severity_level = 4
        try:
            self._session = ort.InferenceSession(model, options, providers=[provider])
        except _INVALID_GRAPH as error:
            raise BundleError(
                f"The graph of bundle {spec.name} does not load",
                found=str(error).splitlines()[0],
                expected="an ONNX graph that holds all its weights",
                fix="Export the model again.",
            ) from error
        self._check_signature()
        self._try()

    def _check_signature(self) -> None:
        preprocessing = self.spec.preprocessing
        n_channels = _ANY if self.spec.elastic else len(preprocessing.channels)
        expected: dict[str, list[int | str]] = {
            INPUT_NAME: [_ANY, n_channels, preprocessing.n_features],
            OUTPUT_NAMES[0]: [_ANY, len(self.spec.targets), self.spec.n_classes],
            OUTPUT_NAMES[1]: [_ANY, self.spec.embedding_dim],
        }
        if self.spec.elastic:
            expected[POSITIONS_NAME] = [_ANY, 3]
        nodes = [*self._session.get_inputs(), *self._session.get_outputs()]
        # An axis of any length has a symbol for a size.
        found = {node.name: [size if isinstance(size, int) else _ANY for size in node.shape] for node in nodes}
        types = {node.type for node in nodes}
        if found != expected or types != {"tensor(float)"}:
            raise BundleError(
                f"The graph of bundle {self.spec.name} is not the one that bundle.json describes",
                found=f"{found} of {', '.join(sorted(types))}",
                expected=f"{expected} of tensor(float)",
                fix="Export the model again.",
            )

    def _try(self) -> None:
        """Run the graph once: it may load and yet not run, and the first run is slow."""
        preprocessing = self.spec.preprocessing
        tokens = np.zeros((1, len(preprocessing.channels), preprocessing.n_features), dtype=np.float32)
        try:
            found = [list(array.shape) for array in self.logits(tokens)]
        except _INVALID_GRAPH as error:
            raise BundleError(
                f"The graph of bundle {self.spec.name} does not run",
                found=str(error).splitlines()[0],
                fix="Export the model again.",
            ) from error
        expected = [[1, len(self.spec.targets), self.spec.n_classes], [1, self.spec.embedding_dim]]
        if found != expected:
            raise BundleError(
                f"The graph of bundle {self.spec.name} gives outputs of another shape than it states",
                found=str(found),
                expected=str(expected),
                fix="Export the model again.",
            )

    def logits(
        self, tokens: NDArray[np.float32], channels: Sequence[str] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run the graph.

        Parameters
        ----------
        tokens : ndarray of float32, shape (n_windows, n_channels, n_features)
            Network input, as `bci_app.preprocessing.network_input` returns it.
        channels : sequence of str, optional
            Names of the channels, for an elastic bundle; by default those that it was trained on.

        Returns
        -------
        logits : ndarray of float32, shape (n_windows, n_targets, n_classes)
        embedding : ndarray of float32, shape (n_windows, embedding_dim)
        """
        inputs = {INPUT_NAME: tokens}
        if self.spec.elastic:
            inputs[POSITIONS_NAME] = self.positions(channels or self.spec.preprocessing.channels)
        logits, embedding = self._session.run(list(OUTPUT_NAMES), inputs)
        return logits, embedding

    def check_channels(self, channels: Sequence[str]) -> None:
        """Check that windows of these channels can be predicted; any that fit the bundle can."""

    def positions(self, channels: Sequence[str]) -> NDArray[np.float32]:
        """Return the places of channels as the graph takes them, float32, shape (n_channels, 3)."""
        stated = {electrode.name: electrode.position for electrode in self.spec.electrodes}
        places = zip(channels, electrode_positions(channels), strict=True)
        return np.array([stated.get(name, place) for name, place in places], dtype=np.float32)

    def predict(self, tokens: NDArray[np.float32], channels: Sequence[str] | None = None) -> PredictedBatch:
        """Compute calibrated probabilities (softmax of logits / temperature) for a batch of windows.

        Parameters
        ----------
        tokens, channels
            As for `logits`.
        """
        logits, embedding = self.logits(tokens, channels)
        probabilities = []
        for index, target in enumerate(self._graph_targets):
            scaled = logits[:, index, : len(target.classes)].astype(np.float64) / target.temperature
            exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
            probabilities.append(exponentials / exponentials.sum(axis=1, keepdims=True))
        return PredictedBatch(tuple(probabilities), embedding)
