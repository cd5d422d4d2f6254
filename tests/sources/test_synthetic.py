"""The simulated participant as a source: options, an absolute schedule, the truth beside the samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bci_app.cli.session_setup import worn_for
from bci_app.errors import BciError, SourceError
from bci_app.montage.headsets import HEADSETS
from bci_app.simulation import Emotion, Settings, SimulatedParticipant
from bci_app.sources.registry import open_source
from bci_app.sources.synthetic import SyntheticSource
from bci_app.stream import Chunk
from tests.bundles import LOAD, describe, linear_model, small_spec


def read(source: SyntheticSource) -> np.ndarray:
    source.start()
    chunks: list[Chunk] = []
    while not source.finished:
        chunk = source.read()
        assert chunk is not None
        chunks.append(chunk)
    assert source.read(1.0) is None
    assert [chunk.first for chunk in chunks] == list(np.cumsum([0, *map(len, chunks)])[:-1])
    return np.concatenate([chunk.data for chunk in chunks])


def opened(text: str) -> SyntheticSource:
    source = open_source(text)
    assert isinstance(source, SyntheticSource)
    return source


def test_options_make_the_participant_that_they_state(tmp_path: Path) -> None:
    script = tmp_path / "my script.csv"
    script.write_text("time,valence,arousal\n0,-1,1\n", encoding="utf-8")
    text = f"synthetic:?participant=7&effect=2&script={script}&montage=muse&rate=128&unit=mV&noise=0.5&session=2"
    source = opened(f"{text}&reference=average&speed=max&seconds=4")
    assert source.participant.settings == Settings(
        HEADSETS["muse"].channels, 128.0, effect=2.0, unit="mV", noise=0.5, session=2, reference="average"
    )
    data = read(source)
    assert data.shape == (512, 4)
    np.testing.assert_array_equal(data, source.participant.samples(0, 512))
    assert source.truth == Emotion(-1.0, 1.0, 0.0)
    (beside,) = source.take_beside()
    assert (beside.origin, beside.format, beside.chunk.first) == ("simulated participant, truth", "float32", 0)
    np.testing.assert_array_equal(beside.data, np.tile(np.float32([-1, 1, 0]), (len(beside.data), 1)))
    np.testing.assert_allclose(np.diff(beside.chunk.times), 13 / 128)  # ten a second, at whole samples
    assert source.take_beside() == []


def test_older_options_go_on_working_and_headsets_have_their_rate_and_reference() -> None:
    source = opened("synthetic:?seed=3&channels=Fp1,Cz&rate=128&speed=max&seconds=2")
    assert source.participant.seed == 3
    assert source.participant.settings == Settings(("Fp1", "Cz"), 128.0)
    for name, headset in HEADSETS.items():
        made = opened(f"synthetic:?montage={name}").participant.settings
        assert (made.channels, made.rate, made.reference) == (headset.channels, headset.rate, headset.reference)


def test_the_state_may_be_set_while_the_source_is_read() -> None:
    sources = [opened("synthetic:?participant=3&montage=muse&speed=max&seconds=20") for _ in range(2)]
    sources[0].start()
    first = sources[0].read()
    assert first is not None
    sources[0].participant.set_state(first.first + len(first), Emotion(1.0, 1.0))
    rest = []
    while (chunk := sources[0].read()) is not None:
        rest.append(chunk.data)
    assert sources[0].truth == Emotion(1.0, 1.0)
    assert not np.array_equal(np.concatenate([first.data, *rest]), read(sources[1]))
    assert sources[1].truth == Emotion()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("participant=-1", "participant -1"),
        ("participant=x", "whole number"),
        ("participant=1&seed=2", "twice"),
        ("montage=helmet", "muse, epoc"),
        ("montage=Cz,Cz", "each once"),
        ("montage=muse&channels=Cz", "twice"),
        ("effect=large", "must be a number"),
        ("effect=-1", "effect -1"),
        ("unit=parsec", "uV, mV"),
        ("script=absent.csv", "absent.csv"),
        ("reference=knee", "linked-ears"),
        ("mood=good", "participant, effect, script"),
    ],
)
def test_a_bad_option_is_refused_with_what_is_possible(options: str, message: str) -> None:
    with pytest.raises(BciError, match=message):
        open_source(f"synthetic:?{options}")


class Clock:
    def __init__(self) -> None:
        self.now = 500.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("speed", [0.5, 1.0, 60.0])
def test_real_time_is_kept_from_the_start_without_drift(speed: float) -> None:
    clock = Clock()
    source = SyntheticSource(SimulatedParticipant(0, Settings(("Cz",))), speed=speed, clock=clock, sleep=clock.sleep)
    source.start()
    received = 0
    while clock.now < 510.0:
        chunk = source.read(0.1)
        if chunk is not None:
            np.testing.assert_allclose(chunk.times, 500.0 + (received + np.arange(len(chunk))) / 250.0)
            received += len(chunk)
    assert received == pytest.approx(10.0 * 250 * speed, abs=0.26 * 250 * max(1, speed))


@pytest.mark.parametrize("options", [{"speed": -1.0}, {"speed": 0.0}, {"seconds": 0.0}], ids=str)
def test_impossible_settings_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(SourceError, match="synthetic"):
        SyntheticSource(SimulatedParticipant(0), **options)


def test_a_model_that_needs_more_than_the_usual_cap_has_its_electrodes_worn() -> None:
    channels = ("Fp1", "Fp2", "CP5", "CP6")
    spec = small_spec(channels=channels)
    bundle = describe(linear_model(spec, (LOAD,)), spec, (LOAD,))
    assert opened(worn_for("synthetic:?participant=3", bundle)).participant.settings.channels == channels
    assert worn_for("synthetic:?montage=muse", bundle) == "synthetic:?montage=muse"
    usual = small_spec(channels=channels[:2])
    assert worn_for("synthetic:", describe(linear_model(usual, (LOAD,)), usual, (LOAD,))) == "synthetic:"
