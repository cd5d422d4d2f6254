"""BrainFlow's boards among the kinds of sources. BrainFlow is loaded when one is opened or listed."""

from __future__ import annotations

from bci_app.sources.base import Source
from bci_app.sources.kind import Kind, Listing, Overrides, split_options


def _open(what: str, overrides: Overrides) -> Source:
    from bci_app.sources.brainflow.source import BrainFlowSource

    board, options = split_options(what)
    return BrainFlowSource(board, options, channels=overrides.channels, rate=overrides.rate, unit=overrides.unit)


def _list() -> list[Listing]:
    from bci_app.sources.brainflow.boards import boards_with_eeg, parameters_of, way_of

    listings = []
    for name in boards_with_eeg():
        options = "&".join(f"{parameter}=…" for parameter in parameters_of(name))
        listings.append(
            Listing("brainflow", f"brainflow:{name}{f'?{options}' if options else ''}", f"board, {way_of(name)}")
        )
    return listings


KIND = Kind("brainflow:BOARD?serial_port=…&mac_address=…", _open, _list)
