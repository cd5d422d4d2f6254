"""What the panels of one window share."""

from __future__ import annotations

from PyQt6.QtCore import QObject, pyqtSignal

from bci_app.gui.controller import Controller
from bci_app.gui.preferences import Preferences


class Desk(QObject):
    """The session's controller, the user's preferences, and what panels ask of each other.

    Signals: `channels_changed` carries the `Picked` channels. `channel_asked` carries a column of the stream, and
    `electrode_asked` a name, to pick or no longer pick. `action_asked` carries a key of `actions.ACTIONS`.
    `keyboard_left` says that a field gave the keyboard back, and `rating_changed` whether a self-report is open.

    Attributes
    ----------
    rating : bool
        Whether a self-report is open.
    """

    channels_changed = pyqtSignal(object)
    channel_asked = pyqtSignal(int)
    electrode_asked = pyqtSignal(str)
    action_asked = pyqtSignal(str)
    keyboard_left = pyqtSignal()
    rating_changed = pyqtSignal(bool)

    def __init__(self, controller: Controller, preferences: Preferences, parent: QObject) -> None:
        super().__init__(parent)
        self.controller = controller
        self.preferences = preferences
        self.rating = False
        self.rating_changed.connect(lambda rating: setattr(self, "rating", rating))
