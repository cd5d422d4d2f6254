"""Recordings of any format as arrays in µV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import BciError, DatasetError
from bci_app.montage.names import select_channels
from bci_app.recording import Recording, read_recording
from bci_app.stream import microvolts_per
from offline.datasets.files import require_finite


def open_recording(path: Path) -> Recording:
    """Read a recording.

    Raises
    ------
    DatasetError
        If it cannot be read.
    """
    try:
        return read_recording(path)
    except BciError as error:
        raise DatasetError(f"{path.name} cannot be used", found=str(error)) from error


def eeg_microvolts(recording: Recording, channels: Sequence[str], rows: slice, where: str) -> NDArray[np.float64]:
    """Return channels by name, in µV, shape (n_rows, n_channels).

    Raises
    ------
    DatasetError
        If a channel is missing or no voltage, or the rows hold NaN.
    """
    try:
        columns = select_channels(channels, recording.info.channels)
        scale = np.array([microvolts_per(recording.info.units[column]) for column in columns])
    except BciError as error:
        raise DatasetError(f"The channels of {recording.path.name} do not fit", found=str(error)) from error
    return require_finite(recording.data[rows, columns] * scale, where)
