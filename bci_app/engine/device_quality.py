"""What a headset itself reports of its contacts, in channels beside its electrodes.

Emotiv's streams and files carry ``CQ_AF3``, ``CQ_F7``, … : 0 no contact, 1 very bad, 2 poor, 3 fair, 4 good, in some
versions 0 to 100. They may come in a stream beside that of the electrodes. The window and the status show it beside the
verdict on the signal, whichever is worse. Predictions follow from the signal alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from bci_app.events import Contact, ContactLevel
from bci_app.montage.names import canonical, is_electrode

_QUALITY = re.compile(r"^(?:CQ|CONTACT[ _-]?QUALITY)[ _.:-]+(.+)$", re.IGNORECASE)
_BEST = 4.0
_BEST_OF_PERCENT = 100.0
_BAD, _POOR = 1.5, 2.5
_ORDER = (ContactLevel.UNKNOWN, ContactLevel.GOOD, ContactLevel.POOR, ContactLevel.BAD, ContactLevel.MISSING)


def quality_columns(channels: Sequence[str]) -> dict[str, int]:
    """Return the column that holds the quality of each electrode, for those that have one."""
    found = {}
    for column, name in enumerate(channels):
        match = _QUALITY.match(name.strip())
        if match and is_electrode(match.group(1)):
            found[canonical(match.group(1))] = column
    return found


@lru_cache
def quality_columns_beside(channels: tuple[str, ...]) -> dict[str, int]:
    """Return the same for a stream beside; none for one with electrodes, which is another headset."""
    return {} if any(map(is_electrode, channels)) else quality_columns(channels)


def with_device_quality(contacts: tuple[Contact, ...], reported: Mapping[str, float]) -> tuple[Contact, ...]:
    """Return contacts with what the headset reports of them where that is worse.

    Parameters
    ----------
    contacts : tuple of Contact
        By the signal.
    reported : mapping of str to float
        The newest value of each electrode.
    """
    most = max((value for value in reported.values() if np.isfinite(value)), default=0.0)
    scale = 1.0 if most <= _BEST else _BEST / _BEST_OF_PERCENT
    return tuple(_worse(contact, reported.get(canonical(contact.channel), np.nan) * scale) for contact in contacts)


def _worse(contact: Contact, quality: float) -> Contact:
    if not 0 <= quality < _POOR:  # also where none is reported
        return contact
    level = ContactLevel.BAD if quality < _BAD else ContactLevel.POOR
    if _ORDER.index(contact.level) >= _ORDER.index(level):
        return contact
    return replace(contact, level=level, cause=f"headset reports {quality:.0f} of {_BEST:.0f}")
