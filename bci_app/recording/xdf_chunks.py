"""The chunks of an XDF file, version 1.0: their names, their framing and a check of a whole file.

XDF: https://github.com/sccn/xdf/wiki/Specifications. pyxdf trusts the lengths that it reads; a damaged
file can make it ask for any amount of memory or fill a sample with stale bytes. So the framing is checked
first, and pyxdf is given only what is whole.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from bci_app.errors import FileError

MAGIC = b"XDF:"
BOUNDARY = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")
SAMPLE_FORMATS: dict[str, str] = {
    "double64": "<f8",
    "float32": "<f4",
    "int64": "<i8",
    "int32": "<i4",
    "int16": "<i2",
    "int8": "<i1",
}
STRING = "string"


class Tag(IntEnum):
    """Kinds of chunks."""

    FILE_HEADER = 1
    STREAM_HEADER = 2
    SAMPLES = 3
    CLOCK_OFFSET = 4
    BOUNDARY = 5
    STREAM_FOOTER = 6


@dataclass(slots=True)
class XdfStream:
    """The header of a stream and the number of its samples.

    Attributes
    ----------
    labels, units : list of str
        Of the channels that the description lists; may be fewer or more than `n_channels`.
    """

    id: int
    name: str
    type: str
    source_id: str
    format: str
    n_channels: int
    rate: float
    labels: list[str]
    units: list[str]
    n_samples: int = 0


@dataclass(slots=True)
class XdfContent:
    """What a file holds.

    Attributes
    ----------
    streams : dict of int to XdfStream
        By stream id.
    n_bytes : int
        Length of the part that is whole.
    n_dropped : int
        Bytes of an unfinished chunk at the end.
    closed : bool
        Whether every stream with samples has a footer.
    begun : datetime or None
        When the file says that it was begun.
    """

    streams: dict[int, XdfStream] = field(default_factory=dict)
    n_bytes: int = 0
    n_dropped: int = 0
    closed: bool = False
    begun: datetime | None = None


class _DamagedError(Exception):
    """A chunk that contradicts itself, with what was found."""


class _UnfinishedError(_DamagedError):
    """A chunk that is longer than what is left of the file."""


def check_xdf(content: bytes, path: Path) -> XdfContent:
    """Walk through all chunks of a file.

    Parameters
    ----------
    content : bytes
        The whole file.
    path : Path
        Its name, for messages.

    Returns
    -------
    XdfContent
        A last chunk that was not written to its end, as after a crash, is left out and counted.

    Raises
    ------
    FileError
        If the file is no XDF or is damaged other than at its end.
    """
    if content[:4] != MAGIC:
        raise FileError(
            f"{path.name} cannot be read as XDF",
            found=f"first bytes {content[:4]!r}",
            expected=f"{MAGIC!r}",
            fix="Choose a recording of LabRecorder or of this app.",
        )
    result = XdfContent()
    footers: set[int] = set()
    position = len(MAGIC)
    while position < len(content):
        try:
            start, end = _frame(content, position)
            _check_chunk(content, start, end, result, footers)
        except _DamagedError as error:
            tail = content[position:]
            # A crash leaves a piece of the last chunk, a power cut sometimes a block of zeros.
            if (isinstance(error, _UnfinishedError) and BOUNDARY not in tail) or not any(tail):
                break
            raise FileError(
                f"{path.name} is damaged at byte {position} of {len(content)}",
                found=str(error),
                expected="a chunk as XDF 1.0 describes it",
                fix="Copy the file again from its source.",
            ) from None
        position = end
    result.n_bytes = position
    result.n_dropped = len(content) - position
    result.closed = all(i in footers for i, stream in result.streams.items() if stream.n_samples)
    return result


def _frame(content: bytes, position: int) -> tuple[int, int]:
    """Return the start of a chunk's tag and the end of the chunk."""
    width = content[position]
    if width not in (1, 4, 8):
        raise _DamagedError(f"a length of {width} bytes")
    start = position + 1 + width
    if start > len(content):
        raise _UnfinishedError("half a length at the end of the file")
    length = int.from_bytes(content[position + 1 : start], "little")
    if length < 2:
        raise _DamagedError(f"a length of {length}")
    if start + length > len(content):
        raise _UnfinishedError(f"a chunk of {length} bytes, {len(content) - start} before the end of the file")
    return start, start + length


def _check_chunk(content: bytes, start: int, end: int, result: XdfContent, footers: set[int]) -> None:
    tag = int.from_bytes(content[start : start + 2], "little")
    body, streams = start + 2, result.streams
    if tag == Tag.FILE_HEADER:
        result.begun = _date(_xml(content[body:end]).findtext("datetime"))
    if tag not in (Tag.STREAM_HEADER, Tag.SAMPLES, Tag.CLOCK_OFFSET, Tag.STREAM_FOOTER):
        return
    if end - body < 4:
        raise _DamagedError("no stream number")
    stream_id = int.from_bytes(content[body : body + 4], "little")
    body += 4
    if tag == Tag.STREAM_HEADER:
        if stream_id in streams:
            raise _DamagedError(f"a second header of stream {stream_id}")
        streams[stream_id] = _stream(stream_id, content[body:end])
        return
    if stream_id not in streams:
        raise _DamagedError(f"stream {stream_id}, which has no header")
    if tag == Tag.SAMPLES:
        streams[stream_id].n_samples += _check_samples(content, body, end, streams[stream_id])
    elif tag == Tag.CLOCK_OFFSET and end - body != 16:
        raise _DamagedError(f"a clock offset of {end - body} bytes")
    elif tag == Tag.STREAM_FOOTER:
        count = _xml(content[body:end]).findtext("sample_count")
        if count is not None and not count.strip().isdigit():
            raise _DamagedError(f"{count!r} samples")
        footers.add(stream_id)


def _date(text: str | None) -> datetime | None:
    """Read a date of ISO 8601, as LabRecorder writes it; None for anything else."""
    try:
        date = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _xml(content: bytes) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(content.decode("utf-8", "replace"))
    except (ElementTree.ParseError, ValueError) as error:
        raise _DamagedError(f"XML that does not parse ({error})") from None


def _stream(stream_id: int, content: bytes) -> XdfStream:
    info = _xml(content)

    def text(name: str) -> str:
        return (info.findtext(name) or "").strip()

    channel_format = text("channel_format")
    if info.tag != "info" or (channel_format not in SAMPLE_FORMATS and channel_format != STRING):
        raise _DamagedError(f"channel format {channel_format!r}")
    try:
        n_channels, rate = int(text("channel_count")), float(text("nominal_srate"))
    except ValueError:
        raise _DamagedError(f"{text('channel_count')!r} channels, rate {text('nominal_srate')!r}") from None
    if not (0 < n_channels < 2**31 and 0 <= rate < 1e9):
        raise _DamagedError(f"{n_channels} channels, rate {rate}")
    channels = info.findall("desc/channels/channel")
    return XdfStream(
        id=stream_id,
        name=text("name"),
        type=text("type"),
        source_id=text("source_id"),
        format=channel_format,
        n_channels=n_channels,
        rate=rate,
        labels=[(channel.findtext("label") or "").strip() for channel in channels],
        units=[(channel.findtext("unit") or "").strip() for channel in channels],
    )


def _check_samples(content: bytes, position: int, end: int, stream: XdfStream) -> int:
    """Check that a chunk holds as many samples as it says; give their number."""
    n_samples, position = _length(content, position, end)
    if stream.format == STRING:
        for _ in range(n_samples):
            position = _after_stamp(content, position, end)
            for _ in range(stream.n_channels):
                length, position = _length(content, position, end)
                position += length
        if position != end:
            raise _DamagedError(f"text that ends {position - end} bytes beyond its chunk")
        return n_samples
    width = np.dtype(SAMPLE_FORMATS[stream.format]).itemsize * stream.n_channels
    body = end - position
    if not n_samples * (1 + width) <= body <= n_samples * (9 + width):
        raise _DamagedError(f"{n_samples} samples of {width} bytes in {body} bytes")
    if n_samples and body == n_samples * (9 + width):
        marks = np.frombuffer(content, np.uint8, body, position).reshape(n_samples, 9 + width)[:, 0]
        if marks.all():
            return n_samples
    for _ in range(n_samples):
        position = _after_stamp(content, position, end) + width
    if position != end:
        raise _DamagedError(f"samples that end {position - end} bytes beyond their chunk")
    return n_samples


def _after_stamp(content: bytes, position: int, end: int) -> int:
    if position >= end:
        raise _DamagedError("fewer samples than its count")
    return position + (9 if content[position] else 1)


def _length(content: bytes, position: int, end: int) -> tuple[int, int]:
    """Read a number of variable length; give it and the position behind it."""
    width = content[position] if position < end else 0
    if width not in (1, 4, 8) or position + 1 + width > end:
        raise _DamagedError(f"a number of {width} bytes")
    (value,) = struct.unpack_from({1: "<B", 4: "<I", 8: "<Q"}[width], content, position + 1)
    return value, position + 1 + width
