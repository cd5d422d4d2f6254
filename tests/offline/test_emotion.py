"""The model of simulated emotion: its graph computes the fitted head on any electrodes, and finds what was planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bci_app.bundle.predictor import Predictor
from bci_app.montage.headsets import HEADSETS
from offline.elastic.emotion import emotion_preprocessing, run_study, ship_study
from offline.elastic.moments import moments
from offline.elastic.sessions import MONTAGES, positions_of


def test_a_study_of_few_people_ships_a_bundle_that_computes_the_fitted_head(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("offline.elastic.emotion.MONTAGES", MONTAGES[-1:])
    monkeypatch.setattr("offline.elastic.emotion.TRIALS", 6)
    study = run_study(people=3, held_out=5, progress=lambda _: None)
    assert not set(study.trained) & set(study.tested)
    scores = study.scores["muse"]
    assert np.mean([score.balanced for score in scores[:2]]) > 0.65
    assert 0.35 < np.mean([score.balanced for score in study.without_effect]) < 0.65
    loaded = ship_study(study, tmp_path / "vad", command="bci-offline emotion vad")
    spec = loaded.spec
    assert spec.not_for_people
    assert spec.montage_score(HEADSETS["muse"].channels).balanced_accuracy == scores[0].balanced
    rng = np.random.default_rng(0)
    for channels in (HEADSETS["muse"].channels, HEADSETS["deap"].channels):
        tokens = rng.normal(0, 3, (9, len(channels), emotion_preprocessing(channels).n_features)).astype(np.float32)
        predicted = Predictor(spec, loaded.model).predict(tokens, channels)
        inputs = moments(tokens, positions_of(channels))
        expected = study.head.probability(inputs)
        for target in range(3):
            np.testing.assert_allclose(predicted.probabilities[target][:, 1], expected[:, target], atol=1e-4)
        np.testing.assert_allclose(predicted.embedding, (inputs - study.head.mean) / study.head.scale, atol=1e-3)
