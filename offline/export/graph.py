"""Subnets as one ONNX graph.

The graph is written node by node. It holds its weights and nothing else (no traces, no paths), its bytes depend on
the weights only, and `check_parity` compares it with the network at every export.

This is the one place beside `offline.supernet.model` that states the network. `torch.onnx.export` was measured as a
replacement (docs/performance.md) and is worse: it takes seconds for each graph instead of milliseconds, and the
latency of every candidate of a search is measured through a separate graph. At the same opset its graph has twice
the nodes and a higher latency. It would also need the package onnxscript and another package's metadata removed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from bci_app.bundle.spec import INPUT_NAME, OUTPUT_NAMES
from bci_app.errors import BundleError
from offline.supernet.model import PADDING_LOGIT, TOKEN_LIMIT, Block, Network

OPSET = 20
IR_VERSION = 10
TOLERANCE = 1e-4
"""Largest difference of a logit between the graph and the module."""


class _Graph:
    """Nodes and initialisers as they are added; every node has one output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._known: dict[tuple[str, bytes], str] = {}

    def constant(self, value: NDArray[np.generic]) -> str:
        key = (f"{value.dtype}{value.shape}", value.tobytes())
        if key not in self._known:
            self._known[key] = f"c{len(self.constants)}"
            self.constants.append(numpy_helper.from_array(np.array(value, order="C"), self._known[key]))
        return self._known[key]

    def weight(self, tensor: Tensor) -> str:
        return self.constant(tensor.detach().to(torch.float32).numpy())

    def integers(self, *values: int) -> str:
        return self.constant(np.array(values, dtype=np.int64))

    def add(self, operation: str, *inputs: str, output: str | None = None, **attributes: object) -> str:
        name = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, inputs, [name], **attributes))
        return name

    def linear(self, x: str, layer: nn.Linear) -> str:
        return self.add("Add", self.add("MatMul", x, self.weight(layer.weight.T)), self.weight(layer.bias))

    def norm(self, x: str, layer: nn.LayerNorm) -> str:
        weights = self.weight(layer.weight), self.weight(layer.bias)
        return self.add("LayerNormalization", x, *weights, axis=-1, epsilon=layer.eps)

    def attention(self, x: str, y: str, block: Block, heads: int) -> str:
        """Add attention of the tokens x to the tokens y, both normalised."""
        dim = block.query.in_features
        head_dim = dim // heads
        split = self.integers(0, -1, heads, head_dim)

        def heads_of(tokens: str, layer: nn.Linear, order: tuple[int, ...]) -> str:
            # (batch, tokens, dim) -> (batch, tokens, heads, head_dim) -> order
            return self.add("Transpose", self.add("Reshape", self.linear(tokens, layer), split), perm=order)

        query = heads_of(x, block.query, (0, 2, 1, 3))
        scores = self.add("MatMul", query, heads_of(y, block.key, (0, 2, 3, 1)))
        scaled = self.add("Div", scores, self.constant(np.array(math.sqrt(head_dim), dtype=np.float32)))
        mixed = self.add("MatMul", self.add("Softmax", scaled, axis=-1), heads_of(y, block.value, (0, 2, 1, 3)))
        # (batch, heads, tokens, head_dim) -> (batch, tokens, dim)
        joined = self.add("Reshape", self.add("Transpose", mixed, perm=(0, 2, 1, 3)), self.integers(0, -1, dim))
        return self.linear(joined, block.projection)

    def block(self, x: str, block: Block, heads: int, *, last: bool) -> str:
        """Add a block; of the last one, the class token only."""
        y = self.norm(x, block.attention_norm)
        used = (self.class_token(x), self.class_token(y)) if last else (x, y)
        x = self.add("Add", used[0], self.attention(used[1], y, block, heads))
        hidden = self.add("Gelu", self.linear(self.norm(x, block.mlp_norm), block.expand))
        return self.add("Add", x, self.linear(hidden, block.contract))

    def class_token(self, x: str) -> str:
        return self.add("Slice", x, self.integers(0), self.integers(1), self.integers(1))

    def line(self, tokens: str, line: nn.Linear) -> str:
        """Add the linear path of limited tokens (batch, channels, features)."""
        limits = (self.constant(np.array(limit, dtype=np.float32)) for limit in (-TOKEN_LIMIT, TOKEN_LIMIT))
        limited = self.add("Clip", tokens, *limits)
        return self.linear(self.add("Reshape", limited, self.integers(0, -1)), line)

    def subnet(self, x: str, subnet: Network, classes: int) -> tuple[str, str]:
        """Add a network; return the names of logits (batch, targets, classes) and embedding (batch, dim)."""
        tokens = x
        x = self.linear(x, subnet.patch)
        # The class token is a zero row in front, plus what its position adds.
        x = self.add("Pad", x, self.integers(0, 1, 0, 0, 0, 0))
        position = subnet.position.detach().clone()
        position[0] += subnet.class_token.detach()[0]
        x = self.add("Add", x, self.weight(position))
        for layer, (block, heads) in enumerate(zip(subnet.blocks, subnet.arch.heads, strict=True)):
            x = self.block(x, block, heads, last=layer == subnet.arch.depth - 1)  # type: ignore[arg-type]
        first = self.add("Gather", x, self.constant(np.array(0, dtype=np.int64)), axis=1)
        embedding = self.norm(first, subnet.norm)
        flat = self.linear(embedding, subnet.head)
        if subnet.line is not None:
            flat = self.add("Add", flat, self.line(tokens, subnet.line))
        rows, start = [], 0
        for count in subnet.class_counts:
            ends = self.integers(start), self.integers(start + count), self.integers(1)
            row = self.add("Slice", flat, *ends)
            if count < classes:
                padding = self.constant(np.array(PADDING_LOGIT, dtype=np.float32))
                row = self.add("Pad", row, self.integers(0, 0, 0, classes - count), padding)
            rows.append(self.add("Unsqueeze", row, self.integers(1)))
            start += count
        return self._joined(rows), embedding

    def _joined(self, parts: Sequence[str], output: str | None = None) -> str:
        return self.add("Concat", *parts, axis=1, output=output)

    def outputs(self, logits: Sequence[str], embeddings: Sequence[str]) -> None:
        self._joined(logits, OUTPUT_NAMES[0])
        self._joined(embeddings, OUTPUT_NAMES[1])


def build_graph(subnets: Sequence[Network]) -> bytes:
    """Write subnets of the same input as one graph.

    Parameters
    ----------
    subnets : sequence of Network
        Their targets follow each other in ``logits``, their embeddings in ``embedding``.

    Returns
    -------
    bytes
        An ONNX model with input ``eeg`` float32 (batch, channels, features) and outputs ``logits``
        (batch, targets, most classes) and ``embedding`` (batch, sum of dims); the batch is free.

    Raises
    ------
    ValueError
        If there is none, or their input shapes differ.
    """
    shapes = {(subnet.n_channels, subnet.n_features) for subnet in subnets}
    if len(shapes) != 1:
        raise ValueError(f"subnets of one graph have the same input shape, not {sorted(shapes)}")
    (shape,) = shapes
    classes = max(count for subnet in subnets for count in subnet.class_counts)
    targets = sum(len(subnet.class_counts) for subnet in subnets)
    graph = _Graph()
    parts = [graph.subnet(INPUT_NAME, subnet, classes) for subnet in subnets]
    graph.outputs([logits for logits, _ in parts], [embedding for _, embedding in parts])
    dim = sum(subnet.arch.embed_dim for subnet in subnets)

    def value(name: str, *axes: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *axes])

    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "bci-app",
            [value(INPUT_NAME, *shape)],
            [value(OUTPUT_NAMES[0], targets, classes), value(OUTPUT_NAMES[1], dim)],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="bci-offline",
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


class Session:
    """A graph in ONNX Runtime on one thread."""

    def __init__(self, model: bytes) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def logits(self, tokens: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the logits (batch, targets, classes) of tokens (batch, channels, features)."""
        (found,) = self._session.run([OUTPUT_NAMES[0]], {INPUT_NAME: tokens})
        return np.asarray(found)


def check_parity(model: bytes, subnets: Sequence[Network], *, seed: int = 0) -> float:
    """Compare a graph with its networks on random batches of several sizes.

    Returns
    -------
    float
        Largest absolute difference of a logit.

    Raises
    ------
    BundleError
        If it exceeds `TOLERANCE`, or an embedding differs by more.
    """
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(seed)
    classes = max(count for subnet in subnets for count in subnet.class_counts)
    worst = dict.fromkeys(OUTPUT_NAMES, 0.0)
    for size, scale in ((1, 1.0), (3, 3.0), (17, 1.0), (64, 10.0)):
        shape = (size, subnets[0].n_channels, subnets[0].n_features)
        tokens = (scale * rng.standard_normal(shape)).astype(np.float32)
        with torch.inference_mode():
            outputs = [subnet(torch.from_numpy(tokens)) for subnet in subnets]
        padded = [
            nn.functional.pad(out.logits, (0, classes - out.logits.shape[-1]), value=PADDING_LOGIT) for out in outputs
        ]
        expected = torch.cat(padded, dim=1), torch.cat([out.embedding for out in outputs], dim=1)
        found = session.run(list(OUTPUT_NAMES), {INPUT_NAME: tokens})
        for name, module, graph in zip(OUTPUT_NAMES, expected, found, strict=True):
            worst[name] = max(worst[name], float(np.abs(module.numpy() - graph).max()))
    if not max(worst.values()) <= TOLERANCE:
        raise BundleError(
            "The exported graph does not compute what the trained network computes",
            found=", ".join(f"{name} off by {error:.2g}" for name, error in worst.items()),
            expected=f"at most {TOLERANCE:g}",
            fix="Report the versions of torch, onnx and onnxruntime.",
        )
    return worst[OUTPUT_NAMES[0]]
