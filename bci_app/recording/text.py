"""Text recordings: OpenBCI GUI, muse-lsl and BrainFlow."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import DependencyError, FileError
from bci_app.recording.format import Format, without_mark
from bci_app.recording.gaps import breaks_from_counter, breaks_from_stamps, measured_rate, times_on_grid
from bci_app.recording.model import Annotation, Break, Recording
from bci_app.recording.parsing import MICROVOLT
from bci_app.stream import StreamInfo, marker_text

# Rates of the headsets that muse-lsl records: Muse (2014), and all later ones.
_MUSE_RATES = (220.0, 256.0)
_RATE_TOLERANCE = 0.011  # separates 250 from 256 Hz
_STAMPS_IN_MS = 1e11  # UNIX time in seconds stays below this, in milliseconds above


class _Table(NamedTuple):
    """The rows of a text file: those before the data, and the cells of the data."""

    header: list[str]
    rows: list[str]
    n_columns: int


class _Board(NamedTuple):
    """Layout of a board's rows in a BrainFlow file."""

    names: tuple[str, ...]
    rate: float
    eeg: tuple[int, ...]
    channels: tuple[str, ...]
    stamp: int
    counter: int | None
    marker: int | None

    @property
    def layout(self) -> tuple[object, ...]:
        """All but the board's name."""
        return self[1:]


def read_openbci(path: Path) -> Recording:
    """Read a text file of the OpenBCI GUI, versions 2 to 6; see `read_recording`.

    The EXG columns are in µV without filters. Lost samples are found by the sample index, and by the
    time stamps where the board's index does not count one by one.
    """
    table = _read_table(path, ",", lambda line: line.startswith("%") or line.lstrip().startswith("Sample Index"))
    settings = "\n".join(line for line in table.header if line.startswith("%"))
    rate = re.search(r"Sample Rate\s*=\s*([0-9.]+)", settings, re.IGNORECASE)
    if rate is None or not _is_rate(rate[1]):
        raise _header_error(path, "OpenBCI", "no '%Sample Rate = … Hz'", "the sampling rate in its header")
    names = [name.strip() for line in table.header if not line.startswith("%") for name in line.split(",")]
    exg, stamp, marker = _openbci_columns(path, settings, names, table)
    columns = [0, *exg, *(c for c in (stamp, marker) if c is not None)]
    values = _parse(path, table, ",", columns)
    stamps = None
    if stamp is not None:
        stamps = values[:, 1 + len(exg)]
        stamps = stamps / 1e3 if np.nanmax(np.abs(stamps), initial=0.0) > _STAMPS_IN_MS else stamps
    return _recording(
        path,
        "OpenBCI",
        channels=[names[c] if names else f"EXG Channel {i}" for i, c in enumerate(exg)],
        rate=float(rate[1]),
        data=values[:, 1 : 1 + len(exg)],
        counter=values[:, 0],
        stamps=stamps,
        markers=values[:, -1] if marker is not None else None,
    )


def read_muse(path: Path) -> Recording:
    """Read a CSV file of muse-lsl; see `read_recording`.

    muse-lsl writes no rate: it is that of the headset (256 Hz, 220 Hz for the first Muse) which the
    time stamps confirm.
    """
    table = _read_table(path, ",", lambda line: line.startswith("timestamps"))
    names = [name.strip() for name in table.header[0].split(",")]
    signals = [i for i, name in enumerate(names) if i > 0 and not name.lower().startswith("marker")]
    markers = [i for i, name in enumerate(names) if name.lower().startswith("marker")]
    if not {"TP9", "AF7", "AF8", "TP10"} <= set(names) and not {"TP9", "FP1", "FP2", "TP10"} <= set(names):
        raise _header_error(path, "muse-lsl", f"columns {', '.join(names)}", "timestamps,TP9,AF7,AF8,TP10,…")
    values = _parse(path, table, ",", [0, *signals, *markers[:1]])
    measured = measured_rate(values[:, 0])
    rate = next((r for r in _MUSE_RATES if measured and abs(measured / r - 1) < _RATE_TOLERANCE), None)
    if rate is None:
        raise _header_error(
            path, "muse-lsl", f"{measured:.1f} Hz by its time stamps" if measured else "no advancing time stamps",
            "256 Hz (or 220 Hz) and at least 32 samples",
        )  # fmt: skip
    return _recording(
        path,
        "muse-lsl",
        channels=[names[i] for i in signals],
        rate=rate,
        data=values[:, 1 : 1 + len(signals)],
        counter=None,
        stamps=values[:, 0],
        markers=values[:, -1] if markers else None,
    )


def read_brainflow(path: Path, *, board: str | None = None) -> Recording:
    """Read a file of BrainFlow (one row a sample, tabs between the board's rows); see `read_recording`.

    The file names neither board nor rate. The board is recognised by the number of columns and the
    rate of the time stamps where only one fits.

    Parameters
    ----------
    path : Path
        The file.
    board : str, optional
        BrainFlow's name of the board, for example ``CYTON_BOARD``.
    """
    table = _read_table(path, "\t", lambda _line: False)
    values = _parse(path, table, "\t", list(range(table.n_columns)))
    found = _choose_board(path, values, board)
    counter = None if found.counter is None else values[:, found.counter]
    return _recording(
        path,
        "BrainFlow",
        channels=found.channels,
        rate=found.rate,
        data=values[:, list(found.eeg)],
        counter=counter,
        stamps=values[:, found.stamp],
        markers=None if found.marker is None else values[:, found.marker],
        notes=(f"Read as {' or '.join(found.names)}, {found.rate:g} Hz; the file itself names no board.",),
    )


def _openbci_columns(
    path: Path, settings: str, names: list[str], table: _Table
) -> tuple[list[int], int | None, int | None]:
    """Find the EXG columns, the time stamp and the marker."""
    n_columns = table.n_columns
    if names:
        if len(names) != n_columns:
            raise _header_error(path, "OpenBCI", f"{n_columns} columns", f"{len(names)}, as its header names")
        exg = [i for i, name in enumerate(names) if name.upper().startswith("EXG CHANNEL")]
        stamp = names.index("Timestamp") if "Timestamp" in names else None
        marker = names.index("Marker Channel") if "Marker Channel" in names else None
        if not exg:
            raise _header_error(path, "OpenBCI", f"columns {', '.join(names)}", "columns 'EXG Channel …'")
        return exg, stamp, marker
    count = re.search(r"Number of channels\s*=\s*(\d+)", settings, re.IGNORECASE)
    # Before version 5: index, EXG, three of acceleration, then one or two columns of time.
    n_exg = int(count[1]) if count else next((n for n in (16, 8, 4) if n_columns >= n + 4), 0)
    if not 0 < n_exg <= n_columns - 1:
        raise _header_error(
            path, "OpenBCI", f"{n_columns} columns, {n_exg} channels", "an index and 4, 8 or 16 channels"
        )
    cells = table.rows[0].split(",")
    unix_time = next((i for i in (n_columns - 1, n_columns - 2) if i > n_exg and _is_unix_time(cells[i])), None)
    return list(range(1, n_exg + 1)), unix_time, None


def _choose_board(path: Path, values: NDArray[np.float64], wanted: str | None) -> _Board:
    boards = _boards(values.shape[1])
    if wanted is not None:
        chosen = [b for b in boards if wanted.strip().upper() in b.names]
        if not chosen:
            known = sorted(name for b in boards for name in b.names)
            raise FileError(
                f"{path.name} does not come from the board {wanted}",
                found=f"{values.shape[1]} columns",
                expected=f"one of {', '.join(known)}" if known else "a board of BrainFlow with so many columns",
                fix="Name the board that the file was recorded with, as ?board=NAME.",
            )
        return chosen[0]
    fitting = [b for b in boards if _fits(values[:, b.stamp], b.rate)]
    if len(fitting) == 1:
        return fitting[0]
    names = sorted(name for b in (fitting or boards) for name in b.names)
    raise FileError(
        f"{path.name} does not name the board that it was recorded with",
        found=f"{values.shape[1]} columns" + (f", which fits {', '.join(names)}" if names else ""),
        expected="a layout and rate that only one board of BrainFlow has",
        fix="Name the board: add ?board=NAME to the source, for example ?board=CYTON_BOARD.",
    )


def _fits(stamps: NDArray[np.float64], rate: float) -> bool:
    measured = measured_rate(stamps)
    return measured is not None and abs(measured / rate - 1) < _RATE_TOLERANCE


def _boards(n_columns: int) -> list[_Board]:
    """List BrainFlow's EEG boards with this number of rows; those of one layout as one."""
    boards: dict[tuple[object, ...], _Board] = {}
    for name, description in _board_descriptions():
        if description.get("num_rows") != n_columns or not description.get("eeg_channels"):
            continue
        eeg = tuple(description["eeg_channels"])
        named = tuple(str(description.get("eeg_names", "")).split(","))
        found = _Board(
            names=(name,),
            rate=float(description["sampling_rate"]),
            eeg=eeg,
            channels=named if len(named) == len(eeg) else tuple(f"EEG {i + 1}" for i in range(len(eeg))),
            stamp=int(description["timestamp_channel"]),
            counter=description.get("package_num_channel"),
            marker=description.get("marker_channel"),
        )
        same = boards.get(found.layout)
        boards[found.layout] = found if same is None else same._replace(names=(*same.names, name))
    return list(boards.values())


def _board_descriptions() -> list[tuple[str, dict[str, Any]]]:
    """Ask BrainFlow for the rows of all its boards."""
    descriptions = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # BrainFlow loads its library through setuptools on Python 3.11
        try:
            from brainflow.board_shim import BoardIds, BoardShim
            from brainflow.exit_codes import BrainFlowError

            for board in BoardIds:
                with suppress(BrainFlowError):  # playback and streaming boards have no layout
                    descriptions.append((board.name, BoardShim.get_board_descr(board.value)))
        except (ImportError, OSError) as error:
            raise DependencyError(
                "BrainFlow does not load, and its table of boards is needed to read its files",
                found=str(error),
                fix="Run bci-app doctor.",
            ) from error
    return descriptions


def _recording(
    path: Path,
    name: str,
    *,
    channels: Sequence[str],
    rate: float,
    data: NDArray[np.float64],
    counter: NDArray[np.float64] | None,
    stamps: NDArray[np.float64] | None,
    markers: NDArray[np.float64] | None,
    notes: Sequence[str] = (),
) -> Recording:
    said = list(notes)
    usable = stamps if stamps is not None and np.isfinite(stamps).all() else None
    breaks: tuple[Break, ...] | None = None
    if counter is not None:
        breaks = breaks_from_counter(counter, usable, rate)
        if breaks is None:
            said.append("The sample index does not count one by one; lost samples are found by the time stamps.")
    if breaks is None:
        breaks = () if usable is None else breaks_from_stamps(usable, rate)
    measured = measured_rate(usable) if usable is not None else None
    if measured is not None and abs(measured / rate - 1) > _RATE_TOLERANCE:
        said.append(f"The time stamps advance at {measured:.2f} Hz where {rate:g} Hz is stated.")
    times = times_on_grid(len(data), rate, breaks)
    annotations: tuple[Annotation, ...] = ()
    if markers is not None:
        rows = np.flatnonzero(np.isfinite(markers) & (markers != 0))
        annotations = tuple(Annotation(float(times[row]), 0.0, marker_text([markers[row]])) for row in rows)
    return Recording(
        path=path,
        format=name,
        info=StreamInfo(
            name=path.name,
            channels=tuple(channels),
            rate=rate,
            units=(MICROVOLT,) * len(channels),
            kind="file",
            n_samples=len(data),
        ),
        data=np.ascontiguousarray(data),
        times=times,
        breaks=breaks,
        annotations=annotations,
        notes=tuple(said),
    )


def _read_table(path: Path, delimiter: str, is_header: Callable[[str], bool]) -> _Table:
    """Split a text file into header and rows, and check that all rows have the same columns."""
    try:
        lines = path.read_bytes().decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise FileError(
            f"{path.name} is not a text file",
            found=f"byte 0x{error.object[error.start]:02x} at position {error.start}",
            expected="UTF-8 text",
            fix="Choose the recording itself, not an archive or another program's file.",
        ) from None
    n_header = next((i for i, line in enumerate(lines) if line.strip() and not is_header(line)), len(lines))
    rows = [line for line in lines[n_header:] if line.strip()]
    if not rows:
        raise FileError(
            f"{path.name} holds no samples",
            found="a header alone" if n_header else "an empty file",
            expected="at least one row of samples",
            fix="Choose another recording; this one was stopped before it began.",
        )
    n_columns = rows[0].count(delimiter) + 1
    for number, row in enumerate(rows):
        if row.count(delimiter) + 1 != n_columns:
            last = number == len(rows) - 1
            raise FileError(
                f"{path.name} is truncated" if last else f"A row of {path.name} is malformed",
                found=f"{row.count(delimiter) + 1} columns in {'the last row' if last else f'row {number + 1}'}",
                expected=f"{n_columns}, as in the first row",
                fix="Copy the file again, or delete that row in a text editor to use the rest.",
            )
    return _Table([line for line in lines[:n_header] if line.strip()], rows, n_columns)


def _parse(path: Path, table: _Table, delimiter: str, columns: list[int]) -> NDArray[np.float64]:
    """Turn columns of the rows into numbers, shape (n_rows, n_columns)."""
    try:
        return np.loadtxt(table.rows, dtype=np.float64, delimiter=delimiter, usecols=columns, comments=None, ndmin=2)
    except ValueError as error:
        raise FileError(
            f"A cell of {path.name} is not a number",
            found=str(error).split(";")[0],
            expected=f"numbers in {len(columns)} columns of samples",
            fix="The file is damaged; copy it again, or delete that row in a text editor to use the rest.",
        ) from None


def _is_rate(text: str) -> bool:
    try:
        return 0 < float(text) < math.inf
    except ValueError:
        return False


def _is_unix_time(text: str) -> bool:
    try:
        return 1e8 < float(text) < math.inf
    except ValueError:
        return False


def _header_error(path: Path, name: str, found: str, expected: str) -> FileError:
    return FileError(
        f"{path.name} is not a recording of {name} that can be read",
        found=found,
        expected=expected,
        fix="Choose the file as the program wrote it, without changes to its header.",
    )


def _is_brainflow(head: bytes) -> bool:
    cells = head.split(b"\n")[0].rstrip(b"\r").split(b"\t")
    return len(cells) > 3 and all(_is_number(cell) for cell in cells[:3])


def _is_number(cell: bytes) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


OPENBCI = Format(
    "OpenBCI", (".txt", ".csv"), lambda head: without_mark(head).startswith(b"%"), "'%OpenBCI'", read_openbci
)
MUSE = Format(
    "muse-lsl", (".csv",), lambda head: without_mark(head).startswith(b"timestamps,"), "'timestamps,'", read_muse
)
BRAINFLOW = Format("BrainFlow", (".csv", ".txt"), _is_brainflow, "numbers between tabs", read_brainflow, option="board")
