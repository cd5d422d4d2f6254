"""A logistic regression in a bundle computes what scikit-learn computes, for fixed and for elastic montages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bci_app.bundle import load_bundle
from bci_app.bundle.golden import check_bundle
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.spec import SimpleArchitecture, Target
from offline.export import Excerpt, LinearHead, linear_graph, write_checked
from tests.bundles import describe, elastic_settings, small_spec


@pytest.mark.parametrize("elastic", [False, True], ids=["fixed", "elastic"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_logistic_regression_is_the_same_in_a_bundle(elastic: bool, n_classes: int, tmp_path: Path) -> None:
    spec = small_spec()
    rng = np.random.default_rng(0)
    tokens = rng.normal(2, 3, (300, len(spec.channels), spec.n_features)).astype(np.float32)
    inputs = tokens.mean(axis=1) if elastic else tokens.reshape(300, -1)
    labels = np.digitize(inputs[:, 0], np.quantile(inputs[:, 0], np.arange(1, n_classes) / n_classes))
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(inputs, labels)
    scaler, logistic = fitted[0], fitted[1]
    head = LinearHead.of_logistic(logistic.coef_, logistic.intercept_, mean=scaler.mean_, scale=scaler.scale_)
    model = linear_graph([head], n_features=spec.n_features, n_channels=None if elastic else len(spec.channels))
    target = Target(name="load", classes=("a", "b", "c")[:n_classes])
    part = SimpleArchitecture(
        kind="linear", targets=("load",), method="logistic regression", parameters=head.weights.size + n_classes
    )
    settings = elastic_settings(spec) if elastic else {}
    bundle = describe(model, spec, (target,), architecture=(part,), embedding_dim=inputs.shape[1], **settings)
    predicted = Predictor(bundle, model).predict(tokens)
    np.testing.assert_allclose(predicted.probabilities[0], fitted.predict_proba(inputs), atol=1e-5)
    np.testing.assert_allclose(predicted.embedding, inputs, atol=1e-5)
    raw = rng.normal(0, 20, (2000, len(spec.channels))).astype(np.float32)
    write_checked(tmp_path / "b", bundle, model, Excerpt(raw, spec.channels, 250.0))
    assert check_bundle(load_bundle(tmp_path / "b")).probability_error == 0.0


def test_a_map_of_another_size_is_refused() -> None:
    head = LinearHead(np.zeros((2, 5)), np.zeros(2))
    with pytest.raises(ValueError, match=r"shapes \[\(2, 5\)\] where there are 4 inputs"):
        linear_graph([head], n_features=4, n_channels=None)
