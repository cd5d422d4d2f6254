"""Contact and gaps of a stream that no model interprets."""

from __future__ import annotations

import numpy as np

from bci_app.engine.contact import ContactMonitor
from bci_app.events import Contact, Gap, Prediction
from bci_app.montage.names import is_electrode
from bci_app.stream import Chunk, StreamInfo, is_voltage, microvolts_per


class Watcher:
    """Contact and gaps of a stream that no model interprets.

    Parameters
    ----------
    info : StreamInfo
        The stream. Its electrodes with a unit of voltage are judged, in its order.
    """

    def __init__(self, info: StreamInfo) -> None:
        pairs = enumerate(zip(info.channels, info.units, strict=True))
        self._columns = [i for i, (name, unit) in pairs if is_electrode(name) and is_voltage(unit)]
        self._scale = np.array([microvolts_per(info.units[i]) for i in self._columns])
        names = [info.channels[i] for i in self._columns]
        self._contact = ContactMonitor(names, info.rate, missing=np.zeros(len(names), dtype=np.bool_))

    @property
    def artefact(self) -> str:
        """What is in the newest second of the signal beside the brain, in a word; empty if nothing is."""
        return self._contact.artefact.artefact.value

    @property
    def contacts(self) -> tuple[Contact, ...]:
        """Contact of the stream's electrodes."""
        return self._contact.contacts

    def due(self, first: int) -> int:
        """Return the stream index that samples from `first` on must reach for contact to be judged."""
        return self._contact.next_point(first)

    def take(self, chunk: Chunk, *, wrong_rate: bool = False) -> tuple[list[Prediction], list[Gap]]:
        """Take the next samples; there is never a prediction, so that the rate does not matter."""
        gaps = []
        if chunk.lost or chunk.reset:
            gaps.append(Gap(chunk.first, float(chunk.times[0]), chunk.lost))
            self._contact.reset(chunk.first)
        x = chunk.data[:, self._columns] * self._scale
        if self._columns:
            for begin, end in self._contact.to_grid(chunk.first, chunk.first + len(chunk)):
                self._contact.add(x[begin - chunk.first : end - chunk.first], end)
                self._contact.update()
        return [], gaps
