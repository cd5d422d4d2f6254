"""The simulated participant: the same samples however they are asked for, and signals shaped like EEG."""

from __future__ import annotations

from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bci_app.errors import SourceError
from bci_app.montage.headsets import HEADSETS
from bci_app.simulation import Emotion, Script, Settings, SimulatedParticipant

CHANNELS = HEADSETS["10-20"].channels
SMALL = Settings(("Fp1", "Cz", "O1"), 128.0, reference="linked-ears")
SCRIPT = Script((0.0, 10.0, 20.0), (Emotion(), Emotion(1.0, -1.0), Emotion(-1.0, 1.0)))


def power(x: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies and power spectral density by Welch's method, 4-s Hann windows."""
    n = round(4 * rate)
    window = np.hanning(n)[:, None]
    starts = range(0, len(x) - n, n // 2)
    parts = [(x[start : start + n] - x[start : start + n].mean(axis=0)) * window for start in starts]
    density = np.mean([np.abs(np.fft.rfft(part, axis=0)) ** 2 for part in parts], axis=0) * 2 / rate / (window**2).sum()
    return np.fft.rfftfreq(n, 1 / rate), density


@settings(max_examples=10, deadline=None)
@given(first=st.integers(0, 5000), length=st.integers(0, 1500), moment=st.integers(0, 6000))
def test_any_part_is_the_same_however_it_is_asked_for(first: int, length: int, moment: int) -> None:
    participants = [SimulatedParticipant(7, SMALL, script=SCRIPT) for _ in range(2)]
    for participant in participants:
        participant.set_state(moment, Emotion(0.5, 0.5))
    whole = participants[0].samples(0, 6500)
    np.testing.assert_array_equal(participants[1].samples(first, first + length), whole[first : first + length])


def test_a_change_from_outside_leaves_the_samples_before_it_and_moves_those_after() -> None:
    plain, changed = (SimulatedParticipant(7, SMALL, script=SCRIPT) for _ in range(2))
    before = changed.samples(0, 1000)
    changed.set_state(1000, Emotion(-1.0, -1.0))
    changed.set_state(2000, Emotion(1.0, 1.0))
    changed.set_state(1500, Emotion(0.0, -1.0))  # what was planned for sample 2000 is dropped
    whole = changed.samples(0, 3000)
    np.testing.assert_array_equal(whole[:1000], before)
    np.testing.assert_array_equal(plain.samples(0, 1000), before)
    assert not np.array_equal(whole[1100:], plain.samples(1100, 3000))
    np.testing.assert_allclose(
        changed.truth(np.array([1000, 1256, 1500, 2900])),
        [[*plain.truth(np.array([1000]))[0]], [-1, -1, 0], [-1, -1, 0], [0, -1, 0]],
    )
    with pytest.raises(SourceError, match="-1 to 1"):
        changed.set_state(0, Emotion(2.0, 0.0))


def test_person_and_session_decide_everything() -> None:
    def made(seed: int, session: int = 0) -> np.ndarray:
        return SimulatedParticipant(seed, Settings(("Cz", "O1"), 128.0, session=session)).samples(0, 600)

    np.testing.assert_array_equal(made(1), made(1))
    assert not np.array_equal(made(1), made(2))
    assert not np.array_equal(made(1), made(1, session=1))


def test_another_headset_and_another_rate_see_the_same_brain() -> None:
    whole = SimulatedParticipant(3, Settings(CHANNELS, 256.0, noise=0)).samples(0, 2560)
    few = SimulatedParticipant(3, Settings(("O1", "Fz"), 256.0, noise=0)).samples(0, 2560)
    np.testing.assert_allclose(few, whole[:, [CHANNELS.index("O1"), CHANNELS.index("Fz")]], atol=1e-9)
    faster = SimulatedParticipant(3, Settings(CHANNELS, 512.0, noise=0)).samples(0, 5120)
    np.testing.assert_allclose(faster[::2], whole, atol=1e-6)


def test_units_and_references_are_those_of_the_settings() -> None:
    microvolts = SimulatedParticipant(3, Settings(CHANNELS)).samples(0, 500)
    volts = SimulatedParticipant(3, Settings(CHANNELS, unit="V")).samples(0, 500)
    np.testing.assert_allclose(volts, microvolts * 1e-6)
    average = SimulatedParticipant(3, Settings(CHANNELS, reference="average")).samples(0, 500)
    np.testing.assert_allclose(average, microvolts - microvolts.mean(axis=1, keepdims=True), atol=1e-9)
    assert (
        not SimulatedParticipant(3, Settings(CHANNELS, reference="Cz")).samples(0, 500)[:, CHANNELS.index("Cz")].any()
    )


def test_signals_are_shaped_like_eeg_and_people_differ() -> None:
    rate, peaks = 250.0, []
    for seed in range(4):
        x = SimulatedParticipant(seed, Settings(CHANNELS, rate)).samples(0, round(120 * rate))
        frequency, density = power(x, rate)

        def at(hz: float, channel: str, frequency=frequency, density=density) -> float:
            return float(density[np.argmin(np.abs(frequency - hz)), CHANNELS.index(channel)])

        beside = x - np.median(x, axis=0)
        assert np.all((beside.std(axis=0) > 5) & (beside.std(axis=0) < 80))
        assert at(2, "Cz") > 2 * at(13, "Cz") > 4 * at(30, "Cz")
        assert sum(at(50, name) for name in CHANNELS) > 3 * sum(at(45, name) for name in CHANNELS)
        alpha = (frequency >= 7) & (frequency <= 13.5)
        assert density[alpha, CHANNELS.index("O1")].sum() > density[alpha, CHANNELS.index("Fz")].sum()
        # Blinks.
        sizes = np.quantile(np.abs(beside), 0.999, axis=0)
        assert sizes[CHANNELS.index("Fp1")] > sizes[CHANNELS.index("Pz")] + 30
        peaks.append(frequency[alpha][density[alpha, CHANNELS.index("O1")].argmax()])
    assert np.ptp(peaks) >= 0.5


def test_level_does_not_pulse_with_the_blocks_it_is_made_of() -> None:
    names = tuple(f"X{i}" for i in range(64))
    x = SimulatedParticipant(0, Settings(names, 128.0, noise=0, wander=0)).samples(0, 128 * 400)
    # RMS by place within the 2-s hop, over channels and repetitions.
    level = np.sqrt((x.reshape(-1, 16, 16, 64) ** 2).mean(axis=(0, 2, 3)))
    assert level.max() / level.min() < 1.3


def test_electrodes_dry_out() -> None:
    names = tuple(f"X{i}" for i in range(60))
    participant = SimulatedParticipant(0, Settings(names, 250.0, noise=4.0))
    early, late = (np.diff(participant.samples(start, start + 1000), n=8, axis=0).std(axis=0) for start in (0, 900_000))
    assert 10 < np.sum(late > 4 * early) < 55


def test_ratings_follow_the_state_and_are_the_same_when_asked_again() -> None:
    participant = SimulatedParticipant(5)
    answers = [participant.rate(Emotion(valence, -valence), trial=trial) for trial, valence in enumerate([-1, 1] * 20)]
    valence, arousal = ([answer[name] for answer in answers] for name in ("valence", "arousal"))
    assert np.mean(valence[::2]) < 3.5 < 6.5 < np.mean(valence[1::2])
    assert np.mean(arousal[::2]) > 6.5 > 3.5 > np.mean(arousal[1::2])
    assert {type(value) for value in valence} == {int}
    assert 1 <= min(valence) <= max(valence) <= 9
    assert participant.rate(Emotion(-1, 1), trial=0) == answers[0]


def test_it_is_made_more_than_a_hundred_times_faster_than_it_plays() -> None:
    participant = SimulatedParticipant(0, Settings(HEADSETS["deap"].channels, 512.0), script=Script.shipped())
    best = 0.0
    for part in range(3):
        begun = process_time()
        participant.samples(part * 512 * 20, (part + 1) * 512 * 20)
        best = max(best, 20 / (process_time() - begun))
    assert best > 100


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": float("nan")}, "rate nan"),
        ({"effect": -1.0}, "effect -1"),
        ({"noise": 11.0}, "noise 11"),
        ({"channels": ()}, "channels none"),
        ({"channels": ("T3", "T7")}, "each named once"),
        ({"reference": "left knee"}, "left knee"),
        ({"unit": "parsec"}, "uV, mV"),
        ({"session": -1}, "session -1"),
    ],
    ids=str,
)
def test_impossible_settings_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        Settings(**options)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="participant -1"):
        SimulatedParticipant(-1)
