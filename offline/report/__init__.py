"""The report of a finished run: one HTML file, and the same figures as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from bci_app.atomic import write_atomically
from offline.report.analysis import Report, analyse
from offline.report.page import render

__all__ = ["Report", "Written", "analyse", "render", "write_report"]


class Written(NamedTuple):
    """Where a report was written."""

    html: Path
    json: Path


def write_report(run: Path) -> Written:
    """Write ``report.html`` and ``report.json`` into the folder of a finished run.

    Raises
    ------
    FileError
        If the run is not finished, or one of its files is damaged.
    """
    report = analyse(run)
    written = Written(run / "report.html", run / "report.json")
    write_atomically(written.html, render(report))
    write_atomically(written.json, report.model_dump_json(indent=1) + "\n")
    return written
