"""What a session sends to other programs. No Qt."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from bci_app.engine import Engine
from bci_app.errors import BciError
from bci_app.outputs.base import Output
from bci_app.outputs.lsl import LslMarkerOutput, LslPredictionOutput
from bci_app.outputs.osc import OscOutput
from bci_app.outputs.registry import OUTPUTS
from bci_app.outputs.websocket import WebSocketOutput
from bci_app.presentation.state import Sent

_LSL = LslPredictionOutput, LslMarkerOutput
PREDICTIONS, EVENTS = "bci-app predictions", "bci-app events"


@dataclass(frozen=True, slots=True)
class OutputChoice:
    """Where predictions and events are to go; what is empty is off.

    Attributes
    ----------
    lsl_out, lsl_markers : str
        Names of the LSL streams of predictions, and of what changes in them and the session's events.
    osc, ws : str
        ``PORT`` or ``HOST:PORT``, to send to by OSC and to offer a WebSocket at.
    others : tuple of (str, str)
        Further kinds of output by their names in `OUTPUTS`, and where they go. Only the command line sets them.
    """

    lsl_out: str = ""
    lsl_markers: str = ""
    osc: str = ""
    ws: str = ""
    others: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_options(cls, options: Mapping[str, str]) -> OutputChoice:
        """Read the options of a command: values by names in `OUTPUTS`."""
        rest = dict(options)
        named = {field: rest.pop(field.replace("_", "-"), "") for field in ("lsl_out", "lsl_markers", "osc", "ws")}
        return cls(**named, others=tuple(rest.items()))

    @property
    def lsl(self) -> bool:
        """Whether there is any LSL stream."""
        return bool(self.lsl_out or self.lsl_markers)

    def with_lsl(self, on: bool) -> OutputChoice:
        """Return this with LSL streams of the usual names, or with none."""
        return replace(self, lsl_out=PREDICTIONS if on else "", lsl_markers=EVENTS if on else "")

    def sent_to(self, kind: str, address: str) -> OutputChoice:
        """Return this with another address of OSC (``osc``) or WebSocket (``ws``), or with none."""
        return replace(self, osc=address) if kind == "osc" else replace(self, ws=address)

    def over(self, other: OutputChoice) -> OutputChoice:
        """Return this, and of `other` what is off here."""
        lsl = self if self.lsl else other
        return OutputChoice(
            lsl.lsl_out,
            lsl.lsl_markers,
            self.osc or other.osc,
            self.ws or other.ws,
            self.others or other.others,
        )

    def outputs(self) -> dict[tuple[str, str], Callable[[], Output]]:
        """Return how each is made, by its kind and address."""
        made: dict[tuple[str, str], Callable[[], Output]] = {
            ("predictions", self.lsl_out): lambda: LslPredictionOutput(self.lsl_out),
            ("events", self.lsl_markers): lambda: LslMarkerOutput(self.lsl_markers),
            ("OSC", self.osc): lambda: OscOutput.parse(self.osc),
            ("WebSocket", self.ws): lambda: WebSocketOutput.parse(self.ws),
            **{(name, value): partial(OUTPUTS[name].make, value) for name, value in self.others},
        }
        return {key: make for key, make in made.items() if key[1]}


class OutputControl:
    """Opens and closes outputs of the running session as they are chosen, in a thread: finding a host takes seconds.

    Parameters
    ----------
    choice : OutputChoice
        What is wanted, in this session and the next.
    """

    def __init__(self, choice: OutputChoice) -> None:
        self.choice = choice
        self._engine: Engine | None = None
        self._open: dict[tuple[str, str], Output] = {}
        self._failed: deque[BciError] = deque()
        self._working = threading.Lock()

    def choose(self, choice: OutputChoice) -> None:
        """Want something else from now on."""
        self.choice = choice
        self._follow()

    def begin(self, engine: Engine) -> None:
        """Send what this session says."""
        self._engine, self._open = engine, {}
        self._follow()

    def end(self) -> None:
        """Forget a session; its engine closes what it sends to."""
        self._engine, self._open = None, {}
        self._failed.clear()

    def failure(self) -> BciError | None:
        """Return why an output could not be opened, once."""
        return self._failed.popleft() if self._failed else None

    def sends(self, uid: str) -> bool:
        """Return whether an LSL stream, by its uid, is sent by this."""
        lsl = (output for output in self._open.copy().values() if isinstance(output, _LSL))
        return any(output.uid == uid for output in lsl)

    @property
    def sent(self) -> tuple[Sent, ...]:
        """What is sent to now."""
        if self._engine is None:
            return ()
        going = self._engine.outputs
        found = {key: output for key, output in dict(self._open).items() if output in going}
        lsl = [f"{name!r} ({kind})" for (kind, name), output in found.items() if isinstance(output, _LSL)]
        sent = [Sent("LSL", f"LSL: {', '.join(lsl)}")] if lsl else []
        for (kind, _), output in found.items():
            if isinstance(output, _LSL):
                continue
            if isinstance(output, OscOutput):
                place = f"{output.host}:{output.port}"
                word = "OSC" if output.local else f"OSC to {output.host}"
                sent.append(Sent(word, f"OSC: {place}, {'this' if output.local else 'another'} machine"))
            else:
                sent.append(Sent(kind, output.place))
        return tuple(sent)

    def _follow(self) -> None:
        engine = self._engine
        # Without a model there is nothing to send.
        if engine is not None and engine.spec is not None:
            opened = self._open
            threading.Thread(target=lambda: self._change(engine, opened), name="outputs", daemon=True).start()

    def _change(self, engine: Engine, opened: dict[tuple[str, str], Output]) -> None:
        """Bring a session to what is chosen; the last thread finds the last choice."""
        with self._working:
            wanted = self.choice.outputs()
            for key in [key for key in opened if key not in wanted]:
                engine.remove_output(opened.pop(key))
            for key, make in wanted.items():
                if key in opened:
                    continue
                try:
                    output = make()
                    engine.add_output(output)
                except BciError as error:
                    if engine is self._engine:
                        self._failed.append(error)
                else:
                    opened[key] = output
