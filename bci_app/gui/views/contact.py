"""Contact: a head from above with a mark for each electrode, and the ones that want care."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import hypot

from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QResizeEvent
from PyQt6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from bci_app.channels import canonical
from bci_app.events import Contact, ContactLevel
from bci_app.gui.electrodes import position
from bci_app.gui.glyphs import WORDS, draw_contact
from bci_app.gui.state import ContactSummary
from bci_app.gui.theme import GRID, Theme, font
from bci_app.gui.widgets import PanelTitle, label

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

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        self.update()

    def _frame(self) -> tuple[QPointF, float]:
        """Give centre and radius of the head."""
        # Room for the nose above, names below the lowest marks, and ears and mastoids at the sides.
        radius = min(self.width() / 2 - 2.5 * GRID, (self.height() - 3 * GRID) / 2)
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
        painter.setPen(QPen(QColor(self._theme.faint), 1))
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
        named = room >= 4 * GRID
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
        self.title = PanelTitle("Contact")
        self.head = Head(theme)
        column.addWidget(self.head, 100)
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

    def show_contacts(self, contacts: Sequence[Contact], selected: frozenset[str] = frozenset()) -> None:
        """Show the verdicts now."""
        self.head.show_contacts(contacts, frozenset(map(canonical, selected)))
        summary = ContactSummary.of(contacts)
        for level, count in zip(self._SHOWN, self._counts, strict=True):
            count.setText(f"{summary.counts[level]} {WORDS[level]}" if contacts else WORDS[level])
        lines = [
            f"{contact.channel}: {contact.cause or WORDS[contact.level]}" for contact in summary.wanting[: self._LISTED]
        ]
        more = len(summary.wanting) - self._LISTED
        if more > 0:
            lines.append(f"and {more} more")
        if not contacts:
            lines = ["Electrodes appear when a session is open."]
        elif not lines and summary.counts[ContactLevel.UNKNOWN] < len(contacts):
            lines = ["Every electrode sits well."]
        self._wanting.setText("\n".join(lines))

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self.head.show_theme(theme)
        for mark in self._marks:
            mark.show_theme(theme)
