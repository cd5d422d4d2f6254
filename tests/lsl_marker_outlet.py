"""An LSL marker outlet in a process of its own: sends what it is told line by line on standard input."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class MarkerOutletProcess:
    """A running marker outlet; see `main` for its options."""

    def __init__(self, *options: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.lsl_marker_outlet", *options],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer("ready")

    def send(self, text: str) -> float:
        """Send an event; gives its LSL time."""
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()
        return float(self._answer("sent"))

    def wait_for_receiver(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("?\n")
        self._process.stdin.flush()
        self._answer("received")

    def close(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=10)

    def _answer(self, word: str) -> str:
        assert self._process.stdout is not None
        found, _, rest = self._process.stdout.readline().strip().partition(" ")
        assert found == word, f"the marker outlet said {found!r}"
        return rest


@contextmanager
def marker_outlet(name: str, source_id: str, *, numbers: bool = False) -> Iterator[MarkerOutletProcess]:
    process = MarkerOutletProcess(name, source_id, *(["--numbers"] if numbers else []))
    try:
        yield process
    finally:
        process.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("source_id")
    parser.add_argument("--numbers", action="store_true")
    options = parser.parse_args()

    from bci_app.sources.liblsl import load_pylsl, use_loopback

    use_loopback()
    pylsl = load_pylsl()
    kind = pylsl.cf_int32 if options.numbers else pylsl.cf_string
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo(options.name, "Markers", 1, 0.0, kind, options.source_id))

    def say(text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    say("ready")
    for line in sys.stdin:
        text = line.rstrip("\n")
        if text == "?":
            say("received" if outlet.wait_for_consumers(20.0) else "nobody")
            continue
        now = pylsl.local_clock()
        outlet.push_sample([int(text) if options.numbers else text], now)
        say(f"sent {now!r}")


if __name__ == "__main__":
    main()
