"""A study in its two windows: what the participant sees and answers, and what the operator can do."""

from __future__ import annotations

import importlib.util
import struct
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import QObject, Qt
from pytestqt.qtbot import QtBot

from bci_app.errors import StudyError
from bci_app.gui.reports import ReportWriter
from bci_app.gui.study.participant_window import ParticipantWindow
from bci_app.gui.study.question import QuestionView
from bci_app.gui.study.running import RunningStudy, require_media, targets_of
from bci_app.gui.theme import DARK, LIGHT
from bci_app.recording import read_recording
from bci_app.sources.registry import open_source
from bci_app.study.opening import StudyOptions, open_study
from bci_app.study.protocol import Scale, load_protocol
from bci_app.study.runner import Stage, StageKind
from bci_app.study.trials import read_study
from tests.gui.conftest import WAIT
from tests.study.protocols import HEAD, TINY, write

SAM = Scale(name="valence", question="How pleasant?", low_label="unpleasant", high_label="pleasant")
WORDS = Scale(name="effort", kind="words", words=("none", "some", "much"))
LONG = Scale(name="intensity", kind="numbers", low=0, high=20)


@pytest.fixture
def question(qtbot: QtBot) -> QuestionView:
    view = QuestionView(DARK)
    qtbot.addWidget(view)
    view.resize(1366, 768)
    view.show()
    return view


@pytest.mark.parametrize(
    ("scale", "keys", "answer"),
    [(SAM, "7", "7"), (SAM, "37", "7"), (WORDS, "2", "some"), (LONG, "17", "17"), (LONG, "5", "5")],
)
def test_digits_answer_and_enter_confirms(
    qtbot: QtBot, question: QuestionView, scale: Scale, keys: str, answer: str
) -> None:
    question.show_scale(scale, "en")
    qtbot.keyClicks(question, keys)
    with qtbot.waitSignal(question.answered, timeout=WAIT) as confirmed:
        qtbot.keyClick(question, Qt.Key.Key_Return)
    assert confirmed.args == [answer]


def test_nothing_is_confirmed_before_an_answer_is_chosen(qtbot: QtBot, question: QuestionView) -> None:
    question.show_scale(SAM, "en")
    with qtbot.assertNotEmitted(question.answered):
        qtbot.keyClick(question, Qt.Key.Key_Return)


def test_arrows_move_and_a_second_click_or_touch_confirms(qtbot: QtBot, question: QuestionView) -> None:
    question.show_scale(SAM, "en")
    for _ in range(3):
        qtbot.keyClick(question, Qt.Key.Key_Right)
    assert question.answers.current == 2
    middle = question.answers.rect().center()  # the fifth of nine
    qtbot.mouseClick(question.answers, Qt.MouseButton.LeftButton, pos=middle)
    with qtbot.waitSignal(question.answered, timeout=WAIT) as confirmed:
        qtbot.mouseClick(question.answers, Qt.MouseButton.LeftButton, pos=middle)
    assert confirmed.args == ["5"]


def test_each_manikin_is_another_picture(qtbot: QtBot, question: QuestionView) -> None:
    for name in ("valence", "arousal", "dominance"):
        question.show_scale(SAM.model_copy(update={"name": name}), "en")
        picture = question.answers.grab().toImage()
        width = picture.width() // 9
        cells = {
            bytes(picture.copy(n * width, 0, width, picture.height() - 40).constBits().asarray(1000 * width))
            for n in range(9)
        }
        assert len(cells) == 9, name


def test_the_first_frame_of_a_stage_is_reported_once(qtbot: QtBot, tmp_path: Path) -> None:
    window = ParticipantWindow(LIGHT, tmp_path, "en")
    qtbot.addWidget(window)
    window.show()
    frames = []
    window.presented.connect(lambda time, delay: frames.append((time, delay)))
    with qtbot.waitSignal(window.presented, timeout=WAIT):
        window.show_stage(Stage(StageKind.FIXATION, None, 2.0))
    window.update()
    qtbot.wait(50)
    assert len(frames) == 1
    assert 0 <= frames[0][1] < 20


def test_the_participant_goes_on_with_a_click_and_cannot_close_the_window_meanwhile(
    qtbot: QtBot, tmp_path: Path
) -> None:
    window = ParticipantWindow(DARK, tmp_path, "en")
    qtbot.addWidget(window)
    window.show()
    assert not window.close()
    window.show_stage(Stage(StageKind.INSTRUCTION))
    with qtbot.waitSignal(window.proceeded, timeout=20_000):  # a touch comes as a click
        qtbot.mouseClick(window.stage_view, Qt.MouseButton.LeftButton)
    window.show_end()
    assert window.close()


@pytest.fixture
def running(qtbot: QtBot, tmp_path: Path) -> Iterator[RunningStudy]:
    parent = QObject()
    study = open_study(
        str(write(tmp_path, TINY)),
        open_source("synthetic:?participant=4&speed=50"),
        StudyOptions(out=tmp_path / "S", source="synthetic:"),
    )
    opened = RunningStudy(study, DARK, dict, ReportWriter(parent))
    qtbot.addWidget(opened.view)
    qtbot.addWidget(opened.participant)
    opened.view.show()
    yield opened
    opened.shut_down()


def test_the_operator_pauses_and_the_trial_is_shown_again(qtbot: QtBot, running: RunningStudy) -> None:
    running.open_up()
    runner, view = running.study.runner, running.view
    qtbot.waitUntil(lambda: runner.stage.kind is StageKind.STIMULUS, timeout=WAIT)
    trial = runner.stage.trial
    qtbot.mouseClick(view.pause, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.pause.text() == "Resume", timeout=WAIT)
    assert view.stage.text() == "Waits: the operator"
    qtbot.mouseClick(view.pause, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: runner.stage.kind is StageKind.STIMULUS, timeout=WAIT)
    assert runner.stage.trial == trial


def test_ending_early_is_asked_twice_and_keeps_what_was_completed(qtbot: QtBot, running: RunningStudy) -> None:
    running.open_up()
    qtbot.waitUntil(lambda: len(running.study.runner.done) >= 1, timeout=WAIT)
    qtbot.mouseClick(running.view.end, Qt.MouseButton.LeftButton)
    assert not running.over
    with qtbot.waitSignal(running.conductor.ended, timeout=WAIT):
        qtbot.mouseClick(running.view.end, Qt.MouseButton.LeftButton)
    assert running.study.session.resume(running.study.protocol) == running.study.runner.done


MEDIA = (
    HEAD
    + """
[[blocks]]
kind = "trials"
order = "given"
fixation = 0
pause = 0
[[blocks.trials]]
name = "sound"
stimulus = { kind = "sound", file = "sound.wav" }
[[blocks.trials]]
name = "damaged"
stimulus = { kind = "sound", file = "damaged.wav" }
[[blocks.trials]]
name = "film"
stimulus = { kind = "video", file = "film.avi" }
"""
)


def test_sound_and_film_last_as_long_as_they_are_and_a_damaged_one_is_left_out(qtbot: QtBot, tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 2400))
    (tmp_path / "damaged.wav").write_bytes(b"damaged")
    (tmp_path / "film.avi").write_bytes(film(n_frames=6))
    options = StudyOptions(out=tmp_path / "S", source="synthetic:")
    source = open_source("synthetic:?participant=4&rate=128")
    protocol = str(write(tmp_path, MEDIA))
    if importlib.util.find_spec("PyQt6.QtMultimedia") is None:
        with pytest.raises(StudyError, match="cannot play sounds or films"):
            open_study(protocol, source, options, check=require_media)
        return
    parent = QObject()
    opened = RunningStudy(open_study(protocol, source, options, check=require_media), DARK, dict, ReportWriter(parent))
    for part in (opened.view, opened.participant):
        qtbot.addWidget(part)
    opened.view.show()
    opened.open_up()
    qtbot.waitUntil(lambda: opened.over, timeout=60_000)
    opened.shut_down()
    recorded = read_study((a.onset, a.text) for a in read_recording(opened.study.recorder.path).annotations)
    assert recorded is not None
    assert [(trial.condition, 0.1 < trial.span.seconds < 20) for trial in recorded.trials] == [
        ("sound", True),
        ("film", True),
    ]
    assert "damaged.wav cannot be played, and its trial was left out" in opened.view.message.text()


def film(*, n_frames: int) -> bytes:
    """Return an AVI of plain frames, 20 a second."""
    width, height = 32, 24
    frame = bytes([40, 90, 200]) * (width * height)

    def chunk(name: bytes, content: bytes) -> bytes:
        return name + struct.pack("<I", len(content)) + content

    header = struct.pack("<14I", 50_000, 0, 0, 0x10, n_frames, 0, 1, len(frame), width, height, 0, 0, 0, 0)
    times = (0, 0, 0, 0, 1, 20, 0, n_frames, len(frame), 0, 0)
    stream = b"vidsDIB " + struct.pack("<I2H8I4H", *times, 0, 0, width, height)
    pixels = struct.pack("<Iii2H6I", 40, width, height, 1, 24, 0, len(frame), 0, 0, 0, 0)
    streams = chunk(b"LIST", b"strl" + chunk(b"strh", stream) + chunk(b"strf", pixels))
    lists = chunk(b"LIST", b"hdrl" + chunk(b"avih", header) + streams)
    lists += chunk(b"LIST", b"movi" + chunk(b"00db", frame) * n_frames)
    return chunk(b"RIFF", b"AVI " + lists)


def test_a_picture_that_cannot_be_read_is_refused_before_the_study(tmp_path: Path) -> None:
    (tmp_path / "damaged.png").write_bytes(b"damaged")
    stimulus = '{ kind = "image", file = "damaged.png" }'
    protocol = write(tmp_path, TINY.replace('{ kind = "text", text = "A sad moment" }', stimulus))
    with pytest.raises(StudyError, match=r"A picture of the protocol cannot be read: found damaged\.png"):
        require_media(load_protocol(protocol), ())


def test_targets_to_learn_are_ratings_first_then_what_is_intended() -> None:
    assert targets_of(load_protocol("guided-recall").protocol) == ["valence", "arousal", "dominance"]
    assert targets_of(load_protocol("load").protocol) == ["effort", "mental_load"]
