"""A session belongs to a person: nothing of one participant is used for, or shown to, the next."""

from __future__ import annotations

from pathlib import Path

import pytest
import pyxdf
from PyQt6.QtCore import QSettings, Qt
from pytestqt.qtbot import QtBot

from bci_app.bundle import LoadedBundle
from bci_app.gui.main_window import MainWindow
from bci_app.presentation.participants import next_code
from bci_app.presentation.state import Step
from tests.gui.conftest import OpenWindow
from tests.gui.sessions import WAIT, begin, run_to
from tests.gui.sources import HeldSource, stream
from tests.gui.test_record import answer, events


@pytest.fixture
def source() -> HeldSource:
    return HeldSource(stream(40))


@pytest.fixture
def running(
    qtbot: QtBot, open_window: OpenWindow, settings: QSettings, tmp_path: Path, bundle: LoadedBundle, source: HeldSource
) -> MainWindow:
    """A session of P07 with a measured rest."""
    settings.setValue("recordings", str(tmp_path / "recordings"))
    window = open_window()
    begin(qtbot, window, source, bundle)
    field = window.area.session_panel.participant
    qtbot.keyClicks(field, "P07")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    source.allow(300)
    run_to(qtbot, window, Step.RUN)
    return window


def test_the_next_participant_is_one_action_and_starts_from_nothing(
    qtbot: QtBot, running: MainWindow, source: HeldSource, tmp_path: Path
) -> None:
    panel, controller = running.area.session_panel, running.controller
    running.toggle_recording()
    controller.mark("eyes closed")
    asked: list[str] = []
    answer("Go on recording", asked)
    running.run_action("next participant")
    assert controller.recorder.running
    answer("Stop recording", asked)
    panel.next.click()
    assert asked == ["The next participant stops it; what was recorded is kept."] * 2
    assert not controller.recorder.running
    assert panel.code == "P08"
    assert events(running) == []
    assert not controller.log.predictions
    assert not controller.log.markers
    source.allow(100)
    run_to(qtbot, running, Step.CONTACT)
    assert controller.engine is not None
    assert controller.engine.rest is None
    running.toggle_recording()
    running.toggle_recording()
    assert sorted(path.name[:3] for path in (tmp_path / "recordings").glob("*.xdf")) == ["P07", "P08"]
    qtbot.waitUntil(running.area.prediction.preparing.button.isEnabled, timeout=WAIT)
    running.run_action("baseline")
    source.allow()
    run_to(qtbot, running, Step.RUN)


def test_another_code_is_another_person_whose_rest_is_not_known(
    qtbot: QtBot, running: MainWindow, source: HeldSource
) -> None:
    field = running.area.session_panel.participant
    assert running.controller.engine is not None
    rest = running.controller.engine.rest
    assert rest is not None
    qtbot.keyClick(field, Qt.Key.Key_Return)  # the same code again
    assert running.controller.engine.rest is rest
    field.clear()
    qtbot.keyClicks(field, "P09")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert running.controller.engine.rest is None
    assert running.banner.summary.text() == "P09 follows P07."
    assert "Measure it again" in running.banner.advice.text()
    source.allow(50)
    run_to(qtbot, running, Step.CONTACT)


def logged(folder: Path) -> str:
    """What is in the session log of P07."""
    return "".join(path.read_text() for path in folder.glob("P07_*_log.jsonl"))


def test_what_is_marked_while_nothing_is_recorded_is_logged_and_goes_into_a_recording_that_follows(
    qtbot: QtBot, running: MainWindow, tmp_path: Path
) -> None:
    panel = running.area.session_panel
    assert not panel.unrecorded.isVisible()
    running.run_action("mark F1")
    assert panel.unrecorded.isVisible()
    panel.record.click()
    assert running.controller.recorder.running
    assert not panel.unrecorded.isVisible()
    running.run_action("mark F1")
    assert not panel.unrecorded.isVisible()
    running.toggle_recording()
    running.run_action("report")
    assert panel.unrecorded.isVisible()
    (recording,) = (tmp_path / "recordings").glob("P07_*.xdf")
    (markers,) = [found for found in pyxdf.load_xdf(str(recording))[0] if found["info"]["name"] == ["Markers"]]
    assert markers["time_series"] == [["F1"], ["F1"]]
    qtbot.waitUntil(lambda: logged(tmp_path / "recordings").count('"F1"') == 2, timeout=WAIT)


def test_a_notice_moves_nothing(qtbot: QtBot, running: MainWindow) -> None:
    parts = [running.header.record, running.header.mark, running.area.signals.span, running.area.session_panel.entry]

    def places() -> list[tuple[int, int, int]]:
        return [(part.mapTo(running, part.rect().topLeft()).x(), part.mapTo(running, part.rect().topLeft()).y(),
                 part.height()) for part in parts]  # fmt: skip

    before = places()
    (running.preferences.recordings).parent.mkdir(exist_ok=True)
    running.preferences.recordings.write_text("in the way")
    running.toggle_recording()
    assert running.banner.isVisible()
    qtbot.wait(50)
    assert places() == before
    assert running.banner.geometry().right() < running.header.record.x()


@pytest.mark.parametrize(
    ("code", "following"), [("P07", "P08"), ("P099", "P100"), ("9", "10"), ("s-01-2", "s-01-3"), ("Anna", ""), ("", "")]
)
def test_codes_count_on(code: str, following: str) -> None:
    assert next_code(code) == following
