"""The signals: all channels scrolling, the newest at the right edge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor
from typing import cast

import numpy as np
from PyQt6.QtCore import QPointF, QRect, QRectF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PyQt6.QtWidgets import QWidget

from bci_app.events import Contact, ContactLevel
from bci_app.gui.glyphs import WORDS, draw_contact, hatch, write_reason
from bci_app.gui.theme import GRID, Theme, font, mix
from bci_app.gui.views.signal_marks import HEAD, paint_artefacts, paint_breaks, paint_markers
from bci_app.gui.views.signal_scales import paint_amplitude, paint_time
from bci_app.gui.views.trace_inks import Ink, TraceInks, bgr
from bci_app.montage.names import canonical
from bci_app.presentation.answers import Stretch, artefact_stretches
from bci_app.presentation.raster import FINE, TraceRaster, columns
from bci_app.presentation.state import SessionLog
from bci_app.presentation.traces import TraceHistory

AMPLITUDES = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)
SPANS = (2, 5, 10, 15, 20, 30)

_GUTTER = 9 * GRID  # left: contact and name
_SCALE = 9 * GRID  # right: amplitude bar
_STRIP = 3 * GRID  # bottom: time bar
# Traces may reach this many rows from their own.
_REACH = 1.0
_RESIZE_MS = 60
_NOTCH = 120


class TraceCanvas(QWidget):
    """Draws the traces; what is drawn stands in the history that it is given.

    Signals: `amplitude_asked` and `span_asked` with steps, more being larger, `channel_clicked` with a position in
    the stream.
    """

    amplitude_asked = pyqtSignal(int)
    span_asked = pyqtSignal(int)
    channel_clicked = pyqtSignal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._traces: TraceHistory | None = None
        self._log = SessionLog()
        self._hop = self._window = 0.0
        self._channels: tuple[int, ...] = ()
        self._selected: frozenset[int] = frozenset()
        self._contacts: dict[str, Contact] = {}
        self._amplitude = 100
        self._span = 10
        self._inks = TraceInks()
        self._raster: TraceRaster | None = None
        self._image: QImage | None = None
        self._turned = 0  # of the wheel, in eighths of a degree
        self._resized = QTimer(self)
        self._resized.setSingleShot(True)
        self._resized.setInterval(_RESIZE_MS)
        self._resized.timeout.connect(self.rebuild)
        self._drawn = 0  # columns since the beginning that are in the raster
        self._silent, self._silence = 0.0, ""  # seconds without samples at the right edge, and why
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(40 * GRID, 20 * GRID)

    # What is shown -----------------------------------------------------------------------------

    def show_session(
        self, traces: TraceHistory | None, log: SessionLog, channels: Sequence[int], *, hop: float, window: float
    ) -> None:
        """Show another stream, or none; the model's windows are so many seconds apart and long, 0 without a model."""
        self._traces, self._log, self._channels = traces, log, tuple(channels)
        self._hop, self._window = hop, window
        self._contacts, self._selected = {}, frozenset()
        self._silent, self._silence = 0.0, ""
        self._inks.forget()
        self.rebuild()

    def show_channels(self, channels: Sequence[int], selected: frozenset[int]) -> None:
        """Show these columns of the stream, from top to bottom."""
        if (tuple(channels), selected) != (self._channels, self._selected):
            redraw = tuple(channels) != self._channels
            self._channels, self._selected = tuple(channels), selected
            self.rebuild() if redraw else self.update()

    def show_contacts(self, contacts: Sequence[Contact]) -> None:
        """Colour names and new samples by contact."""
        by_name = {canonical(contact.channel): contact for contact in contacts}
        if by_name != self._contacts:
            self._contacts = by_name
            self._inks.note(self._traces.end if self._traces is not None else 0, by_name)
            self.update(0, 0, _GUTTER, self.height())

    def show_scales(self, amplitude: int, span: int) -> None:
        """Show `amplitude` µV a row and `span` seconds."""
        if (amplitude, span) != (self._amplitude, self._span):
            self._amplitude, self._span = amplitude, span
            self.rebuild()

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        self.rebuild()

    def show_silence(self, seconds: float, reason: str) -> None:
        """Show that nothing has come for so many seconds, and why; 0 for none."""
        if (seconds, reason) != (self._silent, self._silence):
            self._silent, self._silence = seconds, reason
            self.update(self._scrolling())

    def extend(self) -> None:
        """Draw the samples that are new in the history."""
        if self._raster is not None and self._draw_new():
            self._silent = 0.0
            self.update(self._scrolling())

    # Pixels ------------------------------------------------------------------------------------

    def rebuild(self) -> None:
        """Draw everything again."""
        area = self.trace_area()
        ratio = self.devicePixelRatioF()
        width, height = round(area.width() * ratio), round(area.height() * ratio)
        self._raster = self._image = None
        if self._traces is not None and self._channels and width > 0 and height > 0:
            theme = self._theme
            self._raster = TraceRaster(
                height,
                width,
                background=bgr(theme.background),
                grid=bgr(mix(theme.background, theme.line, 0.55)),
                gap=bgr(mix(theme.background, theme.faint, 0.3)),
                thickness=max(1.0, 1.1 * ratio),
            )
            pixels = self._raster.pixels
            data = cast(bytes, pixels.data)  # any buffer will do
            self._image = QImage(data, width, height, 4 * width, QImage.Format.Format_RGB32)
            self._drawn = ceil(self._traces.begin / self._samples_per_column())
            self._drawn = max(self._drawn, self._complete() - width)
            self._draw_new()
        self.update()

    @property
    def fitted(self) -> bool:
        """Whether the picture was drawn for the size that the traces have now, rather than stretched to it."""
        return self._raster is not None and self._raster.width == round(
            self.trace_area().width() * self.devicePixelRatioF()
        )

    def trace_area(self) -> QRect:
        """Return where the traces are, without names and scales."""
        return QRect(_GUTTER, HEAD, self.width() - _GUTTER - _SCALE, self.height() - HEAD - _STRIP)

    def _scrolling(self) -> QRect:
        """Return what changes with every sample: the traces and what stands above them."""
        return self.trace_area().adjusted(0, -HEAD, _SCALE, 0)

    def _samples_per_column(self) -> float:
        assert self._traces is not None
        assert self._raster is not None
        return self._span * self._traces.rate / self._raster.width

    def _complete(self) -> int:
        """Columns whose samples are all there, since the beginning of the stream."""
        assert self._traces is not None
        return floor((self._traces.end - 1) / self._samples_per_column())

    def _draw_new(self) -> bool:
        assert self._traces is not None
        assert self._raster is not None
        step = self._samples_per_column()
        # Further back than the picture reaches is not worth drawing.
        first = max(self._drawn, self._complete() - self._raster.width)
        count = self._complete() - first
        if count <= 0:
            return False
        names = [canonical(self._traces.channels[channel]) for channel in self._channels]
        start = first
        for end, inks in self._inks.pieces(first * step, (first + count) * step, names, self._theme):
            stop = min(ceil(end / step), first + count)
            if stop > start:
                self._draw_columns(start, stop - start, inks)
                start = stop
        self._drawn = first + count
        return True

    def _level(self, channel: int) -> ContactLevel:
        assert self._traces is not None
        contact = self._contacts.get(canonical(self._traces.channels[channel]))
        return contact.level if contact else ContactLevel.UNKNOWN

    def _draw_columns(self, first: int, count: int, inks: list[Ink]) -> None:
        assert self._traces is not None
        assert self._raster is not None
        step = self._samples_per_column()
        origin = floor(first * step)
        rows = self._traces.rows(origin, floor((first + count) * step) + 2)[:, list(self._channels)]
        extent = columns(rows, first * step - origin, step / FINE, count * FINE)
        second = np.floor(np.arange(first, first + count + 1) * step / self._traces.rate)
        row_height = self._raster.height / len(self._channels)
        self._raster.draw(
            first,
            extent,
            centres=row_height * (0.5 + np.arange(len(self._channels), dtype=np.float64)),
            pixels_per_unit=row_height / self._amplitude,
            reach=_REACH * row_height,
            inks=inks,
            seconds=np.diff(second) > 0,
        )

    def artefacts(self) -> list[Stretch]:
        """List the artefacts that are in sight, in stream samples."""
        last = self._log.last()
        if self._traces is None or last is None or not self._hop:
            return []
        rate = self._traces.rate
        seen = self._log.since(last.time - self._span - self._window)
        return [
            Stretch(last.sample + rate * (start - last.time), last.sample + rate * (stop - last.time), name)
            for start, stop, name in artefact_stretches(seen, hop=self._hop, window=self._window)
        ]

    @property
    def _silent_columns(self) -> int:
        """Columns of the picture that are later than the newest sample."""
        assert self._traces is not None
        assert self._raster is not None
        return min(round(self._silent * self._traces.rate / self._samples_per_column()), self._raster.width)

    # Painting ----------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Copy the ring of columns, then everything that is no trace."""
        painter = QPainter(self)
        area = self.trace_area()
        dirty = event.rect() if event is not None else self.rect()
        if self._image is None or self._raster is None:
            painter.fillRect(self.rect(), QColor(self._theme.background))
            if self._traces is not None:
                painter.setFont(font())
                painter.setPen(QColor(self._theme.muted))
                painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "No channel is shown. Tick some above.")
            return
        background = QColor(self._theme.background)
        self._paint_ring(painter, area)
        self._paint_silence(painter, area)
        painter.fillRect(QRect(area.left(), 0, self.width() - area.left(), HEAD), background)
        painter.fillRect(QRect(area.right() + 1, 0, _SCALE, self.height()), background)
        painter.setFont(font())
        for box, text in self.hatched():
            write_reason(painter, box, text, self._theme)
        theme = self._theme
        paint_artefacts(painter, area, theme, self.artefacts(), self.x_of)
        paint_breaks(painter, area, theme, self._log.gaps, self.x_of)
        paint_markers(painter, area, theme, self._log.markers, self.x_of)
        paint_amplitude(painter, area, self._theme, rows=len(self._channels), amplitude=self._amplitude)
        if not self._scrolling().contains(dirty):
            painter.fillRect(QRect(0, 0, area.left(), self.height()), background)
            painter.fillRect(QRect(0, area.bottom() + 1, self.width(), _STRIP), background)
            self._paint_names(painter, area)
            painter.setFont(font())
            paint_time(painter, area, self._theme, span=self._span)

    def _paint_ring(self, painter: QPainter, area: QRect) -> None:
        assert self._image is not None
        assert self._raster is not None
        width, height = self._raster.width, self._raster.height
        ratio = width / area.width()
        split = self._drawn % width
        older = QRectF(split, 0, width - split, height)
        newer = QRectF(0, 0, split, height)
        left = area.left() - self._silent_columns / ratio
        edge = left + older.width() / ratio
        painter.setClipRect(area)
        # Stretched to another size without it, a trace would be dotted.
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not self.fitted)
        painter.drawImage(QRectF(left, area.top(), older.width() / ratio, area.height()), self._image, older)
        if split:
            painter.drawImage(QRectF(edge, area.top(), split / ratio, area.height()), self._image, newer)
        painter.setClipping(False)

    def _paint_silence(self, painter: QPainter, area: QRect) -> None:
        """Hatch what is later than the newest sample: nothing has come since."""
        box = self._silent_box(area)
        if box.width() > 0:
            painter.fillRect(box, QColor(self._theme.background))
            hatch(painter, box, mix(self._theme.background, self._theme.faint, 0.4))

    def _silent_box(self, area: QRect) -> QRectF:
        assert self._raster is not None
        width = self._silent_columns * area.width() / self._raster.width
        return QRectF(area.right() + 1 - width, area.top(), width, area.height())

    def x_of(self, sample: float) -> float:
        """Return the place of a stream sample on the screen."""
        area = self.trace_area()
        assert self._raster is not None
        column = sample / self._samples_per_column() - (self._drawn + self._silent_columns - self._raster.width)
        return area.left() + column * area.width() / self._raster.width

    def hatched(self) -> Iterator[tuple[QRectF, str]]:
        """Yield each hatched stretch in sight and its text."""
        area = self.trace_area()
        assert self._traces is not None
        for gap in self._log.gaps:
            left, right = self.x_of(gap.sample - gap.lost), self.x_of(gap.sample)
            if gap.lost and right > area.left():
                left, right = max(left, area.left()), min(right, area.right() + 1)
                box = QRectF(left, area.top(), right - left, area.height())
                yield box, f"gap {gap.lost / self._traces.rate:.1f} s"
        silent = self._silent_box(area)
        if silent.width() > 0:
            yield silent, f"{self._silence} {self._silent:.0f} s"

    def _paint_names(self, painter: QPainter, area: QRect) -> None:
        assert self._traces is not None
        row = area.height() / len(self._channels)
        every = max(1, ceil(painter.fontMetrics().height() / row))
        for index, channel in enumerate(self._channels):
            y = area.top() + (index + 0.5) * row
            level = self._level(channel)
            if level is not ContactLevel.UNKNOWN and (every == 1 or level is not ContactLevel.GOOD):
                size = max(3.0, min(GRID + 1, row - 2))  # neighbours do not touch
                draw_contact(painter, QPointF(2 * GRID + 4, y), size, level, self._theme)
            if index % every:
                continue
            wanting = level in (ContactLevel.BAD, ContactLevel.POOR)
            tint = self._theme.contact(level) if wanting else self._theme.muted
            chosen = channel in self._selected
            painter.setFont(font(strong=chosen))
            painter.setPen(QColor(self._theme.text if chosen and not wanting else tint))
            box = QRectF(3.5 * GRID, y - 10, _GUTTER - 4 * GRID, 20)
            name = canonical(self._traces.channels[channel])
            elided = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(box.width()))
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, elided)

    # Hands -------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Fit the picture, once the size stays; until then the old one is stretched."""
        if self._raster is None:
            self.rebuild()
        else:
            self._resized.start()

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802
        """Scale amplitude, or time with Ctrl or Shift."""
        if event is None:
            return
        delta = event.angleDelta().y() or event.angleDelta().x()
        # Touch pads send many small turns; a notch of a wheel is 120.
        self._turned += delta
        steps = int(self._turned / _NOTCH)
        self._turned -= steps * _NOTCH
        event.accept()
        if not steps:
            return
        keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        asked = self.span_asked if event.modifiers() & keys else self.amplitude_asked
        asked.emit(-steps)

    def _channel_at(self, y: float) -> int | None:
        area = self.trace_area()
        row = floor((y - area.top()) / max(area.height(), 1) * len(self._channels))
        return self._channels[row] if 0 <= row < len(self._channels) else None

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Choose a channel by its name."""
        if event is not None and event.position().x() < _GUTTER:
            channel = self._channel_at(event.position().y())
            if channel is not None:
                self.channel_clicked.emit(channel)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Show a channel's name and contact, and what a hatched stretch is."""
        if event is None or self._traces is None or self._raster is None:
            return
        place = event.position()
        channel = self._channel_at(place.y())
        if channel is None or place.x() > _GUTTER:
            # A narrow stretch is found by a hand that is not quite steady.
            near = [text for box, text in self.hatched() if box.adjusted(-3, 0, 3, 0).contains(place)]
            self.setToolTip(near[0] if near else "")
            return
        level = self._level(channel)
        contact = self._contacts.get(canonical(self._traces.channels[channel]))
        words = f"{WORDS[level]} ({contact.cause})" if contact and contact.cause else WORDS[level]
        self.setToolTip(f"{self._traces.channels[channel]}: contact {words}" if contact else "not used by the model")
