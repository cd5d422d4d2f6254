"""A new source and a new output are one module and one line in a registry: this module is both for a toy of each."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from bci_app.cli.app import main
from bci_app.events import Prediction
from bci_app.outputs.base import OutputKind
from bci_app.outputs.registry import OUTPUTS
from bci_app.sources.kind import Kind, Listing
from bci_app.sources.registry import KINDS
from bci_app.stream import Chunk, Marker, StreamInfo
from tests.bundles import CHANNELS, write_bundle

RATE = 250.0


class ToySource:
    """Ten seconds of noise, and one event."""

    finished = False
    can_wait = True

    def start(self) -> StreamInfo:
        self._noise = np.random.default_rng(0)
        self._next = 0
        return StreamInfo("toy", CHANNELS, RATE, ("uV",) * len(CHANNELS), kind="toy")

    def read(self, timeout: float = 0.0) -> Chunk | None:
        if self.finished:
            return None
        first, self._next = self._next, self._next + 50
        self.finished = self._next >= 2500
        times = 100 + np.arange(first, self._next) / RATE
        markers = (Marker(float(times[0]), "halfway"),) if first == 1250 else ()
        return Chunk(20 * self._noise.standard_normal((50, len(CHANNELS))), times, first, markers=markers)

    def stop(self) -> None: ...


class ToyOutput:
    """A file with a line for each prediction and event."""

    def __init__(self, path: str) -> None:
        self.place = path

    def start(self, bundle: object, info: StreamInfo) -> None:
        self._file = Path(self.place).open("w")  # noqa: SIM115 - closed by the session
        self._file.write(f"{info.name}\n")

    def publish(self, prediction: Prediction) -> None:
        self._file.write("valid\n" if prediction.valid else "invalid\n")

    def mark(self, marker: Marker) -> None:
        self._file.write(f"{marker.text}\n")

    def close(self) -> None:
        self._file.close()


def test_a_toy_source_and_a_toy_output_run_in_a_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    toy = Kind("toy:", lambda _what, _stated: ToySource(), lambda: [Listing("toy", "toy:", "noise")])
    monkeypatch.setitem(KINDS, "toy", toy)
    monkeypatch.setitem(OUTPUTS, "toy", OutputKind("Write words to this file.", ToyOutput))
    bundle, out, recording = write_bundle(tmp_path / "b"), tmp_path / "words.txt", tmp_path / "s.xdf"
    call(monkeypatch, "run", "-s", "toy:", "-b", str(bundle), "--toy", str(out), "--record", str(recording))
    name, *words = out.read_text().splitlines()
    assert (name, words.count("halfway"), words.count("invalid"), words.count("valid")) == ("toy", 1, 8, 12)
    assert "toy" in (tmp_path / "s_report.html").read_text()
    call(monkeypatch, "sources")
    assert "toy:" in capsys.readouterr().out
    call(monkeypatch, "run", "--help")
    assert "Write words to this file." in capsys.readouterr().out


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["bci-app", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
