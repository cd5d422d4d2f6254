"""Playing, pausing and seeking, for the strip and the keyboard."""

from __future__ import annotations

from collections.abc import Callable

from bci_app.gui.controller import Controller
from bci_app.gui.views.replay_strip import ReplayStrip

_SEEK_SECONDS = 10.0


class Transport:
    """Passes requests to the player of a recording.

    Parameters
    ----------
    controller : Controller
        The session.
    strip : ReplayStrip
        Where the requests come from.
    may_end : callable
        Takes what is going to happen. Returns whether the session, and a recording of it, may end for that.
    """

    def __init__(self, controller: Controller, strip: ReplayStrip, *, may_end: Callable[[str], bool]) -> None:
        self._controller, self._strip, self._may_end = controller, strip, may_end
        strip.pause_asked.connect(self.pause)
        strip.seek_asked.connect(self.seek)
        strip.speed_asked.connect(self.set_speed)

    def toggle(self) -> None:
        """Play or pause."""
        self._strip.toggle()

    def forward(self) -> None:
        """Go forward."""
        self._strip.step(_SEEK_SECONDS)

    def back(self) -> None:
        """Go back."""
        self._strip.step(-_SEEK_SECONDS)

    def pause(self, pause: bool) -> None:
        """Pause, go on, or play again what has ended."""
        controller = self._controller
        if controller.player is None or controller.ended:
            if self._may_end("Playing again"):
                controller.open_again()
        elif pause:
            controller.player.pause()
        else:
            controller.player.resume()

    def seek(self, seconds: float) -> None:
        """Go on from another position."""
        if self._controller.player is not None:
            self._controller.player.seek(seconds)

    def set_speed(self, speed: float) -> None:
        """Play slower or faster."""
        if self._controller.player is not None:
            self._controller.player.set_speed(speed)
