"""Writing BrainVision files: a header, markers, and samples of 32 bits.

The format is Brain Products' BrainVision Core Data Format 1.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bci_app import __version__
from bci_app.stream import Samples


@dataclass(frozen=True, slots=True)
class FileMarker:
    """A marker at a row of the data, for some rows; a new segment begins with the row."""

    row: int
    rows: int
    text: str
    new_segment: bool = False


def write_brainvision(
    header: Path,
    data: Samples,
    *,
    channels: Sequence[str],
    units: Sequence[str],
    rate: float,
    markers: Sequence[FileMarker],
) -> None:
    """Write ``.vhdr``, ``.vmrk`` and ``.eeg`` beside each other.

    Parameters
    ----------
    header : Path
        The ``.vhdr`` file.
    data : ndarray of float64, shape (n_samples, n_channels)
        Samples; they are kept to 32 bits.
    channels, units : sequence of str
        Of the columns.
    rate : float
        Hz.
    markers : sequence of FileMarker
        In the order of their rows.
    """
    samples, marks = header.with_suffix(".eeg"), header.with_suffix(".vmrk")
    samples.write_bytes(np.ascontiguousarray(data, dtype="<f4").tobytes())
    common = ["[Common Infos]", "Codepage=UTF-8", f"DataFile={samples.name}"]
    _write(
        header,
        [
            "Brain Vision Data Exchange Header File Version 1.0",
            f"; written by bci-app {__version__}",
            "",
            *common,
            f"MarkerFile={marks.name}",
            "DataFormat=BINARY",
            "DataOrientation=MULTIPLEXED",
            f"NumberOfChannels={len(channels)}",
            f"SamplingInterval={1e6 / rate!r}",
            "",
            "[Binary Infos]",
            "BinaryFormat=IEEE_FLOAT_32",
            "",
            "[Channel Infos]",
            *(
                f"Ch{number}={_field(name)},,1,{_field(unit)}"
                for number, (name, unit) in enumerate(zip(channels, units, strict=True), start=1)
            ),
        ],
    )
    first = FileMarker(0, 1, "", new_segment=True)
    _write(
        marks,
        [
            "Brain Vision Data Exchange Marker File, Version 1.0",
            "",
            *common,
            "",
            "[Marker Infos]",
            *(f"Mk{number}={_marker(marker)}" for number, marker in enumerate((first, *markers), start=1)),
        ],
    )


def _marker(marker: FileMarker) -> str:
    kind = "New Segment" if marker.new_segment else "Comment"
    return f"{kind},{_field(marker.text)},{marker.row + 1},{max(1, marker.rows)},0"


def _field(text: str) -> str:
    r"""Return text as a field holds it: commas are written as ``\1``."""
    return " ".join(text.split()).replace(",", r"\1")


def _write(path: Path, lines: Sequence[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\r\n")
