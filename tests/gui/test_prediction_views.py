"""The prediction's views by themselves: words, lines, and the room that they share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QSize
from PyQt6.QtGui import QFontMetricsF, QImage, QPainter, QPixmap
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from bci_app.bundle import load_bundle
from bci_app.bundle.spec import Smoothing, Target
from bci_app.events import Phase, Prediction, Reason, Status, TargetPrediction
from bci_app.gui.plots import Plot
from bci_app.gui.theme import DARK, font
from bci_app.gui.views.gauge import Gauge, GaugeForm
from bci_app.gui.views.plane import Plane
from bci_app.gui.views.prediction import Running
from bci_app.gui.views.timeline import Timeline, end_words, time_ticks
from bci_app.presentation.answers import Answers, artefact_stretches
from bci_app.presentation.state import LiveStatus, SelfReport, SessionLog, Step, Trial, Truth
from tests.bundles import LOAD, VALENCE, write_bundle
from tests.gui.conftest import WAIT

VAD = tuple(Target(name=name, classes=("low", "high")) for name in ("valence", "arousal", "dominance"))


def said(targets: tuple[Target, ...], time: float, *, valid: bool = True) -> Prediction:
    values = [tuple(np.full(len(target.classes), 1 / len(target.classes)).tolist()) for target in targets]
    stated = [
        TargetPrediction(target.name, target.classes, value if valid else None, value if valid else None)
        for target, value in zip(targets, values, strict=True)
    ]
    reasons = () if valid else (Reason.BAD_CONTACT,)
    return Prediction(int(time * 250), time, valid, reasons, 1.0, 10.0, 1.0, tuple(stated))


def axis_words(plot: Plot) -> list[str]:
    return [text for _, text in plot.getAxis("left")._tickLevels[0]]


def test_an_artefact_is_drawn_where_it_lies_in_the_windows_that_hold_it(qtbot: QtBot) -> None:
    timeline = Timeline(LOAD, 0, DARK, axis_width=60)
    qtbot.addWidget(timeline)
    window, hop = 4.0, 1.0
    # Windows that end at 12 to 16 s hold a burst from 11.2 to 12.6 s.
    predictions = tuple(
        replace(said((LOAD,), time), artefact="muscle" if 12 <= time <= 16 else "") for time in np.arange(8.0, 21.0)
    )
    (found,) = artefact_stretches(predictions, hop=hop, window=window)
    assert found.start <= 11.2
    assert 12.6 <= found.stop <= 13.0
    timeline.show_answers(
        Answers(predictions, 20.0, span=60.0, hop=hop, windows=1, reason="", silent="no signal", artefacts=(found,))
    )
    assert "muscle in the signal" in timeline.text_at(-8.0)
    assert "muscle" not in timeline.text_at(-3.0)


@pytest.fixture
def emotion(qtbot: QtBot, tmp_path: Path) -> Running:
    bundle = load_bundle(write_bundle(tmp_path / "emotion", targets=VAD, smoothing=Smoothing(windows=4)))
    running = Running(bundle.spec, DARK)
    qtbot.addWidget(running)
    return running


def show(running: Running, size: QSize) -> None:
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
    pens = [curve.opts["pen"] for curve in timeline.smoothed.values()]
    assert len({tuple(pen.dashPattern()) for pen in pens}) == 3
    assert {pen.color().alpha() for pen in pens} == {255}
    assert not timeline.raw
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
    gauge = Gauge(VALENCE, 0, DARK, form=GaugeForm.TITLE)
    qtbot.addWidget(gauge)
    assert gauge.sizeHint().height() > Gauge(VAD[0], 0, DARK, form=GaugeForm.TITLE).sizeHint().height()


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


@pytest.mark.parametrize(("height", "rows"), [(300, []), (430, ["dominance"]), (700, [target.name for target in VAD])])
def test_the_plane_comes_first_and_rows_of_the_same_targets_make_room(
    qtbot: QtBot, emotion: Running, height: int, rows: list[str]
) -> None:
    show(emotion, QSize(364, height))
    qtbot.waitUntil(lambda: emotion.height() == height, timeout=WAIT)
    assert emotion.minimumSizeHint().height() <= height
    plane = emotion.plane
    assert plane is not None
    qtbot.waitUntil(lambda: plane.frame.width() >= min(300, height - 40), timeout=WAIT)
    assert [row.targets[0] for row in emotion.rows if not row.isHidden()] == rows


def test_the_plane_grows_with_the_window(qtbot: QtBot, emotion: Running) -> None:
    show(emotion, QSize(760, 1040))
    plane = emotion.plane
    assert plane is not None
    qtbot.waitUntil(lambda: plane.frame.width() > 650, timeout=WAIT)
    assert abs(plane.frame.width() - plane.frame.height()) < 1


def answers(_targets: tuple[Target, ...], *predictions: Prediction, **more: object) -> Answers:
    last = predictions[-1]
    reason = "" if last.valid else ", ".join(reason.value for reason in last.reasons)
    fields = {"span": 60.0, "hop": 1.0, "windows": 4, "silent": "no signal"} | more
    return Answers(predictions, last.time, reason=reason, **fields)  # type: ignore[arg-type]


def test_a_plane_without_a_value_is_hatched_and_says_why(qtbot: QtBot, emotion: Running) -> None:
    log = SessionLog()
    log.add([said(VAD, 9.0), said(VAD, 10.0)], [])
    live = LiveStatus(Status(Phase.RUNNING, "", 250.0, 250.0, 0, 0, 0.0, 1.0, 1.0), Step.RUN, 10.0, 1.0)

    def show_at(now: float) -> None:
        found = Answers.of(log, live, emotion.bundle, now=now, span=60.0)
        assert found is not None
        emotion.show_answers(found)

    show_at(10.0)
    plane = emotion.plane
    assert plane is not None
    assert plane.reason == ""
    assert plane.place is not None
    log.add([said(VAD, 11.0, valid=False)], [])
    show_at(11.0)
    assert plane.reason == "bad contact"
    assert plane.toolTip() == "no value: bad contact"
    assert plane.place is None
    assert {row.gauge.reason for row in emotion.rows} == {"bad contact"}
    show_at(30.0)
    assert plane.reason == "no signal"


def answered(valence: float, arousal: float, time: float = 10.0) -> Prediction:
    stated = [
        TargetPrediction(target.name, target.classes, (1 - value, value), (1 - value, value))
        for target, value in zip(VAD, (valence, arousal, 0.9), strict=True)
    ]
    return Prediction(int(time * 250), time, True, (), 1.0, 10.0, 1.0, tuple(stated))


def test_i_do_not_know_is_an_answer_of_its_own(qtbot: QtBot, emotion: Running) -> None:
    emotion.show_answers(answers(VAD, answered(0.52, 0.8)))
    plane = emotion.plane
    assert plane is not None
    assert plane.place is not None
    assert plane.place.undecided == (True, False)
    assert plane.accessibleDescription() == "valence undecided, arousal 0.80"
    valence, arousal, _ = (row.gauge.accessibleDescription() for row in emotion.rows)
    assert valence == "undecided, high 0.52"
    assert arousal == "high 0.80"
    alone = Gauge(VAD[0], 0, DARK)
    qtbot.addWidget(alone)
    alone.show_prediction(answered(0.52, 0.8).targets[0])
    assert alone.answer == ("undecided", "")


def test_self_reports_and_the_planted_truth_are_drawn_in_the_plane(qtbot: QtBot, emotion: Running) -> None:
    show(emotion, QSize(364, 700))
    plane = emotion.plane
    assert plane is not None
    qtbot.waitUntil(lambda: plane.frame.width() >= 300, timeout=WAIT)
    reports = (SelfReport(9.0, {"valence": 9, "arousal": 1, "dominance": 5}),)
    truth = Truth(10.0, {"valence": 0.0, "arousal": 0.0})

    def drawn(**more: object) -> tuple[QImage, QImage]:
        """What is seen at the lower corners."""
        emotion.show_answers(answers(VAD, answered(0.2, 0.8), **more))
        QApplication.processEvents()  # what is said may give the plane another size
        right, left = plane.frame.bottomRight().toPoint(), plane.frame.bottomLeft().toPoint()
        image = plane.grab().toImage()
        return tuple(image.copy(x, left.y() - 12, 12, 12) for x in (left.x(), right.x() - 12))  # type: ignore[return-value]

    drawn()
    nothing, reported, planted = drawn(), drawn(reports=reports), drawn(truth=truth)
    assert nothing[0] == reported[0]
    assert nothing[1] != reported[1]
    assert nothing[0] != planted[0]
    assert nothing[1] == planted[1]
    emotion.show_answers(answers(VAD, answered(0.2, 0.8), reports=reports))
    assert emotion.rows[0].timeline.reported == [(-1.0, 1.0)]


def test_trials_are_bands_on_the_timelines(qtbot: QtBot, emotion: Running) -> None:
    trials = (Trial(2.0, 5.0, "calm 1"), Trial(7.0, None, "tense 1"))
    emotion.show_answers(answers(VAD, answered(0.2, 0.8), span=180.0, trials=trials))
    bands = emotion.rows[0].timeline.trials.bands
    assert [(band.start, band.stop, band.reason) for band in bands] == [(-8.0, -5.0, "calm 1"), (-3.0, 0.0, "tense 1")]
    assert [word for _, word in time_ticks(180.0)] == ["−3 min", "−2", "−1", "0"]
    assert [word for _, word in time_ticks(60.0)] == ["−60 s", "−45", "−30", "−15", "0"]


def test_long_words_around_the_plane_are_shortened(qtbot: QtBot) -> None:
    long = ("very unpleasant", "somewhere between", "very pleasant")
    plane = Plane(Target(name="valence", classes=long), Target(name="arousal", classes=long), DARK)
    qtbot.addWidget(plane)
    plane.resize(170, 170)
    first, title, last = plane.axis_words(Target(name="valence", classes=long), 140.0)
    assert title == "valence"
    assert first.endswith("…")
    metrics = QFontMetricsF(font())
    assert sum(map(metrics.horizontalAdvance, (first, title, last))) <= 140.0


def test_hovering_over_a_curve_tells_what_was_said(qtbot: QtBot) -> None:
    timeline = Timeline(VALENCE, 0, DARK, axis_width=60)
    qtbot.addWidget(timeline)
    targets = (VALENCE,)
    predictions = [said(targets, 8.0), said(targets, 9.0), said(targets, 10.0, valid=False)]
    timeline.show_answers(answers(targets, *predictions))
    assert timeline.text_at(-1.4) == "negative 0.33, neutral 0.33, positive 0.33"
    assert timeline.text_at(-0.5) == "no value: bad contact"
    assert timeline.text_at(-30.0) == ""
