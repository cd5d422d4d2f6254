"""What a benchmark loads the engine with: a stream in its own process."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Repeated for ever; the seam is as small a step as blinks make.
_SIGNAL_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Load:
    """A stream.

    Attributes
    ----------
    channels : tuple of str
        Channel names.
    rate : float
        Hz.
    block : float
        Seconds from push to push.
    """

    channels: tuple[str, ...]
    rate: float
    block: float = 0.01


def padded(channels: Sequence[str], n_channels: int) -> tuple[str, ...]:
    """Name `n_channels` channels: those given first, then ``X1``, ``X2`` and so on."""
    extra = max(0, n_channels - len(channels))
    return (*channels[:n_channels], *(f"X{number + 1}" for number in range(extra)))


def send(load: Load, source_id: str) -> None:
    """Send made-up EEG until the process is ended, from the moment somebody listens.

    Samples are due on an absolute schedule and stamped with the time that they are due.
    """
    from bci_app.simulation import Settings, SimulatedParticipant
    from bci_app.sources.lsl.library import load_pylsl, use_loopback

    use_loopback()
    pylsl = load_pylsl()
    n_samples = round(_SIGNAL_SECONDS * load.rate)
    participant = SimulatedParticipant(0, Settings(load.channels, load.rate))
    signal = participant.samples(0, n_samples).astype(np.float32)
    header = pylsl.StreamInfo("bench", "EEG", len(load.channels), load.rate, pylsl.cf_float32, source_id)
    channels = header.desc().append_child("channels")
    for name in load.channels:
        channel = channels.append_child("channel")
        for key, value in (("label", name), ("unit", "microvolts"), ("type", "EEG")):
            channel.append_child_value(key, value)
    outlet = pylsl.StreamOutlet(header, 0, 10)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not outlet.wait_for_consumers(1.0):
        pass
    start, sent = pylsl.local_clock(), 0
    while True:
        due = int((pylsl.local_clock() - start) * load.rate)
        if due > sent:
            rows = np.arange(sent, due)
            outlet.push_chunk(signal[rows % n_samples], (start + rows / load.rate).tolist())
            sent = due
        following = start + (np.floor((pylsl.local_clock() - start) / load.block) + 1) * load.block
        time.sleep(max(0.0, following - pylsl.local_clock()))
