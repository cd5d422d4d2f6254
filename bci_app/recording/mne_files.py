"""Formats that MNE reads: EDF, BDF, BrainVision, FIF and EEGLAB.

MNE's exceptions and warnings go no further than this module: exceptions become FileError, warnings become
notes of the recording.
"""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import ChannelError, FileError
from bci_app.recording.edf import EdfHeader, edf_breaks, read_edf_header
from bci_app.recording.format import Format, without_mark
from bci_app.recording.gaps import times_on_grid
from bci_app.recording.mat_check import MatFileError, check_mat
from bci_app.recording.model import Annotation, Break, Recording
from bci_app.recording.parsing import MICROVOLT, NO_UNIT, captured_log, unreadable
from bci_app.stream import StreamInfo, microvolts_per

# Warnings on what the app does not use: electrode positions, stated filters, file names.
_IRRELEVANT = re.compile(
    r"coordinate|position|montage|fiducial|cutoff|filter|naming convention|measurement date|Limited \d+ annot"
    r"|preload=False",
    re.IGNORECASE,
)
# Annotations that mark a place where the recording was paused or cut (BrainVision, EEGLAB, MNE).
_DISCONTINUITY = re.compile(r"(New Segment/|boundary$|EDGE boundary$)")
_LARGE = 2**30  # bytes
_EXPANSION = 32
_BLOCK = 2**23  # bytes of samples that are asked of MNE at a time

_FIFF_VOLT = 107
_FIFF_UNITS = {101: "Hz", 106: "C", 110: "S", 111: "Wb", 112: "T", 114: "°C", 201: "T/m", 202: "Am"}
_FIFF_STIM = 3
_FIF_TAG = struct.Struct(">iiii")  # kind, type, length, position of the next tag
_FIF_BLOCK_START, _FIF_BLOCK_END = 104, 105
# What stands for the date in EDF and BDF files that do not state it.
_NO_DATE = datetime(1985, 1, 1, tzinfo=UTC)
# Units that MNE's EDF reader takes for voltages; it gives others unscaled.
_EDF_VOLTAGES = ("uV", "µV", "μV", "\x83\xcaV", "mV", "V")


class _Loaded(NamedTuple):
    """What MNE gave: its raw object, samples (n_samples, n_channels) in MNE's units, events, warnings."""

    raw: Any
    data: NDArray[np.float64]
    annotations: tuple[Annotation, ...]
    notes: tuple[str, ...]


class _Scale(NamedTuple):
    """Unit of a channel, and the factor that brings MNE's values to it."""

    unit: str
    factor: float


def read_edf(path: Path) -> Recording:
    """Read an EDF or EDF+ file; see `read_recording`."""
    return _read_edf_or_bdf(path, "EDF", sample_bytes=2)


def read_bdf(path: Path) -> Recording:
    """Read a BDF or BDF+ file; see `read_recording`."""
    return _read_edf_or_bdf(path, "BDF", sample_bytes=3)


def read_brainvision(path: Path) -> Recording:
    """Read a BrainVision recording, given any of its three files; see `read_recording`."""
    header = path if path.suffix.lower() == ".vhdr" else path.with_suffix(".vhdr")
    if not header.is_file():
        raise FileError(
            f"{path.name} lacks its BrainVision header",
            found=f"no {header.name} beside it",
            expected="a .vhdr file of the same name in the same folder",
            fix="Put the three files of the recording (.vhdr, .vmrk, .eeg) into one folder.",
        )
    loaded = _load(header, "BrainVision", "read_raw_brainvision")
    _check_brainvision_length(header, loaded)
    return _recording(header, "BrainVision", loaded, _brainvision_scales(loaded.raw))


def read_fif(path: Path) -> Recording:
    """Read a FIF file of raw data; see `read_recording`."""
    _check_fif_blocks(path)
    loaded = _load(path, "FIF", "read_raw_fif")
    return _recording(path, "FIF", loaded, _scales_from_info(loaded.raw))


def read_eeglab(path: Path) -> Recording:
    """Read an EEGLAB .set file of continuous data; see `read_recording`."""
    content = path.read_bytes()
    if content.startswith(b"MATLAB 5.0"):
        try:
            check_mat(content)
        except MatFileError as error:
            raise unreadable(path, "EEGLAB", error) from error
    elif find_spec("pymatreader") is None:
        raise FileError(
            f"{path.name} is in MATLAB's format 7.3",
            found="an HDF5 file, and no package pymatreader to read it",
            expected="a file saved in MATLAB's format 5 to 7",
            fix="Save it in EEGLAB without the option '-v7.3', or install pymatreader.",
        )
    loaded = _load(path, "EEGLAB", "read_raw_eeglab")
    return _recording(path, "EEGLAB", loaded, _scales_from_info(loaded.raw))


def _read_edf_or_bdf(path: Path, name: str, *, sample_bytes: int) -> Recording:
    header = read_edf_header(path, sample_bytes=sample_bytes)
    _check_expansion(path, header)
    mixed = len({header.n_samples[i] for i in header.signals}) > 1
    # MNE interpolates slower channels over what it is asked for: ask for all.
    loaded = _load(path, name, f"read_raw_{name.lower()}", discontinuous=header.discontinuous, whole=mixed)
    units = [header.units[i] for i in header.signals]
    if len(units) != loaded.data.shape[1]:
        raise unreadable(path, name, f"{loaded.data.shape[1]} channels where its header has {len(units)}")
    stimulus = [int(ch["kind"]) == _FIFF_STIM for ch in loaded.raw.info["chs"]]
    scales = [_Scale(NO_UNIT, 1.0) if stim else _edf_scale(unit) for unit, stim in zip(units, stimulus, strict=True)]
    rate = float(loaded.raw.info["sfreq"])
    breaks = edf_breaks(path, header, rate) if header.discontinuous else ()
    notes = [*_mixed_rates(header, loaded.raw.ch_names, rate)]
    if not header.closed:
        notes.append("The header says that the recording was never finished; its complete data records are used.")
    return _recording(path, name, loaded, scales, breaks=breaks, notes=notes)


def _edf_scale(unit: str) -> _Scale:
    if unit in _EDF_VOLTAGES:
        return _Scale(MICROVOLT, 1e6)
    try:
        return _Scale(MICROVOLT, microvolts_per(unit))
    except ChannelError:
        return _Scale(unit or NO_UNIT, 1.0)


def _mixed_rates(header: EdfHeader, names: Sequence[str], rate: float) -> list[str]:
    highest = max(header.n_samples[i] for i in header.signals)
    slower = [
        f"{name} ({header.n_samples[i] / header.record_duration:g} Hz)"
        for name, i in zip(names, header.signals, strict=True)
        if header.n_samples[i] != highest
    ]
    if not slower:
        return []
    return [
        f"Recorded at a lower rate and brought to {rate:g} Hz by MNE's Fourier interpolation, which looks ahead "
        f"in time: {', '.join(slower)}. Do not use these channels as model input."
    ]


def _check_expansion(path: Path, header: EdfHeader) -> None:
    highest = max(header.n_samples[i] for i in header.signals)
    needed = len(header.signals) * highest * header.n_records * 8
    if needed > _LARGE and needed > _EXPANSION * path.stat().st_size:
        raise FileError(
            f"The channels of {path.name} have rates too far apart to be brought to one",
            found=f"{needed / 2**30:.1f} GB of samples at the highest rate from {path.stat().st_size / 2**20:.1f} MB",
            expected=f"at most {_EXPANSION} times the size of the file",
            fix="Export the EEG channels alone.",
        )


def _scales_from_info(raw: Any) -> list[_Scale]:
    """Units from MNE's channel info, which is in SI units."""
    return [_scale_of(int(channel["kind"]), int(channel["unit"])) for channel in raw.info["chs"]]


def _scale_of(kind: int, unit: int) -> _Scale:
    if kind == _FIFF_STIM:  # codes, though MNE says V
        return _Scale(NO_UNIT, 1.0)
    if unit == _FIFF_VOLT:
        return _Scale(MICROVOLT, 1e6)
    return _Scale(_FIFF_UNITS.get(unit, NO_UNIT), 1.0)


def _brainvision_scales(raw: Any) -> list[_Scale]:
    """Units as the header names them, brought to SI by MNE where it knows them.

    MNE forgets the unit of channels without a position (it calls them misc), but not in `_orig_units`.
    """
    scales = []
    for channel in raw.info["chs"]:
        named = str(raw._orig_units.get(channel["ch_name"], NO_UNIT))
        scaled_by_mne = float(channel["range"]) != 1.0 or named == "V"
        try:
            scales.append(_Scale(MICROVOLT, 1e6 if scaled_by_mne else microvolts_per(named)))
        except ChannelError:
            scales.append(_Scale("S" if named in ("µS", "uS") else named, 1.0))
    return scales


def _check_brainvision_length(header: Path, loaded: _Loaded) -> None:
    text = header.read_bytes().decode("latin-1")
    binary = re.search(r"^BinaryFormat\s*=\s*(INT_16|INT_32|IEEE_FLOAT_32)", text, re.MULTILINE | re.IGNORECASE)
    points = re.search(r"^DataPoints\s*=\s*(\d+)\s*$", text, re.MULTILINE | re.IGNORECASE)
    if binary is None:
        return
    data_file = Path(str(loaded.raw.filenames[0]))
    n_samples, n_channels = loaded.data.shape
    row = n_channels * (2 if binary[1].upper() == "INT_16" else 4)
    stated = int(points[1]) if points else n_samples
    size = data_file.stat().st_size
    if size == stated * row:
        return
    raise FileError(
        f"{data_file.name} is truncated" if size < stated * row or not points else f"{data_file.name} is too long",
        found=f"{size} bytes, {size / row:.1f} samples of {n_channels} channels",
        expected=f"{stated * row} bytes, {stated} samples, as {header.name} says" if points else "whole samples",
        fix="Copy the file again from its source.",
    )


def _check_fif_blocks(path: Path) -> None:
    """Refuse a file whose blocks are not all closed; MNE reads what is left of it without a word."""
    depth, position, size = 0, 0, path.stat().st_size
    with path.open("rb") as file:
        while position + _FIF_TAG.size <= size:
            file.seek(position)
            kind, _, length, following = _FIF_TAG.unpack(file.read(_FIF_TAG.size))
            depth += {_FIF_BLOCK_START: 1, _FIF_BLOCK_END: -1}.get(kind, 0)
            if following == -1:
                break
            ahead = following if following > 0 else position + _FIF_TAG.size + max(length, 0)
            if ahead <= position:
                raise unreadable(path, "FIF", f"a tag at byte {position} that points back to {ahead}")
            position = ahead
    if depth or position > size:
        raise FileError(
            f"{path.name} is truncated",
            found=f"{size} bytes, {depth} blocks that are not closed" if depth else f"{size} bytes",
            expected="closed blocks" if depth else f"at least {position} bytes",
            fix="Copy the file again from its source.",
        )


def _load(path: Path, name: str, reader: str, *, discontinuous: bool = False, whole: bool = False) -> _Loaded:
    import mne

    read: Callable[..., Any] = getattr(mne.io, reader)
    try:
        with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"), captured_log("mne"):
            warnings.simplefilter("always")
            raw = read(path, preload=False, verbose="warning")
            data = _samples(raw, whole=whole)
            # MNE knows no pauses: it drops what lies beyond the joined samples from `raw.annotations`.
            events = mne.read_annotations(path) if discontinuous else raw.annotations
            # Onsets count from the measurement date, which lies `first_time` before the first sample.
            annotations = tuple(
                Annotation(float(onset) - float(raw.first_time), float(duration), str(text))
                for onset, duration, text in zip(events.onset, events.duration, events.description, strict=True)
                if np.isfinite(onset) and np.isfinite(duration)
            )
    except Exception as error:  # MNE raises all kinds on malformed files, `Exception` itself among them
        raise unreadable(path, name, error) from error
    if data.shape[0] == 0 or data.shape[1] == 0 or not 0 < float(raw.info["sfreq"]) < np.inf:
        raise unreadable(path, name, f"{data.shape[0]} samples of {data.shape[1]} channels")
    said = dict.fromkeys(" ".join(str(w.message).split()) for w in caught if issubclass(w.category, RuntimeWarning))
    in_order = tuple(sorted(annotations, key=lambda annotation: annotation.onset))
    return _Loaded(raw, data, in_order, tuple(f"MNE: {text}" for text in said if not _IRRELEVANT.search(text)))


def _samples(raw: Any, *, whole: bool) -> NDArray[np.float64]:
    """Return all samples, shape (n_samples, n_channels), read in blocks so that they are held once, or as a whole."""
    data = np.empty((raw.n_times, len(raw.ch_names)))
    step = len(data) if whole else max(1, _BLOCK // (8 * max(data.shape[1], 1)))
    for start in range(0, len(data), max(step, 1)):
        stop = min(start + step, len(data))
        data[start:stop] = raw.get_data(start=start, stop=stop, verbose="warning").T
    return data


def _recording(
    path: Path,
    name: str,
    loaded: _Loaded,
    scales: Sequence[_Scale],
    *,
    breaks: tuple[Break, ...] = (),
    notes: Sequence[str] = (),
) -> Recording:
    raw, data = loaded.raw, loaded.data
    data *= np.array([scale.factor for scale in scales])
    rate = float(raw.info["sfreq"])
    breaks = breaks or _marked_breaks(loaded.annotations, rate, len(data))
    info = StreamInfo(
        name=path.name,
        channels=tuple(str(channel) for channel in raw.ch_names),
        rate=rate,
        units=tuple(scale.unit for scale in scales),
        kind="file",
        n_samples=len(data),
    )
    return Recording(
        path=path,
        format=name,
        info=info,
        data=data,
        times=times_on_grid(len(data), rate, breaks),
        breaks=breaks,
        annotations=loaded.annotations,
        notes=(*notes, *loaded.notes),
        begun=None if raw.info["meas_date"] == _NO_DATE else raw.info["meas_date"],
    )


def _marked_breaks(annotations: Sequence[Annotation], rate: float, n_samples: int) -> tuple[Break, ...]:
    """Return the places that annotations mark as discontinuous. How much is missing is not known."""
    rows = {round(a.onset * rate) for a in annotations if _DISCONTINUITY.match(a.text) and np.isfinite(a.onset)}
    return tuple(Break(row, 0) for row in sorted(rows) if 0 < row < n_samples)


def _is_brainvision(head: bytes) -> bool:
    return without_mark(head).lower().startswith((b"brain vision data exchange", b"brainvision data"))


EDF = Format("EDF", (".edf",), lambda head: head.startswith(b"0       "), "'0' and seven spaces", read_edf)
BDF = Format("BDF", (".bdf",), lambda head: head.startswith(b"\xffBIOSEMI"), "0xff and 'BIOSEMI'", read_bdf)
BRAINVISION = Format(
    "BrainVision",
    (".vhdr",),
    _is_brainvision,
    "'Brain Vision Data Exchange Header File'",
    read_brainvision,
    companions=(".vmrk", ".eeg", ".dat"),
)
FIF = Format(
    "FIF",
    (".fif",),
    # FIFF_FILE_ID, a struct of 20 bytes, big endian.
    lambda head: head.startswith(bytes.fromhex("00000064 0000001f 00000014")),
    "a FIF file id",
    read_fif,
)
EEGLAB = Format(
    "EEGLAB",
    (".set",),
    lambda head: head.startswith((b"MATLAB 5.0", b"MATLAB 7.3", b"\x89HDF")),
    "a MATLAB file",
    read_eeglab,
)
