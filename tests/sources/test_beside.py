"""Streams recorded beside the one that is predicted from: everything as sent, on one clock; and channels left out."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyxdf

from bci_app.bundle import load_bundle
from bci_app.cli.app import main
from bci_app.engine import Engine
from bci_app.errors import ChannelError, SourceError
from bci_app.recording import read_recording
from bci_app.recording.recorder import Recorder
from bci_app.sources.channels import channel_uses, for_prediction
from bci_app.sources.lsl.beside import BesideStreams
from bci_app.sources.lsl.header import LslSelector
from bci_app.sources.lsl.library import load_pylsl, local_clock
from bci_app.sources.lsl.source import LslSource
from bci_app.sources.registry import open_source
from bci_app.stream import StreamInfo
from tests.bundles import CHANNELS, write_bundle
from tests.lsl_outlet import outlet, unique
from tests.streams import ArraySource, chunks, eeg


@contextmanager
def unlabelled(name: str, rate: float, kind: int) -> Iterator[Any]:
    """An outlet of whole numbers whose header has neither labels nor units, but an element of the maker."""
    pylsl = load_pylsl()
    info = pylsl.StreamInfo(name, "EDA", 2, rate, kind, name)
    info.desc().append_child_value("maker", "ACME & sons")
    yield pylsl.StreamOutlet(info)


@pytest.mark.lsl
def test_streams_beside_keep_header_type_format_and_their_own_gaps_on_one_clock(tmp_path: Path) -> None:
    main, second = unique("main"), unique("second")
    path = tmp_path / "s.xdf"
    epoch = local_clock()
    with ExitStack() as stack:
        enter = stack.enter_context
        enter(outlet(main, name=main, rate=250.0, epoch=epoch))
        enter(outlet(second, name=second, rate=100.0, wait=True, type="ACC", unit="g", labels="x,y,z", gaps="300:50"))
        eda = enter(unlabelled(unique("eda"), 0.0, 5))
        name = eda.get_info().name()
        engine = Engine(
            LslSource(LslSelector(name=main)),
            None,
            beside=[f"lsl:{second}", f"lsl:source_id={name}", "lsl:never there"],
        )
        with engine:
            assert engine.beside is not None
            while len(engine.beside.connected) < 2:
                engine.step(0.05)
            engine.start_recording(Recorder(path, engine.info))
            sent = []
            end = time.monotonic() + 5
            while time.monotonic() < end:
                engine.step(0.05)
                sent.append(local_clock())
                eda.push_sample([len(sent), -len(sent)], sent[-1])
        assert engine.beside.never_seen == ("never there",)
    streams, _ = pyxdf.load_xdf(path, dejitter_timestamps=False)
    by_name = {stream["info"]["name"][0]: stream for stream in streams}
    values = by_name[name]
    assert values["info"]["channel_format"] == ["int16"]
    assert values["info"]["type"] == ["EDA"]
    assert values["info"]["desc"][0]["maker"] == ["ACME & sons"]
    count = len(values["time_series"])
    assert values["time_series"].tolist() == [[k, -k] for k in range(1, count + 1)]
    np.testing.assert_allclose(values["time_stamps"], sent[:count], atol=0.005)
    acc, eeg = by_name[second], by_name[main]
    assert [c["unit"] for c in acc["info"]["desc"][0]["channels"][0]["channel"]] == [["g"]] * 3
    places = by_name[f"{second} index"]["time_series"]
    assert [int(row[2]) for row in places if row[2]] == [50]
    # Sample k was due at k / rate after the same moment.
    np.testing.assert_allclose(eeg["time_stamps"], epoch + eeg["time_series"][:, 0] / 250.0, atol=0.005)
    assert read_recording(path).info.channels == ("Fp1", "Fp2", "Cz", "Pz")


@pytest.mark.lsl
def test_what_a_headset_reports_of_its_contacts_in_a_stream_beside_is_shown_and_that_of_another_headset_is_not() -> (
    None
):
    pylsl = load_pylsl()
    outlets = []
    for labels in (("CQ_Fp1", "CQ_Cz"), ("Fp2", "CQ_Fp2")):
        info = pylsl.StreamInfo(unique("quality"), "CQ", 2, 0.0, 1, unique("quality"))
        channels = info.desc().append_child("channels")
        for label in labels:
            channels.append_child("channel").append_child_value("label", label)
        outlets.append(pylsl.StreamOutlet(info))
    beside = [f"lsl:{each.get_info().name()}" for each in outlets]
    causes: dict[str, str] = {}
    with Engine(open_source("synthetic:"), None, beside=beside) as engine:
        end = time.monotonic() + 30
        while "headset" not in causes.get("Fp1", "") and time.monotonic() < end:
            engine.step(0.05)
            for each in outlets[::-1]:
                each.push_sample([0.0, 4.0] if each is outlets[0] else [4.0, 0.0])
            causes = {contact.channel: contact.cause for contact in engine.status().contacts}
    assert causes["Fp1"] == "headset reports 0 of 4"
    assert not any("headset" in causes[name] for name in ("Cz", "Fp2"))


@pytest.mark.lsl
def test_a_main_stream_without_names_and_units_is_recorded_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def bci_app(*arguments: object) -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["bci-app", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    name, stop = unique("bare"), threading.Event()
    with unlabelled(name, 50.0, 5) as stream:

        def send() -> None:
            number = 0
            while not stop.wait(0.02):
                stream.push_sample([number, -number])
                number += 1

        thread = threading.Thread(target=send)
        thread.start()
        recorded = bci_app("record", "--source", f"lsl:{name}", tmp_path / "s.xdf", "--seconds", "2")
        refused = bci_app("run", "--source", f"lsl:{name}", "--seconds", "1")
        stop.set()
        thread.join()
    assert recorded[0] == 0, recorded
    recording = read_recording(tmp_path / "s.xdf")
    assert (recording.info.channels, recording.info.units) == (("Ch1", "Ch2"), ("n/a", "n/a"))
    np.testing.assert_array_equal(recording.data[:, 0], -recording.data[:, 1])
    assert len(recording) > 50
    assert refused[0] == 1
    assert "does not name its channels" in refused[1]


def test_only_lsl_streams_can_be_beside() -> None:
    with pytest.raises(SourceError, match="--with lsl:EDA"):
        BesideStreams(["synthetic:"], print)


EPOC = StreamInfo("EPOC", ("Counter", "AF3", "F7", "CQ_AF3", "ACCX"), 128.0, ("n/a", "uV", "uV", "n/a", "g"))


def test_channels_without_a_unit_of_voltage_are_left_out_and_named() -> None:
    uses = channel_uses(EPOC)
    assert [use.name for use in uses if use.used] == ["AF3", "F7"]
    assert [use.why for use in uses if not use.used] == ["no unit", "no unit", "unit g"]
    assert for_prediction(EPOC).channels == ("Counter (no unit)", "AF3", "F7", "CQ_AF3 (no unit)", "ACCX (unit g)")


def test_channels_are_picked_and_dropped() -> None:
    assert [use.name for use in channel_uses(EPOC, pick=["af3"]) if use.used] == ["AF3"]
    assert [use.name for use in channel_uses(EPOC, drop=["AF3"]) if use.used] == ["F7"]
    with pytest.raises(ChannelError, match="found Cz"):
        channel_uses(EPOC, drop=["Cz"])


@pytest.mark.lsl
def test_a_stated_unit_is_for_channels_without_one() -> None:
    source_id = unique("units")
    with outlet(source_id, unit="uV"):
        source = LslSource(LslSelector(source_id=source_id), unit="mV")
        assert source.start().units == ("uV",) * 4
        source.stop()


@pytest.mark.parametrize(
    ("model", "drop", "left_out"), [(True, (), ["Counter"]), (False, ["C3"], ["C3", "Counter"]), (False, (), [])]
)
def test_a_recording_says_which_channels_predictions_left_out(
    tmp_path: Path, model: bool, drop: Sequence[str], left_out: list[str]
) -> None:
    info = StreamInfo("EPOC", (*CHANNELS, "Counter"), 250.0, (*["uV"] * len(CHANNELS), "n/a"))
    bundle = load_bundle(write_bundle(tmp_path / "b")) if model else None
    with Engine(ArraySource(info, chunks(eeg(2, 250.0, 7), 250.0, [50])), bundle, drop=drop) as engine:
        engine.start_recording(Recorder(tmp_path / "s.xdf", engine.info))
        while not engine.finished:
            engine.step()
    recording = read_recording(tmp_path / "s.xdf")
    assert recording.info.channels == info.channels
    assert [note for note in recording.notes if "left out" in note] == (
        [f"Predictions of the session left out {', '.join(left_out)}."] if left_out else []
    )
