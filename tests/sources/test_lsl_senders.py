"""The clock of a sender on another machine is followed, and never waited for twice."""

from __future__ import annotations

import socket
from dataclasses import replace

import numpy as np
import pytest

from bci_app.sources.lsl.header import LslStream
from bci_app.sources.lsl.library import load_pylsl, local_clock
from bci_app.sources.lsl.senders import SenderClock

STREAM = LslStream("head", "EEG", "amp-1", "another-machine", 4, 250.0, "1")


class Inlet:
    """A sender with its own clock, which may fall silent."""

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
    times = np.array([local_clock() - 12.5])
    sender.follow(times, 0.004)
    assert (sender.ready(), sender.remote, sender.offset, inlet.asked) == (True, True, 12.5, 1)
    inlet.offset = 12.6
    now[0] += 5.0
    sender.follow(times, 0.004)
    sender.follow(times, 0.004)
    assert (sender.offset, inlet.asked) == (12.6, 2)
    now[0] += 5.0
    inlet.silent = True
    sender.follow(times, 0.004)
    assert (sender.offset, inlet.asked) == (12.6, 3)


@pytest.mark.parametrize(("offset", "counted"), [(0.0002, 0.0), (-0.002, 0.0), (0.02, 0.02), (-7200.0, -7200.0)])
def test_a_host_of_our_name_is_asked_too_and_only_milliseconds_count_as_none(offset: float, counted: float) -> None:
    inlet = Inlet()
    now = [0.0]
    inlet.silent, inlet.offset = True, offset
    sender = SenderClock(inlet, replace(STREAM, hostname=socket.gethostname()), timeout=1.0, clock=lambda: now[0])
    assert not sender.ready()
    inlet.silent, now[0] = False, 0.5
    assert sender.ready()
    sender.follow(np.array([local_clock() - offset]), 0.004)
    assert (sender.remote, sender.offset, sender.note) == (counted != 0.0, counted, "")


def test_a_sender_of_our_name_that_never_answers_is_taken_to_share_our_clock() -> None:
    now, inlet = [0.0], Inlet()
    inlet.silent = True
    sender = SenderClock(inlet, replace(STREAM, hostname=socket.gethostname()), timeout=1.0, clock=lambda: now[0])
    assert not sender.ready()
    now[0] = 4.0
    assert (sender.ready(), sender.offset) == (True, 0.0)
