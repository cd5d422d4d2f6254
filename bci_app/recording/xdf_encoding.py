"""The parts of an XDF file as bytes."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from bci_app.recording.xdf_chunks import Tag

# XML 1.0 has no control characters, not even escaped ones.
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class XdfChannel:
    """A channel of a stream: its label, unit and type (EEG, Misc, ...)."""

    label: str
    unit: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class StreamHeader:
    """The description of a stream, as LSL has it.

    Attributes
    ----------
    name, type : str
        Name, and content type (EEG, Markers, ...).
    channels : tuple of XdfChannel
        At least one.
    format : str
        ``double64``, ``float32``, ``int64``, ``int32``, ``int16``, ``int8`` or ``string``.
    rate : float
        Nominal rate in Hz; 0 for irregular.
    source_id, hostname : str
        Where the stream came from.
    description : mapping of str to str
        Further elements of the description.
    xml : str
        The sender's full header, which is written in place of the rest; empty if there is none.
    """

    name: str
    type: str
    channels: tuple[XdfChannel, ...]
    format: str = "double64"
    rate: float = 0.0
    source_id: str = ""
    hostname: str = ""
    description: Mapping[str, str] = field(default_factory=dict)
    xml: str = ""


@dataclass(slots=True)
class Written:
    """What the footer of a stream will say."""

    header: StreamHeader
    first: float = 0.0
    last: float = 0.0
    count: int = 0
    offsets: list[tuple[float, float]] = field(default_factory=list)


def encode_chunk(tag: Tag, content: bytes, *, stream: int | None = None) -> bytes:
    """Frame a chunk: length, tag, the number of its stream if it has one, content."""
    numbered = b"" if stream is None else struct.pack("<I", stream)
    return encode_number(2 + len(numbered) + len(content)) + struct.pack("<H", tag) + numbered + content


def encode_number(value: int) -> bytes:
    """Encode a length: the bytes that follow (1, 4 or 8), and the number."""
    if value < 2**8:
        return struct.pack("<BB", 1, value)
    return struct.pack("<BI", 4, value) if value < 2**32 else struct.pack("<BQ", 8, value)


def stream_info(header: StreamHeader) -> ElementTree.Element:
    """Describe a stream as LSL does."""
    if header.xml:
        return ElementTree.fromstring(header.xml)  # written by liblsl, which escapes what a sender states
    info = ElementTree.Element("info")
    fields: dict[str, Any] = {
        "name": header.name,
        "type": header.type,
        "channel_count": len(header.channels),
        "nominal_srate": repr(float(header.rate)),
        "channel_format": header.format,
        "source_id": header.source_id,
        "hostname": header.hostname,
    }
    for name, value in fields.items():
        add_element(info, name, str(value))
    description = ElementTree.SubElement(info, "desc")
    channels = ElementTree.SubElement(description, "channels")
    for channel in header.channels:
        element = ElementTree.SubElement(channels, "channel")
        add_element(element, "label", channel.label)
        add_element(element, "unit", channel.unit)
        add_element(element, "type", channel.type)
    for name, text in header.description.items():
        add_element(description, name, text)
    return info


def stream_footer(written: Written) -> ElementTree.Element:
    """Sum up a stream at its end."""
    info = ElementTree.Element("info")
    add_element(info, "first_timestamp", repr(written.first))
    add_element(info, "last_timestamp", repr(written.last))
    add_element(info, "sample_count", str(written.count))
    offsets = ElementTree.SubElement(info, "clock_offsets")
    for clock, offset in written.offsets:
        element = ElementTree.SubElement(offsets, "offset")
        add_element(element, "time", repr(clock))
        add_element(element, "value", repr(offset))
    return info


def add_element(parent: ElementTree.Element, name: str, text: str) -> None:
    """Add an element with a text, without the characters that XML cannot hold."""
    ElementTree.SubElement(parent, name).text = _NOT_XML.sub("\ufffd", text)


def encode_xml(element: ElementTree.Element) -> bytes:
    """Turn an element into the content of a chunk."""
    return b'<?xml version="1.0"?>' + ElementTree.tostring(element, encoding="unicode").encode()
