"""The baselines: what each learns from, that it learns, and that a new one is one module and one line."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from bci_app.errors import DatasetError
from bci_app.preprocessing.spec import PreprocessingSpec
from offline.baselines import BASELINES, REFERENCE, Baseline, Fold, baselines_named
from offline.baselines.base import Floats
from offline.baselines.inputs import log_band_power
from offline.baselines.tsception import halves
from offline.datasets.base import Split
from offline.presets import PRESETS
from offline.report import write_report
from offline.run import experiment, run
from tests.offline.run.planted import PRESET, SETTINGS, Planted

CHANNELS = ("Fp1", "Fp2", "F3", "F4", "Cz", "O1")
SPEC = PreprocessingSpec(channels=CHANNELS, rate=128, window=128, hop=128)
ONE_EPOCH = PRESETS["compact"].changed(epochs=1)
PARTS = Split("fold01", np.arange(60), np.arange(60, 80), np.arange(80, 120))


def fold(baseline: Baseline, *, gain: float = 2.0) -> Fold:
    """Return windows whose first two channels are stronger in class 1."""
    rng = np.random.default_rng(0)
    spec = baseline.inputs(SPEC, True)
    labels = rng.integers(0, 2, 120)
    tokens = rng.standard_normal((120, len(CHANNELS), spec.n_features)).astype(np.float32)
    if spec.n_features == SPEC.window:
        tokens[labels == 1, :2] *= gain
    else:
        tokens[labels == 1, :2] += np.log(gain**2)
    return Fold(tokens, labels, np.arange(120) // 10, 2, PARTS, spec, seed=3, preset=ONE_EPOCH)


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_gives_probabilities_and_never_sees_the_labels_of_the_test(name: str) -> None:
    asked = fold(BASELINES[name])
    found = BASELINES[name].probabilities(asked)
    assert found.shape == (40, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    flipped = asked.labels.copy()
    flipped[PARTS.test] = 1 - flipped[PARTS.test]
    np.testing.assert_array_equal(BASELINES[name].probabilities(replace(asked, labels=flipped)), found)


@pytest.mark.parametrize("name", [n for n in BASELINES if n.endswith(("power", "entropy"))] + ["riemann", "dgcnn"])
def test_a_planted_difference_in_power_is_found(name: str) -> None:
    asked = fold(BASELINES[name], gain=4.0)
    many = replace(asked, preset=PRESETS["compact"])
    found = BASELINES[name].probabilities(many).argmax(axis=1)
    assert np.mean(found == asked.labels[PARTS.test]) > 0.85


def test_where_training_has_one_class_it_is_named() -> None:
    asked = fold(REFERENCE)
    one = replace(asked, labels=np.ones(120, dtype=np.int64))
    np.testing.assert_array_equal(REFERENCE.probabilities(one), np.tile([0.0, 1.0], (40, 1)))


def test_electrodes_of_the_halves_are_partners() -> None:
    assert halves(("Fz", "F4", "C3", "F3", "T7", "C4", "AF3", "AF4", "O1")) == ([2, 3, 6], [5, 1, 7])


def test_unknown_baselines_are_named_with_the_known_ones() -> None:
    with pytest.raises(DatasetError, match=r"Unknown baseline: found lenet, expected majority, logistic-power.*all"):
        baselines_named(["eegnet", "lenet"])
    assert len(baselines_named(["all"])) == len(BASELINES)


@dataclass(frozen=True)
class Oracle(Baseline):
    """A toy that knows everything."""

    def predict(self, fold: Fold) -> Floats:
        """Name the true class."""
        return np.eye(fold.n_classes)[fold.labels[fold.split.test]]


def test_a_new_baseline_is_one_module_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "open_dataset", lambda *_, **__: Planted())
    monkeypatch.setitem(BASELINES, "oracle", Oracle("oracle", "Oracle of Delphi", "Herodotus", log_band_power))
    quick = SETTINGS.model_copy(update={"preset": PRESET.changed(epochs=1, generations=1, finetune=0)})
    result = run(quick, tmp_path / "run", baselines=["oracle", "majority"])
    assert result is not None
    scores = result.record.protocols[0].scores
    assert scores["oracle"][0].balanced_accuracy == 1.0
    assert scores["majority"][0].balanced_accuracy == 0.5
    assert "--baselines oracle,majority" in result.record.command
    page = write_report(tmp_path / "run").html.read_text(encoding="utf-8")
    assert "Oracle of Delphi" in page
    assert "majority class" in page
    controls = scores["found"][0].controls
    assert controls.swap is not None
    assert controls.false_alarms is not None
    assert f"{controls.swap.rest_high:.3f}" in page
    read_from = result.record.protocols[0].attributions
    assert len(read_from[0].channels) == 4
    assert result.bundle.spec.provenance.attributions == read_from
