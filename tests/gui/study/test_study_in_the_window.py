"""From the first page to a live session with your own model, without leaving the window."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from bci_app.bundle import LoadedBundle
from bci_app.gui.connect.page import ConnectPage
from bci_app.gui.main_window import MainWindow
from bci_app.gui.study.new_study import NewStudyDialog
from bci_app.presentation.choices import SourceChoice
from bci_app.recording import read_recording
from bci_app.study.trials import read_study
from tests.gui.conftest import WAIT
from tests.study.protocols import TINY, write

PARTICIPANT = SourceChoice("synthetic:?participant=3&effect=3&speed=max")


@pytest.fixture
def window(
    page: ConnectPage, models: dict[str, LoadedBundle], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> MainWindow:
    monkeypatch.setenv("BCI_APP_PROFILES", str(tmp_path / "profiles"))
    page.model.choose(str(models["sample"].folder))
    page.source.choose(PARTICIPANT)
    found = page.window()
    assert isinstance(found, MainWindow)
    return found


def begin(qtbot: QtBot, window: MainWindow, tmp_path: Path, protocol: str) -> None:
    """Fill in the dialog as a user does."""
    qtbot.waitUntil(window.connect_page.fit.study.isEnabled, timeout=WAIT)
    qtbot.mouseClick(window.connect_page.fit.study, Qt.MouseButton.LeftButton)
    (dialog,) = window.findChildren(NewStudyDialog)
    assert dialog.participant.text() == "sim3"
    dialog.add_protocol(str(write(tmp_path, protocol)))
    dialog.language.setCurrentText("Deutsch")
    dialog.folder.setText(str(tmp_path / "S"))
    assert "session 01" in dialog.note.text()
    qtbot.mouseClick(dialog.begin, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.studies.study is not None, timeout=WAIT)


def test_a_study_is_recorded_learnt_and_used_live(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    begin(qtbot, window, tmp_path, TINY.replace("repetitions = 3", "repetitions = 6").replace("valence", "arousal"))
    running = window.studies.study
    assert running is not None
    assert running.study.language == "de"
    assert window.pages.currentWidget() is running.view
    qtbot.waitUntil(lambda: running.over, timeout=60_000)
    recorded = read_study((a.onset, a.text) for a in read_recording(running.study.recorder.path).annotations)
    assert recorded is not None
    assert [trial.number for trial in recorded.trials] == list(range(1, 13))
    assert all(trial.ratings for trial in recorded.trials)
    assert running.view.stage.text() == "Finished"
    qtbot.waitUntil(running.view.report.isVisible, timeout=WAIT)
    page = window.studies.reports.page
    assert page is not None
    assert "12 trials" in page.read_text().replace("</b>", " ")
    verdict = running.verdict
    assert verdict.bundle.currentText() == "Sample model"
    qtbot.mouseClick(verdict.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(verdict.use.isVisible, timeout=60_000)
    assert verdict.sentence.text().startswith("Your own model recognises your arousal")
    qtbot.waitUntil(lambda: verdict.sentence.text()[:40] in page.read_text(), timeout=WAIT)
    window.connect_page.fit.check.setChecked(False)
    with qtbot.waitSignal(window.controller.session_changed, timeout=WAIT):
        qtbot.mouseClick(verdict.use, Qt.MouseButton.LeftButton)
    assert window.studies.study is None
    assert window.pages.currentWidget() is window.area
    assert window.status.profile.text() == "profile sim3 arousal"
    assert window.area.session_panel.participant.text() == "sim3"
    qtbot.waitUntil(lambda: any(p.valid for p in window.controller.log.predictions), timeout=WAIT)
    (own,) = [target for target in window.controller.log.predictions[-1].targets if target.name == "arousal"]
    assert own.classes == ("low", "high")


def test_a_study_keeps_the_window_until_it_is_ended_and_goes_on_later(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(qtbot, window, tmp_path, TINY)
    running = window.studies.study
    assert running is not None
    qtbot.waitUntil(lambda: len(running.study.runner.done) >= 1, timeout=30_000)
    asked: list[str] = []
    monkeypatch.setattr(window, "may_end", lambda what: asked.append(what))
    window.run_action("connect")
    assert window.pages.currentWidget() is running.view
    assert not window.close()
    assert asked == ["Quitting"]
    monkeypatch.undo()
    window.studies.leave()
    assert window.pages.currentWidget() is window.connect_page
    assert running.study.session.resume(running.study.protocol) == running.study.runner.done
