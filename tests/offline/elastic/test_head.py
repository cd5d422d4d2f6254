"""The elastic head: the graph is the head, and says the same for any order and number of electrodes."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest

from offline.elastic.head import ElasticHead, attention, elastic_graph, fit_head
from offline.elastic.sessions import nearest, positions_of

CHANNELS = ("Fp1", "Fp2", "C3", "C4", "Pz", "O1", "O2")
MUSE = ("TP9", "AF7", "AF8", "TP10")
FEATURES = 4


def head(width: float = 0.3) -> ElasticHead:
    rng = np.random.default_rng(0)
    return ElasticHead(positions_of(CHANNELS), width, rng.normal(size=(len(CHANNELS), FEATURES)), 0.3)


def tokens(n_channels: int, n: int = 5) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 3, (n, n_channels, FEATURES)).astype(np.float32)


@pytest.mark.parametrize("channels", [CHANNELS, MUSE, ("Cz",)])
def test_the_graph_computes_what_the_head_computes(channels: tuple[str, ...]) -> None:
    windows, places = tokens(len(channels)), positions_of(channels)
    session = ort.InferenceSession(elastic_graph(head()), providers=["CPUExecutionProvider"])
    logits, embedding = session.run(None, {"eeg": windows, "positions": places.astype(np.float32)})
    expected = head().logit(windows, places)
    np.testing.assert_allclose(logits[:, 0, 1] - logits[:, 0, 0], expected, atol=1e-4)
    np.testing.assert_allclose(embedding.sum(axis=1) + 0.3, expected, atol=1e-4)


def test_the_order_of_the_electrodes_makes_no_difference() -> None:
    windows, places = tokens(len(CHANNELS)), positions_of(CHANNELS)
    turned = head().logit(windows[:, ::-1], places[::-1])
    np.testing.assert_allclose(head().logit(windows, places), turned)


def test_a_place_without_its_electrode_reads_the_nearest_ones() -> None:
    weights = attention(positions_of(["Fp1"]), positions_of(["AF7", "O2"]), 0.3)
    assert weights[0, 0] > 0.99
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)


def test_a_feature_that_separates_the_classes_is_found() -> None:
    rng = np.random.default_rng(2)
    labels = np.arange(200) % 2
    carried = rng.normal(size=(200, len(CHANNELS), FEATURES))
    carried[:, 2, 1] += 3 * labels
    fitted = fit_head(carried, labels, np.ones(200), places=positions_of(CHANNELS), width=0.3, inverse_penalty=0.01)
    assert np.unravel_index(np.abs(fitted.weights).argmax(), fitted.weights.shape) == (2, 1)


def test_the_nearest_electrodes_are_each_used_once() -> None:
    available = ("Fp1", "Fp2", "F7", "F8", "T7", "T8", "P7", "P8")
    chosen = nearest(MUSE, available)
    assert len(set(chosen)) == len(MUSE)
    assert chosen[1] in {"Fp1", "F7"}
