"""The settings that outlast a session: folder, texts of the marker keys, display filter, outputs, size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QLocale, Qt
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from bci_app.gui.address_row import AddressRow
from bci_app.gui.preferences import MARKER_KEYS, Preferences
from bci_app.gui.theme import GRID, SCALES
from bci_app.gui.widgets import add_close_button, label
from bci_app.outputs.base import Addressed
from bci_app.outputs.osc import OscOutput
from bci_app.outputs.websocket import WebSocketOutput
from bci_app.presentation.output_control import OutputChoice
from bci_app.presentation.traces import FILTERS, DisplayFilter

_NOTCHES = (("no notch", None), ("notch 50 Hz", 50.0), ("notch 60 Hz", 60.0))
_LEAST_BAND = 0.5  # Hz


class SettingsDialog(QDialog):
    """Everything that is changed here holds at once, but for the size."""

    def __init__(self, preferences: Preferences, outputs: OutputChoice, parent: QWidget) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self.setWindowTitle("Settings")
        self.setModal(False)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(62 * GRID)
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 3 * GRID)
        column.setSpacing(GRID)
        for title, part in (
            ("Recordings and pictures", self._folder()),
            ("Markers of F1 to F8", self._keys()),
            ("Own display filter", self._filter()),
            ("Outputs", self._outputs(outputs)),
            ("Size of everything", self._size()),
        ):
            column.addWidget(label(title, role="strong"))
            column.addLayout(part)
            column.addSpacing(2 * GRID)
        self.done_button = add_close_button(self, column)

    def _folder(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(GRID)
        self.folder = QLineEdit(str(self._preferences.recordings))
        self.folder.setReadOnly(True)
        self.folder.setToolTip("where recordings and pictures of the window are written")
        self.browse = QPushButton("Choose …")
        self.browse.setAutoDefault(False)
        self.browse.clicked.connect(self._choose_folder)
        row.addWidget(self.folder, 1)
        row.addWidget(self.browse)
        return row

    def _choose_folder(self) -> None:
        start = self._preferences.recordings
        folder = QFileDialog.getExistingDirectory(
            self, "Folder for recordings", str(start if start.is_dir() else Path.home())
        )
        if folder:
            self._preferences.recordings = Path(folder)
            self.folder.setText(folder)

    def _keys(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(GRID)
        grid.setVerticalSpacing(GRID)
        self.texts: list[QLineEdit] = []
        half = len(MARKER_KEYS) // 2
        for index, (key, text) in enumerate(zip(MARKER_KEYS, self._preferences.marker_texts, strict=True)):
            field = QLineEdit("" if text == key else text)
            field.setPlaceholderText(key)
            field.setToolTip(f"what {key} marks; the name of the key where it is empty")
            field.setMaxLength(100)
            field.textEdited.connect(self._store_texts)
            self.texts.append(field)
            side = 2 * (index // half)
            grid.addWidget(label(key, tone="muted"), index % half, side)
            grid.addWidget(field, index % half, side + 1)
            grid.setColumnStretch(side + 1, 1)
        return grid

    def _store_texts(self) -> None:
        self._preferences.marker_texts = [field.text() for field in self.texts]

    def _filter(self) -> QHBoxLayout:
        now = self._preferences.own_filter or FILTERS[0]
        self.low, self.high = _hertz(0.1, now.low), _hertz(0.1 + _LEAST_BAND, now.high or FILTERS[0].high or 40.0)
        self.notch = QComboBox()
        self.notch.addItems([title for title, _ in _NOTCHES])
        self.notch.setCurrentIndex([hertz for _, hertz in _NOTCHES].index(now.notch))
        self.use = QPushButton("Use it")
        self.use.setAutoDefault(False)
        self.use.setToolTip("for the eye only; the model and the recording are untouched")
        self.use.clicked.connect(self._store_filter)
        self.low.valueChanged.connect(lambda low: self.high.setMinimum(low + _LEAST_BAND))
        self.high.setMinimum(self.low.value() + _LEAST_BAND)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        for part in (self.low, label("to", tone="muted"), self.high, self.notch):
            row.addWidget(part)
        row.addStretch()
        row.addWidget(self.use)
        return row

    def _store_filter(self) -> None:
        notch = _NOTCHES[self.notch.currentIndex()][1]
        self._preferences.own_filter = DisplayFilter.own(self.low.value(), self.high.value(), notch)

    def _outputs(self, outputs: OutputChoice) -> QVBoxLayout:
        self.lsl = QCheckBox(_streams(outputs if outputs.lsl else outputs.with_lsl(True)))
        self.lsl.setToolTip(
            "to programs of this machine; of the whole network where bci-app was started with --network"
        )
        self.lsl.setChecked(outputs.lsl)
        self.lsl.toggled.connect(self._store_lsl)
        column = QVBoxLayout()
        column.setSpacing(GRID // 2)
        column.addWidget(self.lsl)
        self.osc = self._address("osc", "OSC to", "HOST:PORT of the receiver, or PORT on this machine", outputs.osc)
        self.ws = self._address(
            "ws", "WebSocket at", "PORT for browsers of this machine, HOST:PORT for others; it has a page", outputs.ws
        )
        for row in (self.osc, self.ws):
            column.addWidget(row)
        return column

    def _address(self, kind: str, title: str, tip: str, sent: str) -> AddressRow:
        readers: dict[str, Callable[[str], Addressed]] = {"osc": OscOutput.parse, "ws": WebSocketOutput.parse}
        row = AddressRow(title, tip, sent=sent, address=self._preferences.address(kind), read=readers[kind])
        row.changed.connect(lambda address: self._preferences.send_to(kind, address))
        return row

    def _store_lsl(self, on: bool) -> None:
        self.lsl.setText(_streams(OutputChoice().with_lsl(True)))
        self._preferences.lsl = on

    def _size(self) -> QHBoxLayout:
        self.size_choice = QComboBox()
        self.size_choice.addItems([f"{100 * scale:.0f} %" for scale in SCALES])
        self.size_choice.setCurrentIndex(SCALES.index(self._preferences.scale))
        self.size_choice.activated.connect(self._store_size)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.size_choice)
        row.addWidget(label("from the next start on: a running program cannot be resized", tone="muted"))
        row.addStretch()
        return row

    def _store_size(self, index: int) -> None:
        self._preferences.scale = SCALES[index]


def _streams(outputs: OutputChoice) -> str:
    names = [f"“{name}”" for name in (outputs.lsl_out, outputs.lsl_markers) if name]
    return f"LSL stream{'s' if len(names) > 1 else ''} {' and '.join(names)}"


def _hertz(least: float, value: float) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setLocale(QLocale.c())
    box.setDecimals(1)
    box.setRange(least, 500.0)
    box.setValue(value)
    box.setSuffix(" Hz")
    box.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
    box.setFixedWidth(11 * GRID)
    return box
