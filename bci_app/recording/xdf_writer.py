"""Writing XDF so that a crash costs nothing that was already written.

Every call hands whole chunks to the operating system before it returns, so that a killed process leaves a
file that pyxdf reads to its last call. Against a power cut the file is also forced to the disk with each
boundary chunk (every 10 s) and at the end.

XDF 1.0: https://github.com/sccn/xdf/wiki/Specifications.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from xml.etree import ElementTree

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bci_app.errors import FileError
from bci_app.recording.xdf_chunks import BOUNDARY, MAGIC, SAMPLE_FORMATS, STRING, Tag
from bci_app.recording.xdf_encoding import (
    StreamHeader,
    Written,
    XdfChannel,
    add_element,
    encode_chunk,
    encode_number,
    encode_xml,
    stream_footer,
    stream_info,
)

__all__ = ["StreamHeader", "XdfChannel", "XdfWriter"]

BOUNDARY_SECONDS = 10.0
_CHECK_SECONDS = 1.0
_STAMPED = 8  # a time stamp of eight bytes precedes the sample


class XdfWriter:
    """A new XDF file.

    Parameters
    ----------
    path : str or Path
        Where to write; ``.xdf`` is added if it is not there. A file of that name stays as it is: the
        first free one of ``name-1.xdf``, ``name-2.xdf``, ... is taken instead (see `path`).
    header : mapping of str to str, optional
        Further elements of the file header.
    monotonic : callable, optional
        Clock that times the boundary chunks, in seconds.

    Attributes
    ----------
    path : Path
        The file that is being written.

    Raises
    ------
    FileError
        If the file cannot be created. Later calls raise it if the disk is full or the file has vanished;
        what was written before stays valid, and nothing more can be written.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        header: Mapping[str, str] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path, self._file = _create(Path(path))
        self._monotonic = monotonic
        self._end = 0
        self._failed: FileError | None = None
        self._open = True
        self._streams: dict[int, Written] = {}
        self._last_boundary = self._last_check = monotonic()
        info = ElementTree.Element("info")
        add_element(info, "version", "1.0")
        add_element(info, "datetime", datetime.now(UTC).astimezone().strftime("%Y-%m-%dT%H:%M:%S%z"))
        for name, text in (header or {}).items():
            add_element(info, name, text)
        try:
            self._append(MAGIC + encode_chunk(Tag.FILE_HEADER, encode_xml(info)), force=True)
        except FileError:
            os.close(self._file)
            self.path.unlink(missing_ok=True)
            raise

    def __enter__(self) -> XdfWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def size(self) -> int:
        """Bytes written."""
        return self._end

    def count(self, stream: int) -> int:
        """Return how many samples of a stream are in the file."""
        return self._streams[stream].count

    def add_stream(self, header: StreamHeader) -> int:
        """Add a stream, at any time before its first sample.

        Returns
        -------
        int
            Its number in this file, from 1.

        Raises
        ------
        ValueError
            If the format is unknown, or there is no name or no channel.
        FileError
            As in the class.
        """
        if header.format not in SAMPLE_FORMATS and header.format != STRING:
            raise ValueError(f"unknown sample format {header.format!r}, known {', '.join(SAMPLE_FORMATS)}, {STRING}")
        if not header.channels or not header.name:
            raise ValueError(f"the stream {header.name!r} has no {'channels' if header.name else 'name'}")
        number = len(self._streams) + 1
        self._append(encode_chunk(Tag.STREAM_HEADER, encode_xml(stream_info(header)), stream=number))
        self._streams[number] = Written(header)
        return number

    def write_samples(self, stream: int, data: ArrayLike, times: ArrayLike) -> None:
        """Append samples to a numeric stream.

        Parameters
        ----------
        stream : int
            Number of the stream.
        data : array-like, shape (n_samples, n_channels)
            Values that the stream's format holds without loss.
        times : array-like of float, shape (n_samples,)
            Stamps on the stream's clock in seconds.

        Raises
        ------
        ValueError
            If the shapes do not fit, or the values are of another kind than the stream's.
        FileError
            As in the class.
        """
        written = self._streams[stream]
        if written.header.format == STRING:
            raise ValueError(f"the stream {written.header.name!r} holds texts")
        values = np.asarray(data)
        stamps = np.asarray(times, dtype=np.float64)
        n_channels = len(written.header.channels)
        if values.ndim != 2 or values.shape[1] != n_channels or stamps.shape != values.shape[:1]:
            raise ValueError(f"samples {values.shape} and times {stamps.shape}, expected (n, {n_channels}) and (n,)")
        if not len(stamps):
            return
        target = np.dtype(SAMPLE_FORMATS[written.header.format])
        if not np.can_cast(values.dtype, target, "safe"):
            raise ValueError(f"{values.dtype} values for a stream of {written.header.format}")
        layout = np.dtype([("bytes", "u1"), ("time", "<f8"), ("values", target, (n_channels,))])
        packed = np.empty(len(stamps), dtype=layout)
        packed["bytes"], packed["time"], packed["values"] = _STAMPED, stamps, values
        self._write(stream, encode_number(len(stamps)) + packed.tobytes(), stamps)

    def write_markers(self, stream: int, texts: Sequence[str], times: ArrayLike) -> None:
        """Append texts to a string stream of one channel.

        Parameters
        ----------
        stream : int
            Number of the stream.
        texts : sequence of str
            One a sample.
        times : array-like of float, shape (n_samples,)
            Stamps in seconds.

        Raises
        ------
        ValueError
            If there are not as many texts as stamps, or the stream is another.
        FileError
            As in the class.
        """
        header = self._streams[stream].header
        if header.format != STRING or len(header.channels) != 1:
            raise ValueError(f"the stream {header.name!r} does not hold one text a sample")
        stamps = np.asarray(times, dtype=np.float64)
        if stamps.shape != (len(texts),):
            raise ValueError(f"{len(texts)} texts and times {stamps.shape}")
        if not len(stamps):
            return
        content = [encode_number(len(texts))]
        for text, stamp in zip(texts, stamps.tolist(), strict=True):
            encoded = text.encode("utf-8", "replace")
            content.append(struct.pack("<Bd", _STAMPED, stamp) + encode_number(len(encoded)) + encoded)
        self._write(stream, b"".join(content), stamps)

    def write_clock_offset(self, stream: int, clock: float, offset: float) -> None:
        """Note how far the clock of a stream is from the recorder's.

        Parameters
        ----------
        stream : int
            Number of the stream.
        clock : float
            Reading of the stream's clock at the measurement, in seconds.
        offset : float
            Seconds to add to its stamps to have the recorder's.

        Raises
        ------
        FileError
            As in the class.
        """
        self._append(encode_chunk(Tag.CLOCK_OFFSET, struct.pack("<dd", clock, offset), stream=stream))
        self._streams[stream].offsets.append((clock, offset))

    def close(self) -> None:
        """Write the footers and close the file. May be called twice.

        Raises
        ------
        FileError
            As in the class; the file is closed all the same.
        """
        if not self._open:
            return
        try:
            if self._failed is None:
                footers = (
                    encode_chunk(Tag.STREAM_FOOTER, encode_xml(stream_footer(w)), stream=n)
                    for n, w in self._streams.items()
                )
                self._append(b"".join(footers), force=True)
        finally:
            self._open = False
            os.close(self._file)

    def _write(self, stream: int, content: bytes, stamps: NDArray[np.float64]) -> None:
        self._append(encode_chunk(Tag.SAMPLES, content, stream=stream))
        written = self._streams[stream]
        if not written.count:
            written.first = float(stamps[0])
        written.last = float(stamps[-1])
        written.count += len(stamps)

    def _append(self, content: bytes, *, force: bool = False) -> None:
        """Hand whole chunks to the operating system, or leave the file as it was."""
        if self._failed is not None:
            raise self._failed
        if not self._open:
            raise ValueError(f"{self.path.name} is closed")
        now = self._monotonic()
        if now - self._last_boundary >= BOUNDARY_SECONDS:
            content += encode_chunk(Tag.BOUNDARY, BOUNDARY)
            self._last_boundary, force = now, True
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            if force:
                os.fsync(self._file)
            if force or now - self._last_check >= _CHECK_SECONDS:
                self._last_check = now
                _check_still_there(self.path, self._file)
        except OSError as error:
            self._fail(error)
        self._end += len(content)

    def _fail(self, error: OSError) -> None:
        """Cut the file back to its last whole chunk, and refuse all that follows."""
        try:
            os.ftruncate(self._file, self._end)
            gone = isinstance(error, FileNotFoundError)
            kept = f"The first {self._end} bytes are valid and stay." if self._end else "Nothing was written."
            kept = "What was written is gone." if gone else kept
        except OSError:
            kept = "Its end may be incomplete; the app reads it up to there."
        self._failed = FileError(
            "The recording has stopped",
            found=f"{self.path}: {error.strerror or error}",
            expected="a disk with room, and a folder that stays",
            fix=f"{kept} Free some space or choose another folder, and start a new recording.",
        )
        raise self._failed from error


def _create(path: Path) -> tuple[Path, int]:
    """Open the first free name for writing."""
    if not path.name:
        raise FileError(
            "A recording cannot be written without a name",
            found=str(path),
            expected="the name of a file",
            fix="Name it, for example session.xdf.",
        )
    if path.suffix.lower() != ".xdf":
        path = path.with_name(path.name + ".xdf")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    number = 0
    while True:
        candidate = path if not number else path.with_name(f"{path.stem}-{number}{path.suffix}")
        try:
            return candidate, os.open(candidate, flags, 0o666)
        except FileExistsError:
            number += 1
        except OSError as error:
            raise FileError(
                f"A recording cannot be written to {path}",
                found=error.strerror or str(error),
                expected="a folder that exists and may be written to",
                fix="Create the folder, or choose another one.",
            ) from error


def _check_still_there(path: Path, file: int) -> None:
    """Notice a folder that was deleted or unmounted: the system would go on writing to nowhere."""
    there, ours = path.stat(), os.fstat(file)
    if (there.st_ino, there.st_dev) != (ours.st_ino, ours.st_dev):
        raise FileNotFoundError(0, "another file has taken the place of the recording")
