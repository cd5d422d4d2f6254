"""Small recordings in the real formats, made byte by byte."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat


def field(text: object, width: int) -> bytes:
    encoded = str(text).encode("latin-1")
    assert len(encoded) <= width
    return encoded.ljust(width)


def edf_bytes(
    *,
    labels: Sequence[str] = ("EEG Fp1", "EEG Fp2"),
    units: Sequence[str] = ("uV", "uV"),
    rates: Sequence[int] = (100, 100),
    n_records: int = 5,
    stated_records: int | None = None,
    record_seconds: float = 1.0,
    starts: Sequence[float] | None = None,
    reserved: str = "",
    bdf: bool = False,
    seed: int = 0,
) -> bytes:
    """Make an EDF or BDF file; with `starts`, an EDF+ whose records begin at those seconds."""
    labels, units = list(labels), list(units)
    counts = [round(rate * record_seconds) for rate in rates]
    width = 3 if bdf else 2
    if starts is not None:
        labels.append("BDF Annotations" if bdf else "EDF Annotations")
        units.append("")
        counts.append(30)
    n = len(labels)
    top = 2 ** (8 * width - 1)
    header = (b"\xffBIOSEMI" if bdf else field("0", 8)) + field("X X X X", 80) + field("Startdate X X X X", 80)
    header += field("01.01.20", 8) + field("12.00.00", 8) + field(256 * (n + 1), 8) + field(reserved, 44)
    header += field(n_records if stated_records is None else stated_records, 8) + field(f"{record_seconds:g}", 8)
    header += field(n, 4)
    for column, size in (
        (labels, 16),
        ([""] * n, 80),
        (units, 8),
        ([-1000] * n, 8),
        ([1000] * n, 8),
        ([-top] * n, 8),
        ([top - 1] * n, 8),
        ([""] * n, 80),
        (counts, 8),
        ([""] * n, 32),
    ):
        header += b"".join(field(cell, size) for cell in column)
    rng = np.random.default_rng(seed)
    body = b""
    for record in range(n_records):
        for position, count in enumerate(counts):
            if starts is not None and position == n - 1:
                start = f"+{starts[record]:g}"
                text = f"{start}\x14\x14\x00{start}\x14event {record}\x14\x00"
                body += text.encode().ljust(count * width, b"\x00")
            else:
                values = rng.integers(-top, top, count).astype("<i4")
                body += (
                    values.view(np.uint8).reshape(count, 4)[:, :width].tobytes()
                    if bdf
                    else values.astype("<i2").tobytes()
                )
    return header + body


def write_brainvision(folder: Path, *, n_samples: int = 200, stated: int | None = 200, markers: str = "") -> Path:
    """Write a BrainVision recording of Fp1 and a temperature."""
    points = "" if stated is None else f"DataPoints={stated}\n"
    (folder / "rec.vhdr").write_text(
        "Brain Vision Data Exchange Header File Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\nDataFile=rec.eeg\n"
        f"MarkerFile=rec.vmrk\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\nNumberOfChannels=2\n{points}"
        "SamplingInterval=10000\n\n[Binary Infos]\nBinaryFormat=INT_16\n\n[Channel Infos]\nCh1=Fp1,,0.5,µV\n"
        "Ch2=Temp,,0.1,C\n",
        encoding="utf-8",
    )
    (folder / "rec.vmrk").write_text(
        "Brain Vision Data Exchange Marker File, Version 1.0\n\n[Common Infos]\nDataFile=rec.eeg\n\n[Marker Infos]\n"
        "Mk1=New Segment,,1,1,0,20200101120000000000\nMk2=Stimulus,S  4,11,1,0\n" + markers,
        encoding="utf-8",
    )
    samples = np.arange(2 * n_samples, dtype="<i2")
    (folder / "rec.eeg").write_bytes(samples.tobytes())
    return folder / "rec.vhdr"


def write_eeglab(path: Path, data: NDArray[np.float64], *, events: Sequence[tuple[str, float]] = ()) -> None:
    """Write an EEGLAB file of continuous data; `data` is (n_channels, n_samples) in µV, latencies count from 1."""
    n_channels, n_samples = data.shape
    eeg = {
        "setname": "rec",
        "nbchan": n_channels,
        "trials": 1,
        "pnts": n_samples,
        "srate": 100.0,
        "xmin": 0.0,
        "xmax": (n_samples - 1) / 100,
        "data": data,
        "chanlocs": np.array([(f"E{i + 1}",) for i in range(n_channels)], dtype=[("labels", object)]),
        "event": np.array([(text, latency) for text, latency in events], dtype=[("type", object), ("latency", object)]),
        "icawinv": [],
        "icasphere": [],
        "icaweights": [],
        "icaact": [],
        "epoch": [],
        "ref": "common",
        "history": "",
        "etc": [],
    }
    savemat(path, {"EEG": eeg}, appendmat=False)


def openbci_text(
    index: Sequence[int], *, n_exg: int = 8, old: bool = False, stamps: Sequence[float] | None = None
) -> str:
    """Make a text file of the OpenBCI GUI: version 6, or 4 with `old`."""
    times = stamps if stamps is not None else [1.6e9 + i / 250 for i in range(len(index))]
    names = ["Sample Index", *(f"EXG Channel {i}" for i in range(n_exg))]
    names += [
        "Accel Channel 0",
        "Accel Channel 1",
        "Accel Channel 2",
        "Other",
        "Timestamp",
        "Marker Channel",
        "Timestamp (Formatted)",
    ]
    header = [
        f"%OpenBCI Raw {'EEG' if old else 'EXG'} Data",
        f"%Number of channels = {n_exg}",
        "%Sample Rate = 250.0 Hz",
    ]
    header += (
        ["%First Column = SampleIndex", "%Last Column = Timestamp"]
        if old
        else ["%Board = OpenBCI_GUI$BoardCytonSerial", ", ".join(names)]
    )
    lines = []
    for row, (number, time) in enumerate(zip(index, times, strict=True)):
        exg = [f"{row + channel / 100:.2f}" for channel in range(n_exg)]
        accel = ["0.040", "0.420", "0.238"]
        tail = (
            ["12:00:53.329", f"{time * 1000:.0f}"]
            if old
            else ["0.0", f"{time:.6f}", "3.0" if row == 7 else "0.0", "2021-01-01 12:00:00.000"]
        )
        lines.append(", ".join([str(number), *exg, *accel, *tail]))
    return "\n".join([*header, *lines]) + "\n"


def muse_text(n_samples: int, *, rate: float = 256.0, lost_at: int | None = None, lost: int = 0) -> str:
    lines = ["timestamps,TP9,AF7,AF8,TP10,Right AUX,Marker0"]
    for row in range(n_samples):
        time = 1486223115.483 + (row + (lost if lost_at is not None and row >= lost_at else 0)) / rate
        lines.append(f"{time:.3f},{row}.5,1.25,-2.0,3.0,4.0,{1 if row == 10 else 0}")
    return "\n".join(lines) + "\n"


def brainflow_text(
    n_samples: int, *, n_columns: int = 24, rate: float = 250.0, stamp: int = 22, marker: int = 23
) -> str:
    values = np.zeros((n_samples, n_columns))
    values[:, 0] = np.arange(n_samples) % 256
    values[:, 1:9] = np.arange(n_samples)[:, None] + np.arange(8) / 10
    values[:, stamp] = 1.6e9 + np.arange(n_samples) / rate
    values[5, marker] = 2.0
    return "".join("\t".join(f"{cell:.6f}" for cell in row) + "\n" for row in values)
