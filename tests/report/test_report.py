"""The page about a session."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bci_app.bundle import LoadedBundle, load_bundle
from bci_app.cli.app import main
from bci_app.engine import Engine
from bci_app.recording.recorder import Recorder
from bci_app.report import write_report
from bci_app.stream import Marker, StreamInfo
from tests.bundles import CHANNELS, LOAD, small_spec, write_bundle
from tests.streams import ArraySource, chunks, eeg

RATE = 250.0
INFO = StreamInfo("Amp <1>", CHANNELS, RATE, ("uV",) * len(CHANNELS))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> LoadedBundle:
    targets = (LOAD.model_copy(update={"name": "valence"}), LOAD.model_copy(update={"name": "arousal"}))
    folder = tmp_path_factory.mktemp("bundle") / "b"
    return load_bundle(write_bundle(folder, spec=small_spec(), targets=targets))


@pytest.fixture(scope="module")
def session(bundle: LoadedBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 s with a flat electrode, a loss of 150 samples and two self-reports."""
    path = tmp_path_factory.mktemp("sessions") / "s.xdf"
    data = eeg(24, RATE, len(CHANNELS))
    data[4000:, 2] = 0.0
    pieces = chunks(data[:3000], RATE, [250]) + chunks(data[3000:], RATE, [250], start=3150, lost=150)
    with Engine(ArraySource(INFO, pieces), bundle, clock=lambda: pieces[0].times[0]) as engine:
        engine.start_recording(
            Recorder(path, INFO, metadata={"participant": "P07", "notes": "<script>alert(1)</script>"})
        )
        while not engine.finished:
            engine.step()
        for second, text in ((10.0, "self-report valence=7 arousal=3"), (18.0, "self-report valence=2 arousal=5")):
            engine.note(Marker(pieces[0].times[0] + second, text), "")
    return path


def test_the_page_says_what_was_recorded_predicted_lost_and_rated(session: Path, tmp_path: Path) -> None:
    page = write_report(session, out=tmp_path / "r.html").read_text()
    for svg in re.findall(r"<svg.*?</svg>", page, re.S):
        ElementTree.fromstring(svg)
    text = re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.S))
    for part in (
        "Session of P07", "2 self-reports", "of the windows valid", "rest baseline", "gap", "bad contact",
        "0:12 150", "self-report", "verify s.xdf", "Amp &lt;1&gt;",
    ):  # fmt: skip
        assert part in text, part
    assert "<script" not in page
    assert "Simulated" not in page
    assert not re.search(r"""(src|href)=|url\((?!#)|@import""", page)  # nothing beside it


def test_a_recording_without_predictions_is_predicted_now_by_a_bundle_that_is_named(
    bundle: LoadedBundle, session: Path, tmp_path: Path
) -> None:
    path = tmp_path / "plain.xdf"
    pieces = chunks(eeg(16, RATE, len(CHANNELS)), RATE, [250])
    with Engine(ArraySource(INFO, pieces), None) as engine:
        engine.start_recording(Recorder(path, INFO, metadata={"source": "synthetic:?participant=3"}))
        while not engine.finished:
            engine.step()
    without = write_report(path).read_text()
    assert path.with_name("plain_report.html").exists()
    assert "Simulated: the participant is a program" in without
    assert "holds no predictions" in without
    now = write_report(path, bundle=bundle).read_text()
    assert f"Predicted from the recording by {bundle.spec.name}" in now
    assert "plane of valence and arousal" in now
    # The same windows as the session's own, where there are such.
    assert write_report(session, out=tmp_path / "a.html", bundle=bundle).read_text().count("<path") == write_report(
        session, out=tmp_path / "b.html"
    ).read_text().count("<path")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.xdf"], "There is no file"),
        (["{session}", "--out", "{session}/r.html"], "Cannot write the report"),
        (["{session}", "--profile", "nowhere"], "There is no profile in nowhere"),
    ],
)
def test_bad_input_is_one_message(
    session: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    named = [argument.replace("{session}", str(session)) for argument in arguments]
    monkeypatch.setattr(sys, "argv", ["bci-app", "report", *named])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert message in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
