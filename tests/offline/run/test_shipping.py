"""8-bit weights and bad channels: what they cost is measured on test windows and stands in the bundle."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from bci_app.bundle import load_bundle
from bci_app.bundle.golden import TOLERANCES, check_bundle
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.spec import BadChannelLoss
from bci_app.errors import BundleError, DatasetError
from bci_app.preprocessing import Pipeline
from offline.datasets import open_dataset
from offline.datasets.base import DatasetInfo, Trial
from offline.datasets.windows import make_windows
from offline.presets import PRESETS
from offline.protocols import make_splits
from offline.report import write_report
from offline.run import RunResult, RunSettings, Shipping, experiment, run
from offline.run.bad_channels import (
    FoldNetwork,
    Method,
    allowed_share,
    bad_channel_losses,
    require_positions,
    with_interpolated,
)
from offline.run.fold import Task, read_subnet
from offline.run.record import ScoredWindows
from offline.run.shipping import golden_excerpt
from offline.run.stages import run_networks
from tests.offline.run.planted import PRESET, Planted
from tests.once import made_once

CHANNELS = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2")


@dataclass(frozen=True)
class Headset(Planted):
    """Recordings of ten channels; load raises the power at 20 Hz in the left half only."""

    n_subjects: int = 6
    info: DatasetInfo = field(default_factory=lambda: replace(Planted().info, channels=CHANNELS, rest_seconds=15.0))

    def trials(self, subject: str) -> Iterator[Trial]:
        rng = np.random.default_rng(int(subject[1:]))
        n = 30 * 128
        noise = rng.standard_normal((2, n, len(CHANNELS))) * 5
        wave = np.sin(2 * np.pi * 20 * np.arange(n) / 128)[:, None] * (np.arange(len(CHANNELS)) % 2 == 0)
        base = Trial(subject, subject, "rest", noise[0] + wave, 128.0, CHANNELS, {"load": 0}, scored_from=15 * 128)
        yield base
        yield replace(base, trial="load", data=noise[1] + 3 * wave, labels={"load": 1}, scored_from=0, rest=base.data)


SPEC = PRESET.preprocessing(Headset().info)
QUICK = RunSettings(
    dataset="planted", preset=PRESET.changed(epochs=10, generations=1, finetune=0), protocols=("subjects",), folds=3
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a bundle of float weights."""
    out = tmp_path_factory.mktemp("runs") / "run"
    shutil.copytree(made_once(tmp_path_factory, "headset-run", start), out)
    return out


@pytest.fixture(scope="module")
def with_int8(finished: Path) -> RunResult:
    """The same run, which has exported 8-bit weights too."""
    return start(finished, Shipping(int8=True))


def start(out: Path, shipping: Shipping | None = None) -> RunResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "open_dataset", lambda *_, **__: Headset())
        result = run(QUICK, out, shipping=shipping)
    assert result is not None
    return result


@pytest.mark.parametrize(
    ("shipping", "message"),
    [
        (Shipping(folder=Path("precious")), r"found thesis\.txt in it"),
        (Shipping(folder=Path()), r"found precious in it"),
        (Shipping(folder=Path("run")), "found the folder of the run"),
        (Shipping(name="../../evil"), r"found '\.\./\.\./evil', expected letters, digits"),
    ],
)
def test_what_a_bundle_may_not_replace_or_be_called_is_met_before_any_training(
    shipping: Shipping, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "open_dataset", lambda *_, **__: Headset())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("x")
    with pytest.raises(BundleError, match=message):
        run(QUICK, Path("run"), shipping=shipping)
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
    assert (tmp_path / "precious" / "thesis.txt").read_text() == "x"


@pytest.mark.parametrize("rest", [0.0, 3.0, 15.0, 30.0])
@pytest.mark.parametrize("channels", [CHANNELS, ("A1", "M2", "AFp3h", "FT9", "Nz", "CB1", "I99", "Cz")])
def test_no_training_data_ship_in_the_golden_record(
    rest: float, channels: tuple[str, ...], arithmetic_npz: Path
) -> None:
    """Synthetic EEG of just the length, whatever rest a data set has; the demo's recording where there is one."""
    dataset = Headset(info=replace(Headset().info, rest_seconds=rest, channels=channels, rate=200.0))
    spec = PRESET.preprocessing(dataset.info)
    excerpt = golden_excerpt(dataset, spec, ())
    seconds = (max(rest * spec.rate, spec.warm_up) + spec.window + 10 * spec.hop) / spec.rate
    assert (excerpt.channels, excerpt.rate, len(excerpt.raw)) == (channels, 200.0, round(seconds * 200) + 1)
    assert (excerpt.raw.std(axis=0) > 1).all()  # EEG on the offset of each electrode
    assert (excerpt.raw.std(axis=0) < 100).all()
    assert (excerpt.raw.std(axis=0) > 0).all()
    np.testing.assert_array_equal(excerpt.raw, golden_excerpt(dataset, spec, ()).raw)
    sample = open_dataset("eegmat", arithmetic_npz)
    sample_spec = PRESETS["compact"].preprocessing(sample.info)
    excerpt = golden_excerpt(sample, sample_spec, ("Subject02",))
    demo = next(iter(sample.trials("Subject01"))).data[: len(excerpt.raw)].astype(np.float32)
    np.testing.assert_array_equal(excerpt.raw, demo)
    assert not np.array_equal(golden_excerpt(sample, sample_spec, ("Subject01",)).raw, demo)


def test_a_demo_recording_that_cannot_be_used_does_not_stop_a_run_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Headset(info=replace(Headset().info, demo_subjects=("s0",)))
    spec = PRESET.preprocessing(dataset.info)
    used = golden_excerpt(dataset, spec, ())
    np.testing.assert_array_equal(used.raw, next(dataset.trials("s0")).data[: len(used.raw)].astype(np.float32))

    def damaged(self: Headset, subject: str) -> Iterator[Trial]:
        raise DatasetError("Damaged")

    def short(self: Headset, subject: str) -> Iterator[Trial]:
        yield replace(next(whole(self, subject)), data=np.zeros((100, len(CHANNELS))))

    whole = Headset.trials
    for trials in (damaged, short):
        monkeypatch.setattr(Headset, "trials", trials)
        made = golden_excerpt(dataset, spec, ())
        assert len(made.raw) == len(used.raw)
        assert not np.array_equal(made.raw, used.raw)


def test_the_int8_bundle_beside_the_float_one(finished: Path, with_int8: RunResult) -> None:
    whole = load_bundle(finished / "bundle" / "planted-compact")
    small = load_bundle(finished / "bundle" / "planted-compact-int8")
    assert (whole.spec.precision, whole.spec.provenance.quantisation) == ("float32", None)
    assert small.spec.precision == "int8"
    assert check_bundle(small).windows >= 10
    assert "--int8" in small.spec.provenance.command
    costs = small.spec.provenance.quantisation
    assert costs is not None
    assert costs.float_bytes == whole.spec.model_bytes != small.spec.model_bytes
    (cost,), (record,) = costs.scores, with_int8.record.protocols
    assert cost.float_balanced_accuracy == record.scores["found"][0].balanced_accuracy
    assert cost.balanced_accuracy == record.scores["int8"][0].balanced_accuracy
    assert cost.n_windows == record.scores["found"][0].n_windows
    assert small.spec.provenance.scores == record.scores["int8"]
    assert record.scores["int8"][0].reference_balanced_accuracy is not None
    tested = ScoredWindows.read(finished / "subjects" / "predictions.npz")
    assert not np.array_equal(tested.probabilities["int8"][0], tested.probabilities["found"][0])
    page = write_report(finished).html.read_text(encoding="utf-8")
    assert "with 8-bit weights" in page
    assert "one window at a time as live" in page


def test_the_golden_record_of_an_int8_bundle_is_its_own(finished: Path, with_int8: RunResult, tmp_path: Path) -> None:
    """It fails with the float graph, and a looser limit holds for it than for float weights."""
    small = load_bundle(finished / "bundle" / "planted-compact-int8")
    whole = load_bundle(finished / "bundle" / "planted-compact")
    errors = [
        np.abs(np.stack(Predictor(small.spec, model).predict(_golden_tokens(small.folder)).probabilities)
               - _golden(small.folder)["probabilities"].transpose(1, 0, 2)).max()
        for model in (small.model, whole.model)
    ]  # fmt: skip
    assert TOLERANCES["float32"] < errors[1]
    assert errors[0] < TOLERANCES["int8"]
    folder = tmp_path / "planted-compact-int8"
    folder.mkdir()
    for name in ("model.onnx", "golden.npz"):
        (folder / name).write_bytes((small.folder / name).read_bytes())
    spec = json.loads((small.folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(spec | {"precision": "int4"}))
    with pytest.raises(BundleError, match="precision"):
        load_bundle(folder)


def _golden(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "golden.npz", allow_pickle=False) as archive:
        return dict(archive)


def _golden_tokens(folder: Path) -> np.ndarray:
    return _golden(folder)["tokens"].astype(np.float32)


def test_interpolated_windows_are_those_of_a_live_session(finished: Path) -> None:
    """The pipeline with bad channels, chunk by chunk, against the arrays that the measurement scores."""
    dataset = Headset()
    windows = make_windows(dataset, SPEC, subjects=["s1"])
    bad = np.zeros(len(CHANNELS), dtype=np.bool_)
    bad[[2, 7]] = True
    throughout, after = with_interpolated(dataset, SPEC, windows, bad, {})
    rest, _ = dataset.trials("s1")
    pipeline = Pipeline(SPEC, channels=CHANNELS, rate=128, units=["uV"] * 10, max_bad_share=0.2)
    pipeline.set_bad(bad)
    live = [w for start in range(0, len(rest.data), 17) for w in pipeline.process(rest.data[start : start + 17])]
    from bci_app.preprocessing import measure_rest, network_input

    baseline = measure_rest(SPEC, [w.features for w in live[: SPEC.baseline_windows]])
    scored = [w for n, w in enumerate(live) if SPEC.warm_up + n * SPEC.hop >= 15 * 128]
    expected = [network_input(SPEC, w.features, baseline) for w in scored]
    np.testing.assert_array_equal(throughout[: len(expected)], np.stack(expected))
    # Where the rest was measured with all channels, good channels are as they were, bad ones are not.
    np.testing.assert_array_equal(after[:, ~bad], windows.tokens[:, ~bad])
    assert (after[:, bad] != windows.tokens[:, bad]).all()
    assert (after[:, bad] != throughout[:, bad]).all()


def test_losses_are_of_people_whom_the_network_never_met(tmp_path: Path) -> None:
    dataset = Headset()
    windows = make_windows(dataset, SPEC)
    splits = make_splits(windows, "subjects", folds=3)
    networks = []
    for split in splits:
        task = Task(split.name, split, ("load",), 1, 0, tmp_path / split.name)
        (result,) = run_networks(windows, [task], QUICK.preset, SPEC, report=lambda _: None)
        assert result is not None
        networks.append(FoldNetwork(read_subnet(task.folder, windows, result), split, task.targets))
    losses = bad_channel_losses(dataset, SPEC, windows, networks, within_subject=False, seed=0, draws=1)
    assert [(loss.method, loss.channels) for loss in losses] == [
        (method, count) for method in ("interpolate", "rest") for count in (1, 2, 3, 4, 6)
    ]
    # The planted effect lies in five of the ten channels: with six of them made up, less is left.
    assert losses[-1].loss > losses[5].loss
    # Without an average reference good channels do not feel bad ones, and tokens of these say nothing either way.
    assert all(loss.loss == loss.loss_after_rest for loss in losses if loss.method == "rest")
    # Nothing but the test windows of a fold is scored: other labels elsewhere change nothing, and twice is the same.
    labels = 1 - windows.labels
    labels[splits[0].test] = windows.labels[splits[0].test]
    one, other = (
        bad_channel_losses(dataset, SPEC, data, networks[:1], within_subject=False, seed=0, draws=1)
        for data in (windows, replace(windows, labels=labels))
    )
    assert one == other


def loss(
    channels: int, lost: float, after: float = 0.0, *, target: str = "load", method: Method = "interpolate"
) -> BadChannelLoss:
    return BadChannelLoss(
        target=target, method=method, channels=channels, draws=8, balanced_accuracy=0.7,
        balanced_accuracy_after_rest=0.7, loss=lost, loss_after_rest=after,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("losses", "method", "channels"),
    [
        ([], "interpolate", 0),
        ([loss(1, 0.011)], "interpolate", 0),
        ([loss(1, 0.01), loss(2, 0.02), loss(3, 0.0)], "interpolate", 1),
        ([loss(1, -0.02), loss(2, 0.0), loss(3, 0.005), loss(4, 0.0, 0.02)], "interpolate", 3),
        ([loss(1, 0.0), loss(2, 0.0), loss(1, 0.0, target="b"), loss(2, 0.02, target="b")], "interpolate", 1),
        ([loss(1, 0.0, 0.02), loss(1, 0.01, method="rest"), loss(2, 0.01, method="rest")], "rest", 2),
        ([loss(1, 0.01), loss(1, 0.0, method="rest")], "interpolate", 1),
    ],
)
@pytest.mark.parametrize("n_channels", [8, 14, 19, 32, 62])
def test_the_allowed_share_follows_the_rule(
    losses: list[BadChannelLoss], method: str, channels: int, n_channels: int
) -> None:
    allowed = allowed_share(losses, n_channels)
    assert allowed.method == method
    for bad in range(5):
        mask = np.arange(n_channels) < bad
        assert (mask.mean() <= allowed.share) == (bad <= channels)
        assert (1 - bad / n_channels >= 1 - allowed.share) == (bad <= channels)


def test_channels_without_a_place_on_the_head_are_refused_before_anything_is_done() -> None:
    from offline.datasets.seed import CHANNELS as SEED

    info = replace(Headset().info, channels=SEED)
    with pytest.raises(DatasetError, match="Interpolation cannot be measured"):
        require_positions(PRESETS["compact"].preprocessing(info))


def test_a_run_states_the_share_that_it_measured(finished: Path) -> None:
    result = start(finished, Shipping(name="measured", bad_channels=True))
    spec = result.bundle.spec
    assert spec.provenance.bad_channels == result.record.bad_channel_losses
    allowed = allowed_share(spec.provenance.bad_channels, 10)
    assert (spec.bad_channels, spec.max_bad_share) == allowed
    assert (result.record.bad_channels, result.record.max_bad_share) == allowed
    assert "--bad-channels" in spec.provenance.command
    assert "Bad electrodes" in write_report(finished).html.read_text(encoding="utf-8")
