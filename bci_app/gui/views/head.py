"""A head from above with a mark for each electrode, and their names where there is room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import hypot

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QFontMetricsF,
    QHelpEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget

from bci_app.events import Contact, ContactLevel
from bci_app.gui.glyphs import WORDS, draw_contact
from bci_app.gui.theme import GRID, Theme, font, mix
from bci_app.montage.names import canonical
from bci_app.presentation.electrodes import position
from bci_app.presentation.topography import EDGE

_MARK = 11.0
_LEAST = 18 * GRID  # height
_EARS = 1.04  # how far ears reach, in radii of the head
_WANTING = (ContactLevel.MISSING, ContactLevel.BAD, ContactLevel.POOR)
# Where a name may stand beside its mark, the first that is free.
_SIDES = ((0, 1), (0, -1), (1, 0), (-1, 0))
# The share of names that must find room; a few names alone would look as if they meant something.
_MOST = 0.9


class Head(QWidget):
    """A head from above, nose up; `electrode_clicked` carries a channel name.

    Parameters
    ----------
    theme : Theme
        Colours.
    words : mapping, optional
        What levels are called where they do not mean contact, by their values.
    """

    electrode_clicked = pyqtSignal(str)

    def __init__(self, theme: Theme, *, words: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self._theme = theme
        self._words = words or {}
        self._contacts: tuple[Contact, ...] = ()
        self._selected: frozenset[str] = frozenset()
        self._resistances: Mapping[str, str] = {}
        self._map: NDArray[np.float64] | None = None
        self._image: QImage | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(20 * GRID, _LEAST)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Prefer a square that 19 names fit in."""
        return QSize(34 * GRID, 34 * GRID)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Never be higher than the head that fits the width."""
        self.setMaximumHeight(max(_LEAST, self.width()))

    def show_contacts(
        self,
        contacts: Sequence[Contact],
        selected: frozenset[str] = frozenset(),
        resistances: Mapping[str, str] | None = None,
    ) -> None:
        """Show these electrodes; resistances, by canonical name, on hover."""
        self._resistances = resistances or {}
        if (tuple(contacts), selected) != (self._contacts, self._selected):
            self._contacts, self._selected = tuple(contacts), selected
            self.update()

    def show_map(self, values: NDArray[np.float64] | None) -> None:
        """Show a map over the head, as `Topography.map` returns it, or none."""
        self._map = values
        self._image = _shaded(values, self._theme) if values is not None else None
        self.update()

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        self.show_map(self._map)

    def _frame(self) -> tuple[QPointF, float]:
        """Return centre and radius of the head."""
        # Room for the nose above, names below the lowest marks, and ears and mastoids at the sides.
        width, height = self.width() / 2 - 2 * GRID, (self.height() - 3 * GRID) / 2
        metrics = QFontMetricsF(font())
        radius = min(width / _EARS, height)
        for contact in self._contacts:
            place = position(contact.channel)
            # Ear lobes and mastoids lie outside of the head.
            if place is not None and place[0]:
                half = metrics.horizontalAdvance(contact.channel) / 2
                radius = min(radius, (width - half) / abs(place[0]))
        return QPointF(self.width() / 2, self.height() / 2 + GRID / 2), max(radius, 1.0)

    def places(self) -> list[tuple[Contact, QPointF]]:
        """List the electrodes with a known place, and where their marks are drawn."""
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
        places, mark = self.places(), self._mark()
        for contact, place in places:
            if self._image is not None:
                # A map may be as light, or as dark, as the mark.
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(self._theme.background))
                painter.drawEllipse(place, 0.75 * mark, 0.75 * mark)
            draw_contact(painter, place, mark, contact.level, self._theme)
            if contact.channel in self._selected:
                painter.setPen(QPen(QColor(self._theme.text), 1.5))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(place, mark * 0.85, mark * 0.85)
        painter.setFont(font())
        for contact, box in self.names():
            painter.fillRect(box, QColor(self._theme.background))  # the outline gives way to a name
            painter.setPen(
                QColor(self._theme.contact(contact.level) if contact.level in _WANTING else self._theme.muted)
            )
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, contact.channel)

    def _mark(self) -> float:
        """Return the size of the marks."""
        places = [place for _, place in self.places()]
        room = min((hypot(a.x() - b.x(), a.y() - b.y()) for a, b in combinations(places, 2)), default=_MARK / 0.6)
        return min(_MARK if self._image is None else 6.0, 0.6 * room)

    def names(self) -> list[tuple[Contact, QRectF]]:
        """List the electrodes that are named, and where: bad ones, the poor and then the good if most find room."""
        if self._image is not None:
            return []
        places, mark = self.places(), self._mark()
        room = _Room(QRectF(self.rect()), mark, [place for _, place in places])
        unusable = [pair for pair in places if pair[0].level in (ContactLevel.MISSING, ContactLevel.BAD)]
        poor = [pair for pair in places if pair[0].level is ContactLevel.POOR]
        others = [pair for pair in places if pair[0].level not in _WANTING]
        named = room.place(unusable, _SIDES)
        for group, sides in ((poor, _SIDES), (others, _SIDES[:1])):
            more = room.place(group, sides)
            if len(more) < _MOST * len(group):
                break
            named += more
        return named

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
        near = [(hypot(p.x() - place.x(), p.y() - place.y()), contact) for contact, p in self.places()]
        distance, contact = min(near, key=lambda pair: pair[0], default=(float("inf"), None))
        return contact if distance < 2 * GRID else None

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Choose an electrode."""
        contact = self._at(event.position()) if event is not None else None
        if contact is not None:
            self.electrode_clicked.emit(contact.channel)

    def event(self, event: QEvent | None) -> bool:
        """Show an electrode's contact on hover."""
        if isinstance(event, QHelpEvent):
            contact = self._at(QPointF(event.pos()))
            if contact is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), self.text_of(contact), self)
            return True
        return super().event(event)

    def text_of(self, contact: Contact) -> str:
        """Return what is shown on hover: contact, cause and resistance."""
        cause = f" ({contact.cause})" if contact.cause else ""
        measured = self._resistances.get(canonical(contact.channel))
        ohm = f", {measured}" if measured else ""
        return f"{contact.channel}: {self._words.get(contact.level.value, WORDS[contact.level])}{cause}{ohm}"


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


class _Room:
    """The room around marks, which names share.

    Parameters
    ----------
    whole : QRectF
        Names stay within it.
    mark : float
        Size of the marks.
    places : sequence of QPointF
        The marks' middles.
    """

    def __init__(self, whole: QRectF, mark: float, places: Sequence[QPointF]) -> None:
        self._whole, self._mark, self._places = whole, mark, places
        half = mark / 2 - 0.5  # so that a name which touches its own mark does not lie on it
        self._taken = [QRectF(p.x() - half, p.y() - half, 2 * half, 2 * half) for p in places]

    def _nearest(self, point: QPointF) -> QPointF:
        """Return the mark that a reader would give a name at this point to."""
        return min(self._places, key=lambda p: hypot(p.x() - point.x(), p.y() - point.y()))

    def place(
        self, marked: Sequence[tuple[Contact, QPointF]], sides: Sequence[tuple[int, int]]
    ) -> list[tuple[Contact, QRectF]]:
        """Find a place beside each mark, at the first of the sides that is free, or none."""
        metrics = QFontMetricsF(font())
        found = []
        for contact, middle in marked:
            width, height = metrics.horizontalAdvance(contact.channel) + 2, metrics.capHeight() + 4
            for x, y in sides:
                box = QRectF(0, 0, width, height)
                box.moveCenter(middle + QPointF(x * (self._mark + width) / 2, y * (self._mark + height) / 2))
                free = self._whole.contains(box) and not any(box.intersects(other) for other in self._taken)
                if free and self._nearest(box.center()) == middle:
                    self._taken.append(box)
                    found.append((contact, box))
                    break
        return found
