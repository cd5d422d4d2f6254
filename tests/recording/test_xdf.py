"""XDF files of other programs: which stream, which gaps, and damage that pyxdf would not notice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bci_app.errors import FileError
from bci_app.recording import Break, read_recording
from bci_app.recording.xdf_chunks import BOUNDARY, Tag
from bci_app.recording.xdf_encoding import encode_chunk
from bci_app.recording.xdf_writer import StreamHeader, XdfChannel, XdfWriter

CHANNELS = (XdfChannel("Fp1", "microvolts", "EEG"), XdfChannel("Fp2", "microvolts", "EEG"))


def eeg(
    name: str = "Amp", kind: str = "EEG", rate: float = 100.0, units: tuple[str, str] = ("microvolts",) * 2
) -> StreamHeader:
    channels = tuple(XdfChannel(label, unit) for label, unit in zip(("Fp1", "Fp2"), units, strict=True))
    return StreamHeader(name, kind, channels, rate=rate, source_id=f"id-{name}")


def write(path: Path, *headers: StreamHeader, stamps: np.ndarray | None = None) -> Path:
    times = np.arange(500) / 100 if stamps is None else stamps
    with XdfWriter(path) as writer:
        for number, header in enumerate(headers):
            stream = writer.add_stream(header)
            data = np.full((len(times), len(header.channels)), float(number))
            for start in range(0, len(times), 10):
                writer.write_samples(stream, data[start : start + 10], times[start : start + 10])
    return writer.path


def test_the_only_eeg_stream_is_chosen_among_others(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xdf", eeg("Accel", "Accelerometer"), eeg("Amp"), eeg("Gaze", "Gaze", 0.0))
    recording = read_recording(path)
    assert recording.data[0, 0] == 1.0
    assert recording.notes == ()
    assert read_recording(path, stream="Accel").data[0, 0] == 0.0
    assert read_recording(path, stream="id-Accel").data[0, 0] == 0.0


def test_a_single_stream_of_another_type_is_taken_and_said(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path / "a.xdf", eeg("Signals", "Signal"), eeg("Gaze", "Gaze", 0.0)))
    assert any("'Signals'" in note for note in recording.notes)


@pytest.mark.parametrize("kinds", [("EEG", "EEG"), ("Signal", "Accel")])
def test_several_streams_need_a_name(tmp_path: Path, kinds: tuple[str, str]) -> None:
    path = write(tmp_path / "a.xdf", eeg("One", kinds[0]), eeg("Two", kinds[1]))
    with pytest.raises(FileError, match=r"several streams.*'One'.*'Two'.*\?stream=NAME"):
        read_recording(path)
    assert read_recording(path, stream="Two").data[0, 0] == 1.0
    with pytest.raises(FileError, match=r"no stream named 'Three'.*'One'"):
        read_recording(path, stream="Three")


def test_two_streams_of_one_name_are_told_apart_by_their_id(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xdf", eeg("Amp"), StreamHeader("Amp", "EEG", CHANNELS, rate=100.0, source_id="other"))
    with pytest.raises(FileError, match="several streams named 'Amp'"):
        read_recording(path, stream="Amp")
    assert read_recording(path, stream="other").data[0, 0] == 1.0


def test_a_stream_without_a_rate_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xdf", eeg("Amp", rate=0.0))
    with pytest.raises(FileError, match="no stream of samples"):
        read_recording(path)
    with pytest.raises(FileError, match="no nominal rate"):
        read_recording(path, stream="Amp")


def test_a_file_without_samples_is_refused(tmp_path: Path) -> None:
    with XdfWriter(tmp_path / "a.xdf") as writer:
        writer.add_stream(eeg())
    with pytest.raises(FileError, match="holds no stream of samples"):
        read_recording(writer.path)


def test_voltages_become_microvolts(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    with XdfWriter(path) as writer:
        writer.write_samples(writer.add_stream(eeg(units=("V", "degrees"))), np.full((5, 2), 2.0), np.arange(5) / 100)
    recording = read_recording(path)
    assert recording.info.units == ("µV", "degrees")
    assert recording.data[0].tolist() == [2e6, 2.0]


def test_missing_labels_and_units_are_said_and_not_guessed(tmp_path: Path) -> None:
    bare = StreamHeader("Amp", "EEG", (XdfChannel(""), XdfChannel("")), rate=100.0)
    recording = read_recording(write(tmp_path / "a.xdf", bare))
    assert recording.info.channels == ("Ch1", "Ch2")
    assert recording.info.units == ("n/a", "n/a")
    assert any("does not name its channels" in note for note in recording.notes)


def test_short_gaps_that_dejittering_would_hide_are_found(tmp_path: Path) -> None:
    """A break for pyxdf is only what lasts over one second and 500 samples."""
    index = np.arange(3000)
    index[1000:] += 50
    index[2000:] += 3
    stamps = 1000 + index / 100 + np.random.default_rng(0).uniform(0, 0.002, 3000)

    recording = read_recording(write(tmp_path / "a.xdf", eeg(), stamps=stamps))

    assert recording.breaks == (Break(1000, 50), Break(2000, 3))
    np.testing.assert_array_equal(recording.times, stamps - stamps[0])


def test_an_integer_marker_stream_gives_annotations(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    with XdfWriter(path) as writer:
        amp = writer.add_stream(eeg())
        codes = writer.add_stream(StreamHeader("Codes", "Markers", (XdfChannel("code"),), format="int32"))
        writer.write_samples(amp, np.zeros((200, 2)), 10 + np.arange(200) / 100)
        writer.write_samples(codes, np.array([[2033025], [7]], np.int32), [10.5, 11.25])
    assert [(a.onset, a.text) for a in read_recording(path).annotations] == [(0.5, "2033025"), (1.25, "7")]


def test_a_rate_that_the_stamps_contradict_is_noted(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path / "a.xdf", eeg(), stamps=np.arange(1000) / 95))
    assert any("95.00 Hz where 100 Hz" in note for note in recording.notes)


def test_stamps_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    stamps = np.arange(500) / 100
    stamps[17] = np.nan
    with pytest.raises(FileError, match="1 time stamps that are not numbers"):
        read_recording(write(tmp_path / "a.xdf", eeg(), stamps=stamps))


def test_not_a_number_is_kept_as_data(tmp_path: Path) -> None:
    with XdfWriter(tmp_path / "a.xdf") as writer:
        data = np.zeros((50, 2))
        data[3, 1], data[4, 0] = np.nan, -np.inf
        writer.write_samples(writer.add_stream(eeg()), data, np.arange(50) / 100)
    np.testing.assert_array_equal(read_recording(writer.path).data, data)


def damage(path: Path, position: int, value: bytes) -> Path:
    content = bytearray(path.read_bytes())
    content[position : position + len(value)] = value
    path.write_bytes(bytes(content))
    return path


def first_samples(path: Path) -> int:
    """Position of the first chunk of samples."""
    content, position = path.read_bytes(), 4
    while True:
        width = content[position]
        start = position + 1 + width
        if content[start] == Tag.SAMPLES:
            return position
        position = start + int.from_bytes(content[position + 1 : start], "little")


def test_a_sample_count_that_does_not_fit_is_damage(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xdf", eeg())
    at = first_samples(path)
    count = at + 1 + path.read_bytes()[at] + 6 + 1
    with pytest.raises(FileError, match=f"damaged at byte {at}.*200 samples"):
        read_recording(damage(path, count, bytes([200])))


def test_damage_in_the_middle_is_no_crash_at_the_end(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xdf", eeg())
    path.write_bytes(path.read_bytes() + encode_chunk(Tag.BOUNDARY, BOUNDARY))
    at = first_samples(path)
    with pytest.raises(FileError, match=f"damaged at byte {at}"):
        read_recording(damage(path, at, b"\x04\xff\xff\xff\x00"))


def test_a_block_of_zeros_at_the_end_is_left_out_and_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xdf", eeg())
    path.write_bytes(path.read_bytes() + bytes(4096))
    recording = read_recording(path)
    assert len(recording) == 500
    assert any("unfinished chunk of 4096 bytes" in note for note in recording.notes)


def test_a_memory_bomb_is_refused_before_memory_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    with XdfWriter(path) as writer:
        writer.add_stream(eeg())
    bomb = encode_chunk(Tag.SAMPLES, b"\x08" + (2**60).to_bytes(8, "little") + bytes(100), stream=1)
    path.write_bytes(path.read_bytes() + bomb)
    with pytest.raises(FileError, match="damaged"):
        read_recording(path)


@pytest.mark.parametrize(
    ("chunk", "match"),
    [
        (encode_chunk(Tag.STREAM_HEADER, b"<info><name>x", stream=9), "XML that does not parse"),
        (encode_chunk(Tag.STREAM_HEADER, b"<info><name>x</name></info>", stream=9), "channel format"),
        (encode_chunk(Tag.SAMPLES, b"\x01\x00", stream=77), "stream 77, which has no header"),
        (encode_chunk(Tag.CLOCK_OFFSET, b"1234", stream=1), "a clock offset of 4 bytes"),
        (encode_chunk(Tag.SAMPLES, b"\x02\x00", stream=1), "a number of 2 bytes"),
        (
            encode_chunk(Tag.STREAM_FOOTER, b"<info><sample_count>many</sample_count></info>", stream=1),
            "'many' samples",
        ),
        (encode_chunk(Tag.STREAM_HEADER, b"", stream=1), "a second header of stream 1"),
        (b"\x03\x00\x00\x00", "a length of 3 bytes"),
        (b"\x01\x00\x05", "a length of 0"),
    ],
)
def test_a_chunk_that_contradicts_itself_is_named(tmp_path: Path, chunk: bytes, match: str) -> None:
    path = write(tmp_path / "a.xdf", eeg())
    path.write_bytes(path.read_bytes() + chunk + encode_chunk(Tag.BOUNDARY, BOUNDARY))
    with pytest.raises(FileError, match=match):
        read_recording(path)
