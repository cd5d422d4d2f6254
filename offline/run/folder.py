"""A run's folder belongs to one run: its settings are kept there."""

from __future__ import annotations

from pathlib import Path

from bci_app.atomic import write_atomically
from bci_app.errors import FileError
from offline.run.lock import LOCK_FILE, writing
from offline.run.plan import SPLITS_CSV, SPLITS_FILE
from offline.run.settings import RunSettings

SETTINGS_FILE = "run.json"
WINDOWS_FOLDER = "windows"
"""Where windows are kept, if nowhere else."""


def read_settings(out: Path) -> RunSettings:
    """Read the settings of a run that was started.

    Raises
    ------
    FileError
        If there is none, or another version of bci-app started it.
    """
    try:
        return RunSettings.model_validate_json((out / SETTINGS_FILE).read_bytes())
    except (OSError, ValueError) as error:
        raise FileError(
            f"No run was started in {out}",
            found=str(error).splitlines()[0],
            expected=f"{SETTINGS_FILE}, written by this version of bci-app",
            fix="Start one: bci-offline train --out FOLDER …",
        ) from error


def _begun(out: Path) -> bool:
    """Return whether anything was trained in a folder; what a refused run has left may be replaced."""
    prepared = (SETTINGS_FILE, SPLITS_FILE, SPLITS_CSV, LOCK_FILE)
    files = (path.relative_to(out) for path in out.rglob("*") if path.is_file())
    return any(path.name not in prepared and path.parts[0] != WINDOWS_FOLDER for path in files)


def begun_settings(out: Path) -> RunSettings | None:
    """Return the settings of a run of which something was trained; None for another folder."""
    path = out / SETTINGS_FILE
    return _known(path) if path.exists() and _begun(out) else None


def _known(path: Path) -> RunSettings | None:
    try:
        return RunSettings.model_validate_json(path.read_bytes())
    except ValueError:
        return None


def claim(out: Path, settings: RunSettings) -> None:
    """Make the folder this run's, or check that it is.

    Settings are compared by what they mean, so that a run of an older version can go on.

    Raises
    ------
    FileError
        If the folder belongs to another run or holds other files.
    """
    path, begun = out / SETTINGS_FILE, _begun(out)
    if path.exists() and begun and _known(path) != settings:
        raise FileError(
            f"The folder {out} belongs to another run",
            found=f"other settings in {path.name}",
            expected="the settings of this run, to go on with it",
            fix="Choose another --out, or delete the folder.",
        )
    if not path.exists() and any(entry.name != LOCK_FILE for entry in out.iterdir()):
        raise FileError(
            f"The folder {out} is not empty",
            found="files that are no run's",
            expected="a new folder, or that of the same run",
            fix="Choose another --out.",
        )
    with writing(out):
        write_atomically(path, settings.model_dump_json(indent=2) + "\n")
        if not begun:
            for splits in out.glob(f"*/{SPLITS_FILE}"):
                splits.unlink()
