"""How a file finds its reader, and what happens when there is nothing to read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bci_app.errors import FileError
from bci_app.recording import FORMATS, read_recording
from tests.recording.files import edf_bytes, muse_text


def test_an_unknown_extension_lists_the_known_formats(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz"
    path.write_bytes(b"something else")
    with pytest.raises(FileError, match="no known format") as raised:
        read_recording(path)
    assert all(name in str(raised.value) for name in FORMATS)


def test_a_known_content_without_its_extension_is_named(tmp_path: Path) -> None:
    (tmp_path / "recording").write_bytes(edf_bytes())
    with pytest.raises(FileError, match=r"begins as EDF.*Rename it to recording\.edf"):
        read_recording(tmp_path / "recording")


def test_a_wrong_extension_names_the_true_format(tmp_path: Path) -> None:
    (tmp_path / "a.edf").write_text(muse_text(100))
    with pytest.raises(FileError, match="begins as muse-lsl"):
        read_recording(tmp_path / "a.edf")


def test_extensions_in_capitals(tmp_path: Path) -> None:
    (tmp_path / "A.EDF").write_bytes(edf_bytes())
    assert read_recording(tmp_path / "A.EDF").format == "EDF"


def test_missing_file_folder_pipe_and_empty_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="There is no file"):
        read_recording(tmp_path / "none.edf")
    with pytest.raises(FileError, match="is a folder"):
        read_recording(tmp_path)
    os.mkfifo(tmp_path / "pipe.edf")
    with pytest.raises(FileError, match="is no file: found a device or a pipe"):
        read_recording(tmp_path / "pipe.edf")
    (tmp_path / "a.edf").touch()
    with pytest.raises(FileError, match="is empty"):
        read_recording(tmp_path / "a.edf")


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.edf"
    path.write_bytes(edf_bytes())

    def refuse(*args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(FileError, match=r"cannot be opened: found Permission denied.*permissions"):
        read_recording(path)


def test_a_name_that_the_system_refuses(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be opened"):
        read_recording(tmp_path / ("x" * 5000 + ".edf"))
