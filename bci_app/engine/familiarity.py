"""Whether a session is like what its model was trained on."""

from __future__ import annotations

from bci_app.bundle.decoder import Decoded
from bci_app.events import Reason

# Windows before anything is said: early, but not of the first few alone.
_FEWEST = 20
# Share of them that may be unlike the training data.
_MOST = 0.5


class Familiarity:
    """Counts the windows of a session that are unlike the training data; artefacts say nothing of that."""

    def __init__(self) -> None:
        self._judged = self._unlike = 0

    def add(self, decoded: Decoded) -> None:
        """Take the next window; one that was not compared with the training data does not count."""
        if decoded.distance is not None and Reason.ARTEFACT not in decoded.reasons:
            self._judged += 1
            self._unlike += Reason.UNLIKE_TRAINING in decoded.reasons

    @property
    def notice(self) -> str:
        """That the headset or person differs from what the model knows, in two sentences; empty if neither does."""
        if self._judged < _FEWEST or self._unlike <= _MOST * self._judged:
            return ""
        tenths = round(10 * self._unlike / self._judged)
        return (
            "This headset or person differs from what the model knows. "
            f"About {tenths} of 10 windows so far are unlike the training data and have no prediction."
        )
