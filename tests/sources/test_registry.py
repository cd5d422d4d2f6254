"""Source texts: what opens what, and what is said of texts that open nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bci_app.errors import SourceError
from bci_app.montage.headsets import HEADSETS
from bci_app.sources.brainflow.source import BrainFlowSource
from bci_app.sources.file import FileSource
from bci_app.sources.kind import split_options
from bci_app.sources.lsl.source import LslSource
from bci_app.sources.registry import KINDS, list_sources, open_source
from bci_app.sources.synthetic import SyntheticSource


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("lsl:", LslSource),
        ("lsl:name=A,type=EEG", LslSource),
        ("brainflow:synthetic", BrainFlowSource),
        ("brainflow:CYTON_BOARD?serial_port=/dev/ttyUSB0", BrainFlowSource),
        ("synthetic:", SyntheticSource),
        ("Synthetic:?rate=128", SyntheticSource),
    ],
)
def test_text_opens_its_kind(text: str, kind: type) -> None:
    assert isinstance(open_source(text), kind)


def test_synthetic_options_are_used() -> None:
    source = open_source("synthetic:?rate=128&channels=Fp1,Cz&seed=3&speed=max&seconds=2")
    info = source.start()
    assert (info.rate, info.channels, info.n_samples) == (128.0, ("Fp1", "Cz"), 256)
    read = 0
    while not source.finished:
        chunk = source.read()
        assert chunk is not None
        read += len(chunk)
    assert read == 256
    assert open_source("synthetic:").start().channels == HEADSETS["10-20"].channels
    assert open_source("synthetic:", channels=["A"], rate=100.0).start().channels == ("A",)


def test_file_is_played_at_its_speed(sample_recordings: tuple[Path, Path]) -> None:
    source = open_source(f"file:{sample_recordings[1]}?speed=max")
    assert isinstance(source, FileSource)
    assert source.speed is None
    info = source.start()
    assert info.rate == 500.0
    assert source.read() is not None
    source.stop()


def test_files_follow_one_another(sample_recordings: tuple[Path, Path]) -> None:
    source = open_source(f"file:{sample_recordings[1]};{sample_recordings[1]}?speed=4")
    assert isinstance(source, FileSource)
    assert source.start().n_samples == 2 * 31000
    assert source.speed == 4.0
    source.stop()


@pytest.mark.parametrize("name", ["what?.edf", "a;b.edf", "is this=it?no.edf", "100%.edf"])
def test_odd_file_names_are_found(name: str, tmp_path: Path, sample_recordings: tuple[Path, Path]) -> None:
    path = tmp_path / name
    path.symlink_to(sample_recordings[1])
    for text in (f"file:{path}", f"file:{path}?speed=max"):
        source = open_source(text)
        assert source.start().rate == 500.0
        source.stop()


@pytest.mark.parametrize(
    ("text", "what", "options"),
    [
        ("CYTON", "CYTON", {}),
        ("CYTON?serial_port=/dev/ttyUSB0&timeout=5", "CYTON", {"serial_port": "/dev/ttyUSB0", "timeout": "5"}),
        ("A?mac_address=00:11:22", "A", {"mac_address": "00:11:22"}),
        ("why?.edf", "why?.edf", {}),
        ("why?.edf?speed=max", "why?.edf", {"speed": "max"}),
        (r"C:\data\x.edf?speed=2", r"C:\data\x.edf", {"speed": "2"}),
        ("A?file=a%26b.csv", "A", {"file": "a&b.csv"}),
        ("?rate=1", "", {"rate": "1"}),
        ("A?", "A", {}),
    ],
)
def test_options_are_split_off(text: str, what: str, options: dict[str, str]) -> None:
    assert split_options(text) == (what, options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bluetooth:x", "lsl, brainflow, file, synthetic"),
        ("", "lsl, brainflow, file, synthetic"),
        ("recording.edf", "write file:recording.edf"),
        (r"C:\recording.edf", r"write file:C:\\recording.edf"),
        ("file:", "No file is named"),
        ("file:a.edf?sped=2", "speed, stream, board"),
        ("file:a.edf?speed=fast", "fast"),
        ("synthetic:x", "no name"),
        ("synthetic:?rate=many", "many"),
        ("synthetic:?speed=1&speed=2", "at most once"),
        ("lsl:nam=x", "source_id"),
        ("brainflow:CYTN", "CYTON"),
        ("brainflow:CYTON?port=3", "serial_port"),
    ],
)
def test_text_that_opens_nothing_is_answered_with_what_would(text: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        open_source(text)


def test_overrides_that_mean_nothing_are_refused() -> None:
    with pytest.raises(SourceError, match="--rate"):
        open_source("file:x.edf", rate=100.0)
    with pytest.raises(SourceError, match="--unit"):
        open_source("synthetic:", unit="mV")


@pytest.mark.lsl
def test_every_kind_is_listed() -> None:
    found = list_sources()
    assert {entry.kind for entry in found} >= set(KINDS) - {"lsl"}
    assert any(entry.text == "brainflow:CYTON?serial_port=…" for entry in found)
    assert any(entry.text == "brainflow:SYNTHETIC" for entry in found)
