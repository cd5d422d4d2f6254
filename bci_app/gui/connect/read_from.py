"""What a model reads a target from, drawn: a map of its electrodes over the head, and a bar for each band."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from bci_app.bundle.spec import Attribution, Loss
from bci_app.events import Contact, ContactLevel
from bci_app.gui.theme import GRID, Theme, font
from bci_app.gui.views.head import Head
from bci_app.gui.widgets import label
from bci_app.presentation.topography import Topography

_HEAD = 26 * GRID
_ROW = 2.5 * GRID
_LEAST = 0.01  # of balanced accuracy, that the longest bar stands for: noise would look like something


class ReadFrom(QWidget):
    """The words of an attribution, the head, and the bands if there are any."""

    def __init__(self, attribution: Attribution, theme: Theme) -> None:
        super().__init__()
        channels = attribution.channels
        losses = np.array([each.loss for each in channels])
        self.head = Head(theme, words={"unknown": "balanced accuracy lost without it"})
        self.head.setMaximumWidth(_HEAD)
        self.head.show_contacts([Contact(each.name, ContactLevel.UNKNOWN, _signed(each.loss)) for each in channels])
        self.head.show_map(Topography([each.name for each in channels]).map(losses))
        self.bands = _Bands(attribution.bands, theme)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        words = label(attribution.describe(), wrap=True)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(words)
        column.addWidget(self.head)
        shades = (
            f"Shade: lost without an electrode, from {_signed(losses.min())} to {_signed(losses.max())} (strongest)."
        )
        bars = " Bars: lost without a band." if attribution.bands else ""
        column.addWidget(label(shades + bars, tone="muted", wrap=True))
        column.addWidget(self.bands)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self.head.show_theme(theme)
        self.bands.show_theme(theme)


class _Bands(QWidget):
    """A bar for each band, to the right of a line for what is lost without it and to the left for what is gained."""

    def __init__(self, bands: Sequence[Loss], theme: Theme) -> None:
        super().__init__()
        self._bands, self._theme = bands, theme
        self.setFixedHeight(round(_ROW * len(bands)))
        self.setMaximumWidth(_HEAD)
        self.setAccessibleName("balanced accuracy lost without a band")
        self.setAccessibleDescription(", ".join(f"{band.name} {_signed(band.loss)}" for band in bands))

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Draw names, bars and figures."""
        painter, metrics = QPainter(self), QFontMetricsF(font())
        painter.setFont(font())
        left = max((metrics.horizontalAdvance(band.name) for band in self._bands), default=0.0) + GRID
        right = self.width() - metrics.horizontalAdvance("+0.000") - GRID
        gained, lost = (max([_LEAST / 2, *(sign * band.loss for band in self._bands)]) for sign in (-1, 1))
        gained = gained if any(band.loss < 0 for band in self._bands) else 0.0
        scale = (right - left) / (gained + lost)
        zero = left + gained * scale
        for number, band in enumerate(self._bands):
            row = QRectF(0, number * _ROW, self.width(), _ROW)
            painter.setPen(QColor(self._theme.muted))
            painter.drawText(row, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, band.name)
            painter.drawText(row, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, _signed(band.loss))
            bar = QRectF(zero, row.top() + 4, band.loss * scale, _ROW - 8).normalized()
            painter.fillRect(bar, QColor(self._theme.faint))
        painter.setPen(QPen(QColor(self._theme.muted), 1))
        painter.drawLine(QPointF(zero, 0), QPointF(zero, self.height()))


def _signed(loss: float) -> str:
    return f"{loss:+.3f}".replace("-", "−")
