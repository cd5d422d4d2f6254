"""The signals view: what is drawn, its scales, channels and filter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, QPointF, QRect, Qt
from PyQt6.QtGui import QImage, QPainter, QWheelEvent
from PyQt6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from bci_app.bundle import LoadedBundle
from bci_app.engine.spectrum import Spectrum
from bci_app.events import ContactLevel
from bci_app.gui.main_window import MainWindow
from bci_app.gui.theme import DARK, font
from bci_app.gui.views.signal_marks import paint_markers
from bci_app.gui.views.spectrum import SpectrumPanel
from bci_app.presentation.choices import of_player
from bci_app.presentation.player import Player
from bci_app.presentation.spectra import Spectra
from bci_app.presentation.state import Mark
from bci_app.presentation.traces import FILTERS
from bci_app.sources.file_kind import FileText
from tests.gui.conftest import Clock
from tests.gui.seen import figures, levels
from tests.gui.sessions import WAIT, begin
from tests.gui.sources import RATE, HeldSource, stream


def test_a_gap_is_drawn_as_a_gap_and_counted(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle) -> None:
    source = HeldSource([*stream(8), *stream(4, start=2500, lost=500)])
    begin(qtbot, window, source, bundle)
    source.allow()
    qtbot.waitUntil(lambda: window.status.loss.value.text() == "14.3 %", timeout=WAIT)
    traces = window.controller.feed.traces
    assert traces is not None
    qtbot.waitUntil(lambda: traces.end == 3500, timeout=WAIT)
    assert np.isnan(traces.rows(2000, 2500)).all()
    assert [(gap.sample, gap.lost) for gap in window.controller.log.gaps] == [(2500, 500)]


def test_a_short_gap_is_told_on_hover(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle) -> None:
    source = HeldSource([*stream(8), *stream(4, start=2025, lost=25)])
    begin(qtbot, window, source, bundle)
    source.allow()
    traces = window.controller.feed.traces
    assert traces is not None
    qtbot.waitUntil(lambda: traces.end == 3025 and len(window.controller.log.gaps) == 1, timeout=WAIT)
    canvas = window.area.signals.canvas
    area = canvas.trace_area()
    x = round(area.right() - (3025 - 2012) / RATE * area.width() / 10)
    qtbot.mouseMove(canvas, QPoint(x, area.center().y()))
    qtbot.waitUntil(lambda: canvas.toolTip() == "gap 0.1 s", timeout=WAIT)
    qtbot.mouseMove(canvas, QPoint(x + 40, area.center().y()))
    qtbot.waitUntil(lambda: canvas.toolTip() == "", timeout=WAIT)


def test_what_does_not_come_is_hatched_and_the_traces_scroll_on(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle, clock: Clock
) -> None:
    source = HeldSource(stream(14))
    begin(qtbot, window, source, bundle)
    source.allow()
    traces = window.controller.feed.traces
    assert traces is not None
    qtbot.waitUntil(lambda: traces.end == 14 * RATE, timeout=WAIT)
    canvas = window.area.signals.canvas
    area = canvas.trace_area()
    newest = canvas.x_of(traces.end)
    clock.now += 1.5  # late packets
    with qtbot.waitSignals([window.controller.status_changed] * 2, timeout=WAIT):
        pass
    assert canvas.x_of(traces.end) == newest
    clock.now += 3.5
    qtbot.waitUntil(lambda: [text for _, text in canvas.hatched()] == ["no signal 5 s"], timeout=WAIT)
    assert abs(newest - canvas.x_of(traces.end) - area.width() / 2) < 2
    source.add(stream(1, start=round(14 * RATE)))
    source.allow()
    qtbot.waitUntil(lambda: not list(canvas.hatched()), timeout=WAIT)


def test_a_recording_that_waits_stands_still(
    qtbot: QtBot, window: MainWindow, clock: Clock, sample_recordings: tuple[Path, Path]
) -> None:
    player = Player.of_files(FileText((sample_recordings[1],)))
    with qtbot.waitSignal(window.controller.session_changed, timeout=WAIT):
        window.controller.prepare(lambda: of_player(player, None), source_text="file:sample")
    traces = window.controller.feed.traces
    assert traces is not None
    qtbot.waitUntil(lambda: traces.end > 500, timeout=WAIT)
    player.pause()
    qtbot.waitUntil(lambda: window.status.phase.text() == "paused", timeout=WAIT)
    clock.now += 5.0
    with qtbot.waitSignals([window.controller.status_changed] * 2, timeout=WAIT):
        pass
    canvas = window.area.signals.canvas
    assert not list(canvas.hatched())


def turn(canvas: QWidget, eighths: int, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Turn the wheel over a widget, in eighths of a degree."""
    place, button, phase = QPointF(200, 100), Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(place, canvas.mapToGlobal(place), QPoint(), QPoint(0, eighths), button, modifier, phase, False)
    QApplication.sendEvent(canvas, event)


def test_scales_follow_the_wheel_and_their_menus(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle) -> None:
    source = HeldSource(stream(10))
    begin(qtbot, window, source, bundle)
    source.allow()
    # 20 µV of noise: five times that in a row.
    traces = window.controller.feed.traces
    assert traces is not None
    qtbot.waitUntil(lambda: traces.end == 10 * RATE, timeout=WAIT)
    signals = window.area.signals
    assert signals.amplitude.text() == "100 µV a row"
    signals.set_amplitude(4)
    turn(signals.canvas, 120)
    assert signals.amplitude.text() == "50 µV a row"
    turn(signals.canvas, -120, Qt.KeyboardModifier.ControlModifier)
    assert signals.span.text() == "15 s"
    for choice, text in ((signals.amplitude, "200 µV a row"), (signals.span, "30 s")):
        menu = choice.menu()
        assert menu is not None
        menu.popup(QPoint(0, 0))
        action = next(action for action in menu.actions() if action.text() == text)
        qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())
        assert choice.text() == text


def test_channels_are_ticked_one_after_the_other_without_the_menu_closing(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle
) -> None:
    begin(qtbot, window, HeldSource(stream(4)), bundle)
    signals = window.area.signals
    assert signals.channels.text() == "6 of 7 channels"
    menu = signals.channels.menu()
    assert menu is not None
    menu.popup(QPoint(0, 0))
    for action in menu.actions()[:2]:
        qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())
        assert menu.isVisible()
    assert signals.channels.text() == "4 of 7 channels"
    names = {action.text(): action for action in menu.actions()}
    names["none"].trigger()
    assert signals.channels.text() == "0 of 7 channels"
    assert not window.grab().isNull()
    names["all"].trigger()
    assert signals.channels.text() == "7 channels"
    menu.close()


def test_choosing_a_channel_changes_the_spectrum(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle) -> None:
    source = HeldSource(stream(10))
    begin(qtbot, window, source, bundle)
    source.allow(100)
    head = window.area.contact.head
    qtbot.waitUntil(lambda: len(levels(head)) == 6, timeout=WAIT)
    assert window.area.spectrum.of.text() == "mean of 6 channels"
    canvas = window.area.signals.canvas
    area = canvas.trace_area()
    row = area.height() / 6
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(30, round(area.top() + 2.5 * row)))
    assert window.area.spectrum.of.text() == "C3"
    place = next(place for contact, place in head.places() if contact.channel == "O1")
    qtbot.mouseClick(head, Qt.MouseButton.LeftButton, pos=place.toPoint())
    assert window.area.spectrum.of.text() == "C3, O1"


def test_a_spectrum_that_the_picked_channels_lack_leaves_no_older_one_standing(qtbot: QtBot) -> None:
    panel = SpectrumPanel(DARK)
    qtbot.addWidget(panel)
    spectra = Spectra(panel.show_spectrum, lambda _map: None)
    spectra.pick((0,))
    frequencies = np.arange(0, 50, 0.5)
    spectra.take(Spectrum(frequencies, np.ones((2, 100))))
    assert figures(panel)[0] == "3.0"
    spectra.take(Spectrum(frequencies, np.stack([np.full(100, np.nan), np.ones(100)])))
    assert set(figures(panel)) == {"–"}
    assert not any(item.xData is not None and len(item.xData) for item in panel.plot.getPlotItem().listDataItems())


def test_display_filter_is_for_the_eye_only(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle) -> None:
    source = HeldSource(stream(10))
    begin(qtbot, window, source, bundle)
    source.allow()
    traces = window.controller.feed.traces
    assert traces is not None
    qtbot.waitUntil(lambda: traces.end == 10 * RATE, timeout=WAIT)
    before = traces.rows(0, 2500)
    said = list(window.controller.log.predictions)
    window.area.signals.filter_asked.emit(FILTERS[4])
    assert window.area.signals.filter.text() == "unfiltered, offset removed"
    assert not np.allclose(traces.rows(1000, 2500), before[1000:])
    assert [p.targets for p in window.controller.log.predictions][: len(said)] == [p.targets for p in said]


def test_small_turns_of_a_touch_pad_add_up_to_one_step(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle) -> None:
    begin(qtbot, window, HeldSource([]), bundle)
    canvas, asked = window.area.signals.canvas, []
    canvas.amplitude_asked.connect(asked.append)
    for _ in range(10):
        turn(canvas, 24)
    assert asked == [-1, -1]


def picture(window: MainWindow) -> np.ndarray:
    """Return the traces as they are on the screen: blue, green and red, (n_rows, n_columns, 4)."""
    canvas = window.area.signals.canvas
    image = canvas.grab(canvas.trace_area()).toImage().convertToFormat(QImage.Format.Format_RGB32)
    data = image.constBits()
    assert data is not None
    return np.frombuffer(data.asarray(image.sizeInBytes()), np.uint8).reshape(image.height(), image.width(), 4).copy()


def reddish(window: MainWindow, row: int) -> np.ndarray:
    """Return for each column of the picture whether the trace in a row of six is in the colour of bad contact."""
    pixels = picture(window)
    height = len(pixels) // 6
    pixels = pixels[row * height : (row + 1) * height].astype(int)
    return ((pixels[..., 2] - pixels[..., 1]) > 60).any(axis=0)


def test_a_picture_drawn_again_keeps_the_colours_that_its_stretches_had(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle
) -> None:
    pieces = stream(12)
    for piece in pieces[60:100]:
        piece.data[:, 2] = 7.0  # C3 is off from 3 s to 5 s
    source = HeldSource(pieces)
    begin(qtbot, window, source, bundle)
    levels: list[ContactLevel] = []
    window.controller.status_changed.connect(lambda live: levels.append(live.contacts[2].level))
    for part, level in ((60, ContactLevel.GOOD), (30, ContactLevel.BAD), (90, ContactLevel.GOOD)):
        source.allow(part)
        qtbot.waitUntil(lambda level=level: levels[-1:] == [level], timeout=WAIT)
    # What comes after the verdict has its colour.
    source.allow()
    traces = window.controller.feed.traces
    assert traces is not None
    qtbot.waitUntil(lambda: traces.end == 12 * RATE, timeout=WAIT)
    before = reddish(window, 2)
    assert before.any()
    assert not before[-20:].any()
    window.area.signals.canvas.rebuild()
    after = reddish(window, 2)
    assert np.mean(after == before) > 0.98


def test_a_resized_window_shows_the_same_samples(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle) -> None:
    source = HeldSource(stream(12))
    begin(qtbot, window, source, bundle)
    source.allow()
    canvas = window.area.signals.canvas
    traces = window.controller.feed.traces
    assert traces is not None
    qtbot.waitUntil(lambda: traces.end == 12 * RATE, timeout=WAIT)
    window.resize(window.width() + 200, window.height() + 80)
    qtbot.waitUntil(lambda: canvas.fitted, timeout=WAIT)
    assert canvas.x_of(traces.end - 1) == pytest.approx(canvas.trace_area().right() + 1, abs=1)
    shown = picture(window)
    assert len(np.unique(shown[..., 0])) > 10
    canvas.rebuild()
    assert np.array_equal(picture(window), shown)


def test_texts_of_markers_stand_beside_each_other_as_long_as_they_have_room(qtbot: QtBot) -> None:
    def written(apart: int) -> list[str]:
        texts: list[str] = []

        class Painter(QPainter):
            def drawText(self, *arguments: object) -> None:
                texts.append(str(arguments[-1]))

        image = QImage(600, 100, QImage.Format.Format_RGB32)
        with Painter(image) as painter:
            painter.setFont(font())
            marks = [Mark(100, "F1"), Mark(100 + apart, "F2")]
            paint_markers(painter, QRect(0, 20, 500, 80), DARK, marks, lambda sample: sample)
        return texts

    assert written(23) == ["F2", "F1"]
    assert written(8) == ["F2"]
