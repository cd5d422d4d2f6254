"""Reading XDF through pyxdf."""

from __future__ import annotations

import io
import json
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import ChannelError, FileError
from bci_app.recording.format import Format
from bci_app.recording.gaps import breaks_from_stamps, measured_rate
from bci_app.recording.model import Annotation, Break, Recording
from bci_app.recording.parsing import MICROVOLT, NO_UNIT, PARSER_ERRORS, captured_log, unreadable
from bci_app.recording.state import STATE_TYPE, ModelState
from bci_app.recording.xdf_chunks import MAGIC, STRING, XdfContent, XdfStream, check_xdf
from bci_app.stream import StreamInfo, marker_text, microvolts_per

# The type of the stream in which our recorder keeps each chunk's place: first index, samples, samples
# lost before it, and whether filters started again. Its name is that of its stream, plus " index".
INDEX_TYPE = "ChunkIndex"
INDEX_CHANNELS = ("first", "samples", "lost", "reset")

# The type of the stream in which our recorder keeps when each sample was due, on the LSL clock of the recording
# machine. Its name is that of its stream, plus " app time". The stream itself has the stamps as they were sent.
APP_TIME_TYPE = "AppTime"
# Recordings of earlier versions: the stream has the app's times, and this one the stamps as they were sent.
_STAMPS_TYPE = "RawStamps"

# Name and type of the stream in which our recorder keeps the metadata of a session, one JSON text.
METADATA_NAME = "Session"
METADATA_TYPE = "Metadata"

# Streams that only our recorder writes, about the others.
_OURS = (INDEX_TYPE, APP_TIME_TYPE, _STAMPS_TYPE, STATE_TYPE, METADATA_TYPE)

_RATE_TOLERANCE = 0.01
# pyxdf says this of every stream without clock offsets.
_IRRELEVANT = re.compile(r"clock-segments differ")


def read_xdf(path: Path, *, stream: str | None = None) -> Recording:
    """Read one numeric stream of an XDF file, and its marker streams as annotations.

    Clocks are synchronised by the recorded offsets. Stamps are not dejittered: that would hide gaps
    shorter than 500 samples.

    Parameters
    ----------
    path : Path
        The file.
    stream : str, optional
        Name or source_id of the stream. Without it: the only stream of type EEG that has samples, or
        else the only numeric stream with a rate that has samples.

    Raises
    ------
    FileError
        If the file is damaged, or the choice is not clear.
    """
    content = path.read_bytes()
    checked = check_xdf(content, path)
    chosen, notes = _choose(path, checked, stream)
    markers = [s for s in checked.streams.values() if s.n_samples and _is_marker_stream(s)]
    index = _companion(checked, chosen, INDEX_TYPE, "index")
    app_time = _companion(checked, chosen, APP_TIME_TYPE, "app time")
    metadata = [s for s in checked.streams.values() if s.type == METADATA_TYPE and s.format == STRING and s.n_samples]
    states = [s for s in checked.streams.values() if s.type == STATE_TYPE and s.format == STRING and s.n_samples]
    loaded, said = load_streams(
        path, content[: checked.n_bytes], [chosen, *markers, *index, *app_time, *metadata, *states]
    )
    stamps = np.asarray(loaded[chosen.id]["time_stamps"], dtype=np.float64)
    if not np.isfinite(stamps).all():
        raise unreadable(path, "XDF", f"{int((~np.isfinite(stamps)).sum())} time stamps that are not numbers")
    if app_time:
        stamps = _app_time(loaded[app_time[0].id], stamps, chosen.rate)
    data = np.ascontiguousarray(loaded[chosen.id]["time_series"], dtype=np.float64)
    session = _session(loaded[s.id] for s in metadata)
    channels, units, unnamed = _channels(chosen)
    factors = [_factor(unit) for unit in units]
    data *= np.array([factor or 1.0 for factor in factors])
    start = float(stamps[0])
    breaks = _recorded_breaks(loaded[index[0].id], len(data)) if index else breaks_from_stamps(stamps, chosen.rate)
    return Recording(
        path=path,
        format="XDF",
        info=StreamInfo(
            name=path.name,
            channels=channels,
            rate=chosen.rate,
            units=tuple(MICROVOLT if factor else unit for factor, unit in zip(factors, units, strict=True)),
            kind="file",
            source_id=chosen.source_id,
            n_samples=len(data),
        ),
        data=data,
        times=stamps - start,
        start=start,
        breaks=breaks,
        annotations=_annotations([loaded[s.id] for s in markers], start),
        notes=(
            *notes,
            *unnamed,
            *_state_notes(checked),
            *_rate_notes(stamps, chosen.rate),
            *_session_notes(session),
            *said,
        ),
        first=_first(loaded[index[0].id]) if index else 0,
        states=_states(path, [loaded[s.id] for s in states]),
        begun=checked.begun,
        session=session,
    )


def _companion(content: XdfContent, chosen: XdfStream, kind: str, suffix: str) -> list[XdfStream]:
    """Find what our recorder wrote about a stream: one stream, or none."""
    name = f"{chosen.name} {suffix}"
    return [s for s in content.streams.values() if s.type == kind and s.name == name and s.n_samples][:1]


def _app_time(stream: dict[str, Any], stamps: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """Return when each sample was due. After a crash the last chunk's times may be missing: they go on at the rate."""
    known = np.asarray(stream["time_series"], dtype=np.float64)[: len(stamps), 0]
    missing = len(stamps) - len(known)
    return np.concatenate([known, known[-1] + np.arange(1, missing + 1) / rate])


def _session(metadata: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Read what our recorder wrote about the session."""
    found: dict[str, Any] = {}
    for stream in metadata:
        try:
            known = json.loads(stream["time_series"][0][0])
        except (ValueError, RecursionError):
            continue
        if isinstance(known, dict):
            found |= known
    return found


def _session_notes(session: Mapping[str, Any]) -> list[str]:
    """Say how stamps were mapped and which channels were left out."""
    clocks, left_out = (session.get(key) for key in ("clocks", "left_out"))
    notes = [str(note) for note in clocks] if isinstance(clocks, list) else []
    if isinstance(left_out, list) and left_out:
        notes.append(f"Predictions of the session left out {', '.join(map(str, left_out))}.")
    return notes


def _choose(path: Path, content: XdfContent, wanted: str | None) -> tuple[XdfStream, list[str]]:
    """Choose the stream, and say why where it is not plain."""
    numeric = [s for s in content.streams.values() if s.n_samples and s.type not in _OURS and not _is_marker_stream(s)]
    regular = [s for s in numeric if s.rate > 0]
    if wanted is not None:
        found = [s for s in numeric if wanted in (s.name, s.source_id)]
        summary = f"{path.name} has {'no stream' if not found else 'several streams'} named {wanted!r}"
    else:
        found = [s for s in regular if s.type.upper() == "EEG"] or regular
        summary = f"{path.name} holds {'no stream of samples' if not found else 'several streams'}"
    if wanted is None and len(found) > 1 and _is_ours(content):
        # Our recorder writes the stream that was predicted from first, and those beside it after.
        found = sorted(found, key=lambda s: s.id)[:1]
    if len(found) != 1:
        offered = found or numeric
        raise FileError(
            summary,
            found="; ".join(_summary(s) for s in (offered or content.streams.values())) or "no streams",
            expected="one numeric stream with samples and a nominal rate",
            fix="Name the stream: add ?stream=NAME to the source." if offered else "Choose another recording.",
        )
    chosen = found[0]
    if chosen.rate == 0:
        raise FileError(
            f"The stream {chosen.name!r} of {path.name} has no nominal rate",
            found=_summary(chosen),
            expected="a stream sampled at a constant rate",
            fix="Record the device with its nominal rate, or choose another stream with ?stream=NAME.",
        )
    if wanted is None and chosen.type.upper() != "EEG":
        return chosen, [f"No stream of type EEG; {_summary(chosen)} is the only one with samples at a rate."]
    return chosen, []


def _is_ours(content: XdfContent) -> bool:
    return any(s.type == METADATA_TYPE and s.name == METADATA_NAME for s in content.streams.values())


def _summary(stream: XdfStream) -> str:
    rate = f"{stream.rate:g} Hz" if stream.rate else "irregular"
    kind = f"type {stream.type or 'none'}, {stream.n_channels} channels"
    return f"{stream.name!r} ({kind}, {rate}, {stream.n_samples} samples)"


def _is_marker_stream(stream: XdfStream) -> bool:
    if stream.type in _OURS:
        return False
    return stream.format == STRING or (stream.rate == 0 and "marker" in stream.type.lower() and stream.n_channels == 1)


def load_streams(
    path: Path, content: bytes, streams: Sequence[XdfStream]
) -> tuple[dict[int, dict[str, Any]], tuple[str, ...]]:
    """Read some streams through pyxdf; return them by id, and what pyxdf logged."""
    import pyxdf

    try:
        with captured_log("pyxdf.pyxdf") as said, warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            loaded, _ = pyxdf.load_xdf(
                io.BytesIO(content), select_streams=[s.id for s in streams], dejitter_timestamps=False
            )
    except PARSER_ERRORS as error:
        raise unreadable(path, "XDF", error) from error
    by_id = {int(s["info"]["stream_id"]): s for s in loaded}
    for expected in streams:
        if len(by_id[expected.id]["time_stamps"]) != expected.n_samples:
            raise unreadable(path, "XDF", f"{len(by_id[expected.id]['time_stamps'])} samples of {expected.n_samples}")
    return by_id, tuple(f"pyxdf: {text}" for text in said if not _IRRELEVANT.search(text))


def _channels(stream: XdfStream) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
    """Names and units of the channels, and a note where the file gives none."""
    n = stream.n_channels
    complete = len(stream.labels) == n and all(stream.labels)
    labels = tuple(stream.labels) if complete else tuple(f"Ch{i + 1}" for i in range(n))
    units = tuple(unit or NO_UNIT for unit in stream.units) if len(stream.units) == n else (NO_UNIT,) * n
    if complete:
        return labels, units, []
    return labels, units, [f"The stream {stream.name!r} does not name its channels; they are numbered."]


def _factor(unit: str) -> float | None:
    try:
        return microvolts_per(unit)
    except ChannelError:
        return None


def _recorded_breaks(index: dict[str, Any], n_samples: int) -> tuple[Break, ...]:
    """Return the breaks from the index stream of our recorder, which may lack the last chunk after a crash."""
    rows = np.asarray(index["time_series"], dtype=np.int64)
    begins = np.concatenate([[0], np.cumsum(rows[:-1, 1])])
    return tuple(
        Break(int(begin), int(row[2]))
        for begin, row in zip(begins, rows, strict=True)
        if 0 < begin < n_samples and (row[2] > 0 or row[3])
    )


def _first(index: dict[str, Any]) -> int:
    """Return the stream index of the first row."""
    return max(0, int(np.asarray(index["time_series"], dtype=np.int64)[0, 0]))


def _states(path: Path, streams: Sequence[dict[str, Any]]) -> tuple[ModelState, ...]:
    """Return what the model knew."""
    try:
        states = [ModelState.from_json(text) for stream in streams for (text,) in stream["time_series"]]
    except ValueError as error:
        raise unreadable(path, "XDF", error) from error
    return tuple(sorted(states, key=lambda state: state.sample))


def _annotations(streams: Sequence[dict[str, Any]], start: float) -> tuple[Annotation, ...]:
    found = []
    for stream in streams:
        for time, values in zip(stream["time_stamps"], stream["time_series"], strict=True):
            found.append(Annotation(float(time) - start, 0.0, marker_text(values)))
    return tuple(sorted((a for a in found if np.isfinite(a.onset)), key=lambda a: a.onset))


def _state_notes(content: XdfContent) -> list[str]:
    if content.n_dropped:
        return [
            f"The recording ends in an unfinished chunk of {content.n_dropped} bytes, as after a crash; "
            "all before it is used."
        ]
    return [] if content.closed else ["The recording was not closed, as after a crash; all that was written is used."]


def _rate_notes(stamps: NDArray[np.float64], rate: float) -> list[str]:
    measured = measured_rate(stamps) if len(stamps) >= 4 * rate else None
    if measured is None or abs(measured / rate - 1) <= _RATE_TOLERANCE:
        return []
    return [f"The stamps advance at {measured:.2f} Hz where {rate:g} Hz is nominal."]


XDF = Format("XDF", (".xdf",), lambda head: head.startswith(MAGIC), "'XDF:'", read_xdf, option="stream")
