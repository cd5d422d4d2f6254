"""Recordings played as LSL streams, as a device would send them."""

from bci_app.replay.player import MAX_SPEED, MIN_SPEED, Replay, ReplayPhase, ReplayStatus
from bci_app.replay.reception import ReplaySource
from bci_app.replay.thread import ReplayThread

__all__ = [
    "MAX_SPEED",
    "MIN_SPEED",
    "Replay",
    "ReplayPhase",
    "ReplaySource",
    "ReplayStatus",
    "ReplayThread",
]
