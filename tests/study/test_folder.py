"""Names of files, and which session is recorded next."""

from __future__ import annotations

import json
import os
from pathlib import Path

import psutil
import pytest

from bci_app.errors import StudyError
from bci_app.study.folder import open_session
from bci_app.study.protocol import Protocol, load_protocol


@pytest.fixture
def protocol() -> Protocol:
    return load_protocol("load").protocol


def test_names_follow_bids(tmp_path: Path, protocol: Protocol) -> None:
    session = open_session(tmp_path, protocol, participant="P01", session=None)
    assert session.recording(1).relative_to(tmp_path).as_posix() == (
        "sub-P01/ses-01/eeg/sub-P01_ses-01_task-load_run-01_eeg.xdf"
    )


def test_the_next_session_follows_a_finished_one_and_a_broken_off_one_goes_on(
    tmp_path: Path, protocol: Protocol
) -> None:
    first = open_session(tmp_path, protocol, participant="P01", session=None)
    first.save(protocol, {1, 2}, finished=False)
    first.recording(1).touch()
    again = open_session(tmp_path, protocol, participant="P01", session=None)
    assert (again.session, again.resume(protocol), again.next_run) == ("01", {1, 2}, 2)
    again.save(protocol, range(1, 11), finished=True)
    assert open_session(tmp_path, protocol, participant="P01", session=None).session == "02"
    assert open_session(tmp_path, protocol, participant="P02", session=None).session == "01"


def test_a_finished_session_of_that_name_is_refused(tmp_path: Path, protocol: Protocol) -> None:
    session = open_session(tmp_path, protocol, participant="P01", session="07")
    session.save(protocol, {1}, finished=True)
    with pytest.raises(StudyError, match=r"has a session 07 already.*Choose another --session"):
        session.resume(protocol)


def test_a_session_of_another_protocol_is_refused(tmp_path: Path, protocol: Protocol) -> None:
    session = open_session(tmp_path, protocol, participant="P01", session="01")
    session.save(protocol.model_copy(update={"seed": 5}), {1}, finished=False)
    with pytest.raises(StudyError, match="another protocol"):
        session.resume(protocol)


def test_a_session_that_another_program_records_is_refused_until_that_has_ended(
    tmp_path: Path, protocol: Protocol
) -> None:
    session = open_session(tmp_path, protocol, participant="P01", session="01")
    session.save(protocol, {1}, running=True)
    assert session.resume(protocol) == {1}  # this program's own
    (file,) = session.folder.glob("*_study.json")
    state = json.loads(file.read_text())
    parent = psutil.Process(os.getppid())
    state["process"] |= {"pid": parent.pid, "started": parent.create_time()}
    file.write_text(json.dumps(state))
    with pytest.raises(StudyError, match=f"recorded by another program: found process {parent.pid}"):
        session.resume(protocol)
    state["process"]["started"] += 1  # another process had that number
    file.write_text(json.dumps(state))
    assert session.resume(protocol) == {1}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"done": "x"}', "[" * 10_000])
def test_a_damaged_state_is_one_message(tmp_path: Path, protocol: Protocol, content: str) -> None:
    session = open_session(tmp_path, protocol, participant="P01", session="01")
    session.save(protocol, {1}, finished=False)
    next(session.folder.glob("*_study.json")).write_text(content)
    with pytest.raises(StudyError, match="Cannot read"):
        session.resume(protocol)


@pytest.mark.parametrize("code", ["", "P 01", "../P01", "P_01", "Ä"])
def test_a_code_that_no_file_name_can_hold_is_refused(tmp_path: Path, protocol: Protocol, code: str) -> None:
    with pytest.raises(StudyError, match="letters and digits"):
        open_session(tmp_path, protocol, participant=code, session=None)


def test_a_file_is_no_folder(tmp_path: Path, protocol: Protocol) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match="is a file"):
        open_session(tmp_path / "file", protocol, participant="P01", session=None)
