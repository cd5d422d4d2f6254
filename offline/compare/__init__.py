"""Finished runs side by side: methods, seeds and data sets, with tests over people, as one page and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bci_app.atomic import write_atomically
from offline.compare.page import render
from offline.compare.tables import CompareTables, compare, csv_text

__all__ = ["CompareTables", "Written", "compare", "write_comparison"]


class Written(NamedTuple):
    """What was compared, and where it was written."""

    tables: CompareTables
    html: Path
    csv: Path


def write_comparison(runs: Sequence[Path], out: Path) -> Written:
    """Write ``compare.html`` and ``compare.csv`` into a folder.

    Parameters
    ----------
    runs : sequence of Path
        Folders of finished runs. A folder whose runs are in ``seed-0``, ``seed-1`` … stands for all of them.
    out : Path
        Where the files go.

    Raises
    ------
    FileError
        If a run is not finished, or one of its files is damaged.
    """
    tables = compare(runs)
    written = Written(tables, out / "compare.html", out / "compare.csv")
    write_atomically(written.html, render(tables))
    write_atomically(written.csv, csv_text(tables))
    return written
