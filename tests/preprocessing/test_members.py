"""Every registered step and token: equal bits for every cut of a stream, through JSON and back, described in words.

A new member is tested here as soon as it is registered. A toy step and a toy token, each defined in this module alone,
show that nothing else has to know them.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from bci_app.bundle import load_bundle
from bci_app.bundle.golden import check_bundle
from bci_app.bundle.predictor import Predictor
from bci_app.cli.app import main
from bci_app.engine.interpreter import Interpreter
from bci_app.preprocessing import Pipeline, PreprocessingSpec
from bci_app.preprocessing.base import Features, Samples, Step, StepState, Token
from bci_app.preprocessing.spec import LogBandPowerToken
from bci_app.preprocessing.steps import STEPS, BandPass
from bci_app.preprocessing.tokens import TOKENS
from bci_app.stream import Chunk, StreamInfo
from offline import presets
from offline.datasets import prepare
from offline.datasets.base import DatasetInfo, Trial
from offline.report import write_report
from offline.run import experiment
from tests.bundles import CHANNELS, LOAD, small_spec, write_bundle
from tests.offline.run.planted import PRESET, SETTINGS, Planted
from tests.offline.run.planted import start as planted_run
from tests.preprocessing.test_steps import cuts, irregular, noise

STEP_EXAMPLES = [step for member in STEPS.values() for step in member.examples()]
TOKEN_EXAMPLES = [token for member in TOKENS.values() for token in member.examples()]


class Leak(Step):
    """A toy: subtract the mean of the channels so far, which forgets at a constant rate."""

    mixes_channels: ClassVar[bool] = True
    kind: Literal["leak"] = "leak"
    keep: float = 0.9

    def start(self, channels: Sequence[str], rate: float) -> StepState:
        return _Leak(self.keep)

    def describe(self) -> str:
        return f"less a leaky mean ({self.keep:g})"


class _Leak(StepState):
    def __init__(self, keep: float) -> None:
        self._keep = keep
        self.reset()

    def reset(self) -> None:
        self._mean = 0.0

    def process(self, x: Samples) -> Samples:
        y = x.copy()
        for row in y:
            self._mean += (1 - self._keep) * (float(row[0]) - self._mean)
            row -= self._mean
        return y


class PeakToPeak(Token):
    """A toy: the range of a channel's samples."""

    kind: Literal["peak_to_peak"] = "peak_to_peak"

    def n_features(self, window: int) -> int:
        return 1

    def start(self, n_channels: int, window: int, rate: float) -> Features:
        return lambda samples: np.ptp(samples, axis=1, keepdims=True)

    def describe(self) -> str:
        return "peak-to-peak amplitude"


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, "leak", Leak)
    monkeypatch.setitem(TOKENS, "peak_to_peak", PeakToPeak)


@dataclass(frozen=True)
class OneRecording:
    """A data set of one subject with one recording, whose first seconds are rest."""

    info: DatasetInfo

    def subjects(self) -> list[str]:
        return ["s1"]

    def files(self, subject: str) -> tuple[Path, ...]:
        return (Path(__file__),)

    def trials(self, subject: str) -> Iterator[Trial]:
        yield Trial(subject, subject, "one", _EEG, 250.0, CHANNELS, {"mental_load": 1})


_EEG = 20 * np.random.default_rng(3).standard_normal((2500, len(CHANNELS)))
_INFO = DatasetInfo(
    name="one",
    title="One recording",
    source="made by this test",
    licence="none",
    obtain="",
    expected_files="",
    targets=(LOAD,),
    channels=CHANNELS,
    rate=250.0,
    synthetic=True,
)


def live(spec: PreprocessingSpec, x: Samples, sizes: list[int]) -> list[NDArray[np.float64]]:
    """Return the features of the windows of a stream that arrives in pieces."""
    pipeline = Pipeline(spec, channels=CHANNELS, rate=250.0, units=("uV",) * len(CHANNELS))
    return [window.features for piece in cuts(len(x), sizes) for window in pipeline.process(x[piece])]


@pytest.mark.parametrize("step", STEP_EXAMPLES, ids=lambda step: step.describe())
@given(sizes=irregular)
@settings(max_examples=15, deadline=None)
def test_every_step_gives_the_same_bits_for_every_cut(step: Step, sizes: list[int]) -> None:
    x = noise(500, len(CHANNELS))
    whole = step.start(CHANNELS, 128.0).process(x)
    state = step.start(CHANNELS, 128.0)
    for _ in range(2):  # the second time after a reset
        assert np.array_equal(np.concatenate([state.process(x[piece]) for piece in cuts(500, sizes)]), whole)
        state.reset()


@pytest.mark.parametrize("step", STEP_EXAMPLES, ids=lambda step: step.describe())
def test_no_step_uses_a_future_sample(step: Step) -> None:
    x = noise(400, len(CHANNELS))
    changed = x.copy()
    changed[300:] = noise(100, len(CHANNELS), seed=9)
    first, second = (step.start(CHANNELS, 128.0).process(data) for data in (x, changed))
    assert np.array_equal(first[:300], second[:300])
    assert not np.array_equal(first, second)


def test_bands_are_counted_in_words() -> None:
    bands = ((1.0, 4.0), (4.0, 8.0))
    said = [LogBandPowerToken(bands=bands[:n]).describe() for n in (1, 2)]
    assert said == ["log power in 1 band", "log power in 2 bands"]


@pytest.mark.parametrize("token", TOKEN_EXAMPLES, ids=lambda token: token.describe())
@given(sizes=irregular)
@settings(max_examples=15, deadline=None)
def test_every_token_gives_the_same_bits_for_every_cut(token: Token, sizes: list[int]) -> None:
    spec = small_spec(token=token)
    x = noise(1100, len(CHANNELS))
    whole = live(spec, x, [])
    assert len(whole) > 3
    assert all(features.shape == (len(CHANNELS), spec.n_features) for features in whole)
    assert np.array_equal(live(spec, x, sizes), whole)


@pytest.mark.parametrize("member", [*STEP_EXAMPLES, *TOKEN_EXAMPLES], ids=lambda member: member.describe())
def test_every_member_survives_json_and_is_in_the_description(member: Step | Token) -> None:
    changes = {"steps": (member,)} if isinstance(member, Step) else {"token": member, "steps": ()}
    spec = PreprocessingSpec(channels=CHANNELS, rate=128, window=128, hop=64).model_copy(update=changes)
    read = PreprocessingSpec.model_validate_json(spec.model_dump_json())
    assert read == spec
    assert member.describe() in read.describe().split("; ")


def toy_spec(**changes: object) -> PreprocessingSpec:
    settings = {"channels": CHANNELS, "rate": 128, "warm_up": 64, "window": 128, "hop": 64}
    return PreprocessingSpec.model_validate(settings | changes)


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (lambda: {"steps": [{"kind": "leak", "keep": 0.5}]}, "less a leaky mean (0.5)"),
        (lambda: {"token": {"kind": "peak_to_peak"}}, "peak-to-peak amplitude"),
        (
            lambda: {"alignment": {"kind": "running", "windows": 20, "prior": 2}},
            "recentred and rescaled on the session's last 10 s",
        ),
    ],
    ids=["step", "token", "alignment"],
)
def test_a_toy_goes_from_offline_through_the_bundle_to_live_predictions(
    settings: Callable[[], dict[str, object]], sentence: str, tmp_path: Path
) -> None:
    spec = toy_spec(**settings())
    offline = prepare(OneRecording(_INFO), spec, tmp_path / "cache")
    loaded = load_bundle(write_bundle(tmp_path / "bundle", spec=spec))
    assert loaded.spec.preprocessing == spec
    assert check_bundle(loaded).probability_error == 0.0
    predictor = Predictor(loaded.spec, loaded.model)
    info = StreamInfo("toy", CHANNELS, 250.0, ("uV",) * len(CHANNELS))
    interpreter = Interpreter(loaded.spec, predictor, info, wait_for_baseline=False, clock=lambda: 0.0)
    predictions = []
    for start in range(0, len(_EEG), 7):
        rows = _EEG[start : start + 7]
        times = (start + np.arange(len(rows))) / 250.0
        predictions += interpreter.take(Chunk(rows, times, start))[0]
    found = {p.sample: p.targets[0].probability for p in predictions if p.valid}
    expected = predictor.predict(np.asarray(offline.tokens)).probabilities[0]
    assert len(found) > 10
    for sample, values in zip(offline.last.tolist(), expected, strict=True):
        if sample in found:
            np.testing.assert_allclose(found[sample], values, atol=1e-6)
    assert set(found) <= set(offline.last.tolist())
    assert sentence in loaded.spec.preprocessing.describe().split("; ")


@pytest.mark.usefixtures("toys")
def test_a_run_with_a_toy_step_and_a_toy_token_ends_with_a_report_and_a_bundle_that_predicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"kind": "leak", "keep": 0.5}, {"kind": "peak_to_peak"}

    def preprocessing(info: DatasetInfo) -> PreprocessingSpec:
        rest = {"kind": "feature", "samples": 20 * 128}
        return toy_spec(channels=info.channels, steps=settings[:1], token=settings[1], baseline=rest)

    monkeypatch.setattr(presets, "band_power_preprocessing", preprocessing)  # what the preset is made of
    monkeypatch.setattr(experiment, "open_dataset", lambda *_, **__: Planted(4))
    quick = PRESET.changed(epochs=1, finetune=0, strategy="none")
    run = planted_run(tmp_path / "run", SETTINGS.model_copy(update={"preset": quick, "folds": 2}))
    page = write_report(tmp_path / "run").html.read_text(encoding="utf-8")
    assert "less a leaky mean (0.5); " in page
    assert "; peak-to-peak amplitude" in page
    lines = tmp_path / "lines.jsonl"
    source = f"synthetic:?speed=max&seconds=40&channels={','.join(run.bundle.spec.preprocessing.channels)}"
    for words in (["check"], ["run", "-s", source, "--jsonl", str(lines), "-b"]):
        monkeypatch.setattr(sys, "argv", ["bci-app", *words, str(run.bundle.folder)])
        with pytest.raises(SystemExit, match="0"):
            main()
    assert sum('"valid": true' in line for line in lines.read_text().splitlines()) > 20


@pytest.mark.usefixtures("toys")
def test_a_toy_changes_the_hash_of_the_preprocessing() -> None:
    hashes = {toy_spec(steps=steps).digest for steps in ([], [{"kind": "leak"}], [{"kind": "leak", "keep": 0.5}])}
    assert len({*hashes, toy_spec(token={"kind": "peak_to_peak"}).digest}) == 4


def test_an_unknown_member_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match="there is no step 'leak'; known are band_pass, notch, average, channel"):
        toy_spec(steps=[{"kind": "leak"}])
    with pytest.raises(ValueError, match="there is no token 'ptp'; known are raw, log_band_power"):
        toy_spec(token={"kind": "ptp"})


class TestVersion1:
    """Bundles of version 1 name a fixed order of steps."""

    def test_its_keys_become_steps_in_its_order(self) -> None:
        spec = toy_spec(
            band_pass={"low": 1, "high": 45},
            notches=[{"frequency": 50}],
            reference={"kind": "channel", "channel": "C3"},
        )
        assert [step.kind for step in spec.steps] == ["band_pass", "notch", "channel"]
        assert toy_spec(band_pass=None, notches=(), reference={"kind": "none"}).steps == ()

    @pytest.mark.parametrize(
        ("settings", "text"),
        [
            ({"reference": {"kind": "average"}}, '"reference":{},'),
            (
                {
                    "band_pass": {"low": 1, "high": 45},
                    "notches": [{"frequency": 50}],
                    "reference": {"kind": "channel", "channel": "C3"},
                },
                '"band_pass":{"low":1.0,"high":45.0},"notches":[{"frequency":50.0}],"reference":{"channel":"C3"},',
            ),
        ],
    )
    def test_its_hash_stays_so_that_recordings_keep_their_rest(self, settings: dict[str, object], text: str) -> None:
        # What version 1 hashed, and wrote into recordings.
        channels = ",".join(f'"{name}"' for name in CHANNELS)
        whole = f'{{"channels":[{channels}],"rate":128.0,{text}"warm_up":64,"window":128,"hop":64}}'
        assert toy_spec(**settings).digest == hashlib.sha256(whole.encode()).hexdigest()

    def test_both_forms_at_once_are_refused(self) -> None:
        with pytest.raises(ValueError, match="named as in version 1 too: band_pass"):
            toy_spec(band_pass=BandPass(low=1, high=45), steps=[])
