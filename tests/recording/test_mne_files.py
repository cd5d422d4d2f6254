"""EDF, BDF, BrainVision, FIF and EEGLAB: units, gaps, truncation and bad input."""

from __future__ import annotations

import warnings
from pathlib import Path

import mne
import numpy as np
import pytest

from bci_app.errors import FileError
from bci_app.recording import Break, describe, read_recording
from tests.recording.files import edf_bytes, write_brainvision, write_eeglab


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_bdf_is_read_with_its_24_bits(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path / "a.bdf", edf_bytes(bdf=True)))

    assert (recording.format, len(recording), recording.info.rate) == ("BDF", 500, 100.0)
    rng = np.random.default_rng(0)
    written = [rng.integers(-(2**23), 2**23, 100) for _ in range(10)]  # record by record, channel by channel
    digital = recording.data / 2000 * (2**24 - 1) - 0.5
    np.testing.assert_allclose(digital[:, 0], np.concatenate(written[0::2]), atol=1e-3)
    np.testing.assert_allclose(digital[:, 1], np.concatenate(written[1::2]), atol=1e-3)


@pytest.mark.parametrize(
    ("unit", "expected", "factor"),
    [
        ("uV", "µV", 1.0),
        ("mV", "µV", 1e3),
        ("V", "µV", 1e6),
        ("nV", "µV", 1e-3),
        ("DegC", "DegC", 1.0),
        ("", "n/a", 1.0),
    ],
)
def test_edf_voltages_become_microvolts_and_other_units_stay(
    tmp_path: Path, unit: str, expected: str, factor: float
) -> None:
    plain = read_recording(write(tmp_path / "a.edf", edf_bytes(units=("uV", "uV"))))
    other = read_recording(write(tmp_path / "b.edf", edf_bytes(units=("uV", unit))))

    assert other.info.units == ("µV", expected)
    np.testing.assert_allclose(other.data[:, 1], plain.data[:, 1] * factor, rtol=1e-12)


def test_a_pause_in_an_edf_plus_d_is_a_gap(tmp_path: Path) -> None:
    content = edf_bytes(starts=(0, 1, 2, 4.5, 5.5), reserved="EDF+D")

    recording = read_recording(write(tmp_path / "a.edf", content))

    assert recording.breaks == (Break(row=300, lost=150),)
    assert recording.times[299:301].tolist() == [2.99, 4.5]
    assert recording.duration == pytest.approx(6.5)
    assert [a.onset for a in recording.annotations] == [0, 1, 2, 4.5, 5.5]
    assert describe(recording)["gaps"] == [{"onset": 4.5, "lost": 150}]


def test_an_edf_plus_d_whose_records_overlap_is_refused(tmp_path: Path) -> None:
    content = edf_bytes(starts=(0, 1, 0.5, 3, 4), reserved="EDF+D")
    with pytest.raises(FileError, match="start times"):
        read_recording(write(tmp_path / "a.edf", content))


def test_channels_of_a_lower_rate_are_named_in_a_note(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path / "a.edf", edf_bytes(rates=(100, 10))))

    assert recording.info.rate == 100.0
    assert any("EEG Fp2 (10 Hz)" in note and "EEG Fp1" not in note for note in recording.notes)


@pytest.mark.parametrize("keep", [0, 100, 256, 700, 768, 1000, -1])
@pytest.mark.parametrize("bdf", [False, True])
def test_a_truncated_edf_is_refused(tmp_path: Path, keep: int, bdf: bool) -> None:
    path = write(tmp_path / ("a.bdf" if bdf else "a.edf"), edf_bytes(bdf=bdf)[:keep])
    with pytest.raises(FileError, match=r"truncated|empty"):
        read_recording(path)


def test_an_edf_longer_than_its_header_says_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.edf", edf_bytes(stated_records=4))
    with pytest.raises(FileError, match="longer than its header says"):
        read_recording(path)


def test_an_edf_that_was_never_closed_is_used_and_says_so(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path / "a.edf", edf_bytes(stated_records=-1)[:-10]))

    assert len(recording) == 400
    assert any("never finished" in note for note in recording.notes)


@pytest.mark.parametrize(
    ("position", "text", "match"),
    [(252, b"zwei", "number of signals"), (184, b"99999999", "length of the header"), (244, b"0       ", "no signals"),
     (236, b"-7      ", "data records"), (256 + 2 * 216, b"x       ", "samples per record"),
     (256 + 2 * 104, b"nan     ", "range"), (0, b"1", "not what its name says")],
)  # fmt: skip
def test_a_malformed_edf_header_is_named(tmp_path: Path, position: int, text: bytes, match: str) -> None:
    content = bytearray(edf_bytes())
    content[position : position + len(text)] = text
    with pytest.raises(FileError, match=match):
        read_recording(write(tmp_path / "a.edf", bytes(content)))


def test_rates_too_far_apart_are_refused_before_memory_is_asked_for(tmp_path: Path) -> None:
    n = 300
    content = edf_bytes(
        labels=[f"E{i}" for i in range(n)], units=["uV"] * n, rates=[1_000_000] + [1] * (n - 1), n_records=1
    )
    with pytest.raises(FileError, match="too far apart"):
        read_recording(write(tmp_path / "a.edf", content))


def test_brainvision_keeps_a_temperature_in_its_unit(tmp_path: Path) -> None:
    recording = read_recording(write_brainvision(tmp_path))

    assert recording.info.units == ("µV", "C")
    np.testing.assert_allclose(recording.data[:2], [[0, 0.1], [1, 0.3]], atol=1e-12)
    assert [(a.onset, a.text) for a in recording.annotations if "Stim" in a.text] == [(0.1, "Stimulus/S  4")]


def test_a_new_segment_of_a_brainvision_recording_is_a_break(tmp_path: Path) -> None:
    path = write_brainvision(tmp_path, markers="Mk3=New Segment,,121,1,0,20200101120500000000\n")
    assert read_recording(path).breaks == (Break(row=120, lost=0),)


def test_a_truncated_brainvision_data_file_is_refused(tmp_path: Path) -> None:
    path = write_brainvision(tmp_path, n_samples=150, stated=200)
    with pytest.raises(FileError, match=r"rec\.eeg is truncated.*expected 800 bytes, 200 samples"):
        read_recording(path)


def test_half_a_brainvision_sample_is_refused(tmp_path: Path) -> None:
    path = write_brainvision(tmp_path, stated=None)
    data = tmp_path / "rec.eeg"
    data.write_bytes(data.read_bytes()[:-3])
    with pytest.raises(FileError, match="truncated"):
        read_recording(path)


def test_brainvision_files_that_lack_each_other(tmp_path: Path) -> None:
    path = write_brainvision(tmp_path)
    (tmp_path / "rec.eeg").unlink()
    with pytest.raises(FileError, match=r"rec\.eeg"):
        read_recording(path)
    path.unlink()
    with pytest.raises(FileError, match="lacks its BrainVision header"):
        read_recording(tmp_path / "rec.vmrk")


def fif(path: Path, **save: object) -> mne.io.RawArray:
    info = mne.create_info(["Fp1", "Cz", "STI"], 100.0, ["eeg", "eeg", "stim"])
    data = np.random.default_rng(1).normal(size=(3, 500)) * [[1e-5], [1e-5], [1.0]]
    raw = mne.io.RawArray(data, info, first_samp=250, verbose="error")
    raw.set_meas_date(1_000_000)
    raw.set_annotations(mne.Annotations([1.5], [0.5], ["blink"]), verbose="error")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw.save(path, verbose="error", **save)
    return raw


def test_fif_counts_onsets_from_its_first_sample(tmp_path: Path) -> None:
    raw = fif(tmp_path / "rec_raw.fif", fmt="double")

    recording = read_recording(tmp_path / "rec_raw.fif")

    assert recording.info.units == ("µV", "µV", "n/a")
    np.testing.assert_array_equal(recording.data, raw.get_data().T * [1e6, 1e6, 1.0])
    (annotation,) = recording.annotations
    starts, _ = mne.events_from_annotations(raw, verbose="error")
    assert annotation.onset == pytest.approx((starts[0, 0] - raw.first_samp) / 100.0)
    assert (annotation.duration, annotation.text) == (0.5, "blink")


def test_a_truncated_fif_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rec_raw.fif"
    fif(path)
    content = path.read_bytes()
    for keep in (10, 1000, len(content) - 3000, len(content) - 60, len(content) - 40):
        with pytest.raises(FileError, match=r"is truncated|not what its name says"):
            read_recording(write(path, content[:keep]))


def test_a_fif_that_lost_whole_buffers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rec_raw.fif"
    fif(path, buffer_size_sec=1.0)
    content = path.read_bytes()
    last_buffer = content.rfind(bytes.fromhex("0000012c"))  # FIFF_DATA_BUFFER
    with pytest.raises(FileError, match="blocks that are not closed"):
        read_recording(write(path, content[:last_buffer]))


def test_eeglab_boundaries_are_breaks(tmp_path: Path) -> None:
    data = np.random.default_rng(2).normal(size=(2, 300)) * 10
    write_eeglab(tmp_path / "rec.set", data, events=[("blink", 11.0), ("boundary", 150.5)])

    recording = read_recording(tmp_path / "rec.set")

    assert recording.info.channels == ("E1", "E2")
    assert recording.info.rate == 100.0
    np.testing.assert_allclose(recording.data, data.T, rtol=1e-12)
    assert recording.breaks == (Break(row=150, lost=0),)
    assert recording.annotations[0].text == "blink"
    assert recording.annotations[0].onset == pytest.approx(0.1)


def test_a_truncated_or_foreign_eeglab_file_is_refused(tmp_path: Path) -> None:
    write_eeglab(tmp_path / "rec.set", np.zeros((2, 300)))
    content = (tmp_path / "rec.set").read_bytes()
    for bad in (content[:400], content[: len(content) // 2], content[:-10], b"MATLAB 5.0 MAT-file" + bytes(400)):
        with pytest.raises(FileError, match="cannot be read as EEGLAB"):
            read_recording(write(tmp_path / "bad.set", bad))


def test_warnings_of_mne_become_notes(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path / "a.edf", edf_bytes(labels=("Cz", "Cz"))))

    assert recording.info.channels == ("Cz-0", "Cz-1")
    assert any("not unique" in note for note in recording.notes)


def test_samples_cannot_be_changed_by_accident(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path / "a.edf", edf_bytes()))
    with pytest.raises(ValueError, match="read-only"):
        recording.data[0, 0] = 1.0
