"""The boards that BrainFlow knows: names, parameters, and what each can do."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from bci_app.errors import DependencyError, SourceError

PLAYBACK = "PLAYBACK_FILE"
STREAMING = "STREAMING"

_TEXT_PARAMETERS = (
    *("serial_port", "mac_address", "serial_number", "other_info"),
    *("ip_address", "ip_address_aux", "ip_address_anc", "file", "file_aux", "file_anc"),
)
_NUMBER_PARAMETERS = ("ip_port", "ip_port_aux", "ip_port_anc", "timeout")
_PROTOCOLS = {"none": 0, "udp": 1, "tcp": 2}
PARAMETERS = (*_TEXT_PARAMETERS, *_NUMBER_PARAMETERS, "ip_protocol", "master_board")

# What each board is reached by, after BrainFlow's list of supported boards. Advice for forms and
# messages only: what is missing is for BrainFlow to judge.
_SERIAL = ("serial_port",)
_BLUETOOTH = ("mac_address", "serial_number")
_WIFI = ("ip_address", "ip_port")
_REACHED_BY: Mapping[str, tuple[str, ...]] = {
    PLAYBACK: ("file", "master_board"),
    STREAMING: ("ip_address", "ip_port", "master_board"),
    "SYNTHETIC": (),
    "CYTON": _SERIAL,
    "CYTON_DAISY": _SERIAL,
    "GANGLION": ("serial_port", "mac_address"),
    "GANGLION_WIFI": _WIFI,
    "CYTON_WIFI": _WIFI,
    "CYTON_DAISY_WIFI": _WIFI,
    "NTL_WIFI": _WIFI,
    "BIOLISTENER": _WIFI,
    "GALEA": ("ip_address",),
    "EMOTIBIT": ("ip_address", "serial_number"),
    "UNICORN": ("serial_number",),
    "BRAINBIT": ("serial_number",),
    "CALLIBRI_EEG": ("other_info",),
    "ENOPHONE": ("mac_address",),
    "NOTION_1": ("serial_number",),
    "NOTION_2": ("serial_number",),
    "CROWN": ("serial_number",),
    "FREEEEG32": _SERIAL,
    "FREEEEG128": _SERIAL,
    "PIEEG": _SERIAL,
    "IRONBCI_32": _SERIAL,
    "NEUROPAWN_KNIGHT": _SERIAL,
    "NEUROPAWN_KNIGHT_IMU": _SERIAL,
    "SHIMMER3": _SERIAL,
    "BRAINBIT_BLED": _SERIAL,
    "MUSE_S_BLED": _SERIAL,
    "MUSE_2_BLED": _SERIAL,
    "MUSE_2016_BLED": _SERIAL,
    "GFORCE_PRO": (),
    "GFORCE_DUAL": (),
}
_OTHER_KINDS = {
    "Accelerometer": "get_accel_channels",
    "Gyroscope": "get_gyro_channels",
    "PPG": "get_ppg_channels",
    "EDA": "get_eda_channels",
    "Temperature": "get_temperature_channels",
}
_USB = "ANT_NEURO_"
_NO_DEVICE = {PLAYBACK: "from a file", STREAMING: "from another program of BrainFlow", "SYNTHETIC": "without a device"}
_OVER_NETWORK = ("NOTION_1", "NOTION_2", "CROWN")


@dataclass(frozen=True, slots=True)
class Library:
    """The parts of BrainFlow that are used."""

    board_shim: ModuleType
    exit_codes: ModuleType

    @property
    def error(self) -> type[Exception]:
        """BrainFlow's exception."""
        return self.exit_codes.BrainFlowError  # type: ignore[no-any-return]


def load_brainflow() -> Library:
    """Import BrainFlow, load its native library and silence its log.

    Raises
    ------
    DependencyError
        If it is not there or does not load.
    """
    try:
        with warnings.catch_warnings():
            # On Python 3.11 BrainFlow falls back to pkg_resources, which warns that it will end.
            warnings.simplefilter("ignore")
            from brainflow import board_shim, exit_codes

            board_shim.BoardShim.disable_board_logger()
    except (ImportError, OSError, AttributeError, FileNotFoundError) as error:
        old_python = sys.version_info < (3, 12)
        raise DependencyError(
            "The BrainFlow library does not load",
            found=str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__,
            fix="Run `pip install 'setuptools<81'`: BrainFlow needs its pkg_resources on Python before 3.12."
            if old_python
            else "Run `pip install --force-reinstall brainflow`.",
        ) from error
    return Library(board_shim, exit_codes)


def _plain(name: str) -> str:
    return name.strip().upper().replace("-", "_").replace(" ", "_").replace("_BOARD", "")


def board_ids() -> dict[str, int]:
    """Map the name of every board, without ``_BOARD``, to its number.

    Raises
    ------
    DependencyError
        If BrainFlow does not load.
    """
    ids = load_brainflow().board_shim.BoardIds
    return {_plain(board.name): int(board) for board in ids if board.name != "NO_BOARD"}


def find_board(name: str) -> tuple[str, int]:
    """Find a board by name: in any case, with or without ``_BOARD``.

    Raises
    ------
    SourceError
        If there is none of that name; similar names are suggested.
    """
    boards = board_ids()
    plain = _plain(name)
    if plain in boards:
        return plain, boards[plain]
    similar = difflib.get_close_matches(plain, boards, n=4, cutoff=0.5)
    raise SourceError(
        "BrainFlow knows no such board",
        found=repr(name),
        expected=f"one of {', '.join(boards)}",
        fix=f"Did you mean {' or '.join(similar)}?" if similar else None,
    )


def parameters_of(name: str) -> tuple[str, ...]:
    """List the parameters that a board is usually reached by; none if it is found by itself."""
    plain = _plain(name)
    return () if plain.startswith(_USB) else _REACHED_BY.get(plain, _BLUETOOTH)


def way_of(name: str) -> str:
    """Say how a board is reached, after BrainFlow's list of supported boards: ``by Bluetooth``, ``by USB``, ..."""
    plain, parameters = _plain(name), parameters_of(name)
    if plain in _NO_DEVICE:
        return _NO_DEVICE[plain]
    if plain.startswith(_USB):
        return "by USB"
    if plain.endswith("_BLED"):
        return "by the serial port of a BLED112 dongle"
    if plain in _OVER_NETWORK or "ip_address" in parameters:
        return "over the network"
    return "by serial port" if "serial_port" in parameters else "by Bluetooth"


def boards_with_eeg() -> list[str]:
    """List the boards that can be a source: those with EEG, and those that play other boards' data.

    Raises
    ------
    DependencyError
        If BrainFlow does not load.
    """
    return [name for name, board_id in board_ids().items() if name in (PLAYBACK, STREAMING) or _has_eeg(board_id)]


def _has_eeg(board_id: int) -> bool:
    library = load_brainflow()
    try:
        return len(library.board_shim.BoardShim.get_eeg_channels(board_id)) > 0
    except library.error:
        return False


def input_params(name: str, given: Mapping[str, str]) -> Any:
    """Make BrainFlow's parameters from text.

    Parameters
    ----------
    name : str
        Board name, for messages.
    given : mapping
        Parameter names and their values as written by the user.

    Returns
    -------
    brainflow.board_shim.BrainFlowInputParams

    Raises
    ------
    SourceError
        If a parameter is unknown, or its value impossible.
    """
    params = load_brainflow().board_shim.BrainFlowInputParams()
    for key, value in given.items():
        if key in _TEXT_PARAMETERS:
            setattr(params, key, value)
        elif key in _NUMBER_PARAMETERS:
            if not value.isdecimal():
                raise SourceError(f"BrainFlow's {key} must be a number", found=repr(value), expected="digits")
            setattr(params, key, int(value))
        elif key == "ip_protocol":
            if value.lower() not in _PROTOCOLS:
                raise SourceError("Unknown ip_protocol", found=repr(value), expected=", ".join(_PROTOCOLS))
            params.ip_protocol = _PROTOCOLS[value.lower()]
        elif key == "master_board":
            params.master_board = find_board(value)[1]
        else:
            usual = ", ".join(parameters_of(name)) or "none"
            raise SourceError(
                f"BrainFlow has no parameter {key!r}",
                found=f"{key}={value}",
                expected=f"some of {', '.join(PARAMETERS)}",
                fix=f"{name} is usually reached by: {usual}.",
            )
    _check_complete(name, params)
    return params


def _check_complete(name: str, params: Any) -> None:
    no_board = int(load_brainflow().board_shim.BoardIds.NO_BOARD)
    if name in (PLAYBACK, STREAMING) and int(params.master_board) == no_board:
        raise SourceError(
            f"{name} needs to know which board the data come from",
            expected="master_board=BOARD",
            fix=f"Write for example brainflow:{name.lower()}?master_board=CYTON&…",
        )
    if name == PLAYBACK:
        for path in (params.file, params.file_aux, params.file_anc):
            if path and not Path(path).is_file():
                raise SourceError("The file to play back is not there", found=path, expected="an existing file")
        if not params.file:
            raise SourceError(f"{name} needs a file", expected="file=PATH")


class OtherRows(NamedTuple):
    """Rows of one kind other than EEG: its name as the type of a stream, and where they are."""

    kind: str
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BoardLayout:
    """Which row of a board's data is what; None where the board has no such row.

    Attributes
    ----------
    rate : float
        Nominal rate in Hz.
    n_rows : int
        Rows of its data.
    eeg : tuple of int
        Rows of EEG.
    names : tuple of str
        Their names: electrodes where the board has fixed ones, else ``EXG1`` and so on.
    stamp : int
        Row of time stamps.
    counter, battery, marker : int or None
        Rows of package numbers, battery level and markers.
    resistances : tuple of int
        Rows of contact resistances.
    contacts : tuple of str
        Names of those contacts: of the electrodes, or numbers where they are not one for each (and at most the
        reference besides).
    others : tuple of OtherRows
        Rows of other kinds than EEG.
    """

    rate: float
    n_rows: int
    eeg: tuple[int, ...]
    names: tuple[str, ...]
    stamp: int
    counter: int | None
    battery: int | None
    marker: int | None
    resistances: tuple[int, ...]
    contacts: tuple[str, ...]
    others: tuple[OtherRows, ...] = ()


def layout_of(name: str, board_id: int) -> BoardLayout:
    """Ask BrainFlow for a board's layout.

    Raises
    ------
    SourceError
        If the board has no EEG channels or no time stamps.
    """
    library = load_brainflow()
    shim = library.board_shim.BoardShim

    def ask(function: Callable[[int], Any]) -> Any:
        try:
            return function(board_id)
        except library.error as error:
            if getattr(error, "exit_code", None) == library.exit_codes.BrainFlowExitCodes.UNSUPPORTED_BOARD_ERROR:
                return None
            raise

    eeg = ask(shim.get_eeg_channels)
    stamp = ask(shim.get_timestamp_channel)
    if eeg is None or not len(eeg) or stamp is None:
        raise SourceError(f"BrainFlow's {name} delivers no EEG", expected="a board with EEG channels")
    names = ask(shim.get_eeg_names) or []
    if len(names) != len(eeg):
        names = [f"EXG{number}" for number in range(1, len(eeg) + 1)]
    labels = tuple(str(label).strip() for label in names)
    rows = ask(shim.get_resistance_channels)
    resistances = () if rows is None else tuple(int(row) for row in rows)
    if set(resistances) & {int(row) for row in eeg}:
        # Such a board measures resistances in place of EEG.
        resistances = ()
    contacts = (*labels, "reference")[: len(resistances)]
    if len(resistances) not in (len(labels), len(labels) + 1):
        contacts = tuple(str(number) for number in range(1, len(resistances) + 1))
    return BoardLayout(
        rate=float(ask(shim.get_sampling_rate)),
        n_rows=int(ask(shim.get_num_rows)),
        eeg=tuple(int(row) for row in eeg),
        names=labels,
        stamp=int(stamp),
        counter=_row(ask(shim.get_package_num_channel)),
        battery=_row(ask(shim.get_battery_channel)),
        marker=_row(ask(shim.get_marker_channel)),
        resistances=resistances,
        contacts=contacts,
        others=_others(shim, ask, {int(row) for row in eeg}),
    )


class PresetLayout(NamedTuple):
    """Which row of a further preset's data is what: see `BoardLayout`."""

    rate: float
    stamp: int
    counter: int | None
    others: tuple[OtherRows, ...]


def presets_of(board_id: int) -> tuple[int, ...]:
    """Return the numbers of a board's presets: 0 is that of its EEG."""
    return tuple(int(preset) for preset in load_brainflow().board_shim.BoardShim.get_board_presets(board_id))


def preset_layout(board_id: int, preset: int) -> PresetLayout:
    """Ask BrainFlow for the layout of a further preset of a board."""
    library = load_brainflow()
    shim = library.board_shim.BoardShim

    def ask(function: Callable[[int, int], Any]) -> Any:
        try:
            return function(board_id, preset)
        except library.error:  # it has no such rows
            return None

    return PresetLayout(
        float(ask(shim.get_sampling_rate)),
        int(ask(shim.get_timestamp_channel)),
        _row(ask(shim.get_package_num_channel)),
        _others(shim, ask, set()),
    )


def _others(shim: Any, ask: Callable[[Callable[..., Any]], Any], eeg: set[int]) -> tuple[OtherRows, ...]:
    found = []
    for kind, function in _OTHER_KINDS.items():
        rows = ask(getattr(shim, function))
        kept = tuple(int(row) for row in (() if rows is None else rows) if int(row) not in eeg)
        if kept:
            found.append(OtherRows(kind, kept))
    return tuple(found)


def _row(value: Any) -> int | None:
    return None if value is None else int(value)
