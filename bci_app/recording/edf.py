"""The header of EDF and BDF files: checked before MNE reads the samples.

EDF: Kemp et al. 1992 (Electroenceph. clin. Neurophysiol. 82); EDF+: Kemp & Olivan 2003 (Clin.
Neurophysiol. 114). BDF is BioSemi's variant with 24-bit samples. MNE shortens a truncated file with a
warning and joins the pieces of a discontinuous one; both are found here.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bci_app.errors import FileError
from bci_app.recording.model import Break

_FIXED = 256
_PER_SIGNAL = 256
_ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
_ONSET = re.compile(rb"^([+-]\d+(?:\.\d*)?)[\x14\x15]")


@dataclass(frozen=True, slots=True)
class EdfHeader:
    """What the header of an EDF or BDF file says about its data.

    Attributes
    ----------
    n_bytes : int
        Length of the header.
    n_records : int
        Data records in the file.
    record_duration : float
        Seconds.
    labels, units : tuple of str
        Of every signal, annotations included.
    n_samples : tuple of int
        Samples of each signal in one record.
    sample_bytes : int
        2 for EDF, 3 for BDF.
    discontinuous : bool
        Whether records may be apart (EDF+D).
    closed : bool
        False if the header says that the recording was never finished.
    """

    n_bytes: int
    n_records: int
    record_duration: float
    labels: tuple[str, ...]
    units: tuple[str, ...]
    n_samples: tuple[int, ...]
    sample_bytes: int
    discontinuous: bool
    closed: bool

    @property
    def signals(self) -> tuple[int, ...]:
        """Positions of the signals that are not annotations."""
        return tuple(i for i, label in enumerate(self.labels) if label not in _ANNOTATIONS)

    @property
    def record_bytes(self) -> int:
        """Length of one data record."""
        return sum(self.n_samples) * self.sample_bytes


def read_edf_header(path: Path, *, sample_bytes: int) -> EdfHeader:
    """Read the header and compare it with the length of the file.

    Parameters
    ----------
    path : Path
        EDF or BDF file.
    sample_bytes : int
        2 for EDF, 3 for BDF.

    Raises
    ------
    FileError
        If a field is malformed, there is no signal, or the file is shorter or longer than its
        header says.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        fixed = file.read(_FIXED)
        if len(fixed) < _FIXED:
            raise _truncated(path, f"{len(fixed)} bytes", f"a header of at least {_FIXED} bytes")
        n_signals = _integer(path, fixed[252:256], "number of signals", minimum=1)
        n_bytes = _integer(path, fixed[184:192], "length of the header", minimum=1)
        if n_bytes != _FIXED + _PER_SIGNAL * n_signals:
            raise _malformed(path, "length of the header", str(n_bytes), str(_FIXED + _PER_SIGNAL * n_signals))
        table = file.read(_PER_SIGNAL * n_signals)
    if len(table) < _PER_SIGNAL * n_signals:
        raise _truncated(path, f"{size} bytes", f"a header of {n_bytes} bytes")
    samples_column = _column(table, n_signals, 216, 8)
    n_samples = tuple(_integer(path, cell, "samples per record", minimum=1) for cell in samples_column)
    labels = tuple(_text(cell) for cell in _column(table, n_signals, 0, 16))
    duration = _number(path, fixed[244:252], "duration of a record")
    if all(label in _ANNOTATIONS for label in labels) or duration <= 0:
        raise FileError(
            f"{path.name} holds no signals",
            found=f"{n_signals} signals ({', '.join(labels[:4])}), records of {duration:g} s",
            expected="at least one signal and records longer than 0 s",
            fix="Choose the file with the signals that these annotations belong to.",
        )
    for cell in (c for offset in (104, 112, 120, 128) for c in _column(table, n_signals, offset, 8)):
        _number(path, cell, "physical or digital range")
    stated = _integer(path, fixed[236:244], "number of data records", minimum=-1)
    present = (size - n_bytes) // (sum(n_samples) * sample_bytes)
    header = EdfHeader(
        n_bytes=n_bytes,
        n_records=present if stated == -1 else stated,
        record_duration=duration,
        labels=labels,
        units=tuple(_text(cell) for cell in _column(table, n_signals, 96, 8)),
        n_samples=n_samples,
        sample_bytes=sample_bytes,
        discontinuous=fixed[192:197] in (b"EDF+D", b"BDF+D"),
        closed=stated != -1,
    )
    _compare_length(path, header, size)
    return header


def edf_breaks(path: Path, header: EdfHeader, rate: float) -> tuple[Break, ...]:
    """Find the pauses of a discontinuous file by the time that each record states.

    Parameters
    ----------
    path : Path
        EDF+D file.
    header : EdfHeader
        Its header.
    rate : float
        Rate of the recording in Hz.

    Raises
    ------
    FileError
        If a record does not say when it starts.
    """
    signal = next((i for i, label in enumerate(header.labels) if label in _ANNOTATIONS), None)
    if signal is None:
        raise _malformed(path, "type", "EDF+D without an annotation signal", "the start time of each record")
    offset = sum(header.n_samples[:signal]) * header.sample_bytes
    length = header.n_samples[signal] * header.sample_bytes
    raw = np.fromfile(path, dtype=np.uint8, offset=header.n_bytes, count=header.n_records * header.record_bytes)
    records = raw.reshape(header.n_records, header.record_bytes)[:, offset : offset + length]
    onsets = np.empty(header.n_records)
    for position, record in enumerate(records):
        match = _ONSET.match(record.tobytes())
        if match is None:
            raise _malformed(path, f"record {position + 1}", "no start time", "a time-keeping annotation (EDF+D)")
        onsets[position] = float(match[1])
    lost = np.rint((np.diff(onsets) - header.record_duration) * rate).astype(np.int64)
    if (lost < 0).any():
        raise _malformed(path, "start times of the records", "a record that starts before the last one ends", "order")
    per_record = round(header.record_duration * rate)
    return tuple(Break((int(i) + 1) * per_record, int(lost[i])) for i in np.flatnonzero(lost))


def _compare_length(path: Path, header: EdfHeader, size: int) -> None:
    expected = header.n_bytes + header.n_records * header.record_bytes
    if header.n_records == 0:
        raise _truncated(path, "0 complete data records", "at least 1")
    if not header.closed or size == expected:
        return
    found = f"{size} bytes, {(size - header.n_bytes) / header.record_bytes:.1f} data records"
    stated = f"{expected} bytes, {header.n_records} data records, as the header says"
    if size < expected:
        raise _truncated(path, found, stated)
    raise FileError(
        f"{path.name} is longer than its header says",
        found=found,
        expected=stated,
        fix="Correct the number of data records in the header (EDFbrowser can), or export the file again.",
    )


def _column(table: bytes, n_signals: int, offset: int, width: int) -> list[bytes]:
    start = offset * n_signals
    return [table[start + i * width : start + (i + 1) * width] for i in range(n_signals)]


def _text(cell: bytes) -> str:
    return cell.decode("latin-1").split("\x00")[0].strip()


def _number(path: Path, cell: bytes, field: str) -> float:
    try:
        value = float(_text(cell).replace(",", "."))
    except ValueError:
        raise _malformed(path, field, repr(_text(cell)), "a number") from None
    if not math.isfinite(value):
        raise _malformed(path, field, repr(_text(cell)), "a finite number")
    return value


def _integer(path: Path, cell: bytes, field: str, *, minimum: int) -> int:
    try:
        value = int(_text(cell))
    except ValueError:
        raise _malformed(path, field, repr(_text(cell)), "a whole number") from None
    if value < minimum:
        raise _malformed(path, field, str(value), f"at least {minimum}")
    return value


def _malformed(path: Path, field: str, found: str, expected: str) -> FileError:
    return FileError(
        f"The header of {path.name} is malformed: {field}",
        found=found,
        expected=expected,
        fix="The file is damaged or not what its name says; export it again from its source.",
    )


def _truncated(path: Path, found: str, expected: str) -> FileError:
    return FileError(
        f"{path.name} is truncated",
        found=found,
        expected=expected,
        fix="Copy the file again from its source.",
    )
