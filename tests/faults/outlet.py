"""An outlet with faults, in a separate process.

Each channel carries a signal made from its name, so that a channel is the same wherever it stands; the
channel ``INDEX`` carries the number of the sample on a clock that all outlets with one epoch share.
"""

from __future__ import annotations

import json
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import numpy as np

from tests.bundles import CHANNELS
from tests.lsl_outlet import OutletProcess

INDEX = "INDEX"
_TABLE_SECONDS = 40
BAD_VALUES = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf, "saturated": 187500.0}


@dataclass(frozen=True)
class Stream:
    """An outlet and its faults.

    `gaps` are (at, lost) in samples; `values` are (at, count, kind) for the first channel, kinds as
    `BAD_VALUES`. `stamps` is duplicate, backward or jumping. At another `speed` stamps advance as at 1.
    """

    source_id: str
    channels: tuple[str, ...] = (*CHANNELS, INDEX)
    rate: float = 250.0
    true_rate: float = 250.0
    speed: float = 1.0
    block: float = 0.02
    epoch: float | None = None
    wait: bool = True
    gaps: tuple[tuple[int, int], ...] = ()
    values: tuple[tuple[int, int, str], ...] = ()
    stamps: str = ""
    bursts: bool = False


def made_of(channels: tuple[str, ...], rate: float) -> np.ndarray:
    """What the outlet repeats: 20 µV of noise on an offset, (n_samples, n_channels)."""
    n = round(_TABLE_SECONDS * rate)
    generators = [np.random.default_rng(zlib.crc32(name.encode())) for name in channels]
    return np.stack([300.0 + 20 * rng.standard_normal(n) for rng in generators], axis=1)


def samples(stream: Stream, table: np.ndarray, rows: np.ndarray) -> np.ndarray:
    data = table[rows % len(table)].copy()
    if INDEX in stream.channels:
        data[:, stream.channels.index(INDEX)] = rows
    for at, count, kind in stream.values:
        data[(rows >= at) & (rows < at + count), 0] = BAD_VALUES[kind]
    return data


def spoilt(stream: Stream, rows: np.ndarray, stamps: np.ndarray) -> np.ndarray:
    """Spoil stamps of samples that are all there."""
    period = 1 / stream.true_rate
    if stream.stamps == "duplicate":
        return np.where(rows % 37 == 0, stamps - period, stamps)
    if stream.stamps == "backward":
        return np.where(rows % 41 == 0, stamps - 3.5 * period, stamps)
    if stream.stamps == "jumping":
        away = np.where(rows // 400 % 2 == 0, 0.7, -0.7)
        return np.where((rows % 400 >= 200) & (rows % 400 < 203), stamps + away, stamps)
    return stamps


@contextmanager
def sending(stream: Stream) -> Iterator[OutletProcess]:
    outlet = OutletProcess(__name__, json.dumps(asdict(stream)))
    try:
        yield outlet
    finally:
        outlet.close()


def main(text: str) -> None:
    from bci_app.sources.lsl.library import load_pylsl, use_loopback

    stream = Stream(**json.loads(text))
    use_loopback()
    pylsl = load_pylsl()
    header = pylsl.StreamInfo(
        "faulty", "EEG", len(stream.channels), stream.rate, pylsl.cf_double64, stream.source_id
    )  # fmt: skip
    channels = header.desc().append_child("channels")
    for name in stream.channels:
        channel = channels.append_child("channel")
        channel.append_child_value("label", name)
        channel.append_child_value("unit", "none" if name == INDEX else "microvolts")
        channel.append_child_value("type", "Misc" if name == INDEX else "EEG")
    table = made_of(tuple(stream.channels), stream.rate)
    rng = np.random.default_rng(0)
    outlet = pylsl.StreamOutlet(header, 0, 60)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while stream.wait and not outlet.wait_for_consumers(1.0):
        pass
    epoch = pylsl.local_clock() if stream.epoch is None else stream.epoch
    sent = 0 if stream.epoch is None else int((pylsl.local_clock() - epoch) * stream.true_rate)
    while True:
        now = pylsl.local_clock()
        due = max(sent, int((now - epoch) * stream.true_rate * stream.speed))
        rows = np.arange(sent, due)
        for at, lost in stream.gaps:
            rows = rows[(rows < at) | (rows >= at + lost)]
        if len(rows):
            stamps = spoilt(stream, rows, epoch + rows / stream.true_rate)
            if stream.bursts:
                # As many drivers do: the newest has the time of arrival, the others are counted back from it.
                stamps = now - (len(rows) - 1 - np.arange(len(rows))) / stream.rate
            outlet.push_chunk(samples(stream, table, rows), stamps.tolist())
        sent = due
        time.sleep(float(rng.uniform(0.02, 0.35)) if stream.bursts else stream.block)


if __name__ == "__main__":
    main(sys.argv[1])
