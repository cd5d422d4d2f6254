"""Recordings as a source: nothing lost or doubled, on schedule, and honest about gaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bci_app.errors import FileError, SourceError
from bci_app.recording import read_recording
from bci_app.sources.base import Source
from bci_app.sources.file import FileSource, parse_speed
from bci_app.stream import Chunk
from tests.recording.files import edf_bytes, openbci_text


class FakeTime:
    """A clock that moves only when someone sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def edf(tmp_path: Path) -> Path:
    path = tmp_path / "a.edf"
    path.write_bytes(edf_bytes(starts=[0, 1, 2, 3, 4], reserved="EDF+C"))
    return path


@pytest.fixture
def gappy(tmp_path: Path) -> Path:
    path = tmp_path / "gappy.edf"
    path.write_bytes(edf_bytes(starts=[0, 1, 2, 4.5, 5.5], reserved="EDF+D"))
    return path


def source_on(path: Path | list[Path], fake: FakeTime, **options: object) -> FileSource:
    return FileSource(path, clock=fake.clock, sleep=fake.sleep, **options)  # type: ignore[arg-type]


def drain(source: Source, timeout: float = 1.0) -> list[Chunk]:
    chunks = []
    for _ in range(100_000):
        if source.finished:
            return chunks
        chunk = source.read(timeout)
        if chunk is not None:
            chunks.append(chunk)
    raise AssertionError("the source never ends")


def assert_continuous(chunks: list[Chunk], rate: float) -> None:
    """Indices count every sample, and stamps within a chunk have no gap."""
    index = 0
    for chunk in chunks:
        assert chunk.first == index + chunk.lost
        index = chunk.first + len(chunk)
        assert len(chunk) == len(chunk.times) > 0
        np.testing.assert_allclose(np.diff(chunk.times), 1 / rate, atol=1e-6)
        assert chunk.data.flags.c_contiguous
        assert chunk.data.dtype == chunk.times.dtype == np.float64


@pytest.mark.parametrize("speed", [None, 0.5, 1.0, 3.0])
def test_every_sample_comes_once_and_in_order(edf: Path, speed: float | None) -> None:
    fake = FakeTime()
    source = source_on(edf, fake, speed=speed)
    info = source.start()

    chunks = drain(source)

    recording = read_recording(edf)
    assert info == recording.info
    np.testing.assert_array_equal(np.concatenate([c.data for c in chunks]), recording.data)
    np.testing.assert_allclose(np.concatenate([c.times for c in chunks]), 1000.0 + recording.times, atol=1e-9)
    assert_continuous(chunks, 100.0)
    assert not any(c.lost or c.reset for c in chunks)
    assert source.read(1.0) is None


def test_real_time_takes_as_long_as_the_recording(edf: Path) -> None:
    fake = FakeTime()
    source = source_on(edf, fake)
    source.start()
    while not source.finished:
        chunk = source.read(0.1)
        if chunk is not None:
            # The newest sample has just become due, and none is delivered before it is.
            assert 0 <= fake.now - chunk.times[-1] < 0.021
    assert fake.now == pytest.approx(1000.0 + 4.99, abs=0.001)


def test_speed_divides_the_time_that_a_file_takes(edf: Path) -> None:
    fake = FakeTime()
    source = source_on(edf, fake, speed=2.5)
    source.start()
    drain(source)
    assert fake.now == pytest.approx(1000.0 + 4.99 / 2.5, abs=0.001)


def test_full_speed_gives_a_quarter_of_a_second_a_read_without_waiting(edf: Path) -> None:
    fake = FakeTime()
    source = source_on(edf, fake, speed=None)
    source.start()
    assert {len(c) for c in drain(source)} == {25}
    assert fake.now == 1000.0


def test_the_schedule_does_not_drift(edf: Path) -> None:
    """A reader that always comes late is not later at the end than at the beginning."""
    fake = FakeTime()
    source = source_on(edf, fake)
    source.start()
    late = []
    while not source.finished:
        chunk = source.read(0.05)
        if chunk is not None:
            late.append(fake.now - float(chunk.times[-1]))
            fake.sleep(0.013)
    assert max(late[-20:]) <= max(late[:20]) + 1e-9


def test_a_slow_reader_loses_nothing(edf: Path) -> None:
    fake = FakeTime()
    source = source_on(edf, fake)
    source.start()
    fake.now += 100.0
    chunks = drain(source, timeout=0.0)
    assert sum(map(len, chunks)) == 500
    assert max(map(len, chunks)) == 25
    assert fake.now == 1100.0


def test_read_waits_no_longer_than_its_timeout(edf: Path) -> None:
    fake = FakeTime()
    source = source_on(edf, fake, speed=0.1)
    source.start()
    assert source.read(0.0) is None
    assert source.read(0.05) is None
    assert fake.now == pytest.approx(1000.05)


@pytest.mark.parametrize("speed", [None, 1.0])
def test_a_gap_of_the_file_is_counted_and_never_inside_a_chunk(gappy: Path, speed: float | None) -> None:
    fake = FakeTime()
    source = source_on(gappy, fake, speed=speed)
    source.start()

    chunks = drain(source)

    assert_continuous(chunks, 100.0)
    (after,) = [c for c in chunks if c.lost]
    assert (after.lost, after.first, after.reset) == (150, 450, False)
    assert after.times[0] == pytest.approx(1004.5)
    assert chunks[-1].first + len(chunks[-1]) == 650
    assert chunks[-1].times[-1] == pytest.approx(1006.49)


@settings(max_examples=25, deadline=None)
@given(kept=st.lists(st.booleans(), min_size=100, max_size=400), speed=st.sampled_from([None, 1.0, 7.0]))
def test_index_and_time_name_the_same_moment(
    kept: list[bool], speed: float | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    index = [0, 1, *(i + 2 for i, keep in enumerate(kept) if keep or i % 7)]
    path = tmp_path_factory.mktemp("openbci") / "a.txt"
    path.write_text(openbci_text([i % 256 for i in index], stamps=[1.6e9 + i / 250 for i in index]))
    recording, fake = read_recording(path), FakeTime()
    source = source_on(path, fake, speed=speed)
    source.start()

    chunks = drain(source)

    np.testing.assert_array_equal(np.concatenate([c.data for c in chunks]), recording.data)
    indices = np.concatenate([c.first + np.arange(len(c)) for c in chunks])
    np.testing.assert_allclose(indices / 250, recording.times, atol=1e-9)
    np.testing.assert_allclose(np.concatenate([c.times for c in chunks]) - 1000.0, recording.times, atol=1e-9)


def test_annotations_come_with_their_samples(gappy: Path) -> None:
    fake = FakeTime()
    source = source_on(gappy, fake)
    source.start()
    chunks = drain(source)
    assert all(c.times[0] - 1e-9 <= m.time <= c.times[-1] for c in chunks for m in c.markers)
    markers = [m for c in chunks for m in c.markers]
    assert [(round(m.time - 1000.0, 6), m.text) for m in markers] == [
        (0.0, "event 0"), (1.0, "event 1"), (2.0, "event 2"), (4.5, "event 3"), (5.5, "event 4"),
    ]  # fmt: skip


def test_a_playlist_pauses_and_resets_between_recordings(edf: Path, gappy: Path) -> None:
    fake = FakeTime()
    source = source_on([edf, gappy, edf], fake, pause=2.0)
    info = source.start()

    chunks = drain(source)

    assert (info.name, info.n_samples) == ("a.edf, gappy.edf, a.edf", 1500)
    assert_continuous(chunks, 100.0)
    resets = [c for c in chunks if c.reset]
    assert [(c.first, c.lost) for c in resets] == [(500, 0), (1150, 0)]
    assert [float(c.times[0]) - 1000.0 for c in resets] == pytest.approx([7.0, 15.5])
    assert chunks[-1].times[-1] == pytest.approx(1020.49)
    assert sum(len(c.markers) for c in chunks) == 15


def test_a_playlist_of_unequal_recordings_is_refused(edf: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.edf"
    other.write_bytes(edf_bytes(rates=(200, 200)))
    with pytest.raises(SourceError, match=r"b\.edf cannot be played after a\.edf.*rate 200"):
        FileSource([edf, other]).start()


def test_stopped_twice_it_gives_nothing(edf: Path) -> None:
    source = FileSource(edf, speed=None)
    source.start()
    source.stop()
    source.stop()
    assert source.read() is None
    assert source.finished


def test_nothing_is_opened_before_start(tmp_path: Path) -> None:
    source = FileSource(tmp_path / "none.edf")
    with pytest.raises(FileError, match="There is no file"):
        source.start()


def test_stamps_are_on_the_lsl_clock(edf: Path) -> None:
    pylsl = pytest.importorskip("pylsl")
    source = FileSource(edf, speed=20.0)
    before = pylsl.local_clock()
    source.start()
    chunk = source.read(1.0)
    assert chunk is not None
    assert before <= chunk.times[0] <= pylsl.local_clock()
    drain(source, timeout=0.5)
    source.stop()


@pytest.mark.parametrize(("text", "speed"), [("max", None), ("MAX", None), ("1", 1.0), ("2.5", 2.5), ("0.1", 0.1)])
def test_speeds(text: str, speed: float | None) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "fast", "0", "-1", "nan", "inf", "1e9"])
def test_what_is_no_speed_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match="expected max, or a factor"):
        parse_speed(text)
    with pytest.raises(SourceError):
        FileSource("a.edf", speed=-1.0)
