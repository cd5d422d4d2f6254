"""Choosing source and model: what is there appears by itself, and what does not fit is explained."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pyxdf
from PyQt6.QtCore import QSettings, Qt
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from bci_app.bundle import LoadedBundle, load_bundle
from bci_app.bundle.spec import Attribution, Controls, Loss, MontageScore, SwapTest
from bci_app.errors import SourceError
from bci_app.events import ContactLevel, Phase
from bci_app.gui.connect.page import ConnectPage
from bci_app.gui.connect.read_from import ReadFrom
from bci_app.gui.main_window import MainWindow
from bci_app.presentation.choices import (
    ALL_MARKERS,
    ModelChoice,
    SourceChoice,
    describe_source,
    fit,
    list_models,
    preparation,
)
from bci_app.presentation.player import Player
from bci_app.presentation.state import Step
from bci_app.recording import read_recording
from bci_app.replay import Replay, ReplayThread
from bci_app.sources.lsl.header import LslStream
from bci_app.stream import StreamInfo
from tests.bundles import CHANNELS, write_bundle
from tests.gui.conftest import WAIT, Clock, OpenWindow
from tests.gui.seen import levels, written


@pytest.fixture
def replay(sample_recordings: tuple[Path, Path]) -> Iterator[ReplayThread]:
    thread = ReplayThread(Replay.of_files([sample_recordings[1]], name=f"replay {uuid.uuid4().hex[:6]}"))
    thread.start()
    yield thread
    thread.stop()


def key_of(page: ConnectPage, replay: ReplayThread) -> str | None:
    return next((key for key in page.source.streams.keys if replay.replay.source_id in key), None)


def test_streams_appear_and_vanish_by_themselves(qtbot: QtBot, page: ConnectPage, replay: ReplayThread) -> None:
    qtbot.waitUntil(lambda: key_of(page, replay) is not None, timeout=WAIT)
    replay.stop()
    qtbot.waitUntil(lambda: key_of(page, replay) is None, timeout=WAIT)


def test_a_stream_is_looked_at_without_starting_it_and_then_opened(
    qtbot: QtBot, page: ConnectPage, replay: ReplayThread, window: MainWindow
) -> None:
    qtbot.waitUntil(lambda: key_of(page, replay) is not None, timeout=WAIT)
    page.source.streams.choose(key_of(page, replay) or "")
    qtbot.waitUntil(page.fit.button.isEnabled, timeout=WAIT)
    assert page.fit.summary.text() == "All 6 electrodes are there."
    assert "500 Hz, resampled to 128 Hz" in page.fit.detail.text()
    # A replay begins when somebody listens: looking is not listening.
    assert replay.replay.status().sent == 0
    page.fit.check.setChecked(False)
    main = page.window()
    assert isinstance(main, MainWindow)
    with qtbot.waitSignal(main.controller.session_changed, timeout=WAIT):
        qtbot.mouseClick(page.fit.button, Qt.MouseButton.LeftButton)
    assert main.pages.currentWidget() is main.area
    qtbot.waitUntil(lambda: len(main.controller.log.predictions) > 0, timeout=WAIT)
    assert replay.replay.status().sent > 0


def test_a_montage_that_does_not_fit_is_explained_before_anything_starts(
    qtbot: QtBot, page: ConnectPage, shared_data: Path
) -> None:
    page.source.choose(SourceChoice(f"file:{shared_data / 'muse' / 'muse_p300.csv'}"))
    qtbot.waitUntil(lambda: page.fit.summary.text() == "This model cannot use muse_p300.csv.", timeout=WAIT)
    assert "TP9, AF7, AF8, TP10" in page.fit.detail.text()
    assert not page.fit.button.isEnabled()
    shown = levels(page.fit.head)
    assert shown["C3"] is ContactLevel.MISSING
    assert shown["TP9"] is ContactLevel.UNKNOWN


def test_a_misfitting_montage_is_watched_and_recorded_without_a_model(
    qtbot: QtBot, page: ConnectPage, settings: QSettings, tmp_path: Path, shared_data: Path
) -> None:
    settings.setValue("recordings", str(tmp_path / "recordings"))
    main = page.window()
    assert isinstance(main, MainWindow)
    page.source.choose(SourceChoice(f"file:{shared_data / 'muse' / 'muse_p300.csv'}"))
    assert not page.fit.watch.isEnabled()
    qtbot.waitUntil(page.fit.watch.isEnabled, timeout=WAIT)
    with qtbot.waitSignal(main.controller.session_changed, timeout=WAIT):
        qtbot.mouseClick(page.fit.watch, Qt.MouseButton.LeftButton)
    assert main.windowTitle().startswith("signals only")
    assert main.area.prediction.stack.currentWidget() is main.area.prediction.watching
    traces = main.controller.feed.traces
    assert traces is not None
    qtbot.waitUntil(lambda: traces.end > 2.5 * traces.rate, timeout=WAIT)
    qtbot.waitUntil(lambda: len(levels(main.area.contact.head)) == 4, timeout=WAIT)
    assert main.header.steps.accessibleDescription() == "Connect, Contact: now Contact"
    main.toggle_recording()
    qtbot.keyClick(main, Qt.Key.Key_F1)
    end = traces.end
    qtbot.waitUntil(lambda: traces.end > end + traces.rate, timeout=WAIT)
    main.toggle_recording()
    (path,) = (tmp_path / "recordings").glob("signals_*.xdf")
    recorded = read_recording(path)
    assert "F1" in [event.text for event in recorded.annotations]
    assert recorded.info.channels[:4] == ("TP9", "AF7", "AF8", "TP10")


def test_a_recording_named_at_the_start_plays_through_lsl_with_its_strip(
    qtbot: QtBot, open_window: OpenWindow, models: dict[str, LoadedBundle], sample_recordings: tuple[Path, Path]
) -> None:
    rest, arithmetic = sample_recordings
    main = open_window()
    choice = SourceChoice(f"file:{rest};{arithmetic}?speed=4")
    with qtbot.waitSignal(main.controller.session_changed, timeout=WAIT):
        main.controller.prepare(preparation(choice, models["sample"].folder), source_text=choice.text)
    player = main.controller.player
    assert isinstance(player, Player)
    assert main.area.strip.isVisible()
    assert main.area.strip.speed.text() == "×4"
    assert player.playback().duration > 240
    assert player.playback().file == rest.name


@pytest.mark.parametrize(
    ("way", "summary"), [("interpolate", "O2 will be interpolated"), ("rest", "O2 will stand as at rest")]
)
def test_a_missing_electrode_that_a_model_can_do_without_is_shown_as_such(
    qtbot: QtBot, page: ConnectPage, tmp_path: Path, way: str, summary: str
) -> None:
    folder = write_bundle(tmp_path / "spared", title="Spared", max_bad_share=0.2, bad_channels=way)
    page.source.show_tab(1)
    qtbot.waitUntil(lambda: page.source.boards.board.count() > 30, timeout=WAIT)
    info = StreamInfo("x", ("Fp1", "Fp2", "C3", "C4", "O1"), 250.0, ("uV",) * 5)
    model = load_bundle(folder).spec
    found = fit(info, model)
    assert found.problem is None
    assert found.missing == ("O2",)
    page.fit.show_fit(info, model, found)
    assert page.fit.button.isEnabled()
    assert page.fit.summary.text() == f"5 of 6 electrodes are there; {summary}."
    assert levels(page.fit.head)["O2"] is ContactLevel.POOR


def test_a_misfit_on_the_command_line_leads_to_the_map(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle, shared_data: Path
) -> None:
    choice = SourceChoice(f"file:{shared_data / 'muse' / 'muse_p300.csv'}")
    window.connect_page.prefer(source=choice, model=bundle.folder)
    window.controller.prepare(preparation(choice, bundle.folder), source_text=choice.text)
    page = window.connect_page
    qtbot.waitUntil(lambda: page.fit.summary.text() == "This model cannot use muse_p300.csv.", timeout=WAIT)
    assert window.pages.currentWidget() is page
    assert window.banner.isVisible()


def test_a_recording_plays_through_lsl_and_can_be_paused_sought_and_played_again(
    qtbot: QtBot, page: ConnectPage, clock: Clock, sample_recordings: tuple[Path, Path]
) -> None:
    main = page.window()
    assert isinstance(main, MainWindow)
    page.source.choose(SourceChoice(f"file:{sample_recordings[1]}"))
    qtbot.waitUntil(page.fit.button.isEnabled, timeout=WAIT)
    page.fit.check.setChecked(False)
    with qtbot.waitSignal(main.controller.session_changed, timeout=WAIT):
        page.fit.button.click()
    # Keys belong to the session and not to the button that comes next.
    assert main.focusWidget() is main.area
    controller, strip = main.controller, main.area.strip
    assert isinstance(controller.player, Player)
    assert strip.isVisible()
    # At its own speed the minute that is left is longer than any wait below.
    qtbot.waitUntil(lambda: main.header.steps.current is Step.RUN, timeout=WAIT)
    qtbot.keyClick(main, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: main.status.phase.text() == "paused", timeout=WAIT)
    running = main.area.prediction.running
    assert running is not None
    qtbot.waitUntil(lambda: running.rows[0].gauge.reason == "paused", timeout=WAIT)
    assert main.status.age.value.text() == "–"
    bar = strip.overview
    place = bar.rect().center()
    place.setX(round(0.97 * bar.width()))
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=place)
    player = controller.player
    qtbot.waitUntil(lambda: player.playback().position > 58, timeout=WAIT)
    assert player.playback().paused
    strip.speed_asked.emit(8.0)
    strip.button.click()
    qtbot.waitUntil(lambda: player.playback().ended, timeout=WAIT)
    qtbot.waitUntil(lambda: clock.passes(0.1) and main.banner.isVisible(), timeout=WAIT)
    assert main.banner.summary.text() == "The playback has ended."
    # A pause, a seek and the end are no loss.
    assert controller.engine is not None
    assert controller.engine.status().lost == 0
    strip.speed_asked.emit(0.5)
    main.banner.action_asked.emit("Play again")
    qtbot.waitUntil(lambda: player.playback().position < 50, timeout=WAIT)
    qtbot.waitUntil(lambda: not main.banner.isVisible(), timeout=WAIT)


def test_what_comes_after_a_pause_is_no_silence_of_the_device(
    qtbot: QtBot, window: MainWindow, clock: Clock, sample_recordings: tuple[Path, Path]
) -> None:
    controller = window.controller
    choice = SourceChoice(f"file:{sample_recordings[1]}")
    with qtbot.waitSignal(controller.session_changed, timeout=WAIT):
        controller.prepare(preparation(choice, None), source_text=choice.text)
    traces = controller.feed.traces
    assert traces is not None
    qtbot.waitUntil(lambda: traces.end > 500, timeout=WAIT)
    window.transport.toggle()
    qtbot.waitUntil(lambda: window.status.phase.text() == "paused", timeout=WAIT)
    engine = controller.engine
    assert engine is not None
    qtbot.waitUntil(lambda: engine.status().phase is Phase.LOST, timeout=WAIT)
    clock.now += 5.0
    with qtbot.waitSignal(controller.playback_changed, timeout=WAIT):
        pass
    window.transport.toggle()
    end = traces.end
    qtbot.waitUntil(lambda: traces.end > end + 500, timeout=WAIT)
    rows = window.area.session_panel.list
    listed = [item.text() for row in range(rows.count()) if (item := rows.item(row)) is not None]
    assert not any(word in text for text in listed for word in ("no signal", "stream lost", "stream back"))
    assert window.status.phase.text() != "no signal"


def test_a_stream_that_dies_and_returns_is_regained_without_a_hand(
    qtbot: QtBot, window: MainWindow, models: dict[str, LoadedBundle], sample_recordings: tuple[Path, Path]
) -> None:
    source_id = f"headset-{uuid.uuid4().hex[:6]}"

    def headset() -> ReplayThread:
        thread = ReplayThread(Replay.of_files([sample_recordings[1]], source_id=source_id))
        thread.start()
        return thread

    thread = headset()
    choice = SourceChoice(f"lsl:source_id={source_id}")
    controller = window.controller
    with qtbot.waitSignal(controller.session_changed, timeout=WAIT):
        controller.prepare(
            preparation(choice, models["sample"].folder), source_text=choice.text, wait_for_baseline=False
        )
    traces = controller.feed.traces
    assert traces is not None
    qtbot.waitUntil(lambda: traces.end > 250, timeout=WAIT)
    thread.stop()
    qtbot.waitUntil(lambda: window.banner.isVisible(), timeout=WAIT)
    assert window.banner.summary.text() == "The stream is lost."
    end = traces.end
    thread = headset()
    qtbot.waitUntil(lambda: not window.banner.isVisible(), timeout=WAIT)
    qtbot.waitUntil(lambda: traces.end > end + 250, timeout=WAIT)
    rows = window.area.session_panel.list
    assert any("stream back" in rows.item(row).text() for row in range(rows.count()))  # type: ignore[union-attr]
    thread.stop()


def test_a_board_asks_for_just_what_it_needs_and_runs(
    qtbot: QtBot, page: ConnectPage, models: dict[str, LoadedBundle]
) -> None:
    main = page.window()
    assert isinstance(main, MainWindow)
    page.source.show_tab(1)
    qtbot.waitUntil(lambda: page.source.boards.board.count() > 30, timeout=WAIT)
    page.source.boards.board.setCurrentText("CYTON")
    assert list(page.source.boards.fields) == ["serial_port"]
    page.source.boards.board.setCurrentText("SYNTHETIC")
    assert not page.source.boards.fields
    qtbot.waitUntil(lambda: "of 6 electrodes" in page.fit.summary.text(), timeout=WAIT)
    page.model.choose(str(models["board"].folder))
    qtbot.waitUntil(page.fit.button.isEnabled, timeout=WAIT)
    page.fit.check.setChecked(False)
    with qtbot.waitSignal(main.controller.session_changed, timeout=WAIT):
        page.fit.button.click()
    qtbot.waitUntil(lambda: len(main.controller.log.predictions) > 0, timeout=WAIT)
    qtbot.waitUntil(main.status.battery.isVisible, timeout=WAIT)


def test_a_board_is_found_by_a_part_of_its_name(qtbot: QtBot, page: ConnectPage) -> None:
    page.source.show_tab(1)
    qtbot.waitUntil(lambda: page.source.boards.board.count() > 30, timeout=WAIT)
    entry = page.source.boards.board.lineEdit()
    assert entry is not None
    qtbot.keyClicks(entry, "synth")
    qtbot.keyClick(entry, Qt.Key.Key_Return)
    assert page.source.choice == SourceChoice("brainflow:SYNTHETIC")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_while_looking_at_a_source_is_told_and_nothing_can_be_opened(
    qtbot: QtBot, page: ConnectPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(_choice: SourceChoice) -> StreamInfo:
        raise ValueError("bad header")

    monkeypatch.setattr("bci_app.gui.discovery.describe_source", fault)
    page.source.show_tab(3)
    qtbot.waitUntil(lambda: "fault of the program" in page.fit.summary.text(), timeout=WAIT)
    assert "ValueError: bad header" in page.fit.detail.text()
    assert not page.fit.watch.isEnabled()
    assert not page.fit.button.isEnabled()


def test_an_answer_that_comes_when_nothing_is_chosen_any_more_is_forgotten(
    qtbot: QtBot, page: ConnectPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, may_answer, answered = threading.Event(), threading.Event(), threading.Event()

    def late(_choice: SourceChoice) -> StreamInfo:
        asked.set()
        may_answer.wait(WAIT / 1e3)
        answered.set()
        return StreamInfo("late", CHANNELS, 250.0, ("uV",) * len(CHANNELS))

    monkeypatch.setattr("bci_app.gui.discovery.describe_source", late)
    page.source.show_tab(3)
    assert asked.wait(WAIT / 1e3)
    page.source.show_tab(0)
    page.source.streams.clear()
    assert page.source.choice is None
    may_answer.set()
    assert answered.wait(WAIT / 1e3)
    qtbot.wait(200)  # longer than an answer takes to be seen
    assert page.fit.summary.text() == "Choose a source."
    assert not page.fit.watch.isEnabled()
    assert not page.fit.channels.isVisible()


def test_the_last_choice_is_remembered(
    qtbot: QtBot, page: ConnectPage, open_window: OpenWindow, models: dict[str, LoadedBundle]
) -> None:
    page.source.show_tab(3)
    page.model.choose(str(models["sample"].folder))
    qtbot.waitUntil(page.fit.button.isEnabled, timeout=WAIT)
    page.fit.button.click()
    again = open_window()
    again.show_connect()
    other = again.connect_page
    qtbot.waitUntil(lambda: other.model.choice is not None, timeout=WAIT)
    assert other.source.choice == SourceChoice("synthetic:")
    assert other.model.choice.title == "Sample model"  # type: ignore[union-attr]


def test_what_was_stated_of_a_source_and_the_check_of_contact_are_remembered(
    qtbot: QtBot, page: ConnectPage, open_window: OpenWindow
) -> None:
    page.source.show_tab(1)
    qtbot.waitUntil(lambda: page.source.boards.board.count() > 30, timeout=WAIT)
    page.source.boards.board.setCurrentText("SYNTHETIC")
    names = tuple(f"E{number}" for number in range(1, 17))
    page.source.channels.setText(", ".join(names))
    page.source.rate.setText("250")
    page.source.unit.setText("mV")
    page.source.unit.editingFinished.emit()
    page.fit.check.setChecked(False)
    page.source.boards.board.setCurrentText("GANGLION")  # what was typed belongs to the other board
    assert (page.source.channels.text(), page.source.rate.text(), page.source.unit.text()) == ("", "", "")
    page.source.boards.board.setCurrentText("SYNTHETIC")
    assert page.source.unit.text() == "mV"
    qtbot.waitUntil(page.fit.watch.isEnabled, timeout=WAIT)
    page.fit.watch.click()
    again = open_window()
    again.show_connect()
    other = again.connect_page
    wanted = SourceChoice("brainflow:SYNTHETIC", names, 250.0, "mV")
    qtbot.waitUntil(lambda: other.source.choice == wanted, timeout=WAIT)
    assert not other.fit.check.isChecked()


def test_a_recording_whose_channels_are_no_electrodes_takes_their_names(
    qtbot: QtBot, page: ConnectPage, shared_data: Path
) -> None:
    recording = shared_data / "openbci" / "OpenBCI_GUI-v6-blinks-jawClench-alpha.txt"
    page.source.choose(SourceChoice(f"file:{recording}"))
    qtbot.waitUntil(lambda: not page.source.stated.isHidden(), timeout=WAIT)
    assert page.source.unit.isHidden()  # the file states it
    page.source.channels.setText("Fp1, Fp2, C3, C4, P7, P8, O1, O2")
    page.source.channels.editingFinished.emit()
    qtbot.waitUntil(lambda: "Fp1" in page.fit.detail.text() or page.fit.button.isEnabled(), timeout=WAIT)
    assert page.choice == SourceChoice(f"file:{recording}", ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2"))


def card(page: ConnectPage) -> list[str]:
    """Read the card of the chosen model: names and texts."""
    return [part.text() for part in page.model.card.findChildren(QLabel) if part.text()]


def test_the_card_says_what_a_model_reached(qtbot: QtBot, page: ConnectPage) -> None:
    texts = card(page)
    assert "not for use on people" in texts
    assert "mental load: low, high" in texts
    # What chance is to the one is the majority to the other.
    assert any("balanced accuracy 0.50" in text and text.endswith("chance is 0.50") for text in texts)
    assert any(": accuracy 0.50" in text or text.startswith("accuracy 0.50") for text in texts)
    assert any(text.endswith("majority gives 0.50") for text in texts)
    assert texts[texts.index("tested by") + 1] == "random weights"


def test_scores_stand_beside_their_controls_and_the_electrodes_at_hand(
    qtbot: QtBot, page: ConnectPage, models: dict[str, LoadedBundle]
) -> None:
    spec = models["sample"].spec
    target, channels = spec.targets[0].name, spec.preprocessing.channels
    controls = Controls(
        muscle_free=0.61, simple_methods={"mean of |z|": 0.84}, swap=SwapTest(rest_high=0.7, task_high=0.2)
    )
    explained = {"controls": controls, "explained_by_controls": True, "balanced_accuracy": 0.8}
    score = spec.provenance.scores[0].model_copy(update=explained)
    montage = MontageScore(
        montage="frontal",
        electrodes=channels[:2],
        target=target,
        balanced_accuracy=0.58,
        interval=(0.5, 0.66),
        n_windows=9,
    )
    origin = spec.provenance.model_copy(
        update={
            "scores": (score,),
            "montages": (montage,),
            "attributions": (
                Attribution(
                    target=target,
                    channels=tuple(Loss(name=name, loss=0.01 * k) for k, name in enumerate(channels)),
                    bands=(Loss(name="8–13 Hz", loss=0.2), Loss(name="13–30 Hz", loss=-0.01)),
                ),
            ),
            "protocol_description": "Leave one person out. Nobody was seen before. Twice.",
        }
    )
    page.model.add(ModelChoice(Path("controlled"), spec.model_copy(update={"provenance": origin})))
    texts = card(page)
    assert "without frequencies above 28 Hz: balanced accuracy 0.61" in texts
    assert "mean of |z|: balanced accuracy 0.84" in texts
    assert any(text.startswith("baseline from the task: rest is called high in 0.70") for text in texts)
    assert any("Its controls explain the score" in text for text in texts)
    assert any(f": {channels[-1]} (0.0" in text and "8–13 Hz (0.200). In brackets" in text for text in texts)
    (drawn,) = page.model.card.findChildren(ReadFrom)
    shown = [drawn.head.text_of(contact) for contact, _ in drawn.head.places()]
    assert f"{channels[1]}: balanced accuracy lost without it (+0.010)" in shown
    assert drawn.bands.accessibleDescription() == "8–13 Hz +0.200, 13–30 Hz −0.010"
    assert "Leave one person out." in texts
    (more,) = page.model.card.findChildren(QPushButton)
    more.click()
    assert "Leave one person out. Nobody was seen before. Twice." in card(page)
    row = page.model.list.item(page.model.list.currentRow())
    assert row is not None
    assert "explained by its controls" in row.toolTip()
    page.source.show_tab(3)
    wanted = "balanced accuracy 0.58 (95 % 0.50–0.66) with the 2 electrodes of frontal; chance is 0.50. "
    wanted += "Its score is not above chance."
    qtbot.waitUntil(lambda: page.fit.worth.text() == wanted and page.fit.worth.isVisible(), timeout=WAIT)


def test_a_bundle_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    found = list_models([tmp_path / "broken"])[-1]
    assert found.bundle is None
    assert "Cannot read the bundle" in str(found.failure)


def test_fit_knows_matched_missing_and_extra(bundle: LoadedBundle) -> None:
    info = StreamInfo("x", ("EEG Fp1", "fp2", "C3", "C4", "O1", "Cz", "ECG"), 250.0, ("uV",) * 7)
    found = fit(info, bundle.spec)
    assert found.missing == ("O2",)
    assert found.extra == ("Cz",)
    assert found.problem is not None
    whole = fit(replace(info, channels=("EEG Fp1", "fp2", "C3", "C4", "O1", "O2", "ECG")), bundle.spec)
    assert (whole.missing, whole.problem) == ((), None)


@pytest.mark.parametrize(
    ("channels", "rate", "units"),
    [
        ((*CHANNELS, "EEG Fp1"), 250.0, ("uV",) * 7),
        (CHANNELS, 250.0, ("ohm",) * 6),
        (CHANNELS, 0.0, ("uV",) * 6),
    ],
)
def test_fit_tells_problems_that_are_no_missing_electrodes(
    bundle: LoadedBundle, channels: tuple[str, ...], rate: float, units: tuple[str, ...]
) -> None:
    found = fit(StreamInfo("x", channels, rate, units), bundle.spec)
    assert found.problem is not None
    assert not found.missing


def test_a_stream_that_has_gone_is_told() -> None:
    with pytest.raises(SourceError, match="no longer there"):
        describe_source(SourceChoice(f"lsl:{uuid.uuid4().hex}"))


@pytest.mark.parametrize("text", ["brainflow:SYNTHETIC_BOARD", "brainflow:cyton"])
def test_a_board_of_the_command_line_is_chosen_drawn_and_can_be_watched(
    qtbot: QtBot, page: ConnectPage, text: str
) -> None:
    page.prefer(source=SourceChoice(text))
    qtbot.waitUntil(page.fit.watch.isEnabled, timeout=WAIT)
    choice = page.choice
    assert choice is not None
    assert choice.text in ("brainflow:SYNTHETIC", "brainflow:CYTON")
    assert levels(page.fit.head)
    assert "Choose a source" not in page.fit.summary.text()


def test_the_test_signal_has_the_electrodes_of_the_model(
    qtbot: QtBot, page: ConnectPage, models: dict[str, LoadedBundle]
) -> None:
    page.source.show_tab(3)
    for name in ("sample", "board"):
        page.model.choose(str(models[name].folder))
        channels = models[name].spec.preprocessing.channels
        wanted = f"All {len(channels)} electrodes are there."
        qtbot.waitUntil(lambda wanted=wanted: page.fit.summary.text() == wanted, timeout=WAIT)
        assert page.choice is not None
        assert page.choice.text == f"synthetic:?montage={','.join(channels)}"
    stated = SourceChoice("synthetic:?montage=C3,C4&effect=2")
    assert stated.for_model(models["sample"].spec) is stated
    assert SourceChoice("synthetic:?effect=2").for_model(models["board"].spec).text.startswith("synthetic:?effect=2&m")


def test_recordings_of_the_app_come_first_and_the_newest_of_them(
    qtbot: QtBot, page: ConnectPage, tmp_path: Path, sample_recordings: tuple[Path, Path]
) -> None:
    main = page.window()
    assert isinstance(main, MainWindow)
    folder = main.preferences.recordings = tmp_path / "made"
    folder.mkdir()
    for age, name in ((300, "P01_a.xdf"), (100, "P02_b.xdf"), (200, "P03_c.xdf")):
        (folder / name).write_bytes(b"XDF:")
        os.utime(folder / name, (time.time() - age,) * 2)
    page.source.add_recording(str(sample_recordings[0]))
    page.source.show_tab(2)
    names = [Path(key).name for key in page.source.recordings.keys]
    assert names[:3] == ["P02_b.xdf", "P03_c.xdf", "P01_a.xdf"]
    assert sample_recordings[0].name in names[3:]
    other = tmp_path / "other"
    other.mkdir()
    (other / "P09.xdf").write_bytes(b"XDF:")
    page.source.path.setText(str(other))
    qtbot.keyClick(page.source.path, Qt.Key.Key_Return)
    assert page.source.recordings.current == f"file:{other / 'P09.xdf'}"
    page.source.path.setText(str(tmp_path / "nowhere"))
    qtbot.keyClick(page.source.path, Qt.Key.Key_Return)
    assert any("No such file or folder" in text for text in written(page.source))


def test_the_report_of_a_recording_is_written_beside_it_and_opened(
    qtbot: QtBot,
    page: ConnectPage,
    tmp_path: Path,
    sample_recordings: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    button = page.source.report
    page.source.show_tab(2)
    broken = tmp_path / "broken.xdf"
    broken.write_bytes(b"XDF:")
    page.source.add_recording(str(broken))
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "broken.xdf" in page.source.path_note.text(), timeout=WAIT)
    page.source.add_recording(str(sample_recordings[1]))
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(opened), timeout=20_000)
    assert Path(opened[0]) == sample_recordings[1].with_name(f"{sample_recordings[1].stem}_report.html")
    assert Path(opened[0]).exists()
    assert button.isEnabled()


def test_a_recording_is_played_without_the_live_markers_of_others(qtbot: QtBot, page: ConnectPage) -> None:
    markers = page.source.markers
    page.source.show_tab(0)
    assert markers.choice == (ALL_MARKERS,)
    page.source.show_tab(2)
    assert markers.choice == ()
    assert not markers.every.isVisible()
    assert "its own events" in markers.none.text()
    page.source.show_tab(0)
    assert markers.choice == (ALL_MARKERS,)


def test_a_chosen_stream_that_vanishes_stays_in_sight_and_is_not_chosen_any_more(
    qtbot: QtBot, page: ConnectPage, replay: ReplayThread
) -> None:
    qtbot.waitUntil(lambda: key_of(page, replay) is not None, timeout=WAIT)
    key = key_of(page, replay) or ""
    page.source.streams.choose(key)
    qtbot.waitUntil(page.fit.button.isEnabled, timeout=WAIT)
    replay.stop()
    qtbot.waitUntil(lambda: page.source.choice is None, timeout=WAIT)
    assert page.source.streams.current == key
    assert not page.fit.button.isEnabled()


def test_a_choice_between_streams_stays_the_user_s_when_equal_ones_come_and_go(page: ConnectPage) -> None:
    first = LslStream("Twin", "EEG", "id", "host", 3, 250.0, "uid 1", created_at=1.0)
    second = replace(first, uid="uid 2", created_at=2.0)
    other = replace(first, name="Other", source_id="other")
    source = page.source

    def chosen(*streams: LslStream) -> str:
        source.show_streams(streams)
        return source.choice.text if source.choice is not None else ""

    source.show_streams((first, other))
    source.streams.choose(first.address)
    assert chosen(first, second, other) == ""  # which of the two it is, the user says
    assert source.streams.count() == 3
    source.streams.choose(second.instance_address)
    assert chosen(second, other) == second.address
    assert chosen(other) == ""
    source.choose(SourceChoice("lsl:name=Twin"))  # as on the command line: it is awaited
    source.streams.choose(other.address)
    assert source.choice == SourceChoice(other.address)
    assert chosen(first, other) == other.address


def test_a_stream_is_recorded_beside_the_one_that_is_predicted_from(
    qtbot: QtBot, page: ConnectPage, replay: ReplayThread, tmp_path: Path, sample_recordings: tuple[Path, Path]
) -> None:
    main = page.window()
    assert isinstance(main, MainWindow)
    main.preferences.recordings = tmp_path / "made"
    other = ReplayThread(Replay.of_files([sample_recordings[0]], name=f"beside {uuid.uuid4().hex[:6]}"))
    other.start()
    try:
        qtbot.waitUntil(lambda: key_of(page, replay) is not None and key_of(page, other) is not None, timeout=WAIT)
        page.source.streams.choose(key_of(page, replay) or "")
        qtbot.waitUntil(page.fit.button.isEnabled, timeout=WAIT)
        menu = page.source.recorded_too.ticks.menu()
        assert menu is not None
        names = [action.text() for action in menu.actions()]
        assert not any(replay.replay.name in name for name in names)
        (tick,) = (action for action in menu.actions() if other.replay.name in action.text())
        tick.trigger()
        assert other.replay.name in page.source.recorded_too.ticks.text()
        with qtbot.waitSignal(main.controller.session_changed, timeout=WAIT):
            page.fit.button.click()
        main.toggle_recording()
        qtbot.waitUntil(lambda: other.replay.status().sent > 0, timeout=WAIT)
        traces = main.controller.feed.traces
        assert traces is not None
        end = traces.end
        qtbot.waitUntil(lambda: traces.end > end + 2 * traces.rate, timeout=WAIT)
        main.toggle_recording()
    finally:
        other.stop()
    (path,) = (tmp_path / "made").glob("*.xdf")
    streams, _ = pyxdf.load_xdf(str(path), dejitter_timestamps=False)
    recorded = [found for found in streams if other.replay.name in found["info"]["name"][0]]
    assert any(len(found["time_series"]) > 100 and found["info"]["type"] == ["EEG"] for found in recorded)


def test_channels_are_left_out_of_predictions_by_a_tick(
    qtbot: QtBot, page: ConnectPage, models: dict[str, LoadedBundle]
) -> None:
    page.source.show_tab(3)
    qtbot.waitUntil(page.fit.button.isEnabled, timeout=WAIT)
    channels = models["sample"].spec.preprocessing.channels
    assert page.fit.channels.text() == f"uses all {len(channels)} channels"
    menu = page.fit.channels.menu()
    assert menu is not None
    menu.actions()[0].trigger()
    assert page.fit.channels.text() == f"uses {len(channels) - 1} of {len(channels)} channels"
    assert page.streams.drop == (channels[0],)
    assert page.fit.summary.text() == f"{len(channels) - 1} of {len(channels)} electrodes are there."
    assert not page.fit.button.isEnabled()
    menu.actions()[0].trigger()
    assert page.fit.button.isEnabled()


def test_only_what_is_still_to_be_chosen_is_asked_for(qtbot: QtBot, page: ConnectPage) -> None:
    page.source.show_tab(1)  # no board is chosen
    assert page.fit.summary.text() == "Choose a source."
    page.model.list.setCurrentRow(-1)
    page.source.show_tab(1)
    assert page.fit.summary.text() == "Choose a source and a model."


def test_the_head_stands_in_the_middle_and_buttons_below_the_words(qtbot: QtBot, page: ConnectPage) -> None:
    panel = page.fit
    panel.setFixedSize(1000, 1200)
    panel.setParent(None)
    panel.show()
    qtbot.addWidget(panel)
    qtbot.waitUntil(
        lambda: abs(panel.head.geometry().center().x() - 500) <= 2 and panel.head.width() > 500, timeout=WAIT
    )
    below = panel.check.mapTo(panel, panel.check.rect().topLeft()).y() - panel.detail.geometry().bottom()
    assert 0 < below < 60
