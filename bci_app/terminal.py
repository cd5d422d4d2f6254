"""A session in the terminal: drawn where there is a screen, else reported in lines."""

from __future__ import annotations

import math
import select
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import nullcontext
from typing import IO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bci_app.bundle.spec import Bundle
from bci_app.engine import Engine, EngineThread
from bci_app.events import ContactLevel, Phase, Prediction, Status, StepResult, age_text
from bci_app.text import printable, printable_lines

_HISTORY = 60
_REDRAW_SECONDS = 0.25
_BAR = 24
_LEVELS = " ▁▂▃▄▅▆▇█"
# Where there is no cursor to move, a line every so many seconds is enough.
_PLAIN_SECONDS = 5.0
_STEPS = (
    ("Connect", (Phase.CONNECTING, Phase.LOST)),
    ("Contact", (Phase.CONTACT,)),
    ("Baseline", (Phase.WARMING_UP, Phase.BASELINE)),
    ("Run", (Phase.RUNNING, Phase.FINISHED)),
)


def status_line(status: Status) -> str:
    """Say in one line what is true of the session now, with fixed-width figures."""
    return (
        f"{_figure(status.effective_rate, '6.1f')} / {status.nominal_rate:.0f} Hz"
        f" · loss {status.loss * 100:4.1f} % · age {age_text(status.age_s)}"
        f" · prediction {_figure(status.compute_ms, '4.1f')} ms{_device(status)}"
    )


def _device(status: Status) -> str:
    if status.device is None:
        return ""
    text = "" if status.device.battery is None else f" · battery {status.device.battery:3.0f} %"
    measured = [(name, ohm) for name, ohm in status.device.resistances if math.isfinite(ohm)]
    if measured:
        text += " · resistance " + ", ".join(f"{name} {ohm / 1e3:.0f} kΩ" for name, ohm in measured)
    return text


def plain_line(prediction: Prediction) -> str:
    """Say one prediction in one line of text."""
    if not prediction.valid:
        return f"sample {prediction.sample:>8}  no prediction: {', '.join(r.value for r in prediction.reasons)}"
    parts = []
    for target in prediction.targets:
        values = target.smoothed or ()
        best = max(range(len(values)), key=values.__getitem__)
        parts.append(f"{target.name.replace('_', ' ')} {target.classes[best]} {values[best]:.2f}")
    return f"sample {prediction.sample:>8}  {'  '.join(parts)}"


def _figure(value: float, form: str) -> str:
    width = int(form.split(".")[0])
    return f"{value:{form}}" if math.isfinite(value) else "–".rjust(width)


def takes_text(file: IO[str]) -> bool:
    """Return whether a file takes text now: a pipe whose reader has stalled would hold the session."""
    try:
        return bool(select.select([], [file.fileno()], [], 0.0)[1])
    except (OSError, ValueError):  # no descriptor, or one that cannot be asked on this system
        return True


class TerminalView:
    """Draw a session from frozen values; holds only the recent predictions that it draws."""

    def __init__(self, bundle: Bundle, source: str) -> None:
        self._bundle = bundle
        self._source = source
        self._history: deque[Prediction] = deque(maxlen=_HISTORY)

    def add(self, prediction: Prediction) -> None:
        """Take a prediction into the history."""
        self._history.append(prediction)

    def render(self, status: Status) -> RenderableType:
        """Draw everything."""
        parts: list[RenderableType] = [Text(self._bundle.title, style="bold"), self._steps(status), Text("")]
        parts += [self._target(index) for index in range(len(self._bundle.targets))]
        parts += [Text(""), self._contact(status)]
        parts += [
            Text(printable(line), style="dim", no_wrap=True, overflow="ellipsis")
            for line in (self._source, status_line(status))
        ]
        wrong = (status.message, status.recording_error, status.output_error, status.notice, status.clock)
        parts += [Text(printable_lines(text), style="yellow") for text in wrong if text]
        return Group(*parts)

    def _steps(self, status: Status) -> Text:
        text = Text()
        current = next((i for i, (_, phases) in enumerate(_STEPS) if status.phase in phases), 0)
        for index, (name, _) in enumerate(_STEPS):
            mark = "●" if index <= current else "○"
            style = "bold cyan" if index == current else "dim"
            progress = (
                f" {status.baseline_progress * 100:3.0f} %"
                if name == "Baseline" and status.phase is Phase.BASELINE
                else ""
            )
            text.append(f"{mark} {name}{progress}", style)
            if index + 1 < len(_STEPS):
                text.append(" ─ ", "dim")
        return text

    def _target(self, index: int) -> RenderableType:
        target = self._bundle.targets[index]
        newest = self._history[-1] if self._history else None
        grid = Table.grid(padding=(0, 2))
        grid.add_column(width=14)
        grid.add_column(width=_BAR)
        grid.add_column(width=12, justify="right")
        if newest is None or not newest.valid or (values := newest.targets[index].smoothed) is None:
            why = ", ".join(reason.value for reason in newest.reasons) if newest else "waiting for samples"
            grid.add_row(Text(target.title, style="bold"), Text(f"no prediction: {why}", style="dim"), "")
            grid.columns[1].width = None
        else:
            grid.add_row(Text(target.title, style="bold"), "", "")
            spreads = newest.targets[index].spread or (0.0,) * len(values)
            for name, value, spread in zip(target.classes, values, spreads, strict=True):
                filled = round(value * _BAR)
                bar = Text("█" * filled, style="cyan") + Text("·" * (_BAR - filled), style="dim")
                grid.add_row(f"  {name}", bar, f"{value:.2f} ± {spread:.2f}")
        return Group(grid, self._timeline(index))

    def _timeline(self, index: int) -> Text:
        """Draw the smoothed probability of the last class over the recent windows; a slash is an invalid one."""
        text = Text("  ")
        for prediction in self._history:
            smoothed = prediction.targets[index].smoothed
            if prediction.valid and smoothed is not None:
                text.append(_LEVELS[round(smoothed[-1] * (len(_LEVELS) - 1))], "cyan")
            else:
                text.append("/", "dim")
        if self._history:
            text.append(f"  {self._bundle.targets[index].classes[-1]}", "dim")
        return text

    def _contact(self, status: Status) -> Text:
        counts = Counter(contact.level for contact in status.contacts)
        text = Text("contact  ", "dim")
        text.append(" ".join(f"{counts[level]} {level.value}" for level in ContactLevel if counts[level]) or "unknown")
        bad = [f"{printable(c.channel)} {c.cause}" for c in status.contacts if c.level is ContactLevel.BAD]
        if status.artefact:
            text.append(f"  {status.artefact} in the signal", "yellow")
        if bad:
            text.append(f"  ({', '.join(bad)})", "yellow")
        return text


class Lines:
    """What there is to say where there is no screen to draw on: new notices, and a prediction now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._errors = Console(stderr=True)
        self._message = self._recording_error = self._output_error = ""
        self._noticed: set[str] = set()
        self._due = 0.0

    def show(self, status: Status, newest: Prediction | None = None) -> None:
        """Say what is new."""
        if status.message != self._message:
            self._say(status.message or "Samples again.")
        if status.recording_error and not self._recording_error:
            self._say(status.recording_error)
        if status.output_error and status.output_error != self._output_error:
            self._say(status.output_error)
        self._message, self._recording_error = status.message, status.recording_error
        self._output_error = status.output_error
        for text in (status.notice, status.clock):
            # The figures in it change all the time.
            wording = "".join(character for character in text if not character.isdigit())
            if wording and wording not in self._noticed:
                self._noticed.add(wording)
                self._say(text)
        if newest is not None and time.monotonic() >= self._due and takes_text(self._console.file):
            self._due = time.monotonic() + _PLAIN_SECONDS
            self._console.print(plain_line(newest), highlight=False, markup=False, soft_wrap=True)

    def _say(self, text: str) -> None:
        if not takes_text(self._errors.file):
            return
        self._errors.print(printable_lines(text), highlight=False, markup=False, soft_wrap=True)


def run_in_terminal(
    engine: Engine,
    source: str,
    *,
    seconds: float | None = None,
    stopped: threading.Event | None = None,
    quiet: bool = False,
    console: Console | None = None,
    follow: Callable[[StepResult], object] | None = None,
) -> None:
    """Run a started engine until its source ends, `seconds` have passed or `stopped` is set.

    A session with a model is drawn, where there is a terminal. Else what goes wrong is reported on standard
    error when it does. A session without a model ends with its recording: there is nothing else to it.

    Parameters
    ----------
    engine : Engine
        Started.
    source : str
        What the status line calls the source.
    seconds : float, optional
        Longest time to run.
    stopped : threading.Event, optional
        Ends the session.
    quiet : bool
        Keep standard output free.
    console : Console, optional
        Where to show it; standard output by default.
    follow : callable, optional
        Takes what each step of the engine brought, before the next.

    Raises
    ------
    BciError
        If the engine fails.
    """
    console = console or Console(quiet=quiet)
    view = TerminalView(engine.spec, source) if engine.spec is not None else None
    lines = Lines(console)
    drawn = view is not None and console.is_terminal and not console.quiet
    thread = EngineThread(engine, follow=follow)
    end = math.inf if seconds is None else time.monotonic() + seconds
    stopped = stopped or threading.Event()
    thread.start()
    try:
        live = Live(console=console, auto_refresh=False, transient=True)
        with live if drawn else nullcontext():
            while thread.running and time.monotonic() < end and not stopped.wait(_REDRAW_SECONDS):
                newest, status = _drain(thread, view), engine.status()
                if view is not None and drawn:
                    live.update(view.render(status), refresh=True)
                else:
                    lines.show(status, newest)
                if view is None and status.recording_error:
                    break
    finally:
        thread.stop()
        _drain(thread, view)
    if thread.failure is not None:
        raise thread.failure
    if not drawn:
        lines.show(engine.status())
    if view is not None and takes_text(console.file):
        console.print(view.render(engine.status()))


def _drain(thread: EngineThread, view: TerminalView | None) -> Prediction | None:
    newest = None
    for result in thread.drain():
        for newest in result.predictions:
            if view is not None:
                view.add(newest)
    return newest
