"""The formats that can be read, and how a file finds its reader."""

from __future__ import annotations

from pathlib import Path

from bci_app.errors import FileError
from bci_app.recording.format import Format
from bci_app.recording.mne_files import BDF, BRAINVISION, EDF, EEGLAB, FIF
from bci_app.recording.model import Recording
from bci_app.recording.text import BRAINFLOW, MUSE, OPENBCI
from bci_app.recording.xdf import XDF

FORMATS: dict[str, Format] = {
    found.name: found for found in (EDF, BDF, BRAINVISION, FIF, EEGLAB, XDF, OPENBCI, MUSE, BRAINFLOW)
}
"""The formats by name; where two share an extension, the first whose first bytes fit is taken."""

_HEAD = 512  # bytes by which formats are recognised


def read_recording(path: str | Path, *, stream: str | None = None, board: str | None = None) -> Recording:
    """Read a recording of any known format.

    Parameters
    ----------
    path : str or Path
        A file of one of `FORMATS`. The format is chosen by extension and confirmed by the first bytes.
    stream : str, optional
        XDF: name or source_id of the stream, where the file holds several.
    board : str, optional
        BrainFlow: name of the board, where the file does not name it.

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
    options = {name: value for name, value in (("stream", stream), ("board", board)) if value is not None}
    for name in options:
        if name != found.option:
            raise _useless_option(path, found, name)
    try:
        return found.read(path, **options)
    except MemoryError:
        raise FileError(
            f"{path.name} does not fit into memory",
            found=f"{path.stat().st_size / 2**20:.0f} MB",
            fix="Cut the recording into shorter files.",
        ) from None


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
    for found in FORMATS.values():
        if extension in found.companions:
            return found
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


def _useless_option(path: Path, found: Format, option: str) -> FileError:
    wanted = next((known.name for known in FORMATS.values() if known.option == option), "another kind")
    return FileError(
        f"The option {option} does not apply to {path.name}",
        found=f"a file of format {found.name}",
        expected=f"a file of format {wanted}",
        fix=f"Leave {option} out.",
    )
