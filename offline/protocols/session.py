"""Later sessions of one subject held out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from offline.datasets.base import WindowSet
from offline.protocols.base import Indices, Protocol


class LaterSessions(Protocol):
    """Each of the last sessions is tested on those before it. Validation is the latest of these."""

    least_folds: ClassVar[int] = 1

    def units(self, windows: WindowSet) -> Indices:
        """Return the session of every window."""
        return windows.session

    def unit_folds(
        self, contents: NDArray[np.float64], *, folds: int | None, validation: float, rng: np.random.Generator
    ) -> Iterator[tuple[Indices, Indices, Indices]]:
        """Yield the sessions of train, validation and test, in their order in time."""
        n_units = len(contents)
        order = np.arange(n_units, dtype=np.int64)
        for tested in range(max(2, n_units - (folds or 1)), n_units):
            held = min(max(1, round(validation * tested)), tested - 1)
            yield order[: tested - held], order[tested - held : tested], order[tested : tested + 1]

    def split_name(self, windows: WindowSet, population: str, number: int, tested: Indices) -> str:
        """Return the person and the number of the session that is tested."""
        own = np.unique(windows.session[windows.subject == windows.subjects.index(population)])
        return f"{population}-session{int(np.searchsorted(own, tested[0])) + 1:02d}"


SESSION = LaterSessions(
    "session",
    "session",
    within_subject=True,
    folds=1,
    description="Chronological: trained on a subject's earlier sessions, scored on a later one.",
)
