"""The colours of traces: each stretch of a channel has that of the contact which it was judged to have."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtGui import QColor

from bci_app.events import Contact, ContactLevel
from bci_app.gui.theme import Theme, mix

Ink = tuple[tuple[int, int, int], NDArray[np.bool_]]

# Changes of any contact that are kept: they come twice a second at the most, for the longest span.
_KEPT = 128


def bgr(name: str) -> tuple[int, int, int]:
    """Return a colour as the raster stores it."""
    tint = QColor(name)
    return tint.blue(), tint.green(), tint.red()


class TraceInks:
    """Remembers from which sample on which verdicts held, so that a picture that is drawn again has its colours."""

    def __init__(self) -> None:
        self._verdicts: deque[tuple[int, Mapping[str, Contact]]] = deque(maxlen=_KEPT)

    def forget(self) -> None:
        """Begin with another stream."""
        self._verdicts.clear()

    def note(self, sample: int, contacts: Mapping[str, Contact]) -> None:
        """Note that these verdicts hold from a stream sample on."""
        self._verdicts.append((sample, contacts))

    def pieces(
        self, first: float, last: float, names: Sequence[str], theme: Theme
    ) -> Iterator[tuple[float, list[Ink]]]:
        """Return the end of each stretch of samples from `first` to `last`, and its colours.

        Parameters
        ----------
        first, last : float
            Stream samples.
        names : sequence of str
            Channels from top to bottom, in the spelling of the verdicts.
        theme : Theme
            Colours.

        Yields
        ------
        float, list of Ink
            Where the stretch ends, and which channels have which colour there.
        """
        held: Mapping[str, Contact] = {}
        bounds = [*self._verdicts, (round(last) + 1, {})]
        for (sample, contacts), (following, _) in pairwise(bounds):
            if sample > first and sample < last:
                yield float(sample), _inks(held, names, theme)
                first = sample
            held = contacts
            if following >= last:
                break
        yield last, _inks(held, names, theme)


def _inks(contacts: Mapping[str, Contact], names: Sequence[str], theme: Theme) -> list[Ink]:
    levels = np.array([found.level.value if (found := contacts.get(name)) else "" for name in names])
    tints = {
        ContactLevel.BAD: mix(theme.bad, theme.background, 0.35),
        ContactLevel.POOR: mix(theme.poor, theme.background, 0.2),
    }
    inks = [(bgr(tint), levels == level.value) for level, tint in tints.items()]
    ordinary = ~np.isin(levels, [level.value for level in tints])
    return [*inks, (bgr(theme.trace), ordinary)]
