"""A session through real widgets and the real engine."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from PyQt6.QtCore import QEvent, QPointF, QSettings, Qt
from PyQt6.QtGui import QHelpEvent
from PyQt6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from bci_app.bundle import LoadedBundle, load_bundle
from bci_app.bundle.spec import Smoothing, Target
from bci_app.errors import SourceError
from bci_app.events import Contact, ContactLevel
from bci_app.gui.app import run_window
from bci_app.gui.main_window import MainWindow
from bci_app.gui.theme import DARK
from bci_app.gui.views.contact import ContactPanel
from bci_app.presentation.opening import Ready
from bci_app.presentation.state import Level, Step
from bci_app.stream import StreamInfo
from tests.bundles import write_bundle
from tests.gui.conftest import Clock, OpenWindow
from tests.gui.seen import figures, levels, notes, written
from tests.gui.sessions import WAIT, begin, run_to
from tests.gui.sources import INFO, LOST, RATE, HeldSource, sine, stream


def test_an_empty_window_says_what_will_be_there_and_what_to_do(window: MainWindow) -> None:
    assert window.area.signals.stack.currentWidget() is window.area.signals.empty
    assert "signals" in window.area.signals.empty.summary.text()
    assert "Choose a source" in window.area.prediction.empty.advice.text()
    assert window.header.source.text() == "Choose a source"
    assert not window.banner.isVisible()


def test_session_goes_from_baseline_to_predictions(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle) -> None:
    source = HeldSource(stream(14))
    begin(qtbot, window, source, bundle)
    assert "not for use on people" in window.windowTitle()
    assert window.area.prediction.caution.isVisible()
    source.allow(60)
    run_to(qtbot, window, Step.BASELINE)
    preparing = window.area.prediction.preparing
    assert preparing.isVisible()
    assert preparing.title.text() == "Rest baseline"
    assert preparing.value.text().endswith("s left")
    source.allow()
    run_to(qtbot, window, Step.RUN)
    running = window.area.prediction.running
    assert running is not None
    qtbot.waitUntil(lambda: running.rows[0].gauge.accessibleDescription().startswith(("low", "high")), timeout=WAIT)
    assert [row.gauge.target.title for row in running.rows] == ["mental load", "valence"]
    assert [stretch.reason for stretch in running.rows[0].timeline.hatching.stretches] == [
        "warming up",
        "rest baseline",
    ]
    assert window.status.rate.value.text() == "250.0 / 250 Hz"
    assert window.status.loss.value.text() == "0.0 %"


def test_contact_comes_before_baseline_and_the_button_starts_it(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle
) -> None:
    pieces = stream(20)
    flat = [piece.data for piece in pieces[:60]]
    for data in flat:
        data[:, 2] = 7.0  # C3 is not connected for 3 s
    source = HeldSource(pieces)
    begin(qtbot, window, source, bundle, wait=True)
    source.allow(60)
    run_to(qtbot, window, Step.CONTACT)
    preparing = window.area.prediction.preparing
    qtbot.waitUntil(lambda: preparing.value.text() == "5 of 6 usable", timeout=WAIT)
    assert not preparing.button.isEnabled()
    assert "Fix C3 first" in preparing.advice.text()
    assert "C3: flat" in written(window.area.contact)
    source.allow(100)
    qtbot.waitUntil(preparing.button.isEnabled, timeout=WAIT)
    qtbot.mouseClick(preparing.button, Qt.MouseButton.LeftButton)
    source.allow()
    run_to(qtbot, window, Step.RUN)


def test_invalid_predictions_are_no_numbers_and_say_why(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle) -> None:
    pieces = stream(12)
    for piece in pieces[-40:]:
        piece.data[:, 3] = 0.0
    source = HeldSource(pieces)
    begin(qtbot, window, source, bundle)
    source.allow()
    run_to(qtbot, window, Step.RUN)
    running = window.area.prediction.running
    assert running is not None
    qtbot.waitUntil(lambda: running.rows[0].gauge.reason == "bad contact", timeout=WAIT)
    assert running.rows[0].gauge.accessibleDescription() == "no value: bad contact"
    assert "C4: flat" in written(window.area.contact)
    assert running.rows[0].timeline.hatching.stretches[-1].reason == "bad contact"
    assert levels(window.area.contact.head)["C4"] is ContactLevel.BAD


def test_hovering_over_a_hatched_stretch_tells_the_reason(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle
) -> None:
    pieces = stream(12)
    for piece in pieces[-40:]:
        piece.data[:, 3] = 0.0
    source = HeldSource(pieces)
    begin(qtbot, window, source, bundle)
    source.allow()
    run_to(qtbot, window, Step.RUN)
    running = window.area.prediction.running
    assert running is not None
    qtbot.waitUntil(lambda: running.rows[0].gauge.reason == "bad contact", timeout=WAIT)
    timeline = running.rows[0].timeline

    def reason_at(seconds: float) -> str:
        scene = timeline.getViewBox().mapViewToScene(QPointF(seconds, 0.5))
        place = timeline.mapFromScene(scene)
        QToolTip.hideText()
        event = QHelpEvent(QEvent.Type.ToolTip, place, timeline.viewport().mapToGlobal(place))
        QApplication.sendEvent(timeline.viewport(), event)
        return QToolTip.text()

    stretch = timeline.hatching.stretches[-1]
    assert reason_at((stretch.start + stretch.stop) / 2) == "no value: bad contact"


def test_an_electrode_that_has_just_recovered_is_named(qtbot: QtBot) -> None:
    panel = ContactPanel(DARK)
    qtbot.addWidget(panel)
    panel.show_session(SimpleNamespace(window_seconds=4.0))  # type: ignore[arg-type]
    good = Contact("C3", ContactLevel.GOOD)
    panel.show_contacts((good, Contact("C4", ContactLevel.BAD, "flat")), now=10.0)
    assert "C4: flat" in written(panel)
    panel.show_contacts((good, Contact("C4", ContactLevel.GOOD)), now=12.0)
    assert "C4: settling, bad a moment ago" in written(panel)
    panel.show_contacts((good, Contact("C4", ContactLevel.GOOD)), now=14.5)
    assert "Every electrode sits well." in written(panel)


def test_a_stream_at_another_rate_is_told_and_can_be_dismissed(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle
) -> None:
    pieces = [replace(piece, times=piece.times * 1.05) for piece in stream(20)]
    source = HeldSource(pieces)
    begin(qtbot, window, source, bundle)
    source.allow()
    qtbot.waitUntil(window.banner.isVisible, timeout=WAIT)
    assert "not at the 250 Hz that it states" in window.banner.advice.text()
    window.banner.action_asked.emit("Dismiss")
    assert not window.banner.isVisible()
    with qtbot.waitSignals([window.controller.status_changed] * 2, timeout=WAIT):
        pass
    assert not window.banner.isVisible()


def test_late_packets_are_not_drawn_as_silence_and_silence_is(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle, clock: Clock
) -> None:
    source = HeldSource(stream(14))
    begin(qtbot, window, source, bundle)
    source.allow()
    run_to(qtbot, window, Step.RUN)
    running = window.area.prediction.running
    assert running is not None
    qtbot.waitUntil(
        lambda: window.controller.feed.traces is not None and window.controller.feed.traces.end == 14 * RATE
    )
    qtbot.waitUntil(lambda: running.rows[0].gauge.accessibleDescription().startswith(("low", "high")), timeout=WAIT)

    def reasons() -> list[str]:
        return [stretch.reason for stretch in running.rows[0].timeline.hatching.stretches]

    said = reasons()
    clock.now += 1.5
    qtbot.waitUntil(window.banner.isVisible, timeout=WAIT)
    assert window.banner.summary.text() == "No samples are arriving."
    with qtbot.waitSignal(window.controller.status_changed, timeout=WAIT):
        pass
    assert reasons() == said
    assert running.rows[0].gauge.reason == ""
    clock.now += 1.5
    qtbot.waitUntil(lambda: reasons() == [*said, "no signal"], timeout=WAIT)
    assert running.rows[0].gauge.reason == "no signal"


def nothing_measured(window: MainWindow) -> bool:
    """Return whether neither spectrum nor map shows anything."""
    map_shown = any(" power: " in text for text in written(window.area.contact))
    return set(figures(window.area.spectrum)) == {"–"} and not map_shown


def test_a_lost_stream_is_told_and_its_return_too(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle) -> None:
    source = HeldSource(stream(30))
    begin(qtbot, window, source, bundle)
    window.area.contact.choose_map(3)
    source.allow(200)
    run_to(qtbot, window, Step.RUN)
    source.fail(LOST)
    qtbot.waitUntil(window.banner.isVisible, timeout=WAIT)
    assert window.banner.summary.text() == "The stream is lost."
    assert "the session goes on when it returns" in window.banner.advice.text()
    running = window.area.prediction.running
    assert running is not None
    qtbot.waitUntil(lambda: running.rows[0].gauge.reason == "stream lost", timeout=WAIT)
    assert window.header.steps.current is Step.RUN
    assert set(levels(window.area.contact.head).values()) == {ContactLevel.UNKNOWN}
    assert "Not judged: there is no signal yet, or no longer." in written(window.area.contact)
    assert window.status.rate.value.text() == "– / 250 Hz"
    assert window.status.compute.value.text() == "–"
    assert nothing_measured(window)
    assert "stream lost" in notes(window.area.spectrum.plot)
    window.area.signals.toggle_selected(0)
    assert "stream lost" in notes(window.area.spectrum.plot)
    assert "no map: stream lost" in written(window.area.contact)
    source.fail(None)
    source.allow()
    qtbot.waitUntil(lambda: not window.banner.isVisible(), timeout=WAIT)
    qtbot.waitUntil(lambda: running.rows[0].gauge.reason == "", timeout=WAIT)
    qtbot.waitUntil(lambda: not nothing_measured(window), timeout=WAIT)
    assert "stream lost" not in notes(window.area.spectrum.plot)


def test_a_silent_stream_leaves_no_number_standing(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle, clock: Clock
) -> None:
    source = HeldSource(stream(30))
    begin(qtbot, window, source, bundle)
    window.area.contact.choose_map(3)
    source.allow(300)
    run_to(qtbot, window, Step.RUN)
    qtbot.waitUntil(lambda: not nothing_measured(window), timeout=WAIT)
    feed = window.controller.feed
    # A sample that comes after the clock has jumped would end the silence.
    qtbot.waitUntil(lambda: feed.traces is not None and feed.traces.end == 300 * 12, timeout=WAIT)
    clock.now += 2.5
    qtbot.waitUntil(lambda: window.status.phase.text() == "no signal", timeout=WAIT)
    assert nothing_measured(window)
    with qtbot.waitSignals([window.controller.status_changed] * 2, timeout=WAIT):
        pass
    assert nothing_measured(window)
    assert window.status.rate.value.text() == "– / 250 Hz"
    assert "Not judged: there is no signal yet, or no longer." in written(window.area.contact)


def test_a_source_that_cannot_be_opened_is_told_with_what_to_do(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle
) -> None:
    error = SourceError("No stream named Cyton", found="no LSL stream", expected="Cyton", fix="Start the stream.")
    with qtbot.waitSignal(window.controller.failed, timeout=WAIT):
        window.controller.prepare(lambda: Ready(HeldSource([], start_error=error), bundle))
    assert window.banner.summary.text() == "No stream named Cyton."
    assert window.banner.advice.text() == "Found no LSL stream. Expected Cyton. Start the stream."
    assert window.controller.session is None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_while_opening_is_told_with_its_cause_and_leads_back_to_the_choice(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle
) -> None:
    class Faulty(HeldSource):
        def start(self) -> StreamInfo:
            raise RuntimeError("driver crashed")

    with qtbot.waitSignal(window.controller.failed, timeout=WAIT):
        window.controller.prepare(lambda: Ready(Faulty([]), bundle), source_text="lsl:boom")
    assert window.banner.summary.text() == "The session could not be opened by a fault of the program."
    assert window.banner.advice.text().startswith("Found RuntimeError: driver crashed.")
    assert window.header.source.text() == "Choose a source"
    assert window.pages.currentWidget() is window.connect_page


def test_a_stream_that_fails_for_good_is_told(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle) -> None:
    source = HeldSource(stream(5))
    begin(qtbot, window, source, bundle)
    source.allow(20)
    source.fail(SourceError("The stream came back with another layout", fix="Connect again."))
    qtbot.waitUntil(window.banner.isVisible, timeout=WAIT)
    assert window.banner.summary.text() == "The stream came back with another layout."
    assert window.banner.notice is not None
    assert window.banner.notice.level is Level.ERROR


def test_the_end_of_a_recording_is_no_alarm(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle) -> None:
    source = HeldSource(stream(6))
    begin(qtbot, window, source, bundle)
    source.end()
    source.allow()
    qtbot.waitUntil(window.banner.isVisible, timeout=WAIT)
    assert window.banner.summary.text() == "The playback has ended."
    assert window.status.phase.text() == "playback ended"


def test_closing_ends_every_thread_and_the_source(qtbot: QtBot, open_window: OpenWindow, bundle: LoadedBundle) -> None:
    before = set(threading.enumerate())
    window = open_window()
    source = HeldSource(stream(10))
    begin(qtbot, window, source, bundle)
    source.allow(20)
    qtbot.waitUntil(lambda: window.controller.log.predictions.__len__() > 0, timeout=WAIT)
    window.close()
    assert source.stopped
    assert set(threading.enumerate()) <= before


def test_while_a_source_is_being_opened_the_empty_panels_ask_for_none(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle
) -> None:
    answered = threading.Event()

    class Slow(HeldSource):
        def start(self) -> StreamInfo:
            answered.wait(WAIT / 1000)
            return super().start()

    empty = [window.area.signals.empty.advice, window.area.prediction.empty.advice]
    window.controller.prepare(lambda: Ready(Slow([]), bundle))
    assert {advice.text() for advice in empty} == {"The source is being opened."}
    with qtbot.waitSignal(window.controller.session_changed, timeout=WAIT):
        answered.set()
    assert all(advice.text().startswith("Choose a source") for advice in empty)


def test_another_source_replaces_the_one_that_is_open(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle) -> None:
    first, second = HeldSource(stream(10)), HeldSource(sine(10, 10.0))
    begin(qtbot, window, first, bundle)
    first.allow(20)
    with qtbot.waitSignals([window.controller.session_changed] * 2, timeout=WAIT):
        window.controller.prepare(lambda: Ready(second, bundle))
    assert first.stopped
    second.allow()
    with qtbot.waitSignal(
        window.controller.spectrum_changed, timeout=WAIT, check_params_cb=lambda curves: curves is not None
    ) as blocker:
        pass
    curves = blocker.args[0]
    assert curves.frequencies[curves.mean.argmax()] == 10


def test_a_minimised_window_draws_nothing_and_predicts_on(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle
) -> None:
    source = HeldSource(stream(20))
    begin(qtbot, window, source, bundle)
    source.allow(20)
    traces = window.controller.feed.traces
    assert traces is not None
    qtbot.waitUntil(lambda: traces.end > 0, timeout=WAIT)
    window.hide()
    drawn = traces.end
    source.allow()
    qtbot.waitUntil(lambda: any(p.valid for p in window.controller.log.predictions), timeout=WAIT)
    assert traces.end == drawn
    window.show()
    qtbot.waitUntil(lambda: traces.end == 20 * RATE, timeout=WAIT)


def test_nothing_is_drawn_beneath_the_choice_of_a_source_but_for_panels_that_float(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle
) -> None:
    source = HeldSource(stream(20))
    begin(qtbot, window, source, bundle)
    source.allow(20)
    traces = window.controller.feed.traces
    assert traces is not None
    qtbot.waitUntil(lambda: traces.end > 0, timeout=WAIT)
    window.show_connect()
    drawn = traces.end
    source.allow(200)
    qtbot.waitUntil(lambda: any(p.valid for p in window.controller.log.predictions), timeout=WAIT)
    assert traces.end == drawn
    window.show_area()
    qtbot.waitUntil(lambda: traces.end > drawn, timeout=WAIT)
    window.area.docks["Spectrum"].setFloating(True)
    window.show_connect()
    drawn = traces.end
    source.allow()
    qtbot.waitUntil(lambda: traces.end == 20 * RATE, timeout=WAIT)


def test_theme_is_remembered(qtbot: QtBot, open_window: OpenWindow, settings: QSettings) -> None:
    window = open_window()
    assert window.theme.name == "dark"
    qtbot.mouseClick(window.header.theme, Qt.MouseButton.LeftButton)
    assert window.theme.name == "light"
    window.close()
    assert open_window().theme.name == "light"


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_both_themes_paint_every_state(
    qtbot: QtBot, open_window: OpenWindow, settings: QSettings, bundle: LoadedBundle, theme: str
) -> None:
    settings.setValue("theme", theme)
    window = open_window()
    assert not window.grab().isNull()
    source = HeldSource(stream(12))
    begin(qtbot, window, source, bundle)
    source.allow()
    run_to(qtbot, window, Step.RUN)
    image = window.grab().toImage()
    corner = image.pixelColor(image.width() - 3, 3).name()
    assert corner == window.theme.background


def test_run_window_opens_what_it_is_given_and_returns(qtbot: QtBot, settings: QSettings, bundle: LoadedBundle) -> None:
    source = HeldSource(stream(8))
    source.allow()
    seen: list[str] = []

    def ready(window: MainWindow) -> None:
        def closing(_predictions: object) -> None:
            seen.append(window.windowTitle())
            window.close()

        window.controller.predictions_added.connect(closing)

    code = run_window(ready=lambda: Ready(source, bundle), on_ready=ready, settings=settings)
    assert code == 0
    assert seen[0].startswith("Linear test model · not for use on people")
    assert source.stopped


def test_info_of_the_source_is_on_the_status_line(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle) -> None:
    begin(qtbot, window, HeldSource([]), bundle)
    assert window.status.source.text() == f"{INFO.name} on lab-pc · 7 channels"


def test_valence_and_arousal_are_a_plane_with_dominance_beside_it(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    targets = tuple(Target(name=name, classes=("low", "high")) for name in ("valence", "arousal", "dominance"))
    bundle = load_bundle(write_bundle(tmp_path / "emotion", targets=targets, smoothing=Smoothing(windows=4)))
    pieces = stream(14)
    source = HeldSource(pieces)
    begin(qtbot, window, source, bundle)
    source.allow(len(pieces) - 80)
    run_to(qtbot, window, Step.RUN)
    running = window.area.prediction.running
    assert running is not None
    plane = running.plane
    assert plane is not None
    assert [row.gauge.target.name for row in running.rows] == ["valence", "arousal", "dominance"]
    qtbot.waitUntil(lambda: plane.place is not None and len(plane.place.trail) > 1, timeout=WAIT)
    assert plane.place is not None
    assert plane.place.spread.max() > 0
    # A square beside its words, whatever the room.
    assert plane.frame.width() == plane.frame.height()
    for piece in pieces[-80:]:
        piece.data[:, 3] = 0.0
    source.allow()
    qtbot.waitUntil(lambda: running.rows[0].gauge.reason == "bad contact", timeout=WAIT)
    assert plane.place is None
