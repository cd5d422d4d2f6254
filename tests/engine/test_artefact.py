"""Muscle and movement are named against the person's own quiet signal, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bci_app.engine import Engine
from bci_app.engine.artefact import Artefact, ArtefactDetector
from bci_app.recording import read_recording
from bci_app.stream import StreamInfo
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
    return [detector.judge(block, USABLE) for block in found]


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
    assert {detector.judge(block, USABLE) for block in found} == {Artefact.NONE}


def test_jaw_clenches_and_movement_of_a_real_recording_are_named_and_quiet_alpha_is_not(shared_data: Path) -> None:
    """The file is called blinks-jawClench-alpha: clenches until second 14, eyes closed until 81, then movement."""
    path = shared_data / "openbci" / "OpenBCI_GUI-v6-blinks-jawClench-alpha.txt"
    recording = read_recording(path)
    detector, found = ArtefactDetector(RATE), {}
    for start in range(0, len(recording) - 250, 125):
        block = recording.data[start : start + 250]
        ramp = np.linspace(-1, 1, 250)[:, None]
        centred = block - block.mean(axis=0)
        detrended = centred - ramp * (ramp * centred).sum(axis=0) / (ramp**2).sum()
        found[start / 250] = detector.judge(detrended, USABLE)
    alpha = [verdict for second, verdict in found.items() if 16 <= second < 81]
    end = [verdict for second, verdict in found.items() if 86 <= second < 88.5]
    assert sum(verdict is not Artefact.NONE for verdict in alpha) <= 0.02 * len(alpha)
    assert set(end) == {Artefact.MUSCLE}
    assert Artefact.MUSCLE in {verdict for second, verdict in found.items() if 10 <= second < 14}


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
