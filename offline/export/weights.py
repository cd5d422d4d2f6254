"""The networks of a bundle as modules again, with the weights in its graph.

A graph names no weight. But it is written node by node, so that the graph of a network of the same architecture has the
same nodes, and a weight has the same place in both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from bci_app.bundle.architecture import SubnetArchitecture
from bci_app.bundle.spec import Bundle
from bci_app.bundle.store import LoadedBundle
from bci_app.errors import BundleError
from offline.export.graph import build_graph
from offline.supernet.model import Network, line_layer
from offline.supernet.space import ArchConfig


def read_networks(bundle: LoadedBundle) -> dict[tuple[str, ...], Network]:
    """Return the networks of a bundle by the targets that each predicts.

    Raises
    ------
    BundleError
        If the bundle holds something else than searched subnets, or weights of 8 bits.
    """
    spec = bundle.spec
    others = [part for part in spec.architecture if not isinstance(part, SubnetArchitecture)]
    if others:
        raise BundleError(
            f"There is no network in bundle {spec.name} to begin with",
            found=f"a {others[0].kind} method",
            expected="a bundle that bci-offline run exported",
            fix="Run without --from.",
        )
    graph = onnx.load_from_string(bundle.model).graph
    for with_line in (False, True):
        networks = _of_same_shape(spec, with_line=with_line)
        template = onnx.load_from_string(build_graph(list(networks.values()))).graph
        if [node.op_type for node in template.node] == [node.op_type for node in graph.node]:
            found = _pairs(template, graph)
            for network in networks.values():
                _take(network, found)
            return networks
    raise BundleError(
        f"The weights in bundle {spec.name} cannot be read",
        found="a graph that this version of bci-offline does not write, as one of 8 bits",
        expected="a bundle with weights of 32 bits",
        fix="Name the bundle that was exported without --int8.",
    )


def _of_same_shape(spec: Bundle, *, with_line: bool) -> dict[tuple[str, ...], Network]:
    """Return networks of the bundle's architectures with weights of which each differs from all others."""
    counts = {target.name: len(target.classes) for target in spec.targets}
    networks: dict[tuple[str, ...], Network] = {}
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        for part in spec.architecture:
            assert isinstance(part, SubnetArchitecture)
            arch = ArchConfig(
                part.embed_dim,
                tuple(block.heads for block in part.blocks),
                tuple(block.mlp_ratio for block in part.blocks),
            )
            network = Network(
                arch,
                n_channels=len(spec.preprocessing.channels),
                n_features=spec.preprocessing.n_features,
                class_counts=tuple(counts[name] for name in part.targets),
            )
            if with_line:
                network.line = line_layer(network)
            for weight in network.parameters():
                weight.normal_()
            # The graph adds the class token to its position.
            network.class_token.zero_()
            networks[part.targets] = network
    return networks


def _pairs(template: onnx.GraphProto, graph: onnx.GraphProto) -> dict[bytes, NDArray[np.float32]]:
    """Return the graph's constants by the bytes of the template's constant in the same place."""
    known, here = ({c.name: numpy_helper.to_array(c) for c in part.initializer} for part in (template, graph))
    return {
        known[theirs].tobytes(): here[ours]
        for node, other in zip(template.node, graph.node, strict=True)
        for theirs, ours in zip(node.input, other.input, strict=True)
        if theirs in known and ours in here
    }


def _take(network: Network, found: dict[bytes, NDArray[np.float32]]) -> None:
    """Replace the weights of a template by those of the graph."""
    linear = {f"{name}.weight" for name, module in network.named_modules() if isinstance(module, nn.Linear)}
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name != "class_token":
                written = weight.T if name in linear else weight
                value = found[np.ascontiguousarray(written.numpy()).tobytes()]
                weight.copy_(torch.from_numpy(value.T.copy() if name in linear else value.copy()))


def warm_start(network: Network, networks: dict[tuple[str, ...], Network], targets: Sequence[str]) -> None:
    """Load the weights of a bundle's network into a supernet, as those of the subnet of the same architecture.

    Where the bundle predicts the same targets with as many classes, the classifier is taken too.

    Parameters
    ----------
    network : Network
        Changed in place; its other weights stay.
    networks : dict of tuple of str to Network
        From `read_networks`.
    targets : sequence of str
        What the supernet predicts.

    Raises
    ------
    BundleError
        If the network has other tokens, or is larger than the supernet.
    """
    source = networks.get(tuple(targets), next(iter(networks.values())))
    same = tuple(targets) in networks and source.class_counts == network.class_counts
    mine = dict(network.named_parameters())
    weights: dict[str, Tensor] = {
        name: weight
        for name, weight in source.named_parameters()
        if not name.startswith("line.") and (same or not name.startswith("head."))
    }
    for name, weight in weights.items():
        if name not in mine or any(a > b for a, b in zip(weight.shape, mine[name].shape, strict=True)):
            raise BundleError(
                "The network of the bundle does not fit into the search space",
                found=f"{name} of shape {tuple(weight.shape)}",
                expected=f"at most {tuple(mine[name].shape)}" if name in mine else "fewer layers",
                fix="Choose a --preset with a larger space, or a search.",
            )
    with torch.no_grad():
        for name, weight in weights.items():
            mine[name][tuple(slice(0, size) for size in weight.shape)] = weight


def check_tokens(bundle: LoadedBundle, channels: Sequence[str]) -> None:
    """Check that recordings have the channels of a bundle.

    Raises
    ------
    BundleError
        If they lack some.
    """
    missing = [name for name in bundle.spec.preprocessing.channels if name not in channels]
    if missing:
        raise BundleError(
            f"The recordings lack channels of bundle {bundle.spec.name}",
            found=f"no {', '.join(missing)}",
            expected=", ".join(bundle.spec.preprocessing.channels),
            fix="Run without --from.",
        )
