"""Predictions as lines of JSON, one for each window."""

from __future__ import annotations

import json
import math
import os
import sys
from io import UnsupportedOperation
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bci_app.command_line import abandon
from bci_app.errors import FileError, StandardOutputError
from bci_app.events import Prediction, TargetPrediction
from bci_app.outputs.base import OutputKind
from bci_app.stream import StreamInfo

if TYPE_CHECKING:
    from bci_app.bundle.spec import Bundle

STANDARD_OUTPUT = "-"


def prediction_line(prediction: Prediction) -> str:
    """Write a prediction as one line of JSON, without the line's end.

    ``{"sample", "time", "valid", "reasons", "quality", "age_ms", "compute_ms", "distance", "artefact",
    "artefact_score", "targets": {TARGET: {"probability": {CLASS: p, …}, "smoothed": {CLASS: p, …}, "spread": {CLASS:
    sd, …}, "set": [CLASS, …]}}}``; those of an invalid window are null, as is any number that is not finite.
    """
    return json.dumps(
        {
            "sample": prediction.sample,
            "time": _number(prediction.time),
            "valid": prediction.valid,
            "reasons": [reason.value for reason in prediction.reasons],
            "quality": _number(prediction.quality),
            "age_ms": _number(prediction.age_ms),
            "compute_ms": _number(prediction.compute_ms),
            "distance": None if prediction.distance is None else _number(prediction.distance),
            "artefact": prediction.artefact or None,
            "artefact_score": _number(prediction.artefact_score),
            "targets": {
                target.name: {
                    "probability": _by_class(target, target.probability),
                    "smoothed": _by_class(target, target.smoothed),
                    "spread": _by_class(target, target.spread),
                    "set": None if target.possible is None else list(target.possible),
                }
                for target in prediction.targets
            },
        },
        ensure_ascii=False,
        allow_nan=False,
    )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _by_class(target: TargetPrediction, values: tuple[float, ...] | None) -> dict[str, float | None] | None:
    if values is None:
        return None
    return {name: _number(value) for name, value in zip(target.classes, values, strict=True)}


class JsonLinesOutput:
    """Write predictions to a file, or to standard output.

    Each line is one system call, so that a run that is killed leaves whole lines. A file of that name
    that is not empty is kept: it is renamed to ``NAME.1`` (or the next free number) first.

    Parameters
    ----------
    path : str or Path
        The file; ``-`` for standard output.
    """

    def __init__(self, path: str | Path) -> None:
        self._standard = str(path) == STANDARD_OUTPUT
        self.path = Path(path)
        self.kept: Path | None = None
        self.file: BinaryIO | None = None
        self._opens_later = False

    @property
    def place(self) -> str:
        """Where predictions go."""
        return "Standard output" if self._standard else f"The output to {self.path}"

    def start(self, bundle: Bundle, info: StreamInfo) -> None:
        """Open the file. A FIFO is opened with the first line, because that waits for its reader.

        Raises
        ------
        FileError
            If it cannot be written.
        """
        if self._standard:
            self.file = _standard_output()
        elif self.path.is_fifo():
            self._opens_later = True
        else:
            self._open()

    def _open(self) -> None:
        try:
            if self.path.is_file() and self.path.stat().st_size:
                self.kept = _free_name(self.path)
                self.path.rename(self.kept)
            self.file = self.path.open("wb", buffering=0)
        except OSError as error:
            raise FileError(
                "The predictions cannot be written",
                found=f"{self.path}: {error.strerror}",
                fix="Name a file in a folder that is there and may be written to.",
            ) from error

    def publish(self, prediction: Prediction) -> None:
        """Write a line.

        Raises
        ------
        FileError
            If the disk is full. The file keeps its whole lines.
        StandardOutputError
            If standard output takes no more lines.
        """
        if self._opens_later:
            self._opens_later = False
            self._open()
        if self.file is None:
            return
        line = prediction_line(prediction).encode() + b"\n"
        try:
            self._write_whole(self.file, line)
        except OSError as error:
            file, self.file = self.file, None
            if self._standard:
                abandon(file)
                raise StandardOutputError(
                    "The session has ended: nothing takes its predictions any more",
                    found=f"standard output: {error.strerror}",
                    fix="Write them to a file, to go on without a reader.",
                ) from error
            file.close()
            raise FileError(
                "The predictions can no longer be written",
                found=f"{self.path}: {error.strerror}",
                fix="Free some space, or name another file.",
            ) from error

    def close(self) -> None:
        """Close the file. May be called twice."""
        file, self.file = self.file, None
        if file is not None and not self._standard:
            file.close()

    @staticmethod
    def _write_whole(file: BinaryIO, line: bytes) -> None:
        written = 0
        try:
            while written < len(line):
                written += file.write(line[written:])
        except OSError:
            if written and file.seekable():
                file.truncate(file.seek(-written, os.SEEK_CUR))
            raise


def _standard_output() -> BinaryIO:
    """Return standard output without Python's buffer, whose lock a stalled reader would hold to the end."""
    sys.stdout.flush()
    try:
        return open(sys.stdout.fileno(), "wb", buffering=0, closefd=False)
    except UnsupportedOperation:  # captured, without a descriptor
        return sys.stdout.buffer


def _free_name(path: Path) -> Path:
    for number in count(1):
        candidate = path.with_name(f"{path.name}.{number}")
        if not candidate.exists():
            return candidate
    raise AssertionError  # count never ends


KIND = OutputKind("Write a line of JSON for each window to this file; - for standard output.", JsonLinesOutput)
