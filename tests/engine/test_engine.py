"""The engine says only what it can stand behind, and the same however samples arrive."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import pyxdf
from hypothesis import given, settings
from hypothesis import strategies as st

from bci_app.bundle import LoadedBundle, load_bundle
from bci_app.bundle.golden import make_golden
from bci_app.engine import Engine, EngineThread
from bci_app.errors import BciError, ChannelError, FileError, SourceError, StreamLostError
from bci_app.events import Phase, Prediction, Reason
from bci_app.montage.headsets import HEADSETS
from bci_app.outputs.worker import OutputWorker
from bci_app.recording.recorder import Recorder
from bci_app.simulation import Settings, SimulatedParticipant
from bci_app.sources.synthetic import SyntheticSource
from bci_app.stream import Chunk, DeviceState, Marker, StreamInfo
from bci_app.terminal import status_line
from tests.bundles import CHANNELS, LOAD, VALENCE, small_spec, write_bundle
from tests.engine.sessions import INFO, RATE, content, run
from tests.streams import ArraySource, chunks, eeg


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> LoadedBundle:
    return load_bundle(write_bundle(tmp_path_factory.mktemp("bundles") / "b", targets=(LOAD, VALENCE)))


def test_session_goes_from_warm_up_over_baseline_to_predictions(bundle: LoadedBundle) -> None:
    predictions, engine = run(bundle, chunks(eeg(10, RATE, 7), RATE, [25]))
    reasons = [p.reasons for p in predictions]
    # Windows would end every 64 model samples; the first whole one ends at 64 + 128.
    assert reasons[:2] == [(Reason.WARMING_UP,)] * 2
    assert reasons[2:8] == [(Reason.BASELINE,)] * 6
    assert all(p.valid for p in predictions[8:])
    assert len(predictions[8:]) == 12
    assert [p.compute_ms > 0 for p in predictions] == [p.valid for p in predictions]
    ends = [(63 + 64 * k) * 250 // 128 for k in range(len(predictions))]
    assert [p.sample for p in predictions] == ends
    assert [p.time for p in predictions] == [pytest.approx(100 + end / RATE) for end in ends]
    assert engine.status().phase is Phase.FINISHED
    assert all(p.age_ms == pytest.approx((200 - p.time) * 1e3) for p in predictions)


@given(sizes=st.lists(st.integers(1, 400), min_size=1, max_size=80), gap=st.booleans(), bad=st.booleans())
@settings(max_examples=25, deadline=None)
def test_predictions_do_not_depend_on_how_samples_arrive(bundle, sizes, gap, bad) -> None:  # type: ignore[no-untyped-def]
    data = eeg(12, RATE, 7)
    if bad:
        data[1600:2000, 2] = 5e3
    head, tail = data[:1500], data[1500:]
    lost = 33 if gap else 0

    def pieces(sizes: list[int]) -> list[Chunk]:
        return chunks(head, RATE, sizes) + chunks(tail, RATE, sizes, start=1500 + lost, lost=lost)

    assert content(run(bundle, pieces(sizes))[0]) == content(run(bundle, pieces([10_000]))[0])


@pytest.mark.parametrize("size", [1, 7, 40])
def test_a_prediction_comes_with_the_samples_that_complete_its_window(bundle: LoadedBundle, size: int) -> None:
    engine = Engine(ArraySource(INFO, chunks(eeg(8, RATE, 7), RATE, [size])), bundle, clock=lambda: 200.0)
    engine.start()
    received, found = 0, 0
    while not engine.finished:
        result = engine.step()
        for prediction in result.predictions:
            assert received <= prediction.sample < received + result.samples
            found += 1
        received += result.samples
    assert found > 10


def test_samples_are_shown_while_filters_load_and_predicted_from_afterwards(
    bundle: LoadedBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = chunks(eeg(10, RATE, 7), RATE, [125])
    loaded = threading.Event()
    monkeypatch.setattr("bci_app.engine.engine.load_filters", lambda: loaded.wait(20))
    engine = Engine(ArraySource(INFO, pieces), bundle, clock=lambda: 200.0, show_first=True)
    engine.start()
    try:
        assert not any(engine.step().predictions for _ in pieces[:-4])
        assert (engine.status().received, len(engine.signal(2.0).data)) == (2000, 500)
    finally:
        loaded.set()
    predictions: list[Prediction] = []
    while not engine.finished:
        predictions += engine.step().predictions
    assert content(predictions) == content(run(bundle, pieces)[0])


def test_live_probabilities_are_those_of_the_golden_path(bundle: LoadedBundle) -> None:
    raw = eeg(9, RATE, 7).astype(np.float32)
    predictions, _ = run(bundle, chunks(raw.astype(np.float64), RATE, [13, 1, 250]))
    golden = make_golden(bundle.spec, bundle.model, raw=raw, channels=INFO.channels, rate=RATE)
    valid = [p for p in predictions if p.valid]
    assert [p.sample for p in valid] == golden["samples"].tolist()
    live = np.array([p.targets[1].probability for p in valid])
    np.testing.assert_array_equal(live.astype(np.float32), golden["probabilities"][:, 1])


def test_the_spread_is_that_of_the_windows_of_the_rolling_mean(bundle: LoadedBundle) -> None:
    predictions, _ = run(bundle, chunks(eeg(12, RATE, 7), RATE, [125]))
    valid = [p.targets[1] for p in predictions if p.valid]
    windows = bundle.spec.smoothing.windows
    for index, target in enumerate(valid):
        recent = np.array([other.probability for other in valid[max(0, index + 1 - windows) : index + 1]])
        np.testing.assert_allclose(target.smoothed, recent.mean(axis=0), atol=1e-12)
        np.testing.assert_allclose(target.spread, recent.std(axis=0), atol=1e-12)
    assert set(valid[0].spread or ()) == {0.0}
    assert max(valid[-1].spread or ()) > 0


def test_gap_makes_filters_start_anew_and_keeps_the_baseline(bundle: LoadedBundle) -> None:
    data = eeg(16, RATE, 7)
    pieces = chunks(data[:2000], RATE, [50]) + chunks(data[2000:], RATE, [50], start=2250, lost=250)
    predictions, engine = run(bundle, pieces)
    after = [p for p in predictions if p.sample >= 2250]
    assert [(p.reasons, p.compute_ms) for p in after[:2]] == [((Reason.GAP,), 0.0)] * 2
    assert all(p.valid for p in after[2:])
    # The first window after the gap sees no sample from before it.
    fresh = Engine(ArraySource(INFO, chunks(data[2000:], RATE, [50])), bundle, clock=lambda: 200.0)
    fresh.start()
    assert engine.rest is not None
    fresh.set_rest(engine.rest)
    expected = [p for _ in range(len(data[2000:]) // 50) for p in fresh.step().predictions if p.valid]
    assert [p.targets for p in after if p.valid] == [p.targets for p in expected]
    status = engine.status()
    assert status.lost == 250
    assert status.loss == pytest.approx(250 / (250 + len(data)))


def test_a_gap_after_the_first_sample_is_a_gap(bundle: LoadedBundle) -> None:
    data = eeg(4, RATE, 7)
    predictions, _ = run(bundle, chunks(data[:1], RATE, [1]) + chunks(data[1:], RATE, [50], start=251, lost=250))
    assert predictions[0].reasons == (Reason.GAP,)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_a_gap_and_poison_nothing(bundle: LoadedBundle, value: float) -> None:
    data = eeg(14, RATE, 7)
    data[2100:2103, 1] = value
    predictions, _ = run(bundle, chunks(data, RATE, [50]))
    after = [p for p in predictions if p.sample >= 2103]
    assert after[0].reasons == (Reason.NOT_FINITE,)
    assert all(p.valid and np.isfinite(p.targets[0].probability).all() for p in after[3:])


def test_a_bad_value_in_a_channel_the_model_does_not_use_is_no_matter(bundle: LoadedBundle) -> None:
    data = eeg(8, RATE, 7)
    expected = content(run(bundle, chunks(data, RATE, [50]))[0])
    data[:, 6] = np.nan
    assert content(run(bundle, chunks(data, RATE, [50]))[0]) == expected


@pytest.mark.parametrize("fault", ["flat", "railed", "noise"])
def test_bad_contact_makes_predictions_invalid_until_it_is_good_again(bundle: LoadedBundle, fault: str) -> None:
    data = eeg(24, RATE, 7)
    bad = slice(2500, 3500)
    if fault == "flat":
        data[bad, 3] = 123.0
    elif fault == "railed":
        data[bad, 3] = np.clip(data[bad, 3] * 1e4, -187500.0, 187500.0)
    else:
        data[bad, 3] += 900 * np.random.default_rng(2).standard_normal(1000)
    predictions, engine = run(bundle, chunks(data, RATE, [50]))
    during = [p for p in predictions if 2500 + 250 <= p.sample < 3500]
    assert all(p.reasons == (Reason.BAD_CONTACT,) and p.quality == pytest.approx(5 / 6) for p in during)
    assert all(t.probability is None and t.smoothed is None for p in during for t in p.targets)
    assert predictions[-1].valid
    assert all(p.valid for p in predictions if 2500 - 1000 < p.sample < 2500)
    assert {c.level.value for c in engine.status().contacts} == {"good"}


def test_bad_windows_are_not_part_of_the_baseline(bundle: LoadedBundle) -> None:
    data = eeg(20, RATE, 7)
    data[:1000, 0] = 0.0
    predictions, _ = run(bundle, chunks(data, RATE, [50]))
    first_valid = next(p for p in predictions if p.valid)
    assert first_valid.sample > 1000 + 4 * RATE


def test_baseline_waits_for_the_user(bundle: LoadedBundle) -> None:
    pieces = chunks(eeg(20, RATE, 7), RATE, [250])
    engine = Engine(ArraySource(INFO, pieces), bundle, wait_for_baseline=True, clock=lambda: 200.0)
    engine.start()
    before = [p for _ in range(6) for p in engine.step().predictions]
    assert engine.status().phase is Phase.CONTACT
    assert {p.reasons for p in before[2:]} == {(Reason.BASELINE,)}
    engine.start_baseline()
    after: list[Prediction] = []
    progress = []
    while not engine.finished:
        after += engine.step().predictions
        progress.append(engine.status().baseline_progress)
    first_valid = next(p for p in after if p.valid)
    # Six windows that begin with the call or after it, then one more.
    assert first_valid.sample == 1500 + (127 + 6 * 64) * 250 // 128
    assert progress[0] < 0.5
    assert progress[-1] == 1.0


def test_missing_channel_is_refused_and_the_source_closed(bundle: LoadedBundle) -> None:
    source = ArraySource(StreamInfo("x", ("Fp1", "Cz"), RATE, ("uV", "uV")), [])
    with pytest.raises(ChannelError, match="missing Fp2, C3, C4, O1, O2"):
        Engine(source, bundle).start()
    assert source.stopped


class LossySource(ArraySource):
    """Fails in the middle as an LSL stream that is lost, then returns."""

    fail_at = 20

    def read(self, timeout: float = 0.0) -> Chunk | None:
        self.fail_at -= 1
        if self.fail_at in (0, 1):
            raise StreamLostError("Stream test is lost", fix="Waiting for its return.")
        return super().read(timeout)


def test_lost_stream_is_a_state_and_its_return_another(bundle: LoadedBundle) -> None:
    engine = Engine(LossySource(INFO, chunks(eeg(8, RATE, 7), RATE, [50])), bundle, clock=lambda: 200.0)
    engine.start()
    phases = []
    while not engine.finished:
        engine.step()
        phases.append((engine.status().phase, engine.status().message))
    assert (Phase.LOST, "Stream test is lost. Waiting for its return.") in phases
    assert phases[20][0] is Phase.BASELINE
    assert phases[20][1] == ""


def wait_for_the_end(thread: EngineThread) -> None:
    deadline = time.monotonic() + 120
    while thread.running:
        assert time.monotonic() < deadline
        time.sleep(0.005)


class FailingSource(ArraySource):
    def read(self, timeout: float = 0.0) -> Chunk | None:
        raise SourceError("The stream came back with another layout")


def test_thread_keeps_the_cause_of_its_end(bundle: LoadedBundle) -> None:
    engine = Engine(FailingSource(INFO, []), bundle)
    engine.start()
    thread = EngineThread(engine)
    thread.start()
    wait_for_the_end(thread)
    assert str(thread.failure) == "The stream came back with another layout."
    thread.stop()
    thread.stop()


def test_thread_delivers_every_prediction_in_order(bundle: LoadedBundle) -> None:
    pieces = chunks(eeg(10, RATE, 7), RATE, [25])
    expected, _ = run(bundle, list(pieces))
    engine = Engine(ArraySource(INFO, pieces), bundle, clock=lambda: 200.0)
    engine.start()
    thread = EngineThread(engine)
    thread.start()
    wait_for_the_end(thread)
    found = [p for result in thread.drain() for p in result.predictions]
    assert content(found) == content(expected)
    thread.stop()


def test_signal_shows_lost_samples_as_nan(bundle: LoadedBundle) -> None:
    data = eeg(4, RATE, 7)
    pieces = chunks(data[:500], RATE, [100]) + chunks(data[500:], RATE, [100], start=550, lost=50)
    _, engine = run(bundle, pieces)
    view = engine.signal(4)
    assert view.first == 50
    assert np.isnan(view.data[450:500]).all()
    np.testing.assert_array_equal(view.data[500:], data[500:].astype(np.float32))
    assert view.time == pytest.approx(100 + 1049 / RATE)


def test_effective_rate_is_measured_from_stamps(bundle: LoadedBundle) -> None:
    pieces = [Chunk(c.data, 100 + (c.times - 100) * 1.02, c.first) for c in chunks(eeg(12, RATE, 7), RATE, [25])]
    _, engine = run(bundle, pieces)
    assert engine.status().effective_rate == pytest.approx(RATE / 1.02, rel=1e-3)
    assert engine.status().nominal_rate == RATE


@pytest.mark.parametrize(("allowed", "refused"), [(0.01, True), (0.05, False), (None, False)])
def test_a_stream_at_another_rate_than_it_states_gives_no_prediction_where_the_model_says_so(
    allowed: float | None, refused: bool, tmp_path: Path
) -> None:
    loaded = load_bundle(write_bundle(tmp_path / "b", max_rate_error=allowed))
    pieces = [Chunk(c.data, 100 + (c.times - 100) * 1.02, c.first) for c in chunks(eeg(16, RATE, 7), RATE, [25])]
    predictions, _ = run(loaded, pieces)
    late = [p for p in predictions if p.sample > 8 * RATE]  # the rate is measured over some seconds
    assert {Reason.WRONG_RATE in p.reasons for p in late} == {refused}
    assert {p.valid for p in late} == {not refused}
    assert all((p.targets[0].probability is None) is refused for p in late)


def test_window_with_a_pop_in_it_is_invalid_at_once_and_its_echo_too(bundle: LoadedBundle) -> None:
    """A saturated stretch is bad before the next verdict on the grid, and filters forget it."""
    data = eeg(30, RATE, 7)
    clean, _ = run(bundle, chunks(data.copy(), RATE, [50]))
    data[3010:3300, 2] = 187_500.0
    predictions, _ = run(bundle, chunks(data, RATE, [50]))
    assert not any(p.valid for p in predictions if 3010 + 60 <= p.sample < 3300 + 250)
    back = [(p, q) for p, q in zip(predictions, clean, strict=True) if p.valid and p.sample > 3300]
    assert back[0][0].sample < 3300 + 5 * RATE
    for found, expected in back:
        np.testing.assert_allclose(found.targets[0].probability, expected.targets[0].probability, atol=0.02)


def test_contact_that_changes_in_the_middle_does_not_depend_on_how_samples_arrive(bundle: LoadedBundle) -> None:
    data = eeg(24, RATE, 7)
    data[2100:2400, 1] = 187_500.0
    data[3333:3335, 4] = -187_500.0
    whole = content(run(bundle, chunks(data, RATE, [10_000]))[0])
    for sizes in ([1], [7], [125, 3, 400], [64]):
        assert content(run(bundle, chunks(data, RATE, sizes))[0]) == whole


def test_a_short_loss_is_bridged_and_counted(bundle: LoadedBundle) -> None:
    data = eeg(12, RATE, 7)
    pieces = chunks(data[:2000], RATE, [50]) + chunks(data[2003:], RATE, [50], start=2003, lost=3)
    predictions, engine = run(bundle, pieces)
    whole, _ = run(bundle, chunks(data, RATE, [50]))
    assert [(p.sample, p.valid, p.reasons) for p in predictions] == [(p.sample, p.valid, p.reasons) for p in whole]
    assert [p.time for p in predictions] == pytest.approx([p.time for p in whole])
    assert engine.status().lost == 3
    # Nothing before the loss is changed, little after it.
    before = [p.sample < 2000 for p in whole]
    assert [p.targets for p, b in zip(predictions, before, strict=True) if b] == [
        p.targets for p, b in zip(whole, before, strict=True) if b
    ]


def test_a_longer_loss_is_not_bridged(bundle: LoadedBundle) -> None:
    data = eeg(12, RATE, 7)
    pieces = chunks(data[:2000], RATE, [50]) + chunks(data[2006:], RATE, [50], start=2006, lost=6)
    predictions, _ = run(bundle, pieces)
    assert Reason.GAP in {reason for p in predictions for reason in p.reasons}


def test_a_session_that_needs_no_liblsl_runs_without_it(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b", spec=small_spec(channels=HEADSETS["10-20"].channels))
    code = f"""
import sys
sys.modules["pylsl"] = None
from bci_app import Engine, load_bundle, open_source
with Engine(open_source("synthetic:?speed=max&seconds=20"), load_bundle({str(folder)!r})) as engine:
    print(sum(prediction.valid for prediction in engine.predictions()), engine.mark("end").text)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=250, check=False)
    assert done.stderr == ""
    assert done.stdout == "32 end\n"


def until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


class FailingOutput:
    """An output whose disk or network goes away."""

    place = "The output"

    def __init__(self) -> None:
        self.published = 0
        self.closed = False

    def start(self, bundle: object, info: object) -> None: ...

    def publish(self, prediction: Prediction) -> None:
        self.published += 1
        if self.published > 3:
            raise FileError("The disk is full")

    def close(self) -> None:
        self.closed = True


def test_an_output_that_fails_ends_and_the_session_goes_on(bundle: LoadedBundle) -> None:
    output = FailingOutput()
    engine = Engine(ArraySource(INFO, chunks(eeg(10, RATE, 7), RATE, [50])), bundle, outputs=[output])
    engine.start()
    predictions = [p for _ in range(50) for p in engine.step().predictions]
    assert len(predictions) == 20
    until(lambda: output.closed)
    assert output.published == 4
    engine.step()
    assert engine.status().output_error == "The disk is full."
    assert [str(failure) for failure in engine.failures] == ["The disk is full."]


class CountingOutput(FailingOutput):
    """An output that does not fail."""

    def publish(self, prediction: Prediction) -> None:
        self.published += 1


def test_outputs_come_and_go_while_a_session_runs(bundle: LoadedBundle) -> None:
    failing = FailingOutput()
    engine = Engine(ArraySource(INFO, chunks(eeg(10, RATE, 7), RATE, [50])), bundle, outputs=[failing])
    engine.start()
    for _ in range(20):
        engine.step()
    until(lambda: failing.closed)
    engine.step()
    assert len(engine.failures) == 1
    later = CountingOutput()
    engine.add_output(later)
    assert engine.outputs == (later,)
    assert engine.status().output_error == ""
    expected = sum(len(engine.step().predictions) for _ in range(10))
    until(lambda: later.published == expected > 0)
    engine.remove_output(later)
    assert later.closed
    assert sum(len(engine.step().predictions) for _ in range(10)) > 0
    assert later.published == expected
    engine.stop()
    too_late = CountingOutput()
    engine.add_output(too_late)
    assert (too_late.closed, engine.outputs) == (True, ())


class StalledOutput(CountingOutput):
    """An output whose receiver takes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def publish(self, prediction: Prediction) -> None:
        self.go.wait(20)
        super().publish(prediction)


def test_a_receiver_that_stalls_ends_its_output_and_delays_nothing_else(
    bundle: LoadedBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OutputWorker.__init__, "__kwdefaults__", {"most_waiting": 8})
    stalled, other = StalledOutput(), CountingOutput()
    engine = Engine(ArraySource(INFO, chunks(eeg(20, RATE, 7), RATE, [50])), bundle, outputs=[stalled, other])
    engine.start()
    made = 0
    while not engine.finished:
        made += len(engine.step().predictions)
        until(partial(lambda expected: other.published == expected, made))
    assert made == 40
    assert "its receiver has stalled" in engine.status().output_error
    assert engine.outputs == (other,)
    begun = time.monotonic()
    engine.stop()
    assert time.monotonic() - begun < 15
    assert [type(failure) for failure in engine.failures] == [BciError]
    stalled.go.set()


def test_a_session_ends_though_a_receiver_has_stalled(bundle: LoadedBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OutputWorker.close, "__defaults__", (0.2,))
    output = StalledOutput()
    engine = Engine(ArraySource(INFO, chunks(eeg(10, RATE, 7), RATE, [50])), bundle, outputs=[output])
    engine.start()
    while not engine.finished:
        engine.step()
    engine.stop()
    assert "20 values not taken when the session ended" in engine.status().output_error
    output.go.set()


def test_a_source_that_can_wait_waits_for_a_slow_receiver(
    bundle: LoadedBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    class SlowOutput(CountingOutput):
        def publish(self, prediction: Prediction) -> None:
            time.sleep(0.005)
            super().publish(prediction)

    monkeypatch.setattr(OutputWorker.__init__, "__kwdefaults__", {"most_waiting": 4})
    output = SlowOutput()
    source = SyntheticSource(SimulatedParticipant(0, Settings(CHANNELS, RATE)), speed=None, seconds=60)
    with Engine(source, bundle, outputs=[output]) as engine:
        made = sum(1 for _ in engine.predictions())
    assert output.published == made == 120
    assert engine.failures == ()


def test_a_fault_of_an_output_is_reported_as_its_end(bundle: LoadedBundle) -> None:
    class Faulty(CountingOutput):
        def publish(self, prediction: Prediction) -> None:
            raise KeyError("target")

    output = Faulty()
    engine = Engine(ArraySource(INFO, chunks(eeg(4, RATE, 7), RATE, [50])), bundle, outputs=[output])
    engine.start()
    for _ in range(10):
        engine.step()
    until(lambda: output.closed)
    engine.step()
    assert "a fault in the program: found KeyError: 'target'" in engine.status().output_error


class MarkedOutput(FailingOutput):
    """An output that takes events."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[Marker] = []

    def publish(self, prediction: Prediction) -> None: ...

    def mark(self, marker: Marker) -> None:
        if len(self.marks) == 2:
            raise FileError("The disk is full")
        self.marks.append(marker)


def test_events_of_the_session_and_of_its_source_go_to_outputs_that_take_them(bundle: LoadedBundle) -> None:
    first, *rest = chunks(eeg(4, RATE, 7), RATE, [50])
    stimulus, foreign = Marker(100.1, "stimulus"), Marker(100.2, "of another LSL stream")
    marked = Chunk(first.data, first.times, first.first, markers=(stimulus,))
    output = MarkedOutput()
    engine = Engine(ArraySource(INFO, [marked, *rest]), bundle, outputs=[FailingOutput(), output])
    engine.start()
    engine.step()
    button = engine.mark("button")
    engine.note(foreign, "PsychoPy")
    until(lambda: output.marks == [stimulus, button])
    engine.mark("button")
    until(lambda: output.closed)
    engine.step()
    assert [str(failure) for failure in engine.failures] == ["The disk is full."]


def test_without_a_model_signals_are_watched() -> None:
    data = eeg(6, RATE, 7)
    data[:, 2] = 0.0
    info = StreamInfo("test", (*CHANNELS, "Trigger"), RATE, (*("uV",) * 6, "n/a"))
    engine = Engine(ArraySource(info, chunks(data, RATE, [50])), None)
    engine.start()
    assert [r.predictions for r in (engine.step() for _ in range(30))] == [()] * 30
    status = engine.status()
    assert status.phase is Phase.CONTACT
    assert [c.channel for c in status.contacts if c.level.value == "bad"] == ["C3"]
    assert len(status.contacts) == 6
    assert engine.signal(1).data.shape == (250, 7)


def test_markers_of_the_stream_are_told(bundle: LoadedBundle) -> None:
    first, *rest = chunks(eeg(4, RATE, 7), RATE, [50])
    marked = Chunk(first.data, first.times, first.first, markers=(Marker(100.1, "stimulus"),))
    engine = Engine(ArraySource(INFO, [marked, *rest]), bundle)
    engine.start()
    assert engine.step().markers == (Marker(100.1, "stimulus"),)
    assert engine.step().markers == ()


def test_asking_for_status_and_signal_changes_no_prediction(bundle: LoadedBundle) -> None:
    data = eeg(10, RATE, 7)
    data[1200:1203, 2] = np.nan
    asked: list[Prediction] = []
    engine = Engine(ArraySource(INFO, chunks(data, RATE, [3])), bundle, clock=lambda: 200.0)
    engine.start()
    received = 0
    while not engine.finished:
        result = engine.step()
        received += result.samples
        asked += result.predictions
        assert engine.status().received == received
        assert engine.signal(1.0).first + len(engine.signal(1.0).data) == received
    assert content(asked) == content(run(bundle, chunks(data, RATE, [3]))[0])


def test_a_recording_holds_what_is_read_from_its_start_to_its_stop(tmp_path: Path) -> None:
    engine = Engine(ArraySource(INFO, chunks(eeg(4, RATE, 7), RATE, [1])), None)
    engine.start()
    for _ in range(117):
        engine.step()
    recorder = Recorder(tmp_path / "s.xdf", INFO)
    engine.start_recording(recorder)
    for _ in range(231):
        engine.step()
    engine.stop_recording()
    (index,) = (s for s in pyxdf.load_xdf(recorder.path)[0] if s["info"]["type"] == ["ChunkIndex"])
    first, samples = index["time_series"][:, :2].T
    assert first[0] == 117
    assert samples.sum() == 231


def test_samples_read_before_a_stream_is_lost_are_recorded(tmp_path: Path) -> None:
    class Dying(ArraySource):
        def read(self, timeout: float = 0.0) -> Chunk | None:
            if not self._chunks:
                raise StreamLostError("The stream is lost")
            return super().read(timeout)

    engine = Engine(Dying(INFO, chunks(eeg(1.1, RATE, 7), RATE, [1])), None)
    engine.start()
    recorder = Recorder(tmp_path / "s.xdf", INFO)
    engine.start_recording(recorder)
    while engine.step().samples:
        pass
    assert engine.status().phase is Phase.LOST
    recorder.close()
    (signal,) = (s for s in pyxdf.load_xdf(recorder.path)[0] if s["info"]["type"] == ["EEG"])
    assert len(signal["time_series"]) == 275


def test_events_that_come_while_a_stream_is_silent_are_told(bundle: LoadedBundle) -> None:
    released = threading.Event()

    class Silent(ArraySource):
        finished = False

        def read(self, timeout: float = 0.0) -> Chunk | None:
            released.wait(0.01)
            return None

    engine = Engine(Silent(INFO, []), bundle)
    engine.start()
    thread = EngineThread(engine)
    thread.start()
    marker = Marker(100.0, "stimulus")
    engine.note(marker, "PsychoPy")
    deadline = time.monotonic() + 120
    found: list[Marker] = []
    while not found and time.monotonic() < deadline:
        found += [marker for result in thread.drain() for marker in result.markers]
        time.sleep(0.01)
    thread.stop()
    assert found == [marker]


class Headset(ArraySource):
    """A source that reports its battery."""

    @property
    def device(self) -> DeviceState:
        return DeviceState(81.0, (("Fp1", 12e3),))


def test_what_the_device_tells_is_shown_and_recorded_from_time_to_time(tmp_path: Path) -> None:
    engine = Engine(Headset(INFO, chunks(eeg(12, RATE, 7), RATE, [50])), None)
    engine.start()
    engine.step()
    engine.start_recording(Recorder(tmp_path / "s.xdf", INFO))
    while not engine.finished:
        engine.step()
    status = engine.status()
    engine.stop()
    assert status.device == DeviceState(81.0, (("Fp1", 12e3),))
    assert status_line(status).endswith("battery  81 % · resistance Fp1 12 kΩ")
    (device,) = (s for s in pyxdf.load_xdf(tmp_path / "s.xdf")[0] if s["info"]["type"] == ["Device"])
    np.testing.assert_allclose(device["time_stamps"], 100 + (99 + np.array([0, 1250, 2500])) / RATE)
    assert Engine(ArraySource(INFO, []), None).status().device is None


def test_an_event_belongs_to_the_newest_sample_where_stamps_are_not_the_clock_s(bundle: LoadedBundle) -> None:
    engine = Engine(ArraySource(INFO, chunks(eeg(4, RATE, 7), RATE, [50])), bundle, clock=lambda: 5000.0)
    engine.start()
    engine.step()
    assert engine.mark("button").time == pytest.approx(100 + 49 / RATE)


@pytest.mark.parametrize(
    ("now", "age"), [(100.5, pytest.approx(0.304)), (100.15, 0.0), (99.5, pytest.approx(np.nan, nan_ok=True))]
)
def test_an_age_is_unknown_where_stamps_lie_ahead_of_the_clock(bundle: LoadedBundle, now: float, age: float) -> None:
    engine = Engine(ArraySource(INFO, chunks(eeg(4, RATE, 7), RATE, [50])), bundle, clock=lambda: now)
    engine.start()
    engine.step()
    assert engine.status().age_s == age


def test_a_channel_without_numbers_is_named_with_and_without_a_model(bundle: LoadedBundle) -> None:
    data = eeg(6, RATE, 7)
    data[:, 2] = np.nan
    for model in (bundle, None):
        engine = Engine(ArraySource(INFO, chunks(data, RATE, [50])), model)
        engine.start()
        predictions = [p for _ in range(30) for p in engine.step().predictions]
        contacts = {c.channel: (c.level.value, c.cause) for c in engine.status().contacts}
        assert contacts["C3"] == ("bad", "not finite")
        assert contacts["C4"][0] in ("good", "unknown")
        assert not any(p.valid for p in predictions)


def test_a_stream_in_no_unit_of_voltage_is_watched_and_not_judged() -> None:
    info = StreamInfo("test", CHANNELS, RATE, ("counts",) * 6)
    engine = Engine(ArraySource(info, chunks(eeg(2, RATE, 6), RATE, [50])), None)
    engine.start()
    assert [engine.step().samples for _ in range(10)] == [50] * 10
    assert engine.status().contacts == ()


@pytest.mark.parametrize("rate", [128.0, 160.0, 250.0, 256.0, 500.0, 512.0, 1000.0])
def test_the_first_whole_window_is_good_at_any_rate(tmp_path: Path, rate: float) -> None:
    """Resampled, it reaches a little before the first sample; offline it is part of the rest baseline too."""
    loaded = load_bundle(write_bundle(tmp_path / "b", spec=small_spec(band_pass=None, warm_up=0)))
    info = StreamInfo("test", (*CHANNELS, "ECG"), rate, ("uV",) * 7)
    raw = eeg(12, rate, 7).astype(np.float32)
    engine = Engine(ArraySource(info, chunks(raw.astype(np.float64), rate, [50])), loaded, clock=lambda: 200.0)
    engine.start()
    predictions: list[Prediction] = []
    while not engine.finished:
        predictions += engine.step().predictions
    first = next(p for p in predictions if Reason.WARMING_UP not in p.reasons)
    assert (first.reasons, first.quality) == ((Reason.BASELINE,), 1.0)
    golden = make_golden(loaded.spec, loaded.model, raw=raw, channels=info.channels, rate=rate)
    valid = [p for p in predictions if p.valid]
    assert [p.sample for p in valid] == golden["samples"].tolist()
    live = np.array([p.targets[0].probability for p in valid])
    np.testing.assert_array_equal(live.astype(np.float32), golden["probabilities"][:, 0])


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300, -1e30])
@pytest.mark.parametrize("begin", [0, 1100])
def test_windows_of_samples_that_are_no_numbers_are_told_however_they_arrive(
    bundle: LoadedBundle, value: float, begin: int
) -> None:
    data = eeg(16, RATE, 7)
    data[begin : begin + 1400, 1] = value
    predictions, engine = run(bundle, chunks(data, RATE, [50]))
    ends = [(63 + 64 * k) * 250 // 128 for k in range(len(predictions) + 1)]
    during = [p for p in predictions if begin <= p.sample < begin + 1400]
    assert {p.reasons for p in during} == {(Reason.NOT_FINITE,)}
    assert [p.sample for p in during] == [end for end in ends if begin <= end < begin + 1400]
    after = [p for p in predictions if p.sample >= begin + 1400]
    # Windows are counted again from the first number on.
    assert [p.sample for p in after[:2]] == [begin + 1400 + end for end in ends[:2]]
    assert [p.reasons for p in after[:2]] == [(Reason.NOT_FINITE,)] * 2
    assert predictions[-1].valid
    for sizes in ([1], [7, 333], [10_000]):
        again, _ = run(bundle, chunks(data, RATE, sizes))
        assert content(again) == content(predictions)
    assert {c.cause for c in engine.status().contacts} == {""}
