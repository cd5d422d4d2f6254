"""An LSL outlet in a separate process, which tests kill, stop and start again.

Channel 0 carries the index of the sample on a clock that all outlets with the same epoch share, so
that a receiver knows which samples it never got.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def unique(name: str) -> str:
    """Make a source_id that no other test uses."""
    return f"{name}-{os.getpid()}-{time.monotonic_ns()}"


class OutletProcess:
    """A module of the tests that runs an outlet, in a separate process."""

    def __init__(self, module: str, *options: str, through: Sequence[str] = ()) -> None:
        self._process = subprocess.Popen(
            [*through, sys.executable, "-m", module, *options],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.answer("ready")

    @property
    def pid(self) -> int:
        return self._process.pid

    def command(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def answer(self, word: str) -> str:
        """Wait for a line that begins with this word, and give the rest of it."""
        assert self._process.stdout is not None
        found, _, rest = self._process.stdout.readline().strip().partition(" ")
        assert found == word, f"the outlet said {found!r}"
        return rest

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(200)

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=200)


@contextmanager
def outlet(source_id: str, *, through: Sequence[str] = (), **options: object) -> Iterator[OutletProcess]:
    """Run an outlet for the time of a with statement; options as for `main`, True for a flag.

    `through` is a command that runs it elsewhere, such as in a namespace with another clock.
    """
    arguments = [f"--{key.replace('_', '-')}={value}" for key, value in options.items() if value is not True]
    flags = [f"--{key.replace('_', '-')}" for key, value in options.items() if value is True]
    process = OutletProcess(__name__, f"--source-id={source_id}", *arguments, *flags, through=through)
    try:
        yield process
    finally:
        process.close()


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--source-id", required=True)
    parser.add_argument("--name", default="test")
    parser.add_argument("--type", default="EEG")
    parser.add_argument("--labels", default="Fp1,Fp2,Cz,Pz")
    parser.add_argument("--unit", default="uV")
    parser.add_argument("--rate", type=float, default=250.0)
    parser.add_argument("--nominal", type=float, default=None, help="rate that the header states; else the true one")
    parser.add_argument("--block", type=float, default=0.02, help="seconds from push to push")
    parser.add_argument("--epoch", type=float, default=None, help="LSL time of sample 0; else the first push")
    parser.add_argument("--gaps", default="", help="AT:LOST,… in samples")
    parser.add_argument("--unix", action="store_true", help="stamp in Unix time, as muse-lsl does")
    parser.add_argument("--device", type=float, default=None, help="stamp by a device's clock: its time at sample 0")
    parser.add_argument("--drift", type=float, default=0.0, help="how fast that clock is, in parts per million")
    parser.add_argument("--pace", type=float, default=1.0, help="how fast samples are sent, beside what stamps say")
    parser.add_argument("--step", default="", help="AT:SECONDS; set the clock of the stamps at a sample")
    parser.add_argument("--markers", default="", help="name of a marker stream: each 100th sample by local_clock()")
    parser.add_argument("--wait", action="store_true", help="begin with sample 0 when somebody listens")
    options = parser.parse_args(arguments)

    import numpy as np

    from bci_app.sources.lsl.library import load_pylsl, use_loopback

    use_loopback()
    pylsl = load_pylsl()
    labels = options.labels.split(",")
    nominal = options.rate if options.nominal is None else options.nominal
    info = pylsl.StreamInfo(options.name, options.type, len(labels), nominal, pylsl.cf_double64, options.source_id)
    channels = info.desc().append_child("channels")
    for label in labels:
        channel = channels.append_child("channel")
        channel.append_child_value("label", label)
        channel.append_child_value("unit", options.unit)
        channel.append_child_value("type", "EEG")
    stream = pylsl.StreamOutlet(info, 0, 60)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if options.wait:
        while not stream.wait_for_consumers(1.0):
            pass
    epoch = options.epoch if options.epoch is not None else pylsl.local_clock()
    index = int(np.ceil((pylsl.local_clock() - epoch) * options.rate)) if options.epoch is not None else 0
    origin = time.time() - pylsl.local_clock() if options.unix else 0.0
    at, _, step = options.step.partition(":")
    marks = (
        pylsl.StreamOutlet(
            pylsl.StreamInfo(options.markers, "Markers", 1, 0.0, pylsl.cf_string, f"{options.source_id}-markers")
        )
        if options.markers
        else None
    )
    missing = [tuple(int(part) for part in gap.split(":")) for gap in options.gaps.split(",") if gap]
    while True:
        due = int((pylsl.local_clock() - epoch) * options.rate * options.pace) + 1
        rows = np.arange(index, due)
        index = max(index, due)
        for at, lost in missing:
            rows = rows[(rows < at) | (rows >= at + lost)]
        if len(rows):
            data = np.repeat(rows[:, None].astype(np.float64), len(labels), axis=1)
            moved = np.where(rows >= int(at), float(step), 0.0) if step else 0.0
            stamps = origin + moved + epoch + rows / options.rate
            if options.device is not None:
                stamps = options.device + rows / options.rate * (1 + options.drift * 1e-6)
            stream.push_chunk(data, stamps.tolist())
            for row in rows[rows % 100 == 0] if marks is not None else ():
                marks.push_sample([str(row)], epoch + row / options.rate)
        time.sleep(options.block)


if __name__ == "__main__":
    main(sys.argv[1:])
