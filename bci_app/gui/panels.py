"""The panels of the session window: one module each in `views`, one line each here."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from bci_app.gui.panel import Panel
from bci_app.gui.theme import Theme
from bci_app.gui.views.contact import ContactPanel
from bci_app.gui.views.prediction import PredictionPanel
from bci_app.gui.views.replay_strip import ReplayStrip
from bci_app.gui.views.session_panel import SessionPanel
from bci_app.gui.views.signals_panel import SignalsPanel
from bci_app.gui.views.spectrum import SpectrumPanel


class Place(Enum):
    """A column of the window: is the signal good, what is the signal, what does the model say."""

    LEFT = "left"
    MIDDLE = "middle"
    RIGHT = "right"


class PanelEntry(NamedTuple):
    """A panel's class, its column, and the share of the column's height that it gets (0: what it needs)."""

    make: Callable[[Theme], Panel]
    place: Place
    share: float


PANELS: dict[str, PanelEntry] = {
    "Contact": PanelEntry(ContactPanel, Place.LEFT, 0.6),
    "Spectrum": PanelEntry(SpectrumPanel, Place.LEFT, 0.4),
    "Signals": PanelEntry(SignalsPanel, Place.MIDDLE, 1.0),
    "Replay": PanelEntry(ReplayStrip, Place.MIDDLE, 0.0),
    "Prediction": PanelEntry(PredictionPanel, Place.RIGHT, 0.795),
    "Session": PanelEntry(SessionPanel, Place.RIGHT, 0.205),
}
