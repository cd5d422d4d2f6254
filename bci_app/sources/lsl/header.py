"""Which LSL stream is meant, and what its header says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import quote, unquote

from bci_app.errors import SourceError
from bci_app.montage.names import is_electrode
from bci_app.stream import StreamInfo, is_voltage

REPLAY = "bci-app replay"
"""Manufacturer in the header of a recording that bci-app plays."""

_LABELS = ("label", "name", "Label", "Name")
_UNITS = ("unit", "units", "Unit", "Units")
_TYPES = ("type", "Type")
_EEG_TYPES = {"", "eeg", "exg"}
_CF_STRING = 3
_NO_UNIT = {"", "na", "n/a", "none", "unknown"}
# MNE-LSL writes units as a power of ten of the channel type's SI unit.
_POWERS_OF_VOLT = {"0": "V", "-3": "mV", "-6": "uV", "-9": "nV"}


@dataclass(frozen=True, slots=True)
class LslStream:
    """A stream as it is announced.

    Attributes
    ----------
    name, type, source_id, hostname : str
        How the outlet calls itself, and where it runs.
    n_channels : int
        Channels.
    rate : float
        Nominal rate in Hz; 0 if irregular.
    uid : str
        Identity of this outlet instance; another after each restart.
    created_at : float
        When this instance was created, on its sender's LSL clock in seconds.
    """

    name: str
    type: str
    source_id: str
    hostname: str
    n_channels: int
    rate: float
    uid: str
    created_at: float = 0.0

    @property
    def key(self) -> tuple[str, ...]:
        """What stays the same after a restart of the outlet."""
        return (self.source_id or self.uid, self.hostname, self.name, self.type)

    @property
    def address(self) -> str:
        """The source text that selects this stream, also after its outlet was restarted."""
        return self._address(("name", self.name), ("source_id", self.source_id), ("hostname", self.hostname))

    @property
    def instance_address(self) -> str:
        """The source text that selects this outlet among others of the same name, source_id and host."""
        return self._address(("name", self.name), ("uid", self.uid))

    def _address(self, *parts: tuple[str, str]) -> str:
        return "lsl:" + ",".join(f"{key}={quote(value, safe=' /:@')}" for key, value in parts if value)


@dataclass(frozen=True, slots=True)
class LslSelector:
    """Which stream is meant; None matches anything. All None: the only EEG stream."""

    name: str | None = None
    type: str | None = None
    source_id: str | None = None
    hostname: str | None = None
    uid: str | None = None

    @classmethod
    def parse(cls, text: str) -> LslSelector:
        """Read what follows ``lsl:``.

        ``NAME``, or any of ``name=…,type=…,source_id=…,hostname=…``; commas and equals signs inside
        values are written ``%2C`` and ``%3D``.

        Raises
        ------
        SourceError
            If a key is unknown or given twice.
        """
        if not text:
            return cls()
        if "=" not in text:
            return cls(name=unquote(text))
        known = [field.name for field in fields(cls)]
        values: dict[str, str] = {}
        for part in text.split(","):
            key, equals, value = part.partition("=")
            if not equals or key.strip() not in known or key.strip() in values:
                raise SourceError(
                    "Cannot read which LSL stream is meant",
                    found=repr(part),
                    expected=f"a name, or each of {', '.join(known)} at most once, as key=value by commas",
                )
            values[key.strip()] = unquote(value)
        return cls(**values)

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for but EEG."""
        return self == LslSelector()

    def matches(self, stream: LslStream) -> bool:
        """Return whether a stream is meant."""
        if self.empty:
            return stream.type.casefold() == "eeg"
        return all(
            wanted is None or wanted == actual
            for wanted, actual in (
                (self.name, stream.name),
                (self.type, stream.type),
                (self.source_id, stream.source_id),
                (self.hostname, stream.hostname),
                (self.uid, stream.uid),
            )
        )

    def __str__(self) -> str:
        if self.empty:
            return "the only stream of type EEG"
        asked = {field.name: getattr(self, field.name) for field in fields(self)}
        return ", ".join(f"{key} {value!r}" for key, value in asked.items() if value is not None)

    def pinned(self, stream: LslStream) -> LslSelector:
        """Narrow the selection to the stream that was chosen, wherever else its like appears.

        One device may send several streams under one source_id, so the name counts beside it.
        """
        return LslSelector(stream.name, stream.type, stream.source_id or self.source_id, stream.hostname)


def plays_recording(info: Any) -> bool:
    """Return whether the full header (``pylsl.StreamInfo``) is that of a recording that bci-app plays."""
    return bool(info.desc().child_value("manufacturer") == REPLAY)


def carries_text(info: Any) -> bool:
    """Return whether a stream carries text (``pylsl.StreamInfo``)."""
    return bool(info.channel_format() == _CF_STRING)


def announced(info: Any) -> LslStream:
    """Read the announcement of a resolved stream (``pylsl.StreamInfo``)."""
    return LslStream(
        name=info.name(),
        type=info.type(),
        source_id=info.source_id(),
        hostname=info.hostname(),
        n_channels=info.channel_count(),
        rate=info.nominal_srate(),
        uid=info.uid(),
        created_at=info.created_at(),
    )


@dataclass(frozen=True, slots=True)
class ChannelHeader:
    """What a stream's description says of a channel; empty where it says nothing."""

    label: str
    unit: str
    type: str


def channel_headers(info: Any) -> list[ChannelHeader]:
    """Read the channels from a full header.

    The layouts understood are ``desc/channels/channel`` (the XDF convention, followed by
    LabRecorder, MNE-LSL, muse-lsl, OpenBCI and Brain Products) and ``desc/channel`` (Neuroelectrics),
    with the label as ``label`` or ``name`` and the unit as ``unit`` or ``units``.

    Parameters
    ----------
    info : pylsl.StreamInfo
        As ``inlet.info`` gives it; announcements have no description.
    """
    desc = info.desc()
    channels = desc.child("channels")
    parent = desc if channels.empty() else channels
    headers = []
    for channel in _children(parent, "channel"):
        kind = _first(channel, _TYPES)
        headers.append(ChannelHeader(_first(channel, _LABELS), _unit(_first(channel, _UNITS), kind), kind))
    return headers


def _children(parent: Any, name: str) -> Iterator[Any]:
    child = parent.child(name)
    while not child.empty():
        yield child
        child = child.next_sibling(name)


def _first(channel: Any, names: Sequence[str]) -> str:
    values = (channel.child_value(name).strip() for name in names)
    return next((value for value in values if value), "")


def _unit(text: str, kind: str) -> str:
    if text.casefold() in _NO_UNIT:
        return ""
    if kind.casefold() in _EEG_TYPES:
        return _POWERS_OF_VOLT.get(text, text)
    return text


def stream_info(
    stream: LslStream,
    headers: Sequence[ChannelHeader],
    *,
    channels: Sequence[str] | None = None,
    rate: float | None = None,
    unit: str | None = None,
    undescribed: bool = False,
    real_time: bool = True,
) -> StreamInfo:
    """Describe a stream from its header, or from what the user states in its place.

    Parameters
    ----------
    stream : LslStream
        The announcement.
    headers : sequence of ChannelHeader
        The description; may be empty or too short.
    channels, rate, unit : optional
        Override channel names and rate (Hz), and state the unit of channels that state none.
    undescribed : bool
        Whether channels may lack names and units: they are numbered then, and cannot be predicted from.
    real_time : bool
        Whether the sender plays no recording.

    Raises
    ------
    SourceError
        If something is missing and not overridden, or an override does not fit. Nothing is guessed.
    """
    numbered = channels is None and undescribed and not _all_labelled(stream, headers)
    names = (
        tuple(f"Ch{number}" for number in range(1, stream.n_channels + 1))
        if numbered
        else _names(stream, headers, channels)
    )
    effective = rate if rate is not None else stream.rate
    if not effective > 0:
        raise SourceError(
            f"LSL stream {stream.name!r} states no sampling rate",
            found=f"nominal rate {effective:g} Hz",
            expected="a rate above 0 Hz",
            fix="State it with --rate.",
        )
    return StreamInfo(
        name=stream.name,
        channels=names,
        rate=float(effective),
        units=_units(stream, headers, names, unit, may_lack=undescribed),
        kind="lsl",
        source_id=stream.source_id,
        host=stream.hostname,
        real_time=real_time,
    )


def _all_labelled(stream: LslStream, headers: Sequence[ChannelHeader]) -> bool:
    return len(headers) == stream.n_channels and all(header.label for header in headers)


def _names(stream: LslStream, headers: Sequence[ChannelHeader], channels: Sequence[str] | None) -> tuple[str, ...]:
    if channels is not None:
        if len(channels) != stream.n_channels:
            raise SourceError(
                f"The channel names given do not fit LSL stream {stream.name!r}",
                found=f"{len(channels)} names",
                expected=f"{stream.n_channels}, one a channel",
                fix="Correct --channels.",
            )
        return tuple(channels)
    if not _all_labelled(stream, headers):
        labelled = sum(bool(header.label) for header in headers)
        raise SourceError(
            f"LSL stream {stream.name!r} does not name its channels",
            found=f"{labelled} labels for {stream.n_channels} channels",
            expected="a label for each channel in the stream's description",
            fix="Name them in their order with --channels.",
        )
    return tuple(header.label for header in headers)


def _units(
    stream: LslStream, headers: Sequence[ChannelHeader], names: Sequence[str], unit: str | None, *, may_lack: bool
) -> tuple[str, ...]:
    if len(headers) != stream.n_channels:
        headers = [ChannelHeader("", "", "")] * stream.n_channels
    # Beside channels of voltage, one without a unit is a counter or a measure of quality, and no signal, unless it is
    # named after an electrode.
    beside = any(is_voltage(header.unit) for header in headers)
    stated = [
        header.unit
        or (unit if unit and header.type.casefold() in _EEG_TYPES and (is_electrode(name) or not beside) else "")
        for name, header in zip(names, headers, strict=True)
    ]
    missing = [
        name
        for name, header, known in zip(names, headers, stated, strict=True)
        if not known and header.type.casefold() in _EEG_TYPES
    ]
    if missing and not may_lack and not any(is_voltage(known) for known in stated):
        raise SourceError(
            f"LSL stream {stream.name!r} does not state the unit of its samples",
            found=f"no unit for {', '.join(missing[:8])}{' …' if len(missing) > 8 else ''}",
            expected="uV, mV, V or another unit for each EEG channel in the stream's description",
            fix="State it with --unit.",
        )
    return tuple(known or "n/a" for known in stated)
