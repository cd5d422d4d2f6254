"""The formats that can be read, and how a file finds its reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bci_app.errors import FileError
from bci_app.recording.mne_files import read_bdf, read_brainvision, read_edf, read_eeglab, read_fif
from bci_app.recording.model import Recording
from bci_app.recording.text import read_brainflow, read_muse, read_openbci
from bci_app.recording.xdf import read_xdf
from bci_app.recording.xdf_chunks import MAGIC

_HEAD = 512  # bytes that tell the formats apart


@dataclass(frozen=True, slots=True)
class Format:
    """A file format.

    Attributes
    ----------
    name : str
        As `Recording.format` gives it.
    extensions : tuple of str
        With the dot, in lower case.
    begins : callable
        Tells from a file's first bytes whether it is of this format.
    expected : str
        What those bytes should be, in words.
    """

    name: str
    extensions: tuple[str, ...]
    begins: Callable[[bytes], bool]
    expected: str


def _is_brainflow(head: bytes) -> bool:
    cells = head.split(b"\n")[0].rstrip(b"\r").split(b"\t")
    return len(cells) > 3 and all(_is_number(cell) for cell in cells[:3])


def _is_number(cell: bytes) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _is_fif(head: bytes) -> bool:
    # FIFF_FILE_ID, a struct of 20 bytes, big endian.
    return head.startswith(bytes.fromhex("00000064 0000001f 00000014"))


FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        Format("EDF", (".edf",), lambda h: h.startswith(b"0       "), "'0' and seven spaces"),
        Format("BDF", (".bdf",), lambda h: h.startswith(b"\xffBIOSEMI"), "0xff and 'BIOSEMI'"),
        Format(
            "BrainVision",
            (".vhdr", ".vmrk", ".eeg", ".dat"),
            lambda h: (
                h.lstrip(b"\xef\xbb\xbf").lower().startswith((b"brain vision data exchange", b"brainvision data"))
            ),
            "'Brain Vision Data Exchange Header File'",
        ),
        Format("FIF", (".fif",), _is_fif, "a FIF file id"),
        Format(
            "EEGLAB", (".set",), lambda h: h.startswith((b"MATLAB 5.0", b"MATLAB 7.3", b"\x89HDF")), "a MATLAB file"
        ),
        Format("XDF", (".xdf",), lambda h: h.startswith(MAGIC), "'XDF:'"),
        Format("OpenBCI", (".txt", ".csv"), lambda h: h.lstrip(b"\xef\xbb\xbf").startswith(b"%"), "'%OpenBCI'"),
        Format("muse-lsl", (".csv",), lambda h: h.lstrip(b"\xef\xbb\xbf").startswith(b"timestamps,"), "'timestamps,'"),
        Format("BrainFlow", (".csv", ".txt"), _is_brainflow, "numbers between tabs"),
    )
}


def read_recording(path: str | Path, *, stream: str | None = None, board: str | None = None) -> Recording:
    """Read a recording of any known format.

    Parameters
    ----------
    path : str or Path
        EDF, BDF, BrainVision (any of its files), FIF, EEGLAB .set, XDF, or a text file of the OpenBCI
        GUI, muse-lsl or BrainFlow. Chosen by extension, confirmed by
        the first bytes.
    stream : str, optional
        XDF: name or source_id of the stream, where the file holds several.
    board : str, optional
        BrainFlow: name of the board, where the file does not tell.

    Returns
    -------
    Recording
        All samples, voltages in µV. Its notes say what was decided on the way.

    Raises
    ------
    FileError
        If the file is missing, unreadable, of no known format, malformed, truncated or empty.
    """
    path = Path(path)
    found = _find_format(path, _read_head(path))
    if stream is not None and found.name != "XDF":
        raise _useless_option(path, found, "stream", "XDF")
    if board is not None and found.name != "BrainFlow":
        raise _useless_option(path, found, "board", "BrainFlow")
    try:
        if found.name == "XDF":
            return read_xdf(path, stream=stream)
        if found.name == "BrainFlow":
            return read_brainflow(path, board=board)
        return _READERS[found.name](path)
    except MemoryError:
        raise FileError(
            f"{path.name} does not fit into memory",
            found=f"{path.stat().st_size / 2**20:.0f} MB",
            fix="Cut the recording into shorter files.",
        ) from None


_READERS: dict[str, Callable[[Path], Recording]] = {
    "EDF": read_edf,
    "BDF": read_bdf,
    "BrainVision": read_brainvision,
    "FIF": read_fif,
    "EEGLAB": read_eeglab,
    "OpenBCI": read_openbci,
    "muse-lsl": read_muse,
}


def _read_head(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise FileError(
                f"{path} is a folder", found="a folder", expected="a recording", fix="Name the file inside it."
            )
        if path.exists() and not path.is_file():
            # A pipe would be waited for.
            raise FileError(
                f"{path} is no file",
                found="a device or a pipe",
                expected="a recording",
                fix="Write it to a file first.",
            )
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        raise FileError(
            f"There is no file {path}",
            found="nothing",
            expected="a recording",
            fix="Check the spelling, and the folder that the command runs in.",
        ) from None
    except OSError as error:
        raise FileError(
            f"{path} cannot be opened",
            found=error.strerror or str(error),
            expected="a file that this user may read",
            fix="Check the name and the permissions of the file and its folder.",
        ) from None
    if not head:
        raise FileError(
            f"{path.name} is empty", found="0 bytes", expected="a recording", fix="Copy the file again from its source."
        )
    return head


def _find_format(path: Path, head: bytes) -> Format:
    """Find the format by extension, confirmed by the first bytes."""
    extension = path.suffix.lower()
    candidates = [f for f in FORMATS.values() if extension in f.extensions]
    if extension in (".eeg", ".dat"):  # bare samples, described by the .vhdr beside them
        return FORMATS["BrainVision"]
    for found in candidates:
        if found.begins(head):
            return found
    content = next((f for f in FORMATS.values() if f.begins(head)), None)
    if content is not None:
        raise FileError(
            f"{path.name} is not what its name says",
            found=f"extension {extension!r} on a file that begins as {content.name}",
            expected=f"{content.name} with extension {' or '.join(content.extensions)}",
            fix=f"Rename it to {path.stem}{content.extensions[0]}, or export it again.",
        )
    if candidates:
        raise FileError(
            f"{path.name} is not what its name says",
            found=f"first bytes {head[:12]!r}",
            expected=" or ".join(f"{f.name}, which begins with {f.expected}" for f in candidates),
            fix="The file is damaged or from another program; export it again.",
        )
    known = ", ".join(f"{f.name} ({' '.join(f.extensions)})" for f in FORMATS.values())
    raise FileError(
        f"{path.name} is of no known format",
        found=f"extension {extension!r}" if extension else "no extension",
        expected=known,
        fix="Convert it to EDF, or choose another recording.",
    )


def _useless_option(path: Path, found: Format, option: str, wanted: str) -> FileError:
    return FileError(
        f"The option {option} does not apply to {path.name}",
        found=f"a file of format {found.name}",
        expected=f"a file of format {wanted}",
        fix=f"Leave {option} out.",
    )
