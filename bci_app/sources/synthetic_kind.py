"""Simulated participants among the kinds of sources. The simulation is loaded when one is opened."""

from __future__ import annotations

from bci_app.errors import SourceError
from bci_app.sources.base import Source
from bci_app.sources.kind import Kind, Listing, Overrides, split_options


def _open(what: str, overrides: Overrides) -> Source:
    from bci_app.sources.synthetic import OPTIONS, open_synthetic

    overrides.refuse("synthetic", "unit")
    name, options = split_options(what, known=OPTIONS)
    if name:
        raise SourceError(
            "A synthetic source has no name", found=repr(name), expected="synthetic: or synthetic:?key=value&…"
        )
    return open_synthetic(options, channels=overrides.channels, rate=overrides.rate)


def _list() -> list[Listing]:
    return [Listing("synthetic", "synthetic:", "a simulated participant: 19 channels, 250 Hz, microvolts")]


KIND = Kind("synthetic:?participant=0&effect=1&montage=10-20&speed=max&seconds=60", _open, _list)
