"""Contact is judged from the signal alone, by known signals and on real recordings."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bci_app.engine import Engine
from bci_app.engine.contact import ContactMonitor
from bci_app.events import Contact, ContactLevel
from bci_app.montage.headsets import HEADSETS
from bci_app.montage.neighbours import neighbours
from bci_app.recording import read_recording
from bci_app.simulation import Settings, SimulatedParticipant
from bci_app.stream import StreamInfo
from tests.streams import ArraySource, chunks, eeg

DEFAULT_CHANNELS = HEADSETS["10-20"].channels
RATE = 250.0
F3 = DEFAULT_CHANNELS.index("F3")
O1 = DEFAULT_CHANNELS.index("O1")


def head(seconds: float, *, seed: int = 0, rate: float = RATE) -> np.ndarray:
    return SimulatedParticipant(seed, Settings(DEFAULT_CHANNELS, rate)).samples(0, round(seconds * rate))


def noise(seconds: float, fall: float, *, seed: int, sd: float = 20.0) -> np.ndarray:
    """Noise whose amplitude falls with the frequency to the power `fall`."""
    n = round(seconds * RATE)
    frequency = np.fft.rfftfreq(n, 1 / RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(n))
    wave = np.fft.irfft(spectrum / np.maximum(frequency, 0.5) ** fall, n)
    return np.asarray(wave * sd / wave.std())


def verdicts(
    data: np.ndarray,
    *,
    channels: tuple[str, ...] = DEFAULT_CHANNELS,
    rate: float = RATE,
    cuts: list[int] | None = None,
    missing: tuple[int, ...] = (),
) -> list[tuple[Contact, ...]]:
    """What was said at each point of the grid; `cuts` are where the stream comes in pieces."""
    absent = np.isin(np.arange(len(channels)), missing)
    monitor = ContactMonitor(channels, rate, missing=absent)
    said = []
    for start, stop in pairwise(sorted({0, *(cuts or []), len(data)})):
        for begin, end in monitor.to_grid(start, stop):
            monitor.add(data[begin:end], end)
            if monitor.update():
                said.append(monitor.contacts)
    return said


def causes(said: list[tuple[Contact, ...]], channel: int) -> list[str]:
    return [contacts[channel].cause for contacts in said]


def judged_alone(wave: np.ndarray) -> tuple[ContactLevel, str]:
    """Return the verdict on an electrode that has no neighbours to be compared with."""
    beside = noise(4, 0.5, seed=9)
    contact = verdicts(np.stack([wave, beside], axis=1), channels=("EXG 1", "EXG 2"))[-1][0]
    return contact.level, contact.cause


def test_an_electrode_is_judged_by_its_power_its_limits_and_its_hum() -> None:
    time = np.arange(1000) / RATE
    quiet = noise(4, 1, seed=1, sd=5)
    for hertz in (40, 45, 53, 57, 63):
        assert judged_alone(quiet + 40 * np.sin(2 * np.pi * hertz * time)) == (ContactLevel.GOOD, "")
    for hertz in (48.5, 51.5, 58.5, 61.5):
        assert judged_alone(quiet + 40 * np.sin(2 * np.pi * hertz * time)) == (ContactLevel.POOR, "mains hum")

    def hums(brain_hertz: float, mains_hertz: float, mains: float) -> bool:
        waves = (10 * np.cos(2 * np.pi * brain_hertz * time), mains * np.sin(2 * np.pi * mains_hertz * time))
        return judged_alone(waves[0] + waves[1])[1] == "mains hum"

    # A tone reaches the frequencies beside it by a fifth of its power: each end of a band counts.
    assert [hums(10, hertz, 49) for hertz in (47, 48, 50, 52, 53)] == [False, True, True, True, False]
    assert [hums(10, hertz, 49) for hertz in (57, 58, 60, 62, 63)] == [False, True, True, True, False]
    assert [hums(45, 50, 20), hums(46, 50, 20), hums(1, 50, 20), hums(1, 50, 33)] == [False, True, False, True]
    # Strong hum is called hum, not noise.
    strong = [(180, ContactLevel.POOR, "127 µV of mains hum"), (400, ContactLevel.BAD, "283 µV of mains hum")]
    for size, level, cause in strong:
        assert judged_alone(quiet + size * np.sin(2 * np.pi * 50 * time)) == (level, cause)
    levels = [(0.15, ContactLevel.BAD), (0.25, ContactLevel.GOOD), (90, ContactLevel.GOOD), (115, ContactLevel.POOR),
              (170, ContactLevel.POOR), (230, ContactLevel.BAD)]  # fmt: skip
    for sd, level in levels:
        assert judged_alone(noise(4, 0, seed=1, sd=sd))[0] is level
    wave = noise(4, 0.5, seed=2)
    assert judged_alone(np.minimum(wave, np.quantile(wave, 0.6))) == (ContactLevel.BAD, "railed")
    assert judged_alone(quiet + 200 * time) == (ContactLevel.GOOD, "")  # drift of the electrode is no noise


def test_neighbours_are_those_around_an_electrode() -> None:
    found = neighbours(DEFAULT_CHANNELS)
    names = [{DEFAULT_CHANNELS[near] for near in row} for row in found]
    assert dict(zip(DEFAULT_CHANNELS, names, strict=True))["Cz"] == {"Fz", "C3", "C4", "Pz"}
    assert dict(zip(DEFAULT_CHANNELS, names, strict=True))["T7"] == {"F7", "P7", "C3"}
    assert all(2 <= len(row) <= 4 for row in found)


@pytest.mark.parametrize("channels", [("TP9", "AF7", "AF8", "TP10"), ("EXG 1", "EXG 2"), (), ("A1", "M1", "T7")])
def test_electrodes_far_apart_unknown_or_at_the_ears_have_too_few(channels: tuple[str, ...]) -> None:
    assert all(len(row) < 2 for row in neighbours(channels))
    data = np.random.default_rng(0).standard_normal((3000, len(channels))) * 20
    assert all(c.level is ContactLevel.GOOD for said in verdicts(data, channels=channels) for c in said)


@pytest.mark.parametrize("fall", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_unlike_its_neighbours_is_poor_and_its_neighbours_are_not(fall: float, seed: int) -> None:
    data = head(30, seed=seed)
    data[2500:5000, F3] = data[:, F3].mean() + noise(10, fall, seed=seed)
    said = verdicts(data)
    unlike = [cause == "unlike its neighbours" for cause in causes(said, F3)]
    # A verdict every half second from 1 s on; it takes 4.5 s of the new signal at the most.
    assert not any(unlike[:19])
    assert all(unlike[28:38])
    assert not any(unlike[50:])
    others = [index for index in range(len(DEFAULT_CHANNELS)) if index != F3]
    assert not any(cause for index in others for cause in causes(said, index))
    assert {contacts[F3].level for contacts in said} == {ContactLevel.GOOD, ContactLevel.POOR}


def test_two_electrodes_joined_by_gel_are_told() -> None:
    data = head(20)
    f7 = DEFAULT_CHANNELS.index("F7")
    rng = np.random.default_rng(0)
    # The same potential, each with its own offset and amplifier noise.
    data[:, F3] = data[:, f7] + 130.0 + 0.3 * rng.standard_normal(len(data))
    said = verdicts(data)
    assert set(causes(said, F3)[8:]) == {"bridged with F7"}
    assert set(causes(said, f7)[8:]) == {"bridged with F3"}
    assert said[-1][F3].level is ContactLevel.POOR
    assert not any(cause for index in range(19) if index not in (F3, f7) for cause in causes(said, index))


def test_a_bad_neighbour_is_no_measure() -> None:
    """With one of its four neighbours left, nothing is said of O1."""
    data = head(30)
    data[:, O1] = noise(30, 0.5, seed=3)
    near = neighbours(DEFAULT_CHANNELS)[O1]
    data[2500:, near[:2]] = 7.0
    data[5000:, near[2]] = 7.0
    said = verdicts(data)
    assert set(causes(said, O1)[10:35]) == {"unlike its neighbours"}
    assert set(causes(said, O1)[50:]) == {""}
    assert set(causes(verdicts(data[:2500], missing=tuple(near[:3])), O1)) == {""}


@pytest.mark.parametrize("bad", ["flat", "railed", "noise"])
def test_what_is_bad_by_itself_says_so_first(bad: str) -> None:
    data = head(12)
    if bad == "flat":
        data[:, F3] = 3.0
    elif bad == "railed":
        data[:, F3] = np.clip((data[:, F3] - data[:, F3].mean()) * 1e6, -187500, 187500)
    else:
        data[:, F3] += noise(12, 0.0, seed=1, sd=900)
    said = verdicts(data)
    assert {contacts[F3].level for contacts in said} == {ContactLevel.BAD}
    assert all(bad in cause for cause in causes(said, F3))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_told_as_that_and_judge_no_other(value: float) -> None:
    data = head(20)
    data[1000:1400, F3] = value
    data[:, O1] = value
    said = verdicts(data)
    clean = verdicts(head(20))
    assert set(causes(said, O1)) == {"not finite"}
    assert set(causes(said, F3)[7:12]) == {"not finite"}
    assert causes(said, F3)[12:16] == ["settling"] * 3 + [""]
    assert {c.level for c in said[-1]} == {ContactLevel.GOOD, ContactLevel.BAD}
    for index in range(len(DEFAULT_CHANNELS)):
        if index not in (F3, O1):
            assert causes(said, index) == causes(clean, index)


@given(cuts=st.lists(st.integers(1, 2999), max_size=60))
@settings(max_examples=25, deadline=None)
def test_verdicts_do_not_depend_on_how_samples_arrive(cuts: list[int]) -> None:
    data = head(12, seed=4)
    data[1000:, F3] = noise(8, 0.5, seed=5)
    data[1500:, O1] = data[1500:, O1 + 1]
    assert verdicts(data, cuts=cuts) == verdicts(data)


@given(
    scale=st.floats(0.5, 3.0),
    offset=st.floats(-1e4, 1e4),
    sign=st.sampled_from([-1.0, 1.0]),
    channel=st.integers(0, 18),
)
@settings(max_examples=15, deadline=None)
def test_offset_and_gain_of_a_channel_do_not_matter(scale: float, offset: float, sign: float, channel: int) -> None:
    """A bipolar or averaged reference turns signals round; an offset is the electrode's."""
    data = head(8)
    data[:, channel] = sign * scale * (data[:, channel] - data[:, channel].mean()) + offset
    assert not any("unlike" in cause for cause in causes(verdicts(data), channel))


@pytest.mark.parametrize("rate", [128.0, 160.0, 512.0, 2048.0])
def test_any_rate_gives_the_same_picture(rate: float) -> None:
    data = head(8, rate=rate)
    data[:, F3] = 20 * np.random.default_rng(1).standard_normal(len(data))
    last = verdicts(data, rate=rate)[-1]
    assert [c.channel for c in last if c.level is not ContactLevel.GOOD] == ["F3"]


def test_a_gap_forgets_the_signal_and_keeps_the_verdict() -> None:
    data = head(12)
    data[:, F3] = noise(12, 0.5, seed=3)
    monitor = ContactMonitor(DEFAULT_CHANNELS, RATE, missing=np.zeros(19, dtype=np.bool_))
    for begin, end in monitor.to_grid(0, 1500):
        monitor.add(data[begin:end], end)
        monitor.update()
    assert monitor.contacts[F3].cause == "unlike its neighbours"
    monitor.reset(1750)
    for begin, end in monitor.to_grid(1750, 2500):
        monitor.add(data[begin:end], end)
        monitor.update()
        assert monitor.contacts[F3].cause == "unlike its neighbours"


def test_real_eeg_is_rarely_called_unlike_its_neighbours(shared_data: Path) -> None:
    """30 people of EEGMAT: the share stated in `bci_app.engine.neighbours`."""
    with np.load(shared_data / "eegmat" / "eegmat_128hz_30subjects.npz", allow_pickle=False) as file:
        data, names, scale = file["X"], [str(name) for name in file["ch_names"]], float(file["scale_uV"])
    count: Counter[str] = Counter()
    for recording in data:
        said = verdicts(recording.T * scale, channels=tuple(names), rate=128.0)
        count.update(contact.cause for contacts in said[7:] for contact in contacts)
    judged = sum(count.values())
    assert judged > 125_000
    assert 0 < count["unlike its neighbours"] / judged < 0.003
    assert not any(cause.startswith("bridged") for cause in count)


def test_a_dense_cap_has_no_false_alarm(shared_data: Path) -> None:
    for name in ("S001R01.edf", "S001R02.edf"):
        recording = read_recording(shared_data / "eegmmidb" / name)
        info = recording.info
        said = verdicts(recording.data, channels=info.channels, rate=info.rate)
        assert not any("neighbours" in c.cause or "bridged" in c.cause for contacts in said for c in contacts)


def test_what_an_epoc_reports_of_its_contacts_is_shown_where_it_is_worse_than_the_signal() -> None:
    electrodes = ("AF3", "F7", "F3", "FC5")
    names = ("Counter", *electrodes, "RAW_CQ", *(f"CQ_{name}" for name in electrodes), "CQ_Overall")
    info = StreamInfo("EPOC", names, 128.0, ("n/a", *["uV"] * 4, *["n/a"] * 6))
    rows = np.zeros((640, len(names)))
    rows[:, 1:5] = eeg(5, 128.0, 1) + 0.2 * eeg(5, 128.0, 4, seed=1)
    rows[:, 6:10] = [0, 1, 2, 4]
    rows[:, [5, 10]] = 400, 90
    rows[256:, 4] = 5000.0  # flat: the headset is content with it, the signal is not
    engine = Engine(ArraySource(info, chunks(rows, 128.0, [64])), None)
    engine.start()
    while not engine.finished:
        engine.step()
    assert [(c.channel, c.level, c.cause) for c in engine.status().contacts] == [
        ("AF3", ContactLevel.BAD, "headset reports 0 of 4"),
        ("F7", ContactLevel.BAD, "headset reports 1 of 4"),
        ("F3", ContactLevel.POOR, "headset reports 2 of 4"),
        ("FC5", ContactLevel.BAD, "flat"),
    ]
