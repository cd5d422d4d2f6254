"""Sources by text: ``KIND:WHAT?key=value&…``.

A new source is one module, its kind, and one line of `KINDS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bci_app.errors import BciError, SourceError
from bci_app.sources import file_kind, synthetic_kind
from bci_app.sources.base import Source
from bci_app.sources.brainflow import kind as brainflow_kind
from bci_app.sources.kind import Kind, Listing, Overrides
from bci_app.sources.lsl import kind as lsl_kind

KINDS: dict[str, Kind] = {
    "lsl": lsl_kind.KIND,
    "brainflow": brainflow_kind.KIND,
    "file": file_kind.KIND,
    "synthetic": synthetic_kind.KIND,
}


def open_source(
    text: str,
    *,
    channels: Sequence[str] | None = None,
    rate: float | None = None,
    unit: str | None = None,
    undescribed: bool = False,
) -> Source:
    """Make a source from its text. It is not started.

    Parameters
    ----------
    text : str
        ``lsl:…``, ``brainflow:…``, ``file:…`` or ``synthetic:…``.
    channels, rate, unit : optional
        State what the stream lacks.
    undescribed : bool
        Whether it may lack names and units all the same: it is only recorded or watched.

    Raises
    ------
    SourceError
        If the kind is unknown, the text cannot be read or no stream can be as stated.
    """
    kind, colon, what = text.partition(":")
    if not colon or kind.strip().lower() not in KINDS:
        usages = " · ".join(entry.usage for entry in KINDS.values())
        # "C:\\recording.edf" and "recording.edf" are paths that lack their kind.
        looks_like_file = not colon or len(kind) == 1 or Path(text.partition("?")[0]).exists()
        raise SourceError(
            "Unknown kind of source",
            found=repr(text),
            expected=f"one of {', '.join(KINDS)} ({usages})",
            fix=f"For a recording write file:{text}" if looks_like_file else None,
        )
    overrides = Overrides(None if channels is None else tuple(channels), rate, unit, undescribed)
    return KINDS[kind.strip().lower()].open(what, overrides)


def list_sources() -> list[Listing]:
    """List what can be opened now; a kind whose library is missing says so instead."""
    listings: list[Listing] = []
    for name, kind in KINDS.items():
        try:
            listings += kind.listing()
        except BciError as error:
            listings.append(Listing(name, kind.usage, str(error)))
    return listings
