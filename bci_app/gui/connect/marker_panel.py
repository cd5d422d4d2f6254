"""Choosing whose events belong to the session: LSL marker streams of PsychoPy and other programs."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QCheckBox, QScrollArea, QVBoxLayout, QWidget

from bci_app.errors import SourceError
from bci_app.gui.theme import GRID
from bci_app.gui.widgets import PanelTitle, label
from bci_app.presentation.choices import ALL_MARKERS
from bci_app.sources.lsl.header import LslSelector, LslStream

_ROW = 3 * GRID
_MOST_ROWS = 4
_NONE = "No marker stream is there now."
_OWN = "A recording brings its own events. Live streams are left out, unless you tick one."


def _readable(text: str) -> bool:
    """Return whether a remembered text still names a stream."""
    try:
        return bool(text) and not LslSelector.parse(text).empty
    except SourceError:
        return False


class MarkerPanel(QWidget):
    """All marker streams, or those that are ticked. `changed` carries the choice as `Engine` takes it."""

    changed = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self._streams: tuple[LslStream, ...] = ()
        self._recording = False
        self._chosen: list[str] = []
        self._named: tuple[str, ...] = ()
        self.boxes: dict[str, QCheckBox] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 2 * GRID)
        column.setSpacing(0)
        column.addWidget(PanelTitle("Event markers"))
        inner = QVBoxLayout()
        inner.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        inner.setSpacing(GRID)
        self.every = QCheckBox("from every stream, later ones too")
        self.every.setToolTip(
            "of LSL marker streams: events of PsychoPy and other programs are drawn, listed and recorded"
        )
        self.every.setChecked(True)
        self.every.toggled.connect(self._report_choice)
        inner.addWidget(self.every)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner.addWidget(self._scroll)
        self.none = label(_NONE, tone="muted", wrap=True)
        inner.addWidget(self.none)
        column.addLayout(inner)
        self._show()

    @property
    def choice(self) -> tuple[str, ...]:
        """The marker streams to receive, without those that the command line has named."""
        return ((ALL_MARKERS,) if self._every else ()) + tuple(self._chosen)

    @property
    def _every(self) -> bool:
        """Whether every stream is received. Those of other people do not belong to a recording."""
        return self.every.isChecked() and not self._recording

    def show_recording(self, recording: bool) -> None:
        """Leave out live streams that are not ticked where a recording is played: it brings its own events."""
        self._recording = recording
        self.every.setVisible(not recording)
        self._show()

    def choose(self, choice: Sequence[str], *, named: Sequence[str] = ()) -> None:
        """Choose these. Those that the command line has `named` are received in any case."""
        self._named = tuple(named)
        self._chosen = [text for text in choice if text != ALL_MARKERS and _readable(text)]
        self.every.blockSignals(True)
        self.every.setChecked(ALL_MARKERS in choice)
        self.every.blockSignals(False)
        self._show()

    def show_streams(self, streams: Sequence[LslStream]) -> None:
        """List the marker streams that are visible now. Chosen ones stay listed when they are away."""
        markers = tuple(stream for stream in streams if not stream.rate)
        if markers != self._streams:
            self._streams = markers
            self._show()

    def _show(self) -> None:
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(3 * GRID, 0, 0, 0)
        column.setSpacing(0)
        self.boxes = {}
        visible = {stream.address.removeprefix("lsl:"): stream for stream in self._streams}
        for text, stream in visible.items():
            covered = self._covered(stream)
            box = QCheckBox(f"{stream.name} on {stream.hostname}")
            box.setChecked(covered or text in self._chosen)
            box.setEnabled(not covered)
            box.setToolTip(f"{stream.type or 'no type'}, {text}")
            self._add(column, text, box)
        for text in self._named:
            if not any(LslSelector.parse(text).matches(stream) for stream in self._streams):
                box = QCheckBox(f"{text}: asked for by --markers, not there yet")
                box.setChecked(True)
                box.setEnabled(False)
                self._add(column, text, box)
        for text in self._chosen:
            if text not in visible:
                box = QCheckBox(f"{LslSelector.parse(text).name or text}: not there now")
                box.setChecked(True)
                box.setToolTip("its events are taken when it appears")
                self._add(column, text, box)
        self._scroll.setWidget(holder)
        self._scroll.setVisible(bool(self.boxes))
        self._scroll.setFixedHeight(_ROW * max(1, min(len(self.boxes), _MOST_ROWS)))
        self.none.setText(_OWN if self._recording else _NONE)
        self.none.setVisible(not self.boxes or self._recording)

    def _covered(self, stream: LslStream) -> bool:
        """Return whether a stream is received without being ticked."""
        texts = (*self._named, *([ALL_MARKERS] if self._every else []))
        return any(LslSelector.parse(text).matches(stream) for text in texts)

    def _add(self, column: QVBoxLayout, text: str, box: QCheckBox) -> None:
        box.setFixedHeight(_ROW)
        box.toggled.connect(lambda on, text=text: self._tick(text, on))
        self.boxes[text] = box
        column.addWidget(box)

    def _tick(self, text: str, on: bool) -> None:
        self._chosen = [other for other in self._chosen if other != text] + ([text] if on else [])
        self.changed.emit(self.choice)

    def _report_choice(self) -> None:
        self._show()
        self.changed.emit(self.choice)
