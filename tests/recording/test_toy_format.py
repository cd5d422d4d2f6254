"""A toy file format, defined in this module alone, goes through `info`, `file:`, replay and own data sets."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bci_app.cli.app import main
from bci_app.recording import FORMATS, Recording
from bci_app.recording.format import Format
from bci_app.replay import Replay, ReplayThread
from bci_app.sources.base import Source
from bci_app.sources.lsl.header import LslSelector
from bci_app.sources.lsl.source import LslSource
from bci_app.sources.registry import open_source
from bci_app.stream import StreamInfo
from offline.datasets import open_dataset

RATE = 200.0
DATA = np.random.default_rng(0).normal(0, 20, (400, 2)).round(3)


def read_toy(path: Path) -> Recording:
    """Read a toy file: its name, the channels, one row a sample."""
    lines = path.read_text().splitlines()
    data = np.loadtxt(lines[2:], ndmin=2)
    info = StreamInfo(path.name, tuple(lines[1].split()), RATE, ("µV",) * data.shape[1], n_samples=len(data))
    return Recording(path, "Toy", info, data, np.arange(len(data)) / RATE)


TOY = Format("Toy", (".toy",), lambda head: head.startswith(b"TOY\n"), "'TOY'", read_toy)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(FORMATS, "Toy", TOY)
    path = tmp_path / "take.toy"
    rows = "\n".join(" ".join(map(str, row)) for row in DATA)
    path.write_text(f"TOY\nFp1 Cz\n{rows}\n")
    return path


def received(source: Source, n_samples: int) -> np.ndarray:
    """Return the first samples of a source."""
    rows: list[np.ndarray] = []
    deadline = time.monotonic() + 20
    while sum(map(len, rows)) < n_samples and not source.finished:
        assert time.monotonic() < deadline
        if (chunk := source.read(0.1)) is not None:
            rows.append(chunk.data)
    return np.concatenate(rows)[:n_samples]


def test_a_report_is_written_of_it(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bci-app", "report", str(toy)])
    with pytest.raises(SystemExit, match="0"):
        main()
    assert "take.toy" in toy.with_name("take_report.html").read_text(encoding="utf-8")


def test_info_describes_it(toy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["bci-app", "info", str(toy), "--json"])
    with pytest.raises(SystemExit, match="0"):
        main()
    described = json.loads(capsys.readouterr().out)
    assert (described["format"], described["rate"], described["channels"]) == ("Toy", RATE, ["Fp1", "Cz"])


def test_it_is_read_as_ones_own_recordings(toy: Path) -> None:
    toy.rename(toy.with_name("sub-1_eeg.toy"))
    toy.with_name("sub-1_events.tsv").write_text("onset\tduration\tmood\n0\t1\tcalm\n1\t1\ttense\n")
    calm, tense = open_dataset("recordings", toy.parent).trials("1")
    np.testing.assert_allclose(calm.data, DATA[:200])
    np.testing.assert_allclose(tense.data[tense.scored_from :], DATA[200:])


def test_it_is_a_source(toy: Path) -> None:
    source = open_source(f"file:{toy}?speed=max")
    source.start()
    np.testing.assert_array_equal(received(source, 400), DATA)


@pytest.mark.lsl
def test_it_is_replayed_through_lsl(toy: Path) -> None:
    thread = ReplayThread(Replay.of_files([toy], speed=4.0))
    thread.start()
    source = LslSource(LslSelector(source_id=thread.replay.source_id))
    try:
        source.start()
        np.testing.assert_array_equal(received(source, 300), DATA[:300])
    finally:
        source.stop()
        thread.stop()
