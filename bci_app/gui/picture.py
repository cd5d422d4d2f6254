"""Pictures of the window."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PyQt6.QtWidgets import QWidget

from bci_app.errors import FileError


def save_picture(window: QWidget, folder: Path) -> Path:
    """Save a picture of a window into a folder, whole or not at all; give its file.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    path = folder / f"window_{datetime.now():%Y%m%d-%H%M%S-%f}.png"
    partial = path.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not window.grab().save(str(partial), "PNG"):
            raise OSError("the file cannot be written")
        partial.replace(path)
    except OSError as error:
        raise FileError(
            f"Cannot save a picture in {folder}",
            found=error.strerror or str(error),
            expected="a folder that this user may write to",
            fix="Choose another folder in the settings.",
        ) from error
    return path
