"""Wherever in a session a recording begins, its predictions can be made again from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyxdf
from hypothesis import given
from hypothesis import strategies as st

from bci_app.bundle import LoadedBundle, find_bundle, load_bundle
from bci_app.engine import Engine
from bci_app.engine.recompute import predictions_of_recording
from bci_app.engine.rest import rest_of_recording
from bci_app.engine.verification import verify_session
from bci_app.errors import BundleError, FileError
from bci_app.events import Prediction
from bci_app.preprocessing import PreprocessingSpec, Rest
from bci_app.preprocessing.spec import LogBandPowerToken, NoBaseline, RunningAlignment
from bci_app.recording import read_recording
from bci_app.recording.recorder import Recorder
from bci_app.recording.state import STATE_NAME, STATE_TYPE, ModelState
from bci_app.recording.xdf_writer import StreamHeader, XdfChannel, XdfWriter
from bci_app.stream import Chunk, StreamInfo
from tests.bundles import CHANNELS, LOAD, VALENCE, small_spec, write_bundle
from tests.streams import ArraySource, chunks, eeg

RATE = 250.0
INFO = StreamInfo("Amp", (*CHANNELS, "ECG"), RATE, ("mV",) * 7)
SMOOTHED_OVER = 4

Act = Callable[[Engine], None]


def bundle_of(folder: Path, spec: PreprocessingSpec) -> LoadedBundle:
    return load_bundle(write_bundle(folder / "b", spec=spec))


def record(
    path: Path,
    bundle: LoadedBundle,
    pieces: list[Chunk],
    begin: int,
    *,
    info: StreamInfo = INFO,
    acts: dict[int, Act] | None = None,
) -> tuple[list[Prediction], Path]:
    """Run a session of chunks, recorded from chunk number `begin` on; `acts` are done before chunks."""
    said: list[Prediction] = []
    with Engine(ArraySource(info, pieces), bundle, clock=lambda: 500.0) as engine:
        for number in range(len(pieces)):
            if number == begin:
                engine.start_recording(Recorder(path, info))
            if acts and number in acts:
                acts[number](engine)
            said += engine.step().predictions
        engine.stop_recording()
        assert engine.status().recording_error == ""
    return said, path


def recorded(path: Path) -> dict[int, np.ndarray]:
    """The valid predictions in a recording, as any reader of XDF has them: by sample, all probabilities."""
    streams, _ = pyxdf.load_xdf(path, dejitter_timestamps=False)
    (stream,) = [s for s in streams if s["info"]["type"][0] == "Predictions"]
    labels = [c["label"][0] for c in stream["info"]["desc"][0]["channels"][0]["channel"]]
    columns = [i for i, label in enumerate(labels) if ": " in label and not label.startswith("invalid")]
    rows = stream["time_series"]
    return {int(row[0]): row[columns] for row in rows if row[labels.index("valid")]}


def again(path: Path, bundle: LoadedBundle) -> dict[int, np.ndarray]:
    predictions = predictions_of_recording(read_recording(path), bundle)
    assert [p.sample for p in predictions] == sorted(p.sample for p in predictions)
    return {
        p.sample: np.array([v for t in p.targets for values in (t.probability, t.smoothed) for v in values or ()])
        for p in predictions
        if p.valid
    }


def compare(path: Path, bundle: LoadedBundle, *, window: int, windows: int) -> None:
    """All that was recorded from the first whole window on is made again; smoothed after some windows."""
    live, made = recorded(path), again(path, bundle)
    first = read_recording(path).first
    # Windows and resampled samples fall on the same places again after 125 samples.
    whole = [sample for sample in live if sample - window + 1 >= first + 125]
    assert len(whole) >= windows
    n_classes = len(bundle.spec.targets[0].classes)
    for number, sample in enumerate(whole):
        np.testing.assert_allclose(made[sample][:n_classes], live[sample][:n_classes], atol=1e-5, rtol=0)
        if number >= SMOOTHED_OVER or first == 0:
            np.testing.assert_allclose(made[sample], live[sample], atol=1e-5, rtol=0)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> LoadedBundle:
    loaded = bundle_of(tmp_path_factory.mktemp("bundles"), small_spec(band_pass=None))
    assert loaded.spec.smoothing.windows == SMOOTHED_OVER
    return loaded


def millivolts(seconds: float) -> np.ndarray:
    return eeg(seconds, RATE, 7) / 1e3


@pytest.mark.parametrize("begin", [0, 3, 77, 150, 263])
def test_a_recording_begun_anywhere_gives_the_predictions_again(
    bundle: LoadedBundle, tmp_path: Path, begin: int
) -> None:
    """From the start, in the warm-up, within the rest baseline and after it."""
    _, path = record(tmp_path / "s.xdf", bundle, chunks(millivolts(24), RATE, [13]), begin)
    compare(path, bundle, window=250, windows=15)


@pytest.mark.parametrize("begin", [100, 121, 139])
def test_gaps_before_at_and_after_the_beginning_change_nothing(
    bundle: LoadedBundle, tmp_path: Path, begin: int
) -> None:
    data = millivolts(30)
    pieces = chunks(data[:3000], RATE, [25])
    pieces += chunks(data[3000:5000], RATE, [25], start=3333, lost=333)
    pieces += chunks(data[5000:], RATE, [25], start=5336, lost=3)  # bridged
    _, path = record(tmp_path / "s.xdf", bundle, pieces, begin)
    compare(path, bundle, window=250, windows=15)


def test_a_recording_that_begins_with_a_gap(bundle: LoadedBundle, tmp_path: Path) -> None:
    data = millivolts(20)
    pieces = chunks(data[:2500], RATE, [25]) + chunks(data[2500:], RATE, [25], start=2601, lost=101)
    _, path = record(tmp_path / "s.xdf", bundle, pieces, 100)
    assert read_recording(path).first == 2601
    compare(path, bundle, window=250, windows=15)


def test_a_baseline_measured_again_while_recording_is_followed(bundle: LoadedBundle, tmp_path: Path) -> None:
    pieces = chunks(millivolts(30), RATE, [25])
    said, path = record(tmp_path / "s.xdf", bundle, pieces, 120, acts={170: Engine.start_baseline})
    states = read_recording(path).states
    assert [state.rest is None for state in states] == [False, True, False]
    # The second holds for what follows the last window that went into it.
    assert states[2].sample - 1 in {p.sample for p in said if not p.valid}
    compare(path, bundle, window=250, windows=15)
    made = again(path, bundle)
    assert not any(4250 <= sample < states[2].sample for sample in made)


def test_a_baseline_from_elsewhere_is_followed(bundle: LoadedBundle, tmp_path: Path) -> None:
    rest = Rest(np.full((6, 4), 0.5), np.full((6, 4), 2.0))
    acts: dict[int, Act] = {90: lambda engine: engine.set_rest(rest)}
    _, path = record(tmp_path / "s.xdf", bundle, chunks(millivolts(20), RATE, [25]), 60, acts=acts)
    compare(path, bundle, window=250, windows=15)
    found = rest_of_recording(read_recording(path), bundle.spec)
    assert found is not None
    np.testing.assert_array_equal(found.sd, rest.sd)


@pytest.mark.parametrize(("begin", "tolerance"), [(0, 1e-5), (200, 0.05)])
def test_an_alignment_goes_on_where_the_recording_began(tmp_path: Path, begin: int, tolerance: float) -> None:
    """Windows that began before the recording are not in it: then the alignment is nearly that of the session."""
    spec = small_spec(band_pass=None, alignment=RunningAlignment(windows=30, prior=5))
    loaded = bundle_of(tmp_path, spec)
    _, path = record(tmp_path / "s.xdf", loaded, chunks(millivolts(30), RATE, [25]), begin)
    states = read_recording(path).states
    assert all(state.alignment is not None for state in states if state.sample in (0, begin * 25))
    live, made = recorded(path), again(path, loaded)
    common = sorted(live.keys() & made.keys())
    assert len(common) >= 15
    for sample in common:
        np.testing.assert_allclose(made[sample][:2], live[sample][:2], atol=tolerance)


def test_a_channel_that_was_bad_at_rest_is_replaced_again(tmp_path: Path) -> None:
    spec = small_spec(band_pass=None)
    loaded = load_bundle(write_bundle(tmp_path / "b", spec=spec, max_bad_share=0.2, bad_channels="rest"))
    data = millivolts(30)
    data[:2000, 3] = 0.0
    _, path = record(tmp_path / "s.xdf", loaded, chunks(data, RATE, [25]), 150)
    rest = rest_of_recording(read_recording(path), loaded.spec)
    assert rest is not None
    assert rest.bad == (3,)
    compare(path, loaded, window=250, windows=15)


@pytest.mark.parametrize("stated", [True, False])
def test_a_rest_measured_with_another_preprocessing_is_refused(
    bundle: LoadedBundle, tmp_path: Path, stated: bool
) -> None:
    _, path = record(tmp_path / "s.xdf", bundle, chunks(millivolts(20), RATE, [25]), 60)
    recording = read_recording(path)
    if stated:
        spec = small_spec(band_pass=None, token=LogBandPowerToken(bands=((1, 4), (4, 8), (8, 13), (13, 31))))
        bundle = bundle_of(tmp_path, spec)
    else:  # as recorded before the digest was kept
        states = tuple(replace(state, preprocessing="") for state in recording.states)
        recording = replace(recording, states=states)
    expected = "found preprocessing [0-9a-f]{12}, expected" if stated else "found no word of the preprocessing"
    with pytest.raises(BundleError, match=expected):
        rest_of_recording(recording, bundle.spec)
    with pytest.raises(BundleError, match=expected):
        predictions_of_recording(recording, bundle)


def test_channels_that_were_left_out_are_left_out_again_and_a_renamed_bundle_is_the_same(tmp_path: Path) -> None:
    loaded = load_bundle(write_bundle(tmp_path / "b", spec=small_spec(band_pass=None), max_bad_share=0.2))
    path = tmp_path / "s.xdf"
    with Engine(ArraySource(INFO, chunks(millivolts(16), RATE, [25])), loaded, drop=[CHANNELS[2]]) as engine:
        engine.start_recording(Recorder(path, INFO))
        said = [prediction for prediction in engine.predictions(seconds=20) if prediction.valid]
    assert said
    renamed = LoadedBundle(loaded.folder, loaded.spec.model_copy(update={"name": "renamed"}), loaded.model)
    found = verify_session(path, renamed)
    assert found.same
    assert found.from_start
    assert found.compared == len(said)
    with pytest.raises(FileError, match=r"made with another bundle: found mental-load [0-9a-f]{12}, expected"):
        verify_session(path, load_bundle(find_bundle("mental-load")))
    with pytest.raises(FileError, match="There is no file"):
        verify_session(tmp_path / "nothing.xdf", loaded)


def test_a_recording_says_which_model_predicted(bundle: LoadedBundle, tmp_path: Path) -> None:
    _, path = record(tmp_path / "s.xdf", bundle, chunks(millivolts(4), RATE, [25]), 0)
    streams, _ = pyxdf.load_xdf(path)
    (stream,) = [s for s in streams if s["info"]["type"] == ["Metadata"]]
    found = json.loads(stream["time_series"][0][0])
    assert (found["bundle"], found["model_sha256"]) == (bundle.spec.name, bundle.spec.model_sha256)
    assert PreprocessingSpec.model_validate(found["preprocessing"]) == bundle.spec.preprocessing
    assert found["targets"] == {"mental_load": ["low", "high"]}


def test_a_model_without_baseline(tmp_path: Path) -> None:
    loaded = bundle_of(tmp_path, small_spec(band_pass=None, baseline=NoBaseline()))
    _, path = record(tmp_path / "s.xdf", loaded, chunks(millivolts(16), RATE, [25]), 50)
    compare(path, loaded, window=250, windows=15)


def test_filters_forget_what_came_before_the_recording(tmp_path: Path) -> None:
    """A band-pass from 1 Hz forgets at 2.4 nepers a second: a factor of 1e5 in 4.8 s, before a window of 1 s."""
    loaded = bundle_of(tmp_path, small_spec())
    _, path = record(tmp_path / "s.xdf", loaded, chunks(millivolts(40), RATE, [25]), 100)
    live, made = recorded(path), again(path, loaded)
    found = verify_session(path, loaded)
    assert found.same
    assert not found.from_start
    late = [sample for sample in live if sample > 2500 + 5.8 * RATE]
    assert len(late) > 20
    for number, sample in enumerate(late):
        np.testing.assert_allclose(made[sample][:2], live[sample][:2], atol=1e-5, rtol=0)
        if number >= SMOOTHED_OVER:
            np.testing.assert_allclose(made[sample], live[sample], atol=1e-5, rtol=0)


def test_the_shipped_model_at_another_rate(tmp_path: Path, sample_recordings: tuple[Path, Path]) -> None:
    """500 Hz brought to 128 Hz: windows and resampled samples fall where they did."""
    loaded = load_bundle(find_bundle("mental-load"))
    recording = read_recording(sample_recordings[0])
    data = recording.data[: 500 * 75]
    info = StreamInfo("Amp", recording.info.channels, 500.0, recording.info.units)
    pieces = chunks(data, 500.0, [37])
    _, path = record(tmp_path / "s.xdf", loaded, pieces, len(pieces) * 45 // 75, info=info)
    live, made = recorded(path), again(path, loaded)
    first = read_recording(path).first
    # A window of 4 s, and 4 s before it: a band-pass from 1 Hz has then forgotten all but e^-9.6, and the edge of the
    # window, where that stands, goes into no taper. 5 s would be 1 s of forgetting: 2e-5 to 5e-5 were measured.
    whole = [sample for sample in live if sample >= first + 8 * 500]
    assert len(whole) >= 20
    for number, sample in enumerate(whole):
        np.testing.assert_allclose(made[sample][:2], live[sample][:2], atol=1e-5, rtol=0)
        if number >= loaded.spec.smoothing.windows:
            np.testing.assert_allclose(made[sample], live[sample], atol=1e-5, rtol=0)


def test_of_a_recording_that_nobody_recorded_here_the_baseline_is_measured(
    bundle: LoadedBundle, tmp_path: Path, sample_recordings: tuple[Path, Path]
) -> None:
    loaded = load_bundle(find_bundle("mental-load"))
    predictions = predictions_of_recording(read_recording(sample_recordings[0]), loaded)
    first = next(p for p in predictions if p.valid)
    assert first.sample / 500 > 30
    # The states of one model are none of another's.
    _, path = record(tmp_path / "s.xdf", bundle, chunks(millivolts(20), RATE, [25]), 150)
    other = load_bundle(
        write_bundle(tmp_path / "other", name="other", spec=small_spec(band_pass=None), targets=(LOAD, VALENCE))
    )
    made = predictions_of_recording(read_recording(path), other)
    assert next(p.sample for p in made if p.valid) > 150 * 25 + 4 * RATE


@given(
    mean=st.lists(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=2), min_size=1, max_size=4),
    sample=st.integers(0, 2**50),
)
def test_a_state_comes_back_exactly(mean: list[list[float]], sample: int) -> None:
    state = ModelState("name «ü»", "0af3", sample, 3, Rest(np.array(mean), np.array(mean) + 1, (0,)))
    assert ModelState.from_json(state.to_json()) == state


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "3", '{"bundle": "b", "sample": 1e999, "origin": 0, "rest": null}', "[" * 10_000,
             '{"bundle": "b", "sample": 0, "origin": 0, "rest": {"mean": [1], "sd": [1]}}',
             '{"bundle": "b", "sample": 0, "origin": 0, "rest": {"mean": [[1], [1, 2]], "sd": [[1]]}}',
             '{"bundle": "b", "sample": 0, "origin": 0, "rest": {"mean": [[1], [1]], "sd": [[1]]}}',
             '{"bundle": "b", "sample": 0, "origin": 0, "rest": {"mean": [[1]], "sd": [[1]], "bad": [1]}}',
             '{"bundle": "b", "sample": 0, "origin": 0, "rest": {"mean": [[1]], "sd": [[1]], "bad": [-1]}}'],
)  # fmt: skip
def test_a_damaged_state_is_refused_with_a_message(tmp_path: Path, text: str) -> None:
    with XdfWriter(tmp_path / "s.xdf") as writer:
        stream = writer.add_stream(StreamHeader("Amp", "EEG", (XdfChannel("Cz", "uV", "EEG"),), rate=250.0))
        writer.write_samples(stream, np.zeros((10, 1)), np.arange(10) / 250)
        state = writer.add_stream(StreamHeader(STATE_NAME, STATE_TYPE, (XdfChannel("state"),), format="string"))
        writer.write_markers(state, [text], [0.0])
    with pytest.raises(FileError, match=r"s\.xdf"):
        read_recording(tmp_path / "s.xdf")
