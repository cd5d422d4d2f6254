"""Muscle and movement are named against the person's own rest, and nothing else is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import detrend

from bci_app.bundle import load_bundle
from bci_app.bundle.decoder import stream_pipeline
from bci_app.engine import Engine
from bci_app.engine.artefact import Artefact, ArtefactDetector
from bci_app.engine.contact import ContactMonitor
from bci_app.engine.rest import rest_of_recording
from bci_app.events import Reason
from bci_app.outputs.jsonl import JsonLinesOutput
from bci_app.preprocessing.spec import RestBaseline
from bci_app.recording import Recording, read_recording
from bci_app.recording.predictions import read_predictions
from bci_app.recording.recorder import Recorder
from bci_app.recording.state import ModelState
from bci_app.sources.registry import open_source
from bci_app.stream import StreamInfo
from tests.bundles import CHANNELS, small_spec, write_bundle
from tests.streams import ArraySource, chunks

RATE = 250.0
USABLE = np.ones(8, dtype=np.bool_)


def blocks(n: int, *, seed: int = 0) -> np.ndarray:
    """Blocks of one second whose spectrum falls with frequency, as that of EEG does."""
    noise = np.random.default_rng(seed).standard_normal((n, 250, 8))
    spectrum = np.fft.rfft(noise, axis=1)
    spectrum /= np.maximum(1, np.fft.rfftfreq(250, 1 / RATE))[:, None]
    return 100 * np.fft.irfft(spectrum, 250, axis=1)


def burst(low: float, high: float, size: float) -> np.ndarray:
    """One second of noise in a band, of this standard deviation in µV."""
    wave = np.fft.rfft(np.random.default_rng(1).standard_normal((250, 8)), axis=0)
    frequency = np.fft.rfftfreq(250, 1 / RATE)
    wave[(frequency < low) | (frequency > high)] = 0
    noise = np.fft.irfft(wave, 250, axis=0)
    return size * noise / noise.std()


def judged(detector: ArtefactDetector, found: np.ndarray) -> list[Artefact]:
    return [detector.take(block, USABLE, end).artefact for end, block in enumerate(found)]


def test_a_quiet_signal_has_no_artefacts_and_its_scale_does_not_matter() -> None:
    assert set(judged(ArtefactDetector(RATE), blocks(300))) == {Artefact.NONE}
    assert set(judged(ArtefactDetector(RATE), 1e-3 * blocks(300))) == {Artefact.NONE}


@pytest.mark.parametrize(
    ("low", "high", "size", "expected"),
    [(25.0, 110.0, 40.0, Artefact.MUSCLE), (0.5, 3.0, 400.0, Artefact.MOVEMENT), (9.0, 11.0, 60.0, Artefact.NONE)],
    ids=["jaw", "head", "alpha"],
)
def test_each_is_named_while_it_lasts(low: float, high: float, size: float, expected: Artefact) -> None:
    detector, found = ArtefactDetector(RATE), blocks(60)
    found[40:45] += burst(low, high, size)
    verdicts = judged(detector, found)
    assert verdicts[40:45] == [expected] * 5
    assert set(verdicts[:40] + verdicts[45:]) == {Artefact.NONE}


def test_a_channel_without_contact_does_not_decide() -> None:
    detector, found = ArtefactDetector(RATE), blocks(60)
    found[40:, :, :3] *= 30
    assert set(judged(detector, found)) == {Artefact.NONE}


def test_a_window_holds_an_artefact_of_which_a_quarter_of_a_second_lies_in_it() -> None:
    data = blocks(46).reshape(-1, 8)
    begun = 40 * 250
    data[begun : begun + 125] += burst(25.0, 110.0, 80.0)[:125]
    monitor = ContactMonitor((*CHANNELS, "X1", "X2"), RATE, missing=~USABLE)
    for start, end in monitor.to_grid(0, len(data)):
        monitor.add(data[start:end], end)
        monitor.update(resting=end < 10_000)
    found = {first: monitor.judge_window(begun + first, len(data))[1].artefact for first in (-250, 0, 62, 150)}
    assert found == {-250: Artefact.MUSCLE, 0: Artefact.MUSCLE, 62: Artefact.MUSCLE, 150: Artefact.NONE}


def test_an_artefact_is_named_before_the_next_point_at_which_contact_is_judged() -> None:
    data = blocks(41).reshape(-1, 8)
    data[10_000:] += burst(25.0, 110.0, 160.0)
    monitor = ContactMonitor((*CHANNELS, "X1", "X2"), RATE, missing=~USABLE)
    assert monitor.judge_window(0, 100)[1].artefact is Artefact.NONE
    for start, end in monitor.to_grid(0, 10_062):
        monitor.add(data[start:end], end)
        monitor.update(resting=end < 10_000)
    assert monitor.artefact.artefact is Artefact.NONE
    assert monitor.judge_window(9_812, 10_062)[1].artefact is Artefact.MUSCLE


def verdicts_on(recording: Recording, *parts: tuple[float, float], rest: int) -> list[list[Artefact]]:
    """Judge each half second of some parts of a recording of 250 Hz, one of which is rest."""
    monitor = ContactMonitor(recording.info.channels, RATE, missing=~USABLE)
    verdicts: list[list[Artefact]] = []
    end = 0
    for number, part in enumerate(parts):
        verdicts.append([])
        monitor.reset(end)
        for start in np.arange(*part, 0.5):
            end += 125
            monitor.add(recording.data[round(start * 250) :][:125], end)
            if monitor.update(resting=number == rest):
                verdicts[-1].append(monitor.artefact.artefact)
    return verdicts


def test_jaw_clenches_of_a_real_recording_are_named_and_quiet_alpha_is_not(shared_data: Path) -> None:
    """Jaw clenches lie between seconds 8 and 14, eyes are closed until 81, jaw or neck are tense from 85.5 to 88.5."""
    recording = read_recording(shared_data / "openbci" / "OpenBCI_GUI-v6-blinks-jawClench-alpha.txt")
    # As if rest had been measured first.
    _, alpha, clenches, tension = verdicts_on(recording, (20, 50), (50, 81), (8, 14.5), (85.5, 89), rest=0)
    assert clenches.count(Artefact.MUSCLE) >= 11
    assert tension == [Artefact.MUSCLE] * 6
    assert alpha == [Artefact.NONE] * 61


def test_mental_load_refuses_every_window_with_a_clench_and_none_for_its_mains_hum(shared_data: Path) -> None:
    """The hum alone is up to 500 µV peak to peak; windows end each second and are 4 s long."""
    recording = read_recording(shared_data / "openbci" / "OpenBCI_GUI-v6-blinks-jawClench-alpha.txt")
    names = ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")
    loaded = load_bundle("exported_models/mental-load")
    pipeline = stream_pipeline(loaded.spec, channels=names, rate=RATE, units=("uV",) * 8)
    refused = {round(w.last / RATE): w.artefact for w in pipeline.process(recording.data)}
    assert all(refused[end] for end in (*range(9, 18), *range(83, 90)))
    assert not any(refused[end] for end in range(22, 82))
    engine = Engine(open_source(f"file:{recording.path}?speed=max", channels=names), loaded)
    engine.start()
    answered = {round(p.sample / RATE): p.valid for p in engine.predictions() if Reason.BASELINE not in p.reasons}
    engine.stop()
    assert {end for end, valid in answered.items() if end > 4 and not valid} == set(range(83, 90))
    assert sum(answered.values()) == 34


def test_little_of_sound_recordings_is_named(shared_data: Path) -> None:
    """30 people at rest, whose first 30 s are the rest baseline, and at mental arithmetic."""
    eegmat = np.load(shared_data / "eegmat" / "eegmat_128hz_30subjects.npz")
    data, task = eegmat["X"] * float(eegmat["scale_uV"]), eegmat["y"]
    usable = np.ones(data.shape[1], dtype=np.bool_)
    named: dict[str, list[bool]] = {"rest": [], "arithmetic": []}
    for person in np.unique(eegmat["subject"]):
        of_person = eegmat["subject"] == person
        resting, working = (data[of_person & (task == state)][0].T for state in (0, 1))
        detector = ArtefactDetector(128.0)
        for name, part in (("", resting[:3840]), ("rest", resting[3840:]), ("arithmetic", working)):
            steps = np.lib.stride_tricks.sliding_window_view(part, 128, axis=0)[::64].swapaxes(1, 2)
            for block in detrend(steps, axis=1):
                found = detector.take(block, usable, 0, resting=not name).artefact
                if name:
                    named[name].append(found is not Artefact.NONE)
    assert np.mean(named["rest"]) < 0.03
    assert np.mean(named["arithmetic"]) < 0.065


def test_predictions_name_what_rest_did_not_hold_in_every_output(tmp_path: Path) -> None:
    """A jaw that was tense before rest, for longer than the quiet signal that is kept, is muscle after it."""
    spec = small_spec(baseline=RestBaseline(kind="feature", samples=12 * 128))
    signal = blocks(110)[:, :, :6].copy()
    signal[:70] += burst(25.0, 110.0, 40.0)[:, :6]
    signal[95:100] += burst(25.0, 110.0, 40.0)[:, :6]
    info = StreamInfo("test", CHANNELS, RATE, ("uV",) * 6)
    lines = JsonLinesOutput(tmp_path / "lines.jsonl")
    engine = Engine(
        ArraySource(info, chunks(signal.reshape(-1, 6), RATE, [250])),
        load_bundle(write_bundle(tmp_path / "b", spec=spec, seconds=20)),
        outputs=[lines],
        wait_for_baseline=True,
    )
    engine.start()
    engine.start_recording(recorder := Recorder(tmp_path / "session.xdf", info))
    for second in range(len(signal)):
        if second == 75:
            engine.start_baseline()
        engine.step()
    engine.stop()
    sent = [json.loads(line) for line in lines.path.read_text().splitlines()]
    tense = [line for line in sent if 96 <= (line["sample"] + 1) / RATE <= 100]
    assert [line["artefact"] for line in tense] == ["muscle"] * 8
    assert all(line["artefact_score"] > 1 for line in tense)
    calm = [line for line in sent if 88 <= (line["sample"] + 1) / RATE <= 95]
    assert {line["artefact"] for line in calm} == {None}
    assert max(line["artefact_score"] for line in calm) < 1
    recorded = read_predictions(recorder.path)
    assert recorded is not None
    assert [name or None for name in recorded.artefact] == [line["artefact"] for line in sent]
    np.testing.assert_allclose(
        recorded.artefact_score, [np.nan if (s := line["artefact_score"]) is None else s for line in sent]
    )


def test_a_rest_from_a_recording_is_what_artefacts_are_judged_against(tmp_path: Path) -> None:
    """A jaw that is tense from the first second on is muscle at once, beside that rest; by itself it looks usual."""
    spec = small_spec(baseline=RestBaseline(kind="feature", samples=12 * 128))
    loaded = load_bundle(write_bundle(tmp_path / "b", spec=spec, seconds=20))
    info = StreamInfo("test", CHANNELS, RATE, ("uV",) * 6)
    quiet = blocks(40, seed=3)[:, :, :6].reshape(-1, 6)
    rest = rest_of_recording(
        Recording(tmp_path / "quiet.edf", "EDF", info, quiet, np.arange(len(quiet)) / RATE), loaded.spec
    )
    assert rest is not None
    # As the recording of a session keeps it.
    kept = ModelState.from_json(ModelState("b", "", 0, 0, rest).to_json()).rest
    tense = blocks(20)[:, :, :6].reshape(-1, 6) + np.tile(burst(25.0, 110.0, 40.0)[:, :6], (20, 1))
    found = []
    for known in (rest, kept, replace(rest, powers=None)):
        engine = Engine(ArraySource(info, chunks(tense, RATE, [250])), loaded)
        engine.start()
        assert known is not None
        engine.set_rest(known)
        found.append({prediction.artefact for prediction in engine.predictions() if prediction.quality == 1})
    assert found == [{"muscle"}, {"muscle"}, {""}]


def test_the_status_of_a_session_names_them() -> None:
    signal = blocks(30)
    signal[20:24] += burst(25.0, 110.0, 40.0)
    info = StreamInfo("test", ("Fp1", "Fp2", "C3", "C4", "P3", "P4", "O1", "O2"), RATE, ("uV",) * 8)
    engine = Engine(ArraySource(info, chunks(signal.reshape(-1, 8), RATE, [250])), None)
    engine.start()
    seen = []
    while not engine.finished:
        engine.step()
        seen.append(engine.status().artefact)
    assert set(seen[20:24]) == {"muscle"}
    assert set(seen[:20] + seen[25:]) == {""}
