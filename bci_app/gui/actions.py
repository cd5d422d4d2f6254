"""Every action of the window, once: the keys, the menu, the help and the command palette are made from this table."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from bci_app.gui.preferences import MARKER_KEYS

if TYPE_CHECKING:
    from bci_app.gui.main_window import MainWindow


class Reach(Enum):
    """Where the keys of an action work."""

    WINDOW = "anywhere in the window"
    VIEWS = "in the session's views, where no field needs the key"
    PROGRAM = "in every window of the program"


class Needs(Enum):
    """What an action needs, in the words that are shown while it is missing."""

    NOTHING = ""
    SESSION = "needs an open session"
    PLAYER = "needs a recording that is played"
    REPORT = "needs a recording that was made and closed"


class Action(NamedTuple):
    """Something that the user can do.

    Attributes
    ----------
    section : str
        Heading in the menu and in the help.
    title : str
        What it does.
    run : callable
        Does it in a window.
    keys : tuple of str
        Keys in Qt's spelling. The first one is shown.
    reach : Reach
        Where the keys work.
    needs : Needs
        What must be there.
    detail : callable, optional
        Returns what is added to the title in a window.
    """

    section: str
    title: str
    run: Callable[[MainWindow], object]
    keys: tuple[str, ...] = ()
    reach: Reach = Reach.WINDOW
    needs: Needs = Needs.NOTHING
    detail: Callable[[MainWindow], str] | None = None

    def title_in(self, window: MainWindow) -> str:
        """Return the title as the menu and the palette of a window show it."""
        return self.title if self.detail is None else f"{self.title}: {self.detail(window)}"

    def missing_in(self, window: MainWindow) -> Needs:
        """Return what the action needs and a window lacks."""
        controller = window.controller
        there = {
            Needs.NOTHING: True,
            Needs.SESSION: controller.session is not None,
            Needs.PLAYER: controller.player is not None,
            Needs.REPORT: controller.recorder.reports.page is not None,
        }
        return Needs.NOTHING if there[self.needs] else self.needs


def _mark(index: int, window: MainWindow) -> None:
    window.controller.mark(window.preferences.marker_texts[index])


def _marker_text(index: int, window: MainWindow) -> str:
    return window.preferences.marker_texts[index]


def _open_page(window: MainWindow) -> None:
    window.controller.recorder.reports.open()


_S, _M, _V, _R, _W = "Session", "Markers", "Signals", "Recordings", "Window"
_VIEWS, _PROGRAM = Reach.VIEWS, Reach.PROGRAM
_OPEN, _PLAYER = Needs.SESSION, Needs.PLAYER

ACTIONS: dict[str, Action] = {
    "connect": Action(_S, "Choose source and model", lambda w: w.show_connect(), ("Ctrl+O",)),
    "baseline": Action(_S, "Start or repeat the rest baseline", lambda w: w.start_baseline(), ("Ctrl+B",), needs=_OPEN),
    "record": Action(_S, "Start or stop recording", lambda w: w.toggle_recording(), ("Ctrl+D",), needs=_OPEN),
    "session report": Action(_S, "Open the report of the last recording", _open_page, needs=Needs.REPORT),
    "next participant": Action(_S, "Next participant", lambda w: w.next_participant(), ("Ctrl+N",), needs=_OPEN),
    "study": Action(_S, "New study", lambda w: w.studies.ask(), ("Ctrl+L",)),
    "quit": Action(_S, "Quit", lambda w: w.close(), ("Ctrl+Q",)),
    "mark": Action(_M, "Mark with a running number", lambda w: w.mark_next(), needs=_OPEN),
    "note": Action(_M, "Type a marker or note", lambda w: w.area.session_panel.focus_entry(), ("Ctrl+M",), needs=_OPEN),
    "report": Action(_M, "Self-report", lambda w: w.area.session_panel.open_report(), ("Ctrl+R",), needs=_OPEN),
    **{
        f"mark {key}": Action(
            _M, "Mark at once", partial(_mark, index), (key,), _PROGRAM, _OPEN, partial(_marker_text, index)
        )
        for index, key in enumerate(MARKER_KEYS)
    },
    "larger": Action(_V, "Larger amplitude", lambda w: w.area.signals.larger(), ("Up", "+"), _VIEWS, _OPEN),
    "smaller": Action(_V, "Smaller amplitude", lambda w: w.area.signals.smaller(), ("Down", "-"), _VIEWS, _OPEN),
    "longer": Action(_V, "More seconds", lambda w: w.area.signals.longer(), ("Right",), _VIEWS, _OPEN),
    "shorter": Action(_V, "Fewer seconds", lambda w: w.area.signals.shorter(), ("Left",), _VIEWS, _OPEN),
    "filter": Action(_V, "Next display filter", lambda w: w.area.signals.next_filter(), ("F",), _VIEWS, _OPEN),
    "play": Action(_R, "Play or pause", lambda w: w.transport.toggle(), ("Space",), _VIEWS, _PLAYER),
    "forward": Action(_R, "10 s forward", lambda w: w.transport.forward(), ("Ctrl+Right",), _VIEWS, _PLAYER),
    "back": Action(_R, "10 s back", lambda w: w.transport.back(), ("Ctrl+Left",), _VIEWS, _PLAYER),
    "palette": Action(_W, "Find an action", lambda w: w.show_palette(), ("Ctrl+K",)),
    "feedback": Action(_W, "Feedback for the participant", lambda w: w.show_feedback(), ("Ctrl+E",), needs=_OPEN),
    "theme": Action(_W, "Dark or light", lambda w: w.toggle_theme(), ("Ctrl+T",)),
    "picture": Action(_W, "Save a picture of the window", lambda w: w.save_picture(), ("Ctrl+P", "F12")),
    "full screen": Action(_W, "Full screen", lambda w: w.toggle_full_screen(), ("F11",)),
    "larger window": Action(_W, "Larger from the next start on", lambda w: w.scale(1), ("Ctrl++", "Ctrl+=")),
    "smaller window": Action(_W, "Smaller from the next start on", lambda w: w.scale(-1), ("Ctrl+-",)),
    "settings": Action(_W, "Settings", lambda w: w.show_settings(), ("Ctrl+,",)),
    "layout": Action(_W, "Put every panel back in its place", lambda w: w.area.reset_layout(), ("Ctrl+0",)),
    "help": Action(_W, "Keyboard and mouse", lambda w: w.show_help(), ("?",)),
}


def sections() -> dict[str, list[str]]:
    """List the names of the actions under their headings, in the order of the table."""
    found: dict[str, list[str]] = {}
    for name, action in ACTIONS.items():
        found.setdefault(action.section, []).append(name)
    return found


def tip(name: str, text: str = "") -> str:
    """Return the tool tip of a button for an action: `text`, or its title, and its key."""
    action = ACTIONS[name]
    words = text or action.title[0].lower() + action.title[1:]
    return f"{words} ({action.keys[0]})" if action.keys else words
