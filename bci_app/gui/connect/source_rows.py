"""The rows of streams and recordings in the lists of sources."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bci_app.errors import SourceError
from bci_app.gui.connect.rows import Row
from bci_app.sources.file_kind import parse_file
from bci_app.sources.lsl.header import LslStream
from bci_app.sources.lsl.senders import since


def stream_row(stream: LslStream, streams: Sequence[LslStream]) -> Row:
    """Return the row of a stream. Outlets that look the same differ by the time at which they appeared."""
    alike = [other.address for other in streams].count(stream.address) > 1
    rate = f"{stream.rate:g} Hz" if stream.rate else "irregular"
    parts = [stream.type or "no type", f"{stream.n_channels} channels", rate, stream.hostname]
    key = stream.instance_address if alike else stream.address
    return Row(key, stream.name, " · ".join([*parts, *([since(stream)] if alike else [])]))


def recording_row(what: str) -> Row | None:
    """Return the row of a recording, or None where it is not there."""
    try:
        paths = parse_file(what).paths
    except SourceError:
        return None
    if not all(path.is_file() for path in paths):
        return None
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    made = datetime.fromtimestamp(paths[0].stat().st_mtime)
    size = sum(path.stat().st_size for path in paths) / 1e6
    return Row(f"file:{what}", paths[0].name + more, f"{made:%d %b %Y %H:%M} · {size:.1f} MB · {paths[0].parent}")
