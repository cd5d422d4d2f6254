"""Predictions by WebSocket: what clients receive, who may connect, and the page in a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from bci_app.bundle.spec import Bundle
from bci_app.errors import BciError
from bci_app.outputs.jsonl import prediction_line
from bci_app.outputs.websocket import WebSocketOutput
from bci_app.stream import Marker
from tests.bundles import LOAD, VALENCE, describe, small_spec
from tests.outputs.test_outputs import INFO, prediction


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return describe(b"a model", small_spec(), (LOAD, VALENCE))


@pytest.fixture
def output(bundle: Bundle) -> Iterator[WebSocketOutput]:
    output = WebSocketOutput.parse("0")
    output.start(bundle, INFO)
    yield output
    output.close()


def client(output: WebSocketOutput, **options: str) -> ClientConnection:
    connection = connect(f"ws://127.0.0.1:{output.port}", additional_headers=options)
    end = time.monotonic() + 30
    while not output.clients:
        assert time.monotonic() < end
        time.sleep(0.01)
    return connection


def test_clients_receive_predictions_and_events(output: WebSocketOutput) -> None:
    with client(output) as first, client(output) as second:
        while output.clients < 2:
            time.sleep(0.01)
        output.publish(prediction(7))
        output.mark(Marker(3.5, "stimulus\x1b[2J"))
        for connection in (first, second):
            assert connection.recv(30) == prediction_line(prediction(7))
            assert json.loads(connection.recv(30)) == {"event": "stimulus\\x1b[2J", "time": 3.5}


def test_a_client_that_stalls_is_dropped_and_delays_nobody(
    output: WebSocketOutput, monkeypatch: pytest.MonkeyPatch
) -> None:
    with client(output) as stalled:
        begun = time.monotonic()
        for sample in range(30_000):
            output.publish(prediction(sample))
        assert time.monotonic() - begun < 60
        end = time.monotonic() + 30
        while output.clients:
            assert time.monotonic() < end
            time.sleep(0.01)
        with client(output) as reading:
            output.publish(prediction(5))
            assert json.loads(reading.recv(30))["sample"] == 5
        stalled.close_socket()


def test_pages_of_other_sites_may_not_connect(output: WebSocketOutput) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        connect(f"ws://127.0.0.1:{output.port}", additional_headers={"Origin": "https://example.org"})
    with client(output, Origin=f"http://127.0.0.1:{output.port}"):
        pass


def test_only_this_machine_can_connect_unless_another_address_is_named() -> None:
    assert WebSocketOutput.parse("8765").host == "127.0.0.1"
    assert WebSocketOutput.parse("8765").local
    assert not WebSocketOutput.parse("0.0.0.0:8765").local


def test_what_cannot_be_offered_is_reported(output: WebSocketOutput, bundle: Bundle) -> None:
    with pytest.raises(BciError, match="found 'here'"):
        WebSocketOutput.parse("here")
    with pytest.raises(BciError, match="Choose another port"):
        WebSocketOutput(output.port).start(bundle, INFO)


def test_the_page_shows_predictions_in_a_browser(output: WebSocketOutput, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with urllib.request.urlopen(f"http://127.0.0.1:{output.port}/") as page:
        assert b"new WebSocket" in page.read()
    if browser is None:
        pytest.skip("this machine has no Chromium")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    command += ["--remote-debugging-port=0", f"http://127.0.0.1:{output.port}/"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as shown:
        assert shown.stderr is not None
        try:
            debugger = next(line for line in shown.stderr if "DevTools listening on" in line).split("/")[2]
            end, text = time.monotonic() + 60, ""
            while "mental_load" not in text or "trial" not in text:
                assert time.monotonic() < end, text
                output.publish(prediction(1))
                output.mark(Marker(1.0, "<b>trial</b>"))
                text = text_of_page(debugger)
        finally:
            shown.kill()
    assert "mental_load: low 0.75, high 0.25" in text
    assert "<b>trial</b>" in text


def text_of_page(debugger: str) -> str:
    """Ask a browser what its page shows."""
    with urllib.request.urlopen(f"http://{debugger}/json/list") as answer:
        pages = [page for page in json.load(answer) if page["type"] == "page"]
    if not pages:
        return ""
    with connect(pages[0]["webSocketDebuggerUrl"], max_size=None) as connection:
        question = {"id": 1, "method": "Runtime.evaluate", "params": {"expression": "document.body?.innerText ?? ''"}}
        connection.send(json.dumps(question))
        return str(json.loads(connection.recv(30))["result"]["result"].get("value", ""))
