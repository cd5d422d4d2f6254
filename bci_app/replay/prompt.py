"""Controlling a replay by lines of text, for the terminal."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue

from bci_app.errors import BciError, SourceError
from bci_app.replay.player import LINGER_SECONDS, Replay, ReplayPhase
from bci_app.replay.thread import ReplayThread

HELP = "p pause or go on · seek 12.5, +10, -10 (seconds) · speed 2 · s status · q quit"

_LOOK_SECONDS = 0.05


def run_with_prompt(replay: Replay, stopped: threading.Event, *, input_fd: int, say: Callable[[str], None]) -> None:
    """Play to the end, until `stopped` is set or the user quits, and do what lines of text ask for meanwhile.

    Parameters
    ----------
    replay : Replay
        Not opened yet.
    stopped : threading.Event
        Ends the replay.
    input_fd : int
        Where lines come from; its end changes nothing.
    say : callable
        Given each answer.

    Raises
    ------
    DependencyError
        If liblsl is missing.
    """
    lines: SimpleQueue[str] = SimpleQueue()
    # A daemon, for nothing ends a read of a terminal; by descriptor, for a buffer that is being read
    # would hold up the end of the interpreter.
    threading.Thread(target=_read_lines, args=(input_fd, lines), name="prompt", daemon=True).start()
    thread = ReplayThread(replay)
    thread.start()
    try:
        while not stopped.wait(_LOOK_SECONDS) and thread.failure is None:
            for line in _waiting(lines):
                answer = obey(replay, line)
                if answer is None:
                    return
                say(answer)
            if replay.status().phase is ReplayPhase.FINISHED:
                stopped.wait(LINGER_SECONDS)
                return
    finally:
        thread.stop()
        if thread.failure is not None:
            raise thread.failure


def _read_lines(fd: int, lines: SimpleQueue[str]) -> None:
    rest = b""
    while data := os.read(fd, 4096):
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            lines.put(line.decode("utf-8", "replace"))


def _waiting(lines: SimpleQueue[str]) -> Iterator[str]:
    while True:
        try:
            yield lines.get_nowait()
        except Empty:
            return


def obey(replay: Replay, line: str) -> str | None:
    """Do what a line asks for.

    Parameters
    ----------
    replay : Replay
        Opened already.
    line : str
        One of the commands of `HELP`; an empty line pauses or goes on.

    Returns
    -------
    str or None
        What to answer; None if the user wants to quit.
    """
    words = line.split()
    command, rest = (words[0].lower(), words[1:]) if words else ("p", [])
    if command in ("q", "quit", "exit"):
        return None
    try:
        if command in ("p", "pause", "resume", "play") and not rest:
            return _toggle(replay)
        if command in ("s", "status") and not rest:
            return describe(replay)
        if command == "speed" and len(rest) == 1:
            replay.speed = _number(command, rest[0])
            return describe(replay)
        sought = command == "seek" and len(rest) == 1
        if sought:
            command, rest = rest[0], []
        if sought or (not rest and (command[0] in "+-" or command[0].isdigit())):
            start = replay.status().position if command[0] in "+-" else 0.0
            replay.seek(start + _number("seek", command))
            return describe(replay)
    except BciError as error:
        return str(error)
    return f"Commands: {HELP}"


def _number(command: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SourceError(f"{command} takes a number", found=repr(text))
    return value


def describe(replay: Replay) -> str:
    """Describe in one line where a replay stands."""
    status = replay.status()
    place = f"{_clock(status.position)} / {_clock(status.duration)}"
    notice = f" ({status.message})" if status.message else ""
    return f"{status.phase.value}{notice} · {place} · ×{status.speed:g} · {status.file} · {status.sent} samples sent"


def _toggle(replay: Replay) -> str:
    phase = replay.status().phase
    if phase is ReplayPhase.PLAYING:
        replay.pause()
    elif phase is ReplayPhase.FINISHED:
        replay.seek(0.0)
    else:
        replay.resume()
    return describe(replay)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, seconds), 60.0)
    return f"{int(minutes):02d}:{rest:04.1f}"
