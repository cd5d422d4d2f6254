"""The prediction's views by themselves: words, lines, and the room that they share."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QSize
from PyQt6.QtGui import QFontMetricsF, QPainter, QPixmap
from pytestqt.qtbot import QtBot

from bci_app.bundle import load_bundle
from bci_app.bundle.spec import Smoothing, Target
from bci_app.events import Phase, Prediction, Reason, Status, TargetPrediction
from bci_app.gui.plots import Plot
from bci_app.gui.theme import DARK, font
from bci_app.gui.views.gauge import Gauge
from bci_app.gui.views.plane import Plane
from bci_app.gui.views.prediction import Running
from bci_app.gui.views.timeline import Timeline, end_words
from bci_app.presentation.state import LiveStatus, SessionLog, Step
from tests.bundles import LOAD, VALENCE, write_bundle

VAD = tuple(Target(name=name, classes=("low", "high")) for name in ("valence", "arousal", "dominance"))


def said(targets: tuple[Target, ...], time: float, *, valid: bool = True) -> Prediction:
    values = [tuple(np.full(len(target.classes), 1 / len(target.classes)).tolist()) for target in targets]
    told = [
        TargetPrediction(target.name, target.classes, value if valid else None, value if valid else None)
        for target, value in zip(targets, values, strict=True)
    ]
    reasons = () if valid else (Reason.BAD_CONTACT,)
    return Prediction(int(time * 250), time, valid, reasons, 1.0, 10.0, 1.0, tuple(told))


def axis_words(plot: Plot) -> list[str]:
    return [text for _, text in plot.getAxis("left")._tickLevels[0]]


@pytest.fixture
def emotion(qtbot: QtBot, tmp_path: Path) -> Running:
    bundle = load_bundle(write_bundle(tmp_path / "emotion", targets=VAD, smoothing=Smoothing(windows=4)))
    running = Running(bundle.spec, DARK)
    qtbot.addWidget(running)
    return running


def give(running: Running, size: QSize) -> None:
    running.fit(size)
    running.resize(size)
    running.show()


def test_a_curve_between_two_classes_has_their_words_at_its_ends(qtbot: QtBot) -> None:
    timeline = Timeline(LOAD, 0, DARK, axis_width=60)
    qtbot.addWidget(timeline)
    assert axis_words(timeline) == list(LOAD.classes)


def test_curves_of_several_classes_are_told_apart_by_their_dashes_and_have_no_points(qtbot: QtBot) -> None:
    timeline = Timeline(VALENCE, 0, DARK, axis_width=60)
    qtbot.addWidget(timeline)
    assert len(VALENCE.classes) == 3
    pens = [curve.opts["pen"] for curve in timeline._smoothed.values()]
    assert len({tuple(pen.dashPattern()) for pen in pens}) == 3
    assert {pen.color().alpha() for pen in pens} == {255}
    assert not timeline._raw
    assert end_words(VALENCE) == ("0", "1")


def test_words_at_the_ends_of_a_low_timeline_do_not_touch(qtbot: QtBot) -> None:
    timeline = Timeline(VAD[0], 0, DARK, axis_width=60)
    qtbot.addWidget(timeline)
    timeline.show_times(False)
    timeline.setMinimumHeight(32)
    timeline.resize(280, 32)
    timeline.show()
    timeline.grab()
    painter = QPainter(pixmap := QPixmap(280, 32))
    _, _, texts = timeline.getAxis("left").generateDrawSpecs(painter)
    painter.end()
    assert not pixmap.isNull()
    (low, _, _), (high, _, _) = texts
    assert high.bottom() <= low.top() + 1
    assert high.top() >= 0
    assert low.bottom() <= 32


def test_several_targets_of_three_classes_say_which_line_is_which(qtbot: QtBot) -> None:
    gauge = Gauge(VALENCE, 0, DARK, compact=True)
    qtbot.addWidget(gauge)
    assert gauge.sizeHint().height() > Gauge(VAD[0], 0, DARK, compact=True).sizeHint().height()


def test_a_long_title_and_a_long_word_are_both_shortened(qtbot: QtBot) -> None:
    target = Target(name="an_affective_state_with_a_rather_long_name", classes=("not at all relaxed", "very relaxed"))
    gauge = Gauge(target, 0, DARK)
    qtbot.addWidget(gauge)
    title, word = gauge.elided(target.classes[0], 200.0)
    assert title.endswith("…")
    metrics = QFontMetricsF(font())
    assert metrics.horizontalAdvance(title) + metrics.horizontalAdvance(word) <= 200.0
    short = Gauge(LOAD, 0, DARK)
    qtbot.addWidget(short)
    assert short.elided("low", 200.0) == (LOAD.title, "low")


@pytest.mark.parametrize("height", [280, 430, 700])
def test_the_plane_has_about_half_of_the_height_and_timelines_yield(
    qtbot: QtBot, emotion: Running, height: int
) -> None:
    give(emotion, QSize(296, height))
    qtbot.waitUntil(lambda: emotion.height() == height)
    assert emotion.minimumSizeHint().height() <= height
    plane = emotion.plane
    assert plane is not None
    qtbot.waitUntil(lambda: plane.height() >= min(0.4 * height, plane.maximumHeight()))
    shown = [timeline.target.name for timeline in emotion.timelines if not timeline.isHidden()]
    assert shown == (["dominance"] if height == 280 else ["valence", "arousal", "dominance"])


def test_words_stand_against_the_frame_of_the_plane(qtbot: QtBot, emotion: Running) -> None:
    give(emotion, QSize(400, 430))
    plane = emotion.plane
    assert plane is not None

    def square() -> bool:
        view, words = plane.getViewBox().sceneBoundingRect(), plane.getAxis("left").sceneBoundingRect()
        return abs(view.width() - view.height()) < 3 and abs(words.right() - view.left()) < 2

    qtbot.waitUntil(square)


def test_a_plane_without_a_value_is_hatched_and_says_why(qtbot: QtBot, emotion: Running) -> None:
    log = SessionLog()
    log.add([said(VAD, 9.0), said(VAD, 10.0)], [])
    live = LiveStatus(Status(Phase.RUNNING, "", 250.0, 250.0, 0, 0, 0.0, 1.0, 1.0), Step.RUN, 10.0, 1.0)
    emotion.show_log(log, live, 10.0)
    plane = emotion.plane
    assert plane is not None
    assert plane.reason == ""
    assert len(plane._point.data) == 1
    assert not plane.hatching.stretches
    log.add([said(VAD, 11.0, valid=False)], [])
    emotion.show_log(log, live, 11.0)
    assert plane.reason == "bad contact"
    assert plane.toolTip() == "no value: bad contact"
    assert [stretch.reason for stretch in plane.hatching.stretches] == ["bad contact"]
    assert len(plane._point.data) == 0
    assert {gauge.reason for gauge in emotion.gauges} == {"bad contact"}
    emotion.show_log(log, live, 30.0)
    assert plane.reason == "no signal"


def test_long_words_around_the_plane_neither_overlap_nor_leave_it(qtbot: QtBot) -> None:
    long = ("very unpleasant", "somewhere between", "very pleasant")
    plane = Plane(Target(name="valence", classes=long), Target(name="arousal", classes=long), DARK)
    qtbot.addWidget(plane)
    plane.resize(264, 170)
    plane.show()

    def apart() -> bool:
        painter = QPainter(canvas := QPixmap(264, 170))
        _, _, texts = plane.getAxis("bottom").generateDrawSpecs(painter)
        painter.end()
        axis = plane.getAxis("bottom")
        boxes = sorted((axis.mapRectToScene(box) for box, _, _ in texts), key=lambda box: box.left())
        inside = all(box.left() >= 0 and box.right() <= canvas.width() for box in boxes)
        return len(boxes) == 3 and inside and all(a.right() <= b.left() for a, b in pairwise(boxes))

    qtbot.waitUntil(apart)


def test_hovering_over_a_curve_tells_what_was_said(qtbot: QtBot) -> None:
    timeline = Timeline(VALENCE, 0, DARK, axis_width=60)
    qtbot.addWidget(timeline)
    targets = (VALENCE,)
    predictions = [said(targets, 8.0), said(targets, 9.0), said(targets, 10.0, valid=False)]
    timeline.show_predictions(predictions, 10.0, hop=1.0, silent="no signal")
    assert timeline.told(-1.4) == "negative 0.33, neutral 0.33, positive 0.33"
    assert timeline.told(-0.5) == "no value: bad contact"
    assert timeline.told(-30.0) == ""
