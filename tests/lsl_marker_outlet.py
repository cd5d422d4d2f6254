"""An LSL marker outlet in a separate process: sends what it receives line by line on standard input."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lsl_outlet import OutletProcess


class MarkerOutletProcess(OutletProcess):
    """A running marker outlet; see `main` for its options."""

    def send(self, text: str) -> float:
        """Send an event; gives its LSL time."""
        self.command(text)
        return float(self.answer("sent"))

    def leave(self) -> None:
        """Let it end by itself, as a program does after its last event."""
        self.command("!")
        self._process.wait(200)

    def wait_for_receiver(self) -> None:
        self.command("?")
        self.answer("received")


@contextmanager
def marker_outlet(name: str, source_id: str, *, numbers: bool = False) -> Iterator[MarkerOutletProcess]:
    process = MarkerOutletProcess(__name__, name, source_id, *(["--numbers"] if numbers else []))
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

    from bci_app.sources.lsl.library import load_pylsl, use_loopback

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
        if text == "!":
            # LSL sends nothing more once the outlet is gone, and its threads may wait for a processor until then.
            time.sleep(0.2)
            return
        now = pylsl.local_clock()
        outlet.push_sample([int(text) if options.numbers else text], now)
        say(f"sent {now!r}")


if __name__ == "__main__":
    main()
