"""OpenBCI GUI, muse-lsl and BrainFlow files: layouts, lost samples and bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bci_app.errors import FileError
from bci_app.recording import Break, read_recording
from tests.recording.files import brainflow_text, muse_text, openbci_text


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("n_exg", [4, 8, 16])
@pytest.mark.parametrize("old", [False, True])
def test_openbci_layouts(tmp_path: Path, n_exg: int, old: bool) -> None:
    path = write(tmp_path / "a.txt", openbci_text([i % 256 for i in range(300)], n_exg=n_exg, old=old))

    recording = read_recording(path)

    assert recording.format == "OpenBCI"
    assert recording.info.channels == tuple(f"EXG Channel {i}" for i in range(n_exg))
    assert recording.info.units == ("µV",) * n_exg
    assert recording.info.rate == 250.0
    assert recording.data[5].tolist() == [float(f"{5 + c / 100:.2f}") for c in range(n_exg)]
    assert recording.breaks == ()
    assert recording.notes == ()
    assert [(a.onset, a.text) for a in recording.annotations] == ([] if old else [(7 / 250, "3")])


def test_packages_lost_by_an_openbci_board_are_counted(tmp_path: Path) -> None:
    kept = [i for i in range(1000) if not 300 <= i < 310 and i != 700]
    path = write(tmp_path / "a.txt", openbci_text([i % 256 for i in kept], stamps=[1.6e9 + i / 250 for i in kept]))

    recording = read_recording(path)

    assert recording.breaks == (Break(300, 10), Break(690, 1))
    np.testing.assert_allclose(recording.times, np.array(kept) / 250)


def test_a_loss_of_whole_turns_of_the_counter_is_found_by_the_stamps(tmp_path: Path) -> None:
    for lost in (512, 513):
        kept = [i for i in range(2000) if not 500 <= i < 500 + lost]
        text = openbci_text([i % 256 for i in kept], stamps=[1.6e9 + i / 250 for i in kept])
        assert read_recording(write(tmp_path / "a.txt", text)).breaks == (Break(500, lost),)


def test_a_counter_that_does_not_count_by_one_gives_way_to_the_stamps(tmp_path: Path) -> None:
    kept = [i for i in range(1000) if not 400 <= i < 450]
    text = openbci_text([(2 * i) % 256 for i in kept], n_exg=16, stamps=[1.6e9 + i / 250 for i in kept])

    recording = read_recording(write(tmp_path / "a.txt", text))

    assert recording.breaks == (Break(400, 50),)
    assert any("does not count one by one" in note for note in recording.notes)


def test_not_a_number_is_kept_as_data(tmp_path: Path) -> None:
    lines = openbci_text(range(100)).splitlines()
    lines[10] = lines[10].replace(" 5.00,", " nan,", 1).replace(" 5.01,", " inf,", 1)

    recording = read_recording(write(tmp_path / "a.txt", "\n".join(lines)))

    assert int(np.isnan(recording.data).sum()) == 1
    assert int(np.isinf(recording.data).sum()) == 1


def test_a_rate_that_the_stamps_contradict_is_noted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", openbci_text(range(200), stamps=[1.6e9 + i / 200 for i in range(200)]))
    assert any("200.00 Hz where 250 Hz" in note for note in read_recording(path).notes)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda t: t[: t.rindex(", ")], "truncated"),
        (lambda t: t.replace("%Sample Rate = 250.0 Hz\n", ""), "Sample Rate"),
        (lambda t: t.replace("= 250.0", "= zero"), "Sample Rate"),
        (lambda t: t.replace("4.03,", "4.03, 1,"), "malformed"),
        (lambda t: t.replace("4.03,", "four,"), "not a number"),
        (lambda t: t[: t.index("\n0, ")], "no samples"),
        (lambda t: t.replace("EXG Channel", "Channel"), "EXG Channel"),
        (lambda t: t.replace(", Marker Channel", ""), "columns"),
    ],
)
def test_a_damaged_openbci_file_is_refused(tmp_path: Path, change: object, match: str) -> None:
    assert callable(change)
    path = write(tmp_path / "a.txt", change(openbci_text(range(100))))
    with pytest.raises(FileError, match=match):
        read_recording(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"%OpenBCI\n\xff\xfe\x00")
    with pytest.raises(FileError, match="not a text file"):
        read_recording(tmp_path / "a.txt")


def test_muse_gaps_are_found_by_stamps(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path / "a.csv", muse_text(2000, lost_at=1000, lost=77)))

    assert recording.info.rate == 256.0
    assert recording.info.channels == ("TP9", "AF7", "AF8", "TP10", "Right AUX")
    assert recording.breaks == (Break(1000, 77),)
    assert [(a.onset, a.text) for a in recording.annotations] == [(10 / 256, "1")]


def test_the_first_muse_is_known_by_its_rate(tmp_path: Path) -> None:
    assert read_recording(write(tmp_path / "a.csv", muse_text(600, rate=220.0))).info.rate == 220.0


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (muse_text(600, rate=128.0), "128.0 Hz"),
        (muse_text(20), "no advancing"),
        ("timestamps,X,Y,Z\n1,2,3,4\n", "TP9"),
        ("timestamps,TP9,AF7,AF8,TP10\n", "no samples"),
    ],
)
def test_a_csv_that_is_no_muse_eeg_is_refused(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(FileError, match=match):
        read_recording(write(tmp_path / "a.csv", text))


def test_a_brainflow_file_tells_its_board_by_columns_and_rate(tmp_path: Path) -> None:
    cyton = read_recording(write(tmp_path / "a.csv", brainflow_text(1000)))
    wifi = read_recording(write(tmp_path / "b.csv", brainflow_text(1000, rate=1000.0)))

    assert cyton.info.channels == ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")
    assert (cyton.info.rate, wifi.info.rate) == (250.0, 1000.0)
    assert cyton.data[3].tolist() == [3 + c / 10 for c in range(8)]
    assert [(a.onset, a.text) for a in cyton.annotations] == [(5 / 250, "2")]


def test_a_brainflow_file_that_fits_several_boards_asks_for_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", brainflow_text(1000, n_columns=11, stamp=9, marker=10))
    with pytest.raises(FileError, match=r"\?board=") as raised:
        read_recording(path)
    assert "PIEEG_BOARD" in str(raised.value)

    assert read_recording(path, board="PIEEG_BOARD").info.rate == 250.0
    with pytest.raises(FileError, match="does not come from the board CYTON_BOARD"):
        read_recording(path, board="CYTON_BOARD")


def test_a_brainflow_file_with_a_foreign_number_of_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="does not name the board"):
        read_recording(write(tmp_path / "a.csv", brainflow_text(100, n_columns=26)))


@pytest.mark.parametrize(("name", "options"), [("a.txt", {"board": "CYTON_BOARD"}), ("a.txt", {"stream": "EEG"})])
def test_an_option_that_does_not_apply_is_refused(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    with pytest.raises(FileError, match="does not apply"):
        read_recording(write(tmp_path / name, openbci_text(range(100))), **options)
