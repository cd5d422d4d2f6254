"""Contact: a head from above with a mark for each electrode, and the ones that want care."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import hypot

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QHelpEvent, QImage, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QResizeEvent
from PyQt6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from bci_app.channels import canonical
from bci_app.engine.spectrum import BANDS, Spectrum
from bci_app.events import Contact, ContactLevel
from bci_app.gui.electrodes import position
from bci_app.gui.glyphs import WORDS, draw_contact
from bci_app.gui.state import ContactSummary
from bci_app.gui.theme import GRID, Theme, font, mix
from bci_app.gui.topography import EDGE, Topography
from bci_app.gui.widgets import Choice, PanelTitle, label, short

_MARK = 11.0


class Head(QWidget):
    """A head from above, nose up; `electrode_clicked` carries a channel name.

    Parameters
    ----------
    theme : Theme
        Colours.
    words : mapping, optional
        What levels are called where it is not about contact, by their values.
    """

    electrode_clicked = pyqtSignal(str)

    def __init__(self, theme: Theme, *, words: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self._theme = theme
        self._words = words or {}
        self._contacts: tuple[Contact, ...] = ()
        self._selected: frozenset[str] = frozenset()
        self._map: NDArray[np.float64] | None = None
        self._image: QImage | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(20 * GRID, 20 * GRID)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Prefer a square that 19 names fit in."""
        return QSize(34 * GRID, 34 * GRID)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Never be higher than the head that fits the width."""
        self.setMaximumHeight(max(20 * GRID, self.width()))

    def show_contacts(self, contacts: Sequence[Contact], selected: frozenset[str] = frozenset()) -> None:
        """Show these electrodes."""
        if (tuple(contacts), selected) != (self._contacts, self._selected):
            self._contacts, self._selected = tuple(contacts), selected
            self.update()

    def show_map(self, values: NDArray[np.float64] | None) -> None:
        """Show a map over the head, as `Topography.map` gives it, or none."""
        self._map = values
        self._image = _shaded(values, self._theme) if values is not None else None
        self.update()

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        self.show_map(self._map)

    def _frame(self) -> tuple[QPointF, float]:
        """Give centre and radius of the head."""
        # Room for the nose above, names below the lowest marks, and ears and mastoids at the sides.
        width, height = self.width() / 2 - 2.5 * GRID, (self.height() - 3 * GRID) / 2
        places = [place for contact in self._contacts if (place := position(contact.channel)) is not None]
        # Ear lobes and mastoids lie outside of the head.
        wide = max((abs(x) for x, _ in places), default=1.0)
        radius = min(width / max(1.0, wide), height)
        return QPointF(self.width() / 2, self.height() / 2 + GRID / 2), max(radius, 1.0)

    def _places(self) -> list[tuple[Contact, QPointF]]:
        centre, radius = self._frame()
        places = []
        for contact in self._contacts:
            place = position(contact.channel)
            if place is not None:
                places.append((contact, centre + QPointF(place[0] * radius, -place[1] * radius)))
        return places

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Draw the outline, the marks, and names where there is room."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        centre, radius = self._frame()
        if self._image is not None:
            self._paint_map(painter, self._image, centre, radius)
        painter.setPen(QPen(QColor(self._theme.faint), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(centre, radius, radius)
        nose = QPainterPath(centre + QPointF(-0.11 * radius, -0.993 * radius))
        nose.lineTo(centre + QPointF(0, -0.993 * radius - 1.4 * GRID))
        nose.lineTo(centre + QPointF(0.11 * radius, -0.993 * radius))
        painter.drawPath(nose)
        for side in (-1, 1):
            ear = QRectF(0, 0, 0.1 * radius, 0.34 * radius)
            ear.moveCenter(centre + QPointF(side * 0.99 * radius, 0))
            painter.drawArc(ear, 90 * 16, -side * 180 * 16)
        places = self._places()
        room = min((hypot(a.x() - b.x(), a.y() - b.y()) for (_, a), (_, b) in combinations(places, 2)), default=radius)
        mark = min(_MARK, 0.6 * room)
        painter.setFont(font())
        named = room >= 4 * GRID and self._image is None
        if self._image is not None:
            mark = min(mark, 6.0)
        for contact, place in places:
            draw_contact(painter, place, mark, contact.level, self._theme)
            if contact.channel in self._selected:
                painter.setPen(QPen(QColor(self._theme.text), 1.5))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(place, mark * 0.85, mark * 0.85)
            if named:
                painter.setPen(QColor(self._theme.muted))
                box = QRectF(place.x() - 4 * GRID, place.y() + mark / 2 + 1, 8 * GRID, 2 * GRID)
                painter.drawText(box, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, contact.channel)

    @staticmethod
    def _paint_map(painter: QPainter, image: QImage, centre: QPointF, radius: float) -> None:
        clip = QPainterPath()
        clip.addEllipse(centre, radius, radius)
        painter.save()
        painter.setClipPath(clip)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        reach = EDGE * radius
        painter.drawImage(QRectF(centre.x() - reach, centre.y() - reach, 2 * reach, 2 * reach), image)
        painter.restore()

    def _at(self, place: QPointF) -> Contact | None:
        near = [(hypot(p.x() - place.x(), p.y() - place.y()), contact) for contact, p in self._places()]
        distance, contact = min(near, key=lambda pair: pair[0], default=(float("inf"), None))
        return contact if distance < 2 * GRID else None

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Choose an electrode."""
        contact = self._at(event.position()) if event is not None else None
        if contact is not None:
            self.electrode_clicked.emit(contact.channel)

    def event(self, event: QEvent | None) -> bool:
        """Tell an electrode's contact on hover."""
        if isinstance(event, QHelpEvent):
            contact = self._at(QPointF(event.pos()))
            if contact is None:
                QToolTip.hideText()
            else:
                cause = f" ({contact.cause})" if contact.cause else ""
                word = self._words.get(contact.level.value, WORDS[contact.level])
                QToolTip.showText(event.globalPos(), f"{contact.channel}: {word}{cause}", self)
            return True
        return super().event(event)


def _shaded(values: NDArray[np.float64], theme: Theme) -> QImage:
    """Shade a map in greys from its smallest to its largest value."""
    low, high = float(values.min()), float(values.max())
    share = (values - low) / max(high - low, 1e-9)
    ends = [QColor(mix(theme.background, theme.text, part)) for part in (0.04, 0.7)]
    dark, light = (np.array([end.blue(), end.green(), end.red()]) for end in ends)
    pixels = np.full((*values.shape, 4), 255, dtype=np.uint8)
    pixels[..., :3] = np.round(dark + (light - dark) * share[..., None])
    height, width = values.shape
    image = QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGB32)
    return image.copy()  # the bytes end with this function


class LegendMark(QWidget):
    """One mark of the legend."""

    def __init__(self, level: ContactLevel, theme: Theme) -> None:
        super().__init__()
        self._level, self._theme = level, theme
        self.setFixedSize(2 * GRID, 2 * GRID)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Draw."""
        painter = QPainter(self)
        draw_contact(painter, QPointF(self.width() / 2, self.height() / 2), _MARK - 1, self._level, self._theme)


class ContactPanel(QWidget):
    """The head, the count of each level, and what is wrong with which electrode."""

    _SHOWN = (ContactLevel.GOOD, ContactLevel.POOR, ContactLevel.BAD)
    _LISTED = 3

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, GRID)
        column.setSpacing(0)
        self._theme = theme
        self._spectrum: Spectrum | None = None
        self._topography = Topography(())
        self._bad: frozenset[int] = frozenset()
        self._channels: tuple[str, ...] = ()
        self._window = 0.0
        self._bad_at: dict[str, float] = {}  # LSL time at which a channel was seen bad last
        self.shown = Choice(["electrodes", *(f"{band.name} power" for band in BANDS)], "what the head shows")
        self.shown.chosen.connect(self.choose_map)
        self.title = PanelTitle("Contact", [self.shown])
        self._chosen = 0
        self.shown.show_choice(0)
        self.head = Head(theme)
        column.addWidget(self.head, 100)
        self._range = label(tone="muted")
        self._range.setContentsMargins(2 * GRID, GRID, 2 * GRID, 0)
        self._range.setToolTip("newest 6 s, interpolated between the electrodes; bad ones are left out")
        self._range.hide()
        column.addWidget(self._range)
        legend = QGridLayout()
        legend.setContentsMargins(2 * GRID, GRID, 2 * GRID, 0)
        legend.setHorizontalSpacing(GRID // 2)
        self._marks = [LegendMark(level, theme) for level in self._SHOWN]
        self._counts: list[QLabel] = []
        for index, (level, mark) in enumerate(zip(self._SHOWN, self._marks, strict=True)):
            count = label(WORDS[level], tone="muted")
            self._counts.append(count)
            legend.addWidget(mark, 0, 2 * index)
            legend.addWidget(count, 0, 2 * index + 1)
            legend.setColumnStretch(2 * index + 1, 1)
        column.addLayout(legend)
        self._wanting = label(tone="muted", wrap=True)
        self._wanting.setContentsMargins(2 * GRID, GRID, 2 * GRID, 0)
        column.addWidget(self._wanting)
        column.addStretch(0)
        self.show_contacts(())

    def show_contacts(
        self, contacts: Sequence[Contact], selected: frozenset[str] = frozenset(), *, now: float = float("nan")
    ) -> None:
        """Show the verdicts at `now` (LSL time)."""
        self.head.show_contacts(contacts, frozenset(map(canonical, selected)))
        self._bad_at |= {contact.channel: now for contact in contacts if contact.level is ContactLevel.BAD}
        bad = {canonical(contact.channel) for contact in contacts if contact.level is ContactLevel.BAD}
        self._bad = frozenset(i for i, name in enumerate(self._channels) if canonical(name) in bad)
        summary = ContactSummary.of(contacts)
        for level, count in zip(self._SHOWN, self._counts, strict=True):
            count.setText(f"{summary.counts[level]} {WORDS[level]}" if contacts else WORDS[level])
        every = [f"{contact.channel}: {contact.cause or WORDS[contact.level]}" for contact in summary.wanting]
        self._wanting.setToolTip("\n".join(every))
        lines = every[: self._LISTED]
        more = len(summary.wanting) - self._LISTED
        if more > 0:
            lines.append(f"and {more} more")
        if not contacts:
            lines = ["Electrodes appear when a session is open."]
        elif summary.counts[ContactLevel.UNKNOWN] == len(contacts):
            lines = ["Not judged: there is no signal yet, or no longer."]
        elif not lines:
            recent = [name for name, seen in self._bad_at.items() if now - seen < self._window]
            lines = [_recovered(recent)] if recent else ["Every electrode sits well."]
        self._wanting.setText("\n".join(lines))

    # The map ---------------------------------------------------------------------------------

    def show_channels(self, channels: Sequence[str], judged: Sequence[str], *, window: float) -> None:
        """Take the channels of another stream, in order, those that are judged, and the model's window in seconds."""
        self._window, self._bad_at = window, {}
        wanted = {canonical(name) for name in judged}
        self._channels = tuple(channels)
        # What is not judged is no part of the map either; an empty name has no place.
        self._topography = Topography([name if canonical(name) in wanted else "" for name in channels])
        self.show_spectrum(None)

    def show_spectrum(self, spectrum: Spectrum | None) -> None:
        """Map the power of the chosen band."""
        self._spectrum = spectrum
        if not self._chosen or spectrum is None:
            self.head.show_map(None)
            self._range.setText("")
            return
        band = BANDS[self._chosen - 1]
        power = spectrum.band_power(band)
        power[list(self._bad)] = np.nan
        values = 10 * np.log10(np.maximum(power, 1e-6))
        found = self._topography.map(values)
        self.head.show_map(found)
        if found is not None:
            low, high = (short(10 ** (float(end) / 10)) for end in (found.min(), found.max()))
            ends = ("dark", "light") if self._theme.name == "dark" else ("light", "dark")
            self._range.setText(f"{band.name} power: {ends[0]} {low}, {ends[1]} {high} µV²")

    def show_silence(self, reason: str) -> None:
        """Map nothing, and say why."""
        self.show_spectrum(None)
        self._range.setText(f"no map: {reason}")

    def choose_map(self, index: int) -> None:
        """Show contact (0) or the power of a band."""
        self._chosen = index
        self.shown.show_choice(index)
        self._range.setVisible(index > 0)
        self.show_spectrum(self._spectrum)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        self.head.show_theme(theme)
        for mark in self._marks:
            mark.show_theme(theme)
        self.show_spectrum(self._spectrum)


def _recovered(names: Sequence[str]) -> str:
    """Say why there is no prediction although every electrode sits well."""
    shown = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
    return f"Bad a moment ago and still in the model’s window: {shown}."
