"""What the readers give is what MNE and pyxdf give, on every real file at hand."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pytest
import pyxdf

from bci_app.errors import FileError
from bci_app.recording import describe, read_recording

MNE_FILES = [
    "eegmat/Subject01_1.edf",
    "eegmat/Subject01_2.edf",
    "eegmmidb/S001R01.edf",
    "eegmmidb/S001R02.edf",
    "edf/short_psg.edf",
    "edf/short_psg.bdf",
    "brainvision/testbva.vhdr",
]
# Channels that are no voltage, with the unit that the file states.
OTHER_UNITS = {"Resp oro-nasal": "n/a", "Temp rectal": "DegC", "Event marker": "n/a"}


def mne_raw(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mne.io.read_raw(path, preload=True, verbose="error")


@pytest.mark.parametrize("name", MNE_FILES)
def test_samples_and_description_agree_with_mne(shared_data: Path, name: str) -> None:
    path = shared_data / name
    recording, raw = read_recording(path), mne_raw(path)

    description = json.loads(json.dumps(describe(recording)))

    assert description["format"].lower() == {".vhdr": "brainvision"}.get(path.suffix, path.suffix[1:])
    assert description["channels"] == raw.ch_names
    assert description["rate"] == raw.info["sfreq"]
    assert description["duration"] == pytest.approx(raw.n_times / raw.info["sfreq"], abs=1e-9)
    assert description["units"] == [OTHER_UNITS.get(name, "µV") for name in raw.ch_names]
    assert [(a["onset"], a["duration"], a["text"]) for a in description["annotations"]] == [
        (a["onset"], a["duration"], a["description"]) for a in raw.annotations
    ]
    factors = np.array([1.0 if name in OTHER_UNITS else 1e6 for name in raw.ch_names])
    np.testing.assert_array_equal(recording.data, raw.get_data().T * factors)
    np.testing.assert_array_equal(recording.times, np.arange(raw.n_times) / raw.info["sfreq"])
    assert recording.data.flags.c_contiguous
    assert recording.info.n_samples == raw.n_times


def test_any_file_of_a_brainvision_recording_gives_it(shared_data: Path) -> None:
    texts = [describe(read_recording(shared_data / f"brainvision/testbva.{e}")) for e in ("vhdr", "vmrk", "dat")]
    assert texts[0] == texts[1] == texts[2]


@pytest.mark.parametrize(
    ("name", "stream_name"), [("minimal", "SendDataC"), ("empty_streams", "Data stream: test stream 0 counter")]
)
def test_samples_and_stamps_agree_with_pyxdf(shared_data: Path, name: str, stream_name: str) -> None:
    path = shared_data / f"xdf/{name}.xdf"
    streams, _ = pyxdf.load_xdf(path, dejitter_timestamps=False)
    stream = next(s for s in streams if s["info"]["name"] == [stream_name])
    texts = [
        (float(time), ", ".join(row))
        for s in streams
        if s["info"]["channel_format"] == ["string"]
        for time, row in zip(s["time_stamps"], s["time_series"], strict=True)
    ]

    recording = read_recording(path)

    start = float(stream["time_stamps"][0])
    np.testing.assert_array_equal(recording.data, stream["time_series"])
    np.testing.assert_array_equal(recording.times, stream["time_stamps"] - start)
    assert recording.start == start
    assert recording.info.rate == float(stream["info"]["nominal_srate"][0])
    assert [(a.onset, a.text) for a in recording.annotations] == [(time - start, text) for time, text in texts]
    assert describe(recording)["duration"] == pytest.approx(len(recording) / recording.info.rate, abs=1e-3)


def test_openbci_and_brainflow_files_of_one_session_agree(shared_data: Path) -> None:
    text = read_recording(shared_data / "openbci/OpenBCI_GUI-v6-blinks-jawClench-alpha.txt")
    csv = read_recording(shared_data / "openbci/brainflow_cyton.csv")

    np.testing.assert_array_equal(text.data, csv.data)
    assert text.data[0, :3].tolist() == [61379.36, 49492.89, -16597.06]
    assert text.info.rate == csv.info.rate == 250.0
    assert text.info.channels == tuple(f"EXG Channel {i}" for i in range(8))
    assert csv.info.channels == ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")
    assert text.breaks == csv.breaks == ()
    assert text.duration == pytest.approx(22490 / 250)
    assert set(text.info.units) == {"µV"}


def test_muse_file(shared_data: Path) -> None:
    recording = read_recording(shared_data / "muse/muse_p300.csv")

    assert recording.info.channels == ("TP9", "AF7", "AF8", "TP10", "Right AUX")
    assert recording.info.rate == 256.0
    assert recording.data[0].tolist() == [-44.922, 27.832, 32.715, 58.105, 82.031]
    assert len(recording) == 30732
    assert recording.breaks == ()
    assert {a.text for a in recording.annotations} == {"1", "2"}


@pytest.mark.parametrize(
    "name", ["eeg_eye_state/eeg_eye_state.arff", "eegmat/eegmat_128hz_30subjects.npz", "eegmat/subject-info.csv"]
)
def test_what_is_no_recording_is_refused(shared_data: Path, name: str) -> None:
    with pytest.raises(FileError, match=r"no known format|not what its name says") as raised:
        read_recording(shared_data / name)
    assert "EDF" in str(raised.value) or "muse-lsl" in str(raised.value)


def test_reading_prints_nothing(shared_data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("brainvision/testbva.vhdr", "edf/short_psg.edf", "xdf/minimal.xdf", "openbci/brainflow_cyton.csv"):
        read_recording(shared_data / name)
    assert capfd.readouterr() == ("", "")
