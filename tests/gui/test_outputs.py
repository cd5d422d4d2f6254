"""Outputs of the window: off until switched on, seen while on, and never the end of a session."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from PyQt6.QtCore import QSettings
from pytestqt.qtbot import QtBot
from pythonosc.osc_message import OscMessage
from websockets.sync.client import ClientConnection, connect

from bci_app.bundle import LoadedBundle
from bci_app.cli.app import main
from bci_app.errors import BciError
from bci_app.events import Prediction
from bci_app.gui.controller import Controller
from bci_app.gui.jobs import StreamWatch
from bci_app.gui.main_window import MainWindow
from bci_app.gui.settings_dialog import SettingsDialog
from bci_app.outputs.osc import OscOutput
from bci_app.presentation.choices import ALL_MARKERS
from bci_app.presentation.opening import Ready, StreamChoice
from bci_app.presentation.output_control import OutputChoice
from bci_app.presentation.state import Step
from bci_app.sources.lsl.library import load_pylsl
from tests.gui.conftest import WAIT, OpenWindow
from tests.gui.sessions import begin, run_to
from tests.gui.sources import HeldSource, stream
from tests.lsl_outlet import unique


class Receiver:
    """Takes OSC on this machine."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.got: dict[str, Any] = {}

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.socket.getsockname()[1]}"

    def has(self, address: str) -> bool:
        """Tell whether a message to this address has come."""
        try:
            while True:
                message = OscMessage(self.socket.recv(4096))
                self.got[message.address] = message.params[0]
        except BlockingIOError:
            return address in self.got


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.socket.close()


@pytest.fixture
def source() -> HeldSource:
    return HeldSource(stream(60))


def settings_of(window: MainWindow) -> SettingsDialog:
    window.show_settings()
    (dialog,) = window.findChildren(SettingsDialog)
    return dialog


def sends(window: MainWindow) -> str:
    return window.status.sent.text() if window.status.sent.isVisible() else ""


def goes_on(qtbot: QtBot, window: MainWindow, source: HeldSource) -> None:
    """Wait for a prediction that comes after what was let through before."""
    before = window.controller.log.last()
    source.allow(60)
    qtbot.waitUntil(lambda: window.controller.log.last() is not before, timeout=WAIT)


def first_message(client: ClientConnection, source: HeldSource) -> dict[str, Any]:
    """Return the first prediction that a WebSocket client gets; those before it was known to the server are not its."""
    for _ in range(20):
        source.allow(20)
        with suppress(TimeoutError):
            return dict(json.loads(client.recv(timeout=5)))
    pytest.fail("no prediction came by WebSocket")


def inlet_of(name: str) -> Any:
    pylsl = load_pylsl()
    resolver = pylsl.ContinuousResolver(prop="name", value=name)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = resolver.results()
        if found:
            inlet = pylsl.StreamInlet(found[0], recover=False)
            inlet.open_stream(30)
            return inlet
        time.sleep(0.02)
    pytest.fail(f"no stream {name}")


def test_nothing_is_sent_by_default(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle, source: HeldSource) -> None:
    begin(qtbot, window, source, bundle)
    source.allow(300)
    run_to(qtbot, window, Step.RUN)
    assert window.controller.outputs.choice == OutputChoice()
    assert window.controller.engine is not None
    assert window.controller.engine.outputs == ()
    assert sends(window) == ""
    dialog = settings_of(window)
    assert not dialog.lsl.isChecked()
    assert not dialog.osc.tick.isChecked()


@pytest.mark.lsl
def test_outputs_are_switched_on_and_off_in_a_running_session_and_remembered(
    qtbot: QtBot, open_window: OpenWindow, bundle: LoadedBundle, source: HeldSource, receiver: Receiver
) -> None:
    window = open_window()
    begin(qtbot, window, source, bundle)
    source.allow(300)
    run_to(qtbot, window, Step.RUN)
    dialog = settings_of(window)
    dialog.osc.address.setText(receiver.address)
    dialog.osc.tick.click()
    assert dialog.osc.reach.text() == "this machine"
    qtbot.waitUntil(lambda: sends(window) == "sends OSC", timeout=WAIT)
    source.allow(60)
    qtbot.waitUntil(lambda: receiver.has("/bci/mental_load/high"), timeout=WAIT)
    dialog.lsl.click()
    qtbot.waitUntil(lambda: sends(window) == "sends LSL, OSC", timeout=WAIT)
    assert receiver.address in window.status.sent.toolTip()
    inlet, events = inlet_of("bci-app predictions"), inlet_of("bci-app events")
    dialog.ws.address.setText("0")  # any free port
    dialog.ws.tick.click()
    qtbot.waitUntil(lambda: sends(window) == "sends LSL, OSC, WebSocket", timeout=WAIT)
    (page,) = [line for line in window.status.sent.toolTip().splitlines() if "WebSocket" in line]
    with connect(page.replace("WebSocket at http", "ws")) as client:
        assert first_message(client, source)["targets"]["mental_load"]
    dialog.ws.tick.click()
    source.allow(60)
    labels = inlet.info(5).get_channel_labels()
    sample, _ = inlet.pull_sample(5)
    assert dict(zip(labels, sample, strict=True))["valid"] == 1.0
    window.controller.mark("eyes closed")
    texts: list[str] = []
    while "eyes closed" not in texts:
        text, _ = events.pull_sample(5)
        assert text is not None
        texts += text
    dialog.osc.tick.click()
    qtbot.waitUntil(lambda: sends(window) == "sends LSL", timeout=WAIT)
    dialog.done_button.click()
    window.close()
    again = open_window()
    assert again.controller.outputs.choice.with_lsl(False) == OutputChoice()
    assert again.controller.outputs.choice.lsl
    assert settings_of(again).osc.address.text() == receiver.address


def test_outputs_of_the_command_line_hold_beside_the_remembered_ones(
    qtbot: QtBot, settings: QSettings, receiver: Receiver
) -> None:
    settings.setValue("send lsl", True)
    controller = Controller(outputs=OutputChoice(lsl_out="load", osc=receiver.address))
    window = MainWindow(controller, title="bci-app", settings=settings)
    qtbot.addWidget(window)
    assert controller.outputs.choice == OutputChoice(lsl_out="load", osc=receiver.address)
    dialog = settings_of(window)
    assert dialog.lsl.isChecked()
    assert dialog.lsl.text() == "LSL stream “load”"
    assert dialog.osc.tick.isChecked()
    window.close()
    assert not settings.contains("send osc")


def test_the_command_line_hands_outputs_and_streams_beside_to_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, object] = {}

    def run_window(**options: object) -> int:
        given.update(options)
        return 0

    monkeypatch.setattr("bci_app.gui.app.run_window", run_window)
    monkeypatch.setattr(sys, "argv", ["bci-app", "gui", "--osc", "9000", "--lsl-out", "load", "--with", "lsl:EDA"])
    with pytest.raises(SystemExit):
        main()
    assert given["outputs"] == OutputChoice(lsl_out="load", osc="9000")
    assert given["beside"] == ["lsl:EDA"]


def test_osc_to_another_machine_is_said(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle, source: HeldSource
) -> None:
    begin(qtbot, window, source, bundle)
    dialog = settings_of(window)
    dialog.osc.address.setText("192.0.2.7:9000")
    dialog.osc.tick.click()
    assert dialog.osc.reach.text() == "another machine"
    qtbot.waitUntil(lambda: sends(window) == "sends OSC to 192.0.2.7", timeout=WAIT)
    window.status.sent.setText("sends LSL, OSC to a-receiver-with-a-long-name.of-a-laboratory.example.org")
    assert window.status.minimumSizeHint().width() <= 1024


def test_an_address_that_cannot_be_read_is_told_where_it_is_typed(qtbot: QtBot, window: MainWindow) -> None:
    dialog = settings_of(window)
    dialog.osc.address.setText("studio:port")
    dialog.osc.tick.click()
    assert dialog.osc.reach.text() == "not sent: HOST:PORT, or PORT"
    assert window.controller.outputs.choice.osc == ""
    assert window.preferences.sent_to("osc") == ""


def test_an_output_that_cannot_be_opened_is_told_and_the_session_goes_on(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle, source: HeldSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_arguments: object, **_options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    window.controller.outputs.choose(OutputChoice(osc="studio:9000"))
    begin(qtbot, window, source, bundle)
    qtbot.waitUntil(window.banner.isVisible, timeout=WAIT)
    assert window.banner.summary.text() == "OSC cannot be sent there."
    assert "studio:9000: Name or service not known" in window.banner.advice.text()
    goes_on(qtbot, window, source)
    assert sends(window) == ""


def test_an_output_that_fails_is_told_and_the_session_goes_on(
    qtbot: QtBot,
    window: MainWindow,
    bundle: LoadedBundle,
    source: HeldSource,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window.controller.outputs.choose(OutputChoice(osc=receiver.address))
    begin(qtbot, window, source, bundle)
    qtbot.waitUntil(lambda: sends(window) == "sends OSC", timeout=WAIT)

    def fail(_output: OscOutput, _prediction: Prediction) -> None:
        raise BciError("OSC can no longer be sent", fix="Check the network.")

    monkeypatch.setattr(OscOutput, "publish", fail)
    goes_on(qtbot, window, source)
    qtbot.waitUntil(window.banner.isVisible, timeout=WAIT)
    assert window.banner.summary.text() == "An output has stopped because of a failure. The session goes on."
    assert "Check the network" in window.banner.advice.text()
    qtbot.waitUntil(lambda: sends(window) == "", timeout=WAIT)
    monkeypatch.undo()
    # Chosen again, it is tried again.
    window.controller.outputs.choose(OutputChoice())
    window.controller.outputs.choose(OutputChoice(osc=receiver.address))
    qtbot.waitUntil(lambda: sends(window) == "sends OSC", timeout=WAIT)
    qtbot.waitUntil(lambda: not window.banner.isVisible(), timeout=WAIT)


@pytest.mark.lsl
def test_own_events_are_not_received_back(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle, source: HeldSource
) -> None:
    controller = window.controller
    name = unique("events")
    controller.outputs.choose(OutputChoice(lsl_markers=name))
    with qtbot.waitSignal(controller.session_changed, timeout=WAIT):
        streams = StreamChoice(markers=(ALL_MARKERS, name))
        ready = Ready(source, bundle)
        controller.prepare(lambda: ready, source_text="lsl:test", wait_for_baseline=False, streams=streams)
    qtbot.waitUntil(lambda: sends(window) == "sends LSL", timeout=WAIT)
    assert controller.engine is not None
    received = controller.engine.marker_streams
    assert received is not None
    # Seen, because it fits, and not received.
    qtbot.waitUntil(lambda: name not in received.never_seen, timeout=WAIT)
    controller.mark("eyes closed")
    goes_on(qtbot, window, source)
    assert name not in received.connected
    assert [mark.text for mark in controller.log.markers].count("eyes closed") <= 1


@pytest.mark.lsl
def test_own_streams_are_not_offered_as_those_of_others(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle, source: HeldSource
) -> None:
    controller, discovery = window.controller, window.discovery
    name = unique("events")
    controller.outputs.choose(OutputChoice(lsl_markers=name))
    with qtbot.waitSignal(controller.session_changed, timeout=WAIT):
        controller.prepare(lambda: Ready(source, bundle), wait_for_baseline=False)
    qtbot.waitUntil(lambda: sends(window) == "sends LSL", timeout=WAIT)
    visible: set[str] = set()
    offered: set[str] = set()
    watch = discovery.findChild(StreamWatch)
    assert watch is not None
    watch.changed.connect(lambda streams: visible.update(stream.name for stream in streams))
    discovery.streams_changed.connect(lambda streams: offered.update(stream.name for stream in streams))
    discovery.watch_streams(True)
    qtbot.waitUntil(lambda: name in visible, timeout=WAIT)
    assert name not in offered
