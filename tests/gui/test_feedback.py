"""The participant's window: large and calm, undecided where the model is, and empty while they rate."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from bci_app.bundle import load_bundle
from bci_app.bundle.spec import Target
from bci_app.events import Prediction, TargetPrediction
from bci_app.gui.main_window import MainWindow
from bci_app.gui.theme import DARK
from bci_app.gui.views.feedback import UNKNOWN, CalmGauge, CalmPlane, FeedbackWindow
from bci_app.presentation.answers import Answers
from bci_app.presentation.state import Step
from tests.bundles import write_bundle
from tests.gui.sessions import WAIT, begin, run_to
from tests.gui.sources import HeldSource, stream

VAD = tuple(Target(name=name, classes=("low", "high")) for name in ("valence", "arousal", "dominance"))


@pytest.fixture
def feedback(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> FeedbackWindow:
    """The window beside a running session of a model with a plane."""
    source = HeldSource(stream(14))
    begin(qtbot, window, source, load_bundle(write_bundle(tmp_path / "emotion", targets=VAD)))
    window.run_action("feedback")
    (found,) = window.findChildren(FeedbackWindow)
    assert found.view is None  # there is no answer yet
    source.allow()
    run_to(qtbot, window, Step.RUN)
    qtbot.waitUntil(lambda: found.view is not None, timeout=WAIT)
    return found


def test_it_shows_the_plane_or_one_gauge_and_closes(qtbot: QtBot, window: MainWindow, feedback: FeedbackWindow) -> None:
    plane = feedback.view
    assert isinstance(plane, CalmPlane)
    qtbot.waitUntil(lambda: plane.place is not None, timeout=WAIT)
    qtbot.keyClick(feedback, Qt.Key.Key_Right)
    gauge = feedback.view
    assert isinstance(gauge, CalmGauge)
    assert gauge.targets == ("valence",)
    qtbot.waitUntil(lambda: gauge.word in ("low", "high", UNKNOWN), timeout=WAIT)
    qtbot.keyClick(feedback, Qt.Key.Key_Left)
    assert feedback.view is plane
    window.run_action("feedback")
    assert window.findChildren(FeedbackWindow) == [feedback]
    qtbot.keyClick(feedback, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.findChildren(FeedbackWindow), timeout=WAIT)


def test_no_prediction_is_seen_by_a_participant_who_rates(
    qtbot: QtBot, window: MainWindow, feedback: FeedbackWindow
) -> None:
    window.run_action("report")
    assert feedback.view is None
    with qtbot.waitSignal(window.controller.status_changed, timeout=WAIT):
        pass
    assert feedback.view is None
    plane = window.area.prediction.running
    assert plane is not None
    assert plane.plane is not None
    assert plane.plane.isVisible()  # the operator still sees it
    qtbot.keyClick(window.area.session_panel.report, Qt.Key.Key_Escape)
    assert isinstance(feedback.view, CalmPlane)


def test_at_1366_by_768_plane_and_timelines_stay_where_nothing_is_recorded_and_come_back_after_a_self_report(
    qtbot: QtBot, window: MainWindow, feedback: FeedbackWindow
) -> None:
    shown = window.area.prediction.running
    assert shown is not None
    assert shown.plane is not None
    plane = shown.plane
    panel = window.area.session_panel
    window.resize(1366, 768)

    def whole() -> bool:
        return plane.frame.width() >= 300 and all(row.isVisible() for row in shown.rows)

    qtbot.waitUntil(whole, timeout=WAIT)
    place = panel.next.mapTo(window, panel.next.rect().topLeft())
    panel.show_marker_streams(("PsychoPy",), ())
    window.controller.mark("not recorded")
    assert panel.unrecorded.isVisible()
    qtbot.wait(50)
    assert whole()
    assert panel.next.mapTo(window, panel.next.rect().topLeft()) == place
    window.run_action("report")
    qtbot.waitUntil(lambda: plane.frame.width() >= 300 and not whole(), timeout=WAIT)
    qtbot.keyClick(window.area.session_panel.report, Qt.Key.Key_Escape)
    qtbot.waitUntil(whole, timeout=WAIT)


def test_not_knowing_is_a_word_and_writing_grows_with_the_window(qtbot: QtBot) -> None:
    gauge = CalmGauge(VAD[0], 0, DARK)
    plane = CalmPlane(VAD[0], VAD[1], DARK)
    for view in (gauge, plane):
        qtbot.addWidget(view)
        view.resize(1200, 1000)
    answers = tuple(TargetPrediction(t.name, t.classes, (0.48, 0.52), (0.48, 0.52), possible=t.classes) for t in VAD)
    prediction = Prediction(100, 1.0, True, (), 1.0, 0.0, 0.0, answers)
    answers = Answers((prediction,), 1.0, span=10.0, hop=1.0, windows=4, reason="", silent="no signal")
    for view in (gauge, plane):
        view.show_answers(answers)
        assert not view.grab().isNull()
    assert gauge.word == UNKNOWN
    assert plane.place is not None
    assert plane.place.undecided == (True, True)
    assert plane.zoom > 2
    assert plane.frame.width() * plane.zoom > 850
