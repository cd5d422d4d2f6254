"""Choosing streams that are recorded beside the source."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtWidgets import QHBoxLayout, QWidget

from bci_app.gui.theme import GRID
from bci_app.gui.widgets import Ticks, label
from bci_app.presentation.choices import SourceChoice
from bci_app.sources.lsl.header import LslSelector, LslStream


class BesideRow(QWidget):
    """Ticks for the streams of other devices, each with its own clock and gaps."""

    def __init__(self) -> None:
        super().__init__()
        self._others: list[LslStream] = []
        self._chosen: set[str] = set()
        self._named: tuple[str, ...] = ()
        self.ticks = Ticks("streams of other devices that are recorded too, each with its own clock and gaps")
        self.ticks.ticked.connect(self._toggle)
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, 0, GRID, 2 * GRID)
        row.addWidget(label("record too:", tone="muted"))
        row.addWidget(self.ticks)
        row.addStretch()
        self.show_streams((), None)

    def want(self, addresses: Sequence[str]) -> None:
        """Record the streams of these texts (``lsl:NAME`` or ``lsl:type=…``) in any case."""
        self._named = tuple(addresses)
        self._show()

    @property
    def choice(self) -> tuple[str, ...]:
        """The streams that were named, and those that are ticked and there."""
        ticked = (stream.address for stream in self._others if stream.address in self._chosen)
        return (*self._named, *ticked)

    def show_streams(self, streams: Sequence[LslStream], source: SourceChoice | None) -> None:
        """Offer all streams but the source."""
        self._others = [stream for stream in streams if source is None or stream.address != source.text]
        self._show()

    def _show(self) -> None:
        wanted = [LslSelector.parse(text.partition(":")[2]) for text in self._named]
        names = {
            index: f"{stream.name} on {stream.hostname}"
            for index, stream in enumerate(self._others)
            if not any(selector.matches(stream) for selector in wanted)
        }
        on = [index for index in names if self._others[index].address in self._chosen]
        self.ticks.show_entries(names, on)
        self.ticks.setEnabled(bool(names))
        named = [text.partition(":")[2] for text in self._named]
        self.ticks.setText(", ".join([*named, *(names[index] for index in on)]) or "no other stream")

    def _toggle(self, index: int) -> None:
        self._chosen ^= {self._others[index].address}
        self._show()
