"""Splits as files: JSON for a resume, CSV for everybody."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bci_app.atomic import write_atomically
from bci_app.errors import DatasetError
from offline.datasets.base import Split, WindowSet
from offline.protocols.registry import check_split, protocol_named

Indices = NDArray[np.int64]


def write_splits(
    path: Path, windows: WindowSet, splits: Sequence[Split], *, protocol: str, seed: int, validation: float
) -> None:
    """Write splits as JSON, whole or not at all.

    Indices are written as half-open ranges ``[start, stop]``.
    """
    chosen = protocol_named(protocol)
    record = {
        "protocol": chosen.name,
        "description": chosen.description,
        "unit": chosen.unit,
        "leaks": chosen.leaks,
        "seed": seed,
        "validation": validation,
        "windows": len(windows),
        "digest": windows.digest,
        "subjects": list(windows.subjects),
        "targets": [target.name for target in windows.targets],
        "splits": [
            {
                "name": split.name,
                "train": _ranges(split.train),
                "validation": _ranges(split.validation),
                "test": _ranges(split.test),
            }
            for split in splits
        ],
    }
    write_atomically(path, json.dumps(record, separators=(",", ":")) + "\n")


def write_splits_csv(path: Path, windows: WindowSet, splits: Sequence[Split]) -> None:
    """Write one row for each window of each split: the split, its part, and which window it is."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(("split", "part", "subject", "session", "trial", "seconds"))
    for split in splits:
        for part in ("train", "validation", "test"):
            for i in getattr(split, part):
                who = windows.subjects[windows.subject[i]], windows.session[i], windows.trial[i]
                rows.writerow((split.name, part, *who, f"{windows.seconds[i]:.3f}"))
    write_atomically(path, written.getvalue())


def read_splits(path: Path, windows: WindowSet) -> list[Split]:
    """Read splits back and assert that they are those of these windows.

    Raises
    ------
    DatasetError
        If the file is damaged, or was made for other windows or data.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        splits = [
            Split(str(s["name"]), *(_indices(s[part]) for part in ("train", "validation", "test")))
            for s in record["splits"]
        ]
        made_for = (record["windows"], record["subjects"], record["digest"])
        protocol = str(record["protocol"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"Cannot read {path}",
            found=str(error),
            expected="splits written by this version of bci-app",
            fix="Start a new run with another --out.",
        ) from error
    here = (len(windows), list(windows.subjects), windows.digest)
    if made_for != here:
        raise DatasetError(
            f"{path} was made for other windows",
            found=_windows_text(*here),
            expected=_windows_text(*made_for),
            fix="Give the data of that run as --root, or start a new run with another --out.",
        )
    for split in splits:
        check_split(windows, split, protocol)
    return splits


def _windows_text(n: int, subjects: Sequence[str], digest: str) -> str:
    return f"{n} windows of {len(subjects)} subjects" + (f" with sha256 {digest[:12]}…" if digest else "")


def _ranges(indices: Indices) -> list[list[int]]:
    """Write ascending indices as half-open ranges."""
    breaks = np.flatnonzero(np.diff(indices) != 1) + 1
    return [[int(run[0]), int(run[-1]) + 1] for run in np.split(indices, breaks) if len(run)]


def _indices(ranges: list[Any]) -> Indices:
    runs = [np.arange(start, stop, dtype=np.int64) for start, stop in ranges]
    return np.concatenate(runs) if runs else np.empty(0, dtype=np.int64)
