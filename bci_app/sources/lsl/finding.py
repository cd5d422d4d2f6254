"""Finding the one LSL stream that is meant."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from bci_app.errors import SourceError
from bci_app.sources.lsl.header import LslSelector, LslStream, announced, carries_text
from bci_app.sources.lsl.senders import SETTLE_SECONDS, LslDiscovery, live_of_each_source, newest_of_each_source, since

_POLL_SECONDS = 0.02
_TWIN_SECONDS = 0.7


def find_stream(
    selector: LslSelector,
    *,
    timeout: float,
    only_one: bool,
    clock: Callable[[], float],
    meanwhile: Callable[[Any], None],
) -> Any:
    """Return the announcement of the stream (``pylsl.StreamInfo``).

    Parameters
    ----------
    selector : LslSelector
        Which stream.
    timeout : float
        Seconds to wait for it to appear.
    only_one : bool
        Whether no other stream can have the source_id, so that none is waited for.
    clock : callable
        Steady clock in seconds.
    meanwhile : callable
        Called with the announcement that is most likely the right one, while others that look the same may answer.

    Raises
    ------
    SourceError
        If no stream or more than one fits.
    """
    discovery = LslDiscovery(forget_after=5.0)
    try:
        deadline = clock() + timeout
        while not (found := _matching(selector, discovery)) and clock() < deadline:
            time.sleep(_POLL_SECONDS)
        if not found:
            raise _not_found(selector, timeout, discovery.streams())
        # Others that fit may not have answered yet, such as the data beside these markers, or an outlet that
        # looks the same.
        unsure = selector.source_id is None or not any(map(_is_signal, found))
        if unsure or not only_one:
            settled = clock() + (SETTLE_SECONDS if unsure else _TWIN_SECONDS)
            if not unsure:
                meanwhile(newest_of_each_source(list(filter(_is_signal, found)))[0])
            time.sleep(max(0.0, settled - clock()))
            found = _matching(selector, discovery) or found
    finally:
        discovery.close()
    newest = live_of_each_source(found)
    # Streams of markers often bear the name or source_id of the data beside them.
    newest = [info for info in newest if _is_signal(info)] or newest
    if len(newest) > 1:
        addresses = ", ".join(_addresses([announced(info) for info in newest]))
        raise SourceError(
            f"More than one LSL stream was found for {selector}",
            found=addresses,
            expected="one",
            fix="Choose one of them, for example with --source and the text above.",
        )
    return newest[0]


def _matching(selector: LslSelector, discovery: LslDiscovery) -> list[Any]:
    return [info for info in discovery.infos() if selector.matches(announced(info))]


def _not_found(selector: LslSelector, timeout: float, visible: Sequence[LslStream]) -> SourceError:
    listed = ", ".join(f"{stream.address} (type {stream.type or 'none'})" for stream in visible)
    return SourceError(
        f"No LSL stream found within {timeout:g} s",
        found=listed or "no stream at all",
        expected=str(selector),
        fix="Start the stream, or list what is there with `bci-app sources`. "
        "Streams of other machines are looked for with --network only.",
    )


def _addresses(streams: Sequence[LslStream]) -> list[str]:
    """Write source texts that differ."""
    addresses = [stream.address for stream in streams]
    return [
        address if addresses.count(address) == 1 else f"{stream.instance_address} ({since(stream)})"
        for stream, address in zip(streams, addresses, strict=True)
    ]


def _is_signal(info: Any) -> bool:
    """Return whether a stream carries numbers at a rate, and not events."""
    return not carries_text(info) and bool(info.nominal_srate())
