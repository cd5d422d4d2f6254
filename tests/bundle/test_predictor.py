"""The graph is run as described, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from bci_app.bundle import load_bundle
from bci_app.bundle.golden import check_bundle
from bci_app.bundle.predictor import Predictor
from bci_app.errors import BundleError
from tests.bundles import LOAD, VALENCE, describe, linear_model, small_spec, write_bundle


def test_probabilities_are_the_calibrated_softmax_of_each_target() -> None:
    spec = small_spec()
    targets = (LOAD, VALENCE)
    model = linear_model(spec, targets)
    predictor = Predictor(describe(model, spec, targets), model)
    tokens = np.random.default_rng(0).standard_normal((5, 6, 4)).astype(np.float32)
    logits, embedding = predictor.logits(tokens)
    load, valence = predictor.predict(tokens).probabilities
    assert load.shape == (5, 2)
    assert valence.shape == (5, 3)
    assert embedding.shape == (5, 3)
    scaled = np.exp(logits[:, 1].astype(float) / 1.5)
    np.testing.assert_allclose(valence, scaled / scaled.sum(axis=1, keepdims=True), rtol=1e-6)
    np.testing.assert_allclose(load.sum(axis=1), 1)


def test_graph_of_another_shape_is_refused() -> None:
    model = linear_model(small_spec(), (LOAD,))
    spec = small_spec(channels=("Fp1", "Fp2"))
    with pytest.raises(BundleError, match=r"found .*'any', 6, 4\].*expected .*'any', 2, 4\]"):
        Predictor(describe(model, spec, (LOAD,)), model)


@pytest.mark.parametrize("model", [b"", b"not a graph", b"\x08" * 40])
def test_garbage_is_refused(model: bytes) -> None:
    good = linear_model(small_spec(), (LOAD,))
    with pytest.raises(BundleError, match="test-linear"):
        Predictor(describe(good, small_spec(), (LOAD,)), model)


def test_weights_outside_the_graph_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = onnx.load_model_from_string(linear_model(small_spec(), (LOAD,)))
    onnx.save_model(model, tmp_path / "m.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").exists()
    monkeypatch.chdir(tmp_path)  # where ONNX Runtime would look by default
    data = (tmp_path / "m.onnx").read_bytes()
    with pytest.raises(BundleError, match="holds all its weights"):
        Predictor(describe(data, small_spec(), (LOAD,)), data)


def test_check_replays_the_golden_record(tmp_path: Path) -> None:
    result = check_bundle(load_bundle(write_bundle(tmp_path / "b", targets=(LOAD, VALENCE))))
    assert result.windows >= 6
    assert result.probability_error == 0
    assert result.token_error == 0


def test_check_notices_another_outcome(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b")
    with np.load(folder / "golden.npz") as archive:
        golden = dict(archive)
    golden["probabilities"] = golden["probabilities"] + np.float32(1e-3)
    np.savez(folder / "golden.npz", **golden)
    with pytest.raises(BundleError, match=r"probabilities off by 0\.001"):
        check_bundle(load_bundle(folder))


def test_check_notices_other_windows(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b")
    with np.load(folder / "golden.npz") as archive:
        golden = dict(archive)
    golden["raw"] = golden["raw"][:-300]
    np.savez(folder / "golden.npz", **golden)
    with pytest.raises(BundleError, match="other windows"):
        check_bundle(load_bundle(folder))
