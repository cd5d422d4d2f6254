"""Protocol files: what ships, what is refused, and what the user reads."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bci_app.errors import StudyError
from bci_app.study.protocol import SHIPPED, load_protocol
from tests.study.protocols import BLOCKS, HEAD, SCALES, TINY, write


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_protocols_need_no_media_and_intend_both_classes(name: str) -> None:
    protocol = load_protocol(name).protocol
    intended = [trial.intended for block in protocol.trial_blocks for trial in block.trials]
    for target in intended[0]:
        assert {values[target] for values in intended} == {"low", "high"}


def test_guided_recall_has_sixteen_trials_of_a_minute_and_takes_about_25_minutes() -> None:
    protocol = load_protocol("guided-recall").protocol
    (block,) = protocol.trial_blocks
    assert len(block.trials) * block.repetitions == 16
    assert {trial.seconds for trial in block.trials} == {60}
    assert 18 * 60 < protocol.seconds < 25 * 60  # answers take the rest


def test_load_takes_about_six_minutes() -> None:
    assert 5 * 60 < load_protocol("load").protocol.seconds < 7 * 60


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TINY.replace("version = 1", "version = 2"), "version"),
        (TINY + "\nsurprise = 1\n", "surprise"),
        (TINY.replace("seconds = 10", "seconds = -1"), "greater than 0"),
        (TINY.replace("seconds = 10", "seconds = nan"), "finite"),
        (TINY.replace("repetitions = 3", "repetitions = 100000"), "200"),
        (TINY.replace('ratings = ["valence", "effort"]', 'ratings = ["joy"]'), "no scale is called joy"),
        (TINY.replace('name = "sad"', 'name = "happy"'), "names a trial twice"),
        (HEAD + SCALES + '[[blocks]]\nkind = "rest"\nseconds = 3\n', "there is no trial"),
        (TINY.replace('task = "tiny"', 'task = "../x"'), "task"),
        (TINY.replace("seconds = 5", "", 1), "needs seconds"),
        (TINY.replace('words = ["none", "some", "much"]', 'words = ["none"]'), "2 to 9 different words"),
        ("format = [[[", "TOML"),
        ("x = " + "[" * 5000, "TOML|nested"),
    ],
)
def test_a_broken_protocol_is_refused_with_its_fault(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(StudyError, match=found):
        load_protocol(write(tmp_path, text))


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "C:/x.png", "a/../../b.png", "..\\\\x.png"])
def test_media_outside_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    text = TINY.replace('{ kind = "text", text = "A sad moment" }', f'{{ kind = "image", file = "{name}" }}')
    with pytest.raises(StudyError, match="not inside the folder"):
        load_protocol(write(tmp_path, text))


def test_missing_media_are_named_before_the_session(tmp_path: Path) -> None:
    text = TINY.replace('{ kind = "text", text = "A sad moment" }', '{ kind = "image", file = "sad.png" }')
    path = write(tmp_path, text)
    with pytest.raises(StudyError, match=r"found sad\.png"):
        load_protocol(path)
    (tmp_path / "sad.png").write_bytes(b"not looked at here")
    assert not load_protocol(path).missing_media()
    for elsewhere in (Path(__file__), tmp_path / "sad.png"):
        (tmp_path / "sad.png").unlink()
        (tmp_path / "sad.png").symlink_to(elsewhere)
        with pytest.raises(StudyError, match="no links that lead out of it"):
            load_protocol(path)
    with pytest.raises(StudyError, match="found a"):
        load_protocol(write(tmp_path, text.replace("sad.png", r"a\u0000b.png")))


def test_a_file_that_is_not_there_names_what_ships(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="guided-recall"):
        load_protocol(tmp_path / "nothing.toml")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="too large"):
        load_protocol(write(tmp_path, HEAD + "#" * 2**21))


@given(st.text(max_size=200))
def test_no_text_of_any_kind_is_more_than_one_message(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("any")
    path = folder / "any.toml"
    path.write_bytes((HEAD + text + BLOCKS).encode("utf-8", "surrogatepass"))
    with suppress(StudyError):
        load_protocol(path)
