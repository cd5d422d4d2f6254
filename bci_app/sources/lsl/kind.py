"""LSL streams among the kinds of sources. liblsl is loaded when one is opened or listed."""

from __future__ import annotations

from bci_app.sources.base import Source
from bci_app.sources.kind import Kind, Listing, Overrides


def _open(what: str, overrides: Overrides) -> Source:
    from bci_app.sources.lsl.header import LslSelector
    from bci_app.sources.lsl.source import LslSource

    return LslSource(
        LslSelector.parse(what),
        channels=overrides.channels,
        rate=overrides.rate,
        unit=overrides.unit,
        undescribed=overrides.undescribed,
    )


def _list() -> list[Listing]:
    from bci_app.sources.lsl.senders import since
    from bci_app.sources.lsl.source import list_lsl_streams

    streams = list_lsl_streams()
    addresses = [stream.address for stream in streams]
    listings = []
    for stream, address in zip(streams, addresses, strict=True):
        alike = addresses.count(address) > 1
        rate = f"{stream.rate:g} Hz" if stream.rate else "irregular"
        what = f"{stream.type or 'no type'}, {stream.n_channels} channels, {rate}, on {stream.hostname}"
        text = stream.instance_address if alike else address
        listings.append(Listing("lsl", text, f"{what}, {since(stream)}" if alike else what))
    return listings


KIND = Kind("lsl:NAME, or lsl:name=…,type=…,source_id=…,hostname=…", _open, _list)
