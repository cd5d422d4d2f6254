"""The exported graph: what the networks compute, in one file that holds nothing else."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bci_app.errors import BundleError
from offline.export.graph import build_graph, check_parity
from offline.supernet.model import PADDING_LOGIT, Network, extract
from offline.supernet.space import SPACES, SearchSpace, sample

SMALL = SearchSpace("small", (12, 24), (2, 3), (1.0, 1.5, 2.0), (1, 2, 3))


def subnet(seed: int, classes: tuple[int, ...] = (2,), *, channels: int = 5, features: int = 7) -> Network:
    torch.manual_seed(seed)
    net = Network(SMALL.largest, n_channels=channels, n_features=features, class_counts=classes)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return extract(net, sample(SMALL, np.random.default_rng(seed)))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.lists(st.lists(st.integers(2, 4), min_size=1, max_size=3), min_size=1, max_size=3))
def test_the_graph_computes_what_the_networks_compute(seed: int, classes: list[list[int]]) -> None:
    networks = [subnet(seed + i, tuple(counts)) for i, counts in enumerate(classes)]
    assert check_parity(build_graph(networks), networks) <= 1e-4


@pytest.mark.parametrize("corner", ["smallest", "largest"])
def test_corners_of_the_paper_space_keep_parity(corner: str) -> None:
    torch.manual_seed(0)
    arch = getattr(SPACES["paper"], corner)
    network = Network(arch, n_channels=32, n_features=128, class_counts=(2, 2)).eval()
    assert check_parity(build_graph([network]), [network]) <= 1e-4


def test_several_subnets_follow_each_other_in_one_graph() -> None:
    networks = [subnet(1, (2,)), subnet(2, (3, 2))]
    session = ort.InferenceSession(build_graph(networks), providers=["CPUExecutionProvider"])
    tokens = np.random.default_rng(0).standard_normal((4, 5, 7)).astype(np.float32)
    logits, embedding = session.run(["logits", "embedding"], {"eeg": tokens})
    assert logits.shape == (4, 3, 3)
    assert embedding.shape == (4, sum(network.arch.embed_dim for network in networks))
    assert (logits[:, 0, 2] == np.float32(PADDING_LOGIT)).all()
    assert (logits[:, 2, 2] == np.float32(PADDING_LOGIT)).all()
    first = networks[0](torch.from_numpy(tokens))
    np.testing.assert_allclose(logits[:, 0, :2], first.logits[:, 0].detach(), atol=1e-5)
    np.testing.assert_allclose(embedding[:, : networks[0].arch.embed_dim], first.embedding.detach(), atol=1e-5)


def test_a_window_gives_the_same_alone_and_in_a_batch() -> None:
    session = ort.InferenceSession(build_graph([subnet(3)]), providers=["CPUExecutionProvider"])
    tokens = np.random.default_rng(0).standard_normal((6, 5, 7)).astype(np.float32)
    together = session.run(["logits"], {"eeg": tokens})[0]
    alone = np.concatenate([session.run(["logits"], {"eeg": tokens[i : i + 1]})[0] for i in range(6)])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_the_graph_holds_its_weights_fixed_opset_and_no_traces() -> None:
    network = subnet(4)
    content = build_graph([network])
    model = onnx.load_from_string(content)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 20)]
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert not model.metadata_props
    assert not any(node.doc_string or node.metadata_props for node in model.graph.node)
    assert content == build_graph([network])


def test_subnets_of_other_inputs_cannot_share_a_graph() -> None:
    with pytest.raises(ValueError, match="the same input shape"):
        build_graph([subnet(1), subnet(2, features=8)])


def test_a_graph_of_other_weights_fails_the_parity_check() -> None:
    network = subnet(1)
    graph = build_graph([network])
    with torch.no_grad():
        network.head.bias += 2e-4
    with pytest.raises(BundleError, match="does not compute what the trained network computes"):
        check_parity(graph, [network])
