"""Headers in the spellings that senders use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pylsl
import pytest

from bci_app.errors import SourceError
from bci_app.sources.lsl.header import LslSelector, LslStream, announced, channel_headers, stream_info

STREAM = LslStream("head", "EEG", "id", "host", 2, 250.0, "uid")


def header(*channels: dict[str, str], nested: bool = True, n_channels: int = 2) -> Any:
    info = pylsl.StreamInfo("head", "EEG", n_channels, 250.0, "float32", "id")
    parent = info.desc().append_child("channels") if nested else info.desc()
    for channel in channels:
        node = parent.append_child("channel")
        for key, value in channel.items():
            node.append_child_value(key, value)
    return info


@pytest.mark.parametrize(
    ("first", "second", "nested", "units"),
    [
        pytest.param(
            {"label": "Cz", "unit": "microvolts", "type": "EEG"},
            {"label": "Pz", "unit": "microvolts", "type": "EEG"},
            True,
            ("microvolts", "microvolts"),
            id="XDF convention (muse-lsl, OpenBCI, Brain Products)",
        ),
        pytest.param(
            {"label": "Cz", "type": "eeg", "unit": "-6"},
            {"label": "Pz", "type": "eeg", "unit": "0"},
            True,
            ("uV", "V"),
            id="MNE-LSL: powers of ten",
        ),
        pytest.param(
            {"name": "Cz", "unit": "µV"}, {"name": "Pz", "units": "uV"}, False, ("µV", "uV"), id="Neuroelectrics"
        ),
        pytest.param(
            {"label": "Cz", "unit": "uV", "type": "EEG"},
            {"label": "Pz", "type": "ACC"},
            True,
            ("uV", "n/a"),
            id="a channel that is no EEG may lack a unit",
        ),
    ],
)
def test_labels_and_units_are_read(
    first: dict[str, str], second: dict[str, str], nested: bool, units: tuple[str, str]
) -> None:
    info = header(first, second, nested=nested)
    described = stream_info(announced(info), channel_headers(info))
    assert described.channels == ("Cz", "Pz")
    assert described.units == units


@pytest.mark.parametrize("unit", ["", "none", "N/A"])
def test_units_that_say_nothing_are_refused(unit: str) -> None:
    info = header({"label": "Cz", "unit": unit}, {"label": "Pz", "unit": unit})
    with pytest.raises(SourceError, match=r"no unit for Cz, Pz.*--unit"):
        stream_info(STREAM, channel_headers(info))


@pytest.mark.parametrize(("stated", "units"), [(None, ("uV", "n/a", "n/a")), ("mV", ("uV", "mV", "n/a"))])
def test_a_stated_unit_is_for_the_electrodes_without_one_and_a_counter_beside_them_is_no_signal(
    stated: str | None, units: tuple[str, ...]
) -> None:
    info = header({"label": "Cz", "unit": "uV"}, {"label": "Pz"}, {"label": "Counter"})
    assert stream_info(replace(STREAM, n_channels=3), channel_headers(info), unit=stated).units == units


@pytest.mark.parametrize(
    "channels",
    [(), ({"label": "Cz", "unit": "uV"},), ({"label": "Cz", "unit": "uV"}, {"unit": "uV"})],
    ids=["none", "too few", "one without"],
)
def test_missing_labels_are_refused(channels: tuple[dict[str, str], ...]) -> None:
    with pytest.raises(SourceError, match="--channels"):
        stream_info(STREAM, channel_headers(header(*channels)))


def test_overrides_replace_what_the_header_says_and_must_fit() -> None:
    described = stream_info(STREAM, [], channels=["A", "B"], rate=128.0, unit="mV")
    assert (described.channels, described.rate, described.units) == (("A", "B"), 128.0, ("mV", "mV"))
    with pytest.raises(SourceError, match="3 names"):
        stream_info(STREAM, [], channels=["A", "B", "C"], unit="uV")


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(SourceError, match="--rate"):
        stream_info(STREAM, [], channels=["A", "B"], rate=rate, unit="mV")


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("", LslSelector()),
        ("My Amp", LslSelector(name="My Amp")),
        ("name=My Amp,type=EEG", LslSelector(name="My Amp", type="EEG")),
        ("source_id=a%2Cb%3Dc,hostname=lab-1", LslSelector(source_id="a,b=c", hostname="lab-1")),
    ],
)
def test_selector_is_read(text: str, selector: LslSelector) -> None:
    assert LslSelector.parse(text) == selector


@pytest.mark.parametrize("text", ["nam=x", "name=x,name=y", "name=x,EEG"])
def test_unreadable_selector_lists_what_is_possible(text: str) -> None:
    with pytest.raises(SourceError, match="name, type, source_id, hostname"):
        LslSelector.parse(text)


def test_no_selection_means_eeg_in_any_spelling_and_nothing_else() -> None:
    assert LslSelector().matches(STREAM)
    assert LslSelector().matches(replace(STREAM, type="eeg"))
    assert not LslSelector().matches(replace(STREAM, type="Markers"))


def test_a_chosen_stream_is_pinned_to_its_name_source_and_host() -> None:
    pinned = LslSelector(type="EEG").pinned(STREAM)
    assert pinned.matches(replace(STREAM, uid="after a restart"))
    assert not pinned.matches(replace(STREAM, name="another of the same device"))
    assert not pinned.matches(replace(STREAM, hostname="another"))
    assert not pinned.matches(replace(STREAM, source_id="another"))
    assert not pinned.matches(replace(STREAM, type="annotations"))
    anonymous = LslSelector(name="head").pinned(replace(STREAM, source_id=""))
    assert anonymous.matches(replace(STREAM, uid="after a restart"))
    assert not anonymous.matches(replace(STREAM, hostname="another"))
