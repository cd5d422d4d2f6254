"""The spectrum of the picked channels, and their power in the usual bands."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QGridLayout, QVBoxLayout

from bci_app.engine.spectrum import BANDS
from bci_app.gui.desk import Desk
from bci_app.gui.panel import Panel
from bci_app.gui.plots import Plot
from bci_app.gui.theme import GRID, Theme, font
from bci_app.gui.widgets import PanelTitle, Ticks, label, short
from bci_app.presentation.spectra import TOP_HZ, Curves
from bci_app.presentation.state import LiveStatus, Picked, Session

# dB re 1 µV²/Hz, from the noise of an amplifier up. The first top above the curve is used.
_BOTTOM_DB = -25.0
_TOPS_DB = (35.0, 55.0, 75.0, 115.0)
_HEADROOM_DB = 3.0
_NAMES = 0.14


class SpectrumPanel(Panel):
    """Power spectral density in dB: the mean of the picked channels, and each of them faintly behind it.

    `channel_asked` carries the column of a channel, to pick or no longer pick.
    """

    channel_asked = pyqtSignal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, GRID)
        column.setSpacing(0)
        self.of = Ticks("channels of the spectrum, else the good ones; their names and electrodes can be clicked too")
        self.of.ticked.connect(self.channel_asked)
        self.title = PanelTitle("Spectrum", [self.of])
        self.plot = Plot(theme, y_width=32)
        self.plot.setXRange(0, TOP_HZ, padding=0)
        self.plot.getAxis("bottom").setTicks([[(f, f"{f:g}") for f in (0, 10, 20, 30)] + [(40, "40 Hz")]])
        self.plot.setMinimumHeight(13 * GRID)
        self.plot.setMaximumHeight(72 * GRID)
        self.plot.setToolTip("power spectral density in dB re 1 µV²/Hz, newest 6 s, raw signal")
        self._edges = [self.plot.addLine(x=band.low) for band in BANDS]
        self._names = []
        for band in BANDS:
            name = pg.TextItem(band.name, anchor=(0.5, 0))
            name.setFont(font())
            self.plot.addItem(name, ignoreBounds=True)
            self._names.append(name)
        self._top = float("nan")
        self._why = pg.TextItem(anchor=(0.5, 0.5))  # why there is none
        self._why.setFont(font())
        self.plot.addItem(self._why, ignoreBounds=True)
        self._unit = pg.TextItem("dB re 1 µV²/Hz", anchor=(1, -0.8))  # a line below the names of bands
        self._unit.setFont(font())
        self.plot.addItem(self._unit, ignoreBounds=True)
        self._single = self.plot.plot(connect="finite")
        self._mean = self.plot.plot()
        self._show_top(_TOPS_DB[0])
        holder = QVBoxLayout()
        holder.setContentsMargins(GRID, 0, 2 * GRID, 0)
        holder.addWidget(self.plot)
        column.addLayout(holder, 100)
        powers = QGridLayout()
        powers.setContentsMargins(2 * GRID, GRID // 2, 2 * GRID, 0)
        powers.setSpacing(0)
        self._powers = []
        for index, band in enumerate(BANDS):
            name_label = label(band.name, tone="muted")
            power = label("–")
            for row, part in enumerate((name_label, power)):
                part.setAlignment(Qt.AlignmentFlag.AlignHCenter)
                part.setToolTip(f"power from {band.low:g} to {band.high:g} Hz in µV²")
                powers.addWidget(part, row, index)
            powers.setColumnStretch(index, 1)
            self._powers.append(power)
        unit_label = label("µV²", tone="muted")
        powers.addWidget(unit_label, 1, len(BANDS))
        column.addLayout(powers)
        column.addStretch(1)
        self.show_theme(theme)

    def attach(self, desk: Desk) -> None:
        """Take spectra from the session, and the picked channels from the signals."""
        desk.controller.spectrum_changed.connect(self.show_spectrum)
        desk.channels_changed.connect(self.show_channels)
        self.channel_asked.connect(desk.channel_asked)

    def show_session(self, session: Session | None) -> None:
        """Begin with another session."""
        self.show_silence("")

    def show_status(self, live: LiveStatus) -> None:
        """Show why there is no spectrum, if there is none."""
        if live.silence:
            self.show_silence(live.silence)

    def show_channels(self, picked: Picked) -> None:
        """Name the channels whose mean is shown."""
        self.of.show_entries(picked.names, picked.chosen)
        self.of.setText(picked.what)
        self.of.setVisible(bool(picked.names))

    def show_spectrum(self, curves: Curves | None) -> None:
        """Show the curves of the picked channels, or none."""
        if curves is None:
            self._show_nothing()
            return
        self._why.setText("")
        count = len(curves.single)
        broken = np.full((count, 1), np.nan)  # separates the channels' lines
        every = np.concatenate([curves.single, broken], axis=1)
        self._single.setData(np.tile(np.append(curves.frequencies, np.nan), count), every.ravel())
        self._mean.setData(curves.frequencies, curves.mean)
        peak = curves.peak + _HEADROOM_DB
        self._show_top(next((top for top in _TOPS_DB if top >= peak), _TOPS_DB[-1]))
        for power, figure in zip(curves.powers, self._powers, strict=True):
            figure.setText(short(power))

    def _show_nothing(self) -> None:
        self._single.setData([], [])
        self._mean.setData([], [])
        for figure in self._powers:
            figure.setText("–")

    def show_silence(self, reason: str) -> None:
        """Show no spectrum, and the reason if it is known."""
        self._show_nothing()
        self._why.setText(reason)
        self._why.setPos(TOP_HZ / 2, (_BOTTOM_DB + self._top) / 2)

    def _show_top(self, top: float) -> None:
        """Set the upper end of the axis to `top` dB."""
        if top == self._top:
            return
        self._top = top
        # Above the curves there is a strip for the names of bands.
        ceiling = top + _NAMES * (top - _BOTTOM_DB)
        self.plot.setYRange(_BOTTOM_DB, ceiling, padding=0)
        ticks = range(-20, int(top), 20 if top < 60 else 40)
        self.plot.getAxis("left").setTicks([[(t, f"{t}".replace("-", "−")) for t in ticks], []])
        self._unit.setPos(TOP_HZ, ceiling)
        for band, name in zip(BANDS, self._names, strict=True):
            name.setPos((band.low + band.high) / 2, ceiling)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self.plot.show_theme(theme)
        faint = pg.mkColor(theme.trace)
        faint.setAlpha(50)
        self._single.setPen(pg.mkPen(faint, width=1))
        self._mean.setPen(pg.mkPen(theme.text, width=1))
        for edge in self._edges:
            edge.setPen(pg.mkPen(theme.line))
        for text in (*self._names, self._why, self._unit):
            text.setColor(theme.muted)
        self._why.fill = pg.mkBrush(theme.background)  # no line crosses it
