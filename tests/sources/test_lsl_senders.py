"""The clock of a sender on another machine is followed, and never waited for twice."""

from __future__ import annotations

import socket
import weakref
from dataclasses import replace

from bci_app.sources.lsl.header import LslStream
from bci_app.sources.lsl.library import load_pylsl
from bci_app.sources.lsl.senders import SenderClock

STREAM = LslStream("head", "EEG", "amp-1", "another-machine", 4, 250.0, "1")


class Inlet:
    """A sender with a clock of its own, which may fall silent."""

    def __init__(self) -> None:
        self.offset = 12.5
        self.silent = False
        self.asked = 0

    def time_correction(self, timeout: float) -> float:
        self.asked += 1
        if self.silent:
            raise load_pylsl().util.TimeoutError
        return self.offset


def test_the_offset_of_another_machine_is_measured_again_every_5_s() -> None:
    now, inlet = [100.0], Inlet()
    sender = SenderClock(inlet, STREAM, timeout=1.0, clock=lambda: now[0])
    assert (sender.remote, sender.offset) == (True, 12.5)
    inlet.offset = 12.6
    sender.follow()
    assert (sender.offset, inlet.asked) == (12.5, 1)
    now[0] += 5.0
    sender.follow()
    sender.follow()
    assert (sender.offset, inlet.asked) == (12.6, 2)
    now[0] += 5.0
    inlet.silent = True
    sender.follow()
    assert (sender.offset, inlet.asked) == (12.6, 3)


def test_streams_of_this_machine_share_its_clock() -> None:
    inlet = Inlet()
    sender = SenderClock(inlet, replace(STREAM, hostname=socket.gethostname()), timeout=1.0, clock=lambda: 0.0)
    sender.follow()
    assert (sender.remote, sender.offset, inlet.asked) == (False, 0.0, 0)


def test_an_inlet_of_this_machine_is_not_held() -> None:
    inlet = Inlet()
    sender = SenderClock(inlet, replace(STREAM, hostname=socket.gethostname()), timeout=1.0)
    kept = weakref.ref(inlet)
    del inlet
    assert kept() is None
    assert not sender.remote
