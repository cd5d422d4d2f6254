"""Predictions and events by WebSocket, with a page that shows them in a browser."""

from __future__ import annotations

import json
import queue
import threading
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from bci_app.errors import BciError
from bci_app.events import Prediction
from bci_app.outputs.base import LOCAL_HOST, Addressed, OutputKind
from bci_app.outputs.jsonl import prediction_line
from bci_app.stream import Marker, StreamInfo
from bci_app.text import printable

if TYPE_CHECKING:
    from bci_app.bundle.spec import Bundle

# Messages that may wait for a client. A client that is further behind is disconnected.
_MOST_WAITING = 200


def event_line(marker: Marker) -> str:
    """Write an event as one line of JSON: ``{"event": text, "time": seconds}``, control characters escaped."""
    return json.dumps({"event": printable(marker.text), "time": marker.time}, ensure_ascii=False)


class WebSocketOutput(Addressed):
    """Send each prediction and event to every client, as one message of JSON.

    Predictions are the lines of ``--jsonl``; see `event_line` for events. ``http://HOST:PORT/`` is a page that shows
    them. Each client has its own queue and thread, so a client that stalls delays no other. Pages of other web sites
    may not connect.

    Parameters
    ----------
    port : int
        TCP port; 0 for a free one (see `port` after `start`).
    host : str
        Address to listen at; this machine only by default.
    """

    unreadable = "Cannot read where to offer predictions by WebSocket"
    lowest_port = 0

    def __init__(self, port: int, host: str = LOCAL_HOST) -> None:
        super().__init__(port, host)
        self._server: Any = None
        self._clients: set[queue.Queue[str | None]] = set()
        self._lock = threading.Lock()

    @property
    def place(self) -> str:
        """Where predictions go."""
        return f"WebSocket at http://{self.host}:{self.port}"

    def start(self, bundle: Bundle, info: StreamInfo) -> None:
        """Listen.

        Raises
        ------
        BciError
            If the port is taken, or the address is not this machine's.
        """
        from websockets.sync.server import serve

        try:
            self._server = serve(self._serve_client, self.host, self.port, process_request=self._answer)
        except OSError as error:
            raise BciError(
                "Predictions cannot be offered by WebSocket",
                found=f"{self.host}:{self.port}: {error.strerror}",
                expected="a free port and an address of this machine",
                fix="Choose another port with --ws.",
            ) from error
        self.port = int(self._server.socket.getsockname()[1])
        threading.Thread(target=self._server.serve_forever, name="websocket", daemon=True).start()

    def publish(self, prediction: Prediction) -> None:
        """Send a prediction to all clients."""
        self._send(prediction_line(prediction))

    def mark(self, marker: Marker) -> None:
        """Send an event to all clients."""
        self._send(event_line(marker))

    @property
    def clients(self) -> int:
        """Clients that are connected now."""
        return len(self._clients)

    def close(self) -> None:
        """Disconnect all clients and stop listening. May be called twice."""
        server, self._server = self._server, None
        if server is None:
            return
        with self._lock:
            clients, self._clients = self._clients, set()
        for waiting in clients:
            _end(waiting)
        server.shutdown()

    def _send(self, line: str) -> None:
        with self._lock:
            for waiting in tuple(self._clients):
                try:
                    waiting.put_nowait(line)
                except queue.Full:
                    self._clients.discard(waiting)
                    _end(waiting)

    def _serve_client(self, connection: Any) -> None:
        from websockets.exceptions import ConnectionClosed

        waiting: queue.Queue[str | None] = queue.Queue(_MOST_WAITING)
        with self._lock:
            self._clients.add(waiting)
        try:
            while (line := waiting.get()) is not None:
                connection.send(line)
        except ConnectionClosed:
            return
        finally:
            with self._lock:
                self._clients.discard(waiting)

    def _answer(self, connection: Any, request: Any) -> Any:
        """Answer what is no WebSocket with the page, and refuse pages of other sites."""
        from http import HTTPStatus

        if request.headers.get("Upgrade", "").lower() != "websocket":
            if request.path != "/":
                return connection.respond(HTTPStatus.NOT_FOUND, "There is only one page here: /\n")
            response = connection.respond(HTTPStatus.OK, _page())
            del response.headers["Content-Type"]
            response.headers["Content-Type"] = "text/html; charset=utf-8"
            return response
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != request.headers.get("Host"):
            return connection.respond(HTTPStatus.FORBIDDEN, "Pages of other sites may not connect.\n")
        return None


def _end(waiting: queue.Queue[str | None]) -> None:
    """Let a client's thread end, in place of what waits for it."""
    while True:
        try:
            waiting.put_nowait(None)
        except queue.Full:
            waiting.get_nowait()
        else:
            return


def _page() -> str:
    return files("bci_app.outputs").joinpath("websocket.html").read_text(encoding="utf-8")


KIND = OutputKind("Offer predictions and events by WebSocket at PORT or HOST:PORT, with a page.", WebSocketOutput.parse)
