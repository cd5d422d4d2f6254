"""A session on one page of HTML: what was recorded, what the model said, and how to repeat it. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bci_app.atomic import write_atomically
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.store import LoadedBundle
from bci_app.errors import FileError
from bci_app.learn.profile import Profile
from bci_app.report.facts import read_session
from bci_app.report.page import render

LARGEST = 300_000_000
"""Bytes of a recording whose report is written without asking: larger ones take long, and much memory."""


def report_path(session: Path) -> Path:
    """Return where the report of a recording lies: beside it."""
    return session.with_name(f"{session.stem}_report.html")


def write_report(
    session: Path,
    *,
    out: Path | None = None,
    bundle: LoadedBundle | None = None,
    predictor: Predictor | None = None,
    profile: Profile | None = None,
) -> Path:
    """Write the report of a recorded session.

    Parameters
    ----------
    session : Path
        A recording; one of bci-app says most.
    out : Path, optional
        The page; beside the recording by default.
    bundle : LoadedBundle, optional
        Predict the recording again with it. Without one, the predictions that the recording holds are shown, if any.
    predictor : Predictor, optional
        As in `predictions_of_recording`.
    profile : Profile, optional
        Whose verdict is shown; by default that of the session's profile, or one that was learnt from the recording,
        if it lies among the user's data.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    FileError
        If the recording cannot be read or the page cannot be written.
    BciError
        If the recording does not fit the bundle.
    """
    facts = read_session(session, bundle=bundle, predictor=predictor, profile=profile)
    page = out or report_path(session)
    try:
        write_atomically(page, render(facts))
    except OSError as error:
        raise FileError(
            f"Cannot write the report to {page}",
            found=error.strerror or str(error),
            expected="a folder on a disk with free space",
            fix="Choose another file with --out.",
        ) from error
    return page


def report_recording(files: Sequence[Path], *, profile: Profile | None = None) -> list[Path]:
    """Write the report of a recording that has ended, a page for each of its files.

    Parameters
    ----------
    files : sequence of Path
        Files of the recording, closed.
    profile : Profile, optional
        As in `write_report`.

    Returns
    -------
    list of Path
        The pages.

    Raises
    ------
    FileError
        If the recording is too large to be reported without asking, or as `write_report`.
    """
    require_small(files)
    return [write_report(file, profile=profile) for file in files]


def require_small(files: Sequence[Path]) -> None:
    """Refuse a recording that is too large to be reported without asking.

    Raises
    ------
    FileError
        If it has more bytes than `LARGEST`.
    """
    size = sum(file.stat().st_size for file in files if file.exists())
    if size > LARGEST:
        raise FileError(
            "The recording is too large to be reported at the end of its session",
            found=f"{size / 1e6:.0f} MB",
            expected=f"at most {LARGEST / 1e6:.0f} MB",
            fix=f"Write its report when there is time: bci-app report {files[0]}",
        )
