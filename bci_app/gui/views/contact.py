"""Contact: a head from above with a mark for each electrode, and the electrodes that need attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PyQt6.QtCore import QPointF, Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from bci_app.engine.spectrum import BANDS
from bci_app.events import Contact, ContactLevel
from bci_app.gui.desk import Desk
from bci_app.gui.glyphs import WORDS, draw_contact
from bci_app.gui.panel import Panel
from bci_app.gui.theme import GRID, Theme
from bci_app.gui.views.head import Head
from bci_app.gui.widgets import Choice, PanelTitle, label, resistance, short
from bci_app.montage.names import canonical
from bci_app.presentation.spectra import BandMap
from bci_app.presentation.state import ContactSummary, LiveStatus, Picked, Session

_MARK = 10.0  # of the legend
_FEWEST_LINES = 2
_A_ROW = 4  # resistances


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
        draw_contact(painter, QPointF(self.width() / 2, self.height() / 2), _MARK, self._level, self._theme)


class ContactPanel(Panel):
    """The head, the count of each level, and what is wrong with which electrode.

    `band_asked` carries the `Band` whose power the head should show, or None.
    """

    band_asked = pyqtSignal(object)

    _SHOWN = (ContactLevel.GOOD, ContactLevel.POOR, ContactLevel.BAD, ContactLevel.MISSING)
    _LISTED = 4  # lines at most

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, GRID)
        column.setSpacing(0)
        self._theme = theme
        self._map: BandMap | None = None
        self._window = 0.0
        self._selected: frozenset[str] = frozenset()  # channels of the spectrum
        self._bad_at: dict[str, float] = {}  # LSL time at which a channel was seen bad last
        self.shown = Choice(["electrodes", *(f"{band.name} power" for band in BANDS)], "what the head shows")
        self.shown.chosen.connect(self.choose_map)
        self.title = PanelTitle("Contact", [self.shown])
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
            row, place = divmod(index, 3)
            legend.addWidget(mark, row, 2 * place)
            legend.addWidget(count, row, 2 * place + 1)
            legend.setColumnStretch(2 * place + 1, 1)
        self._legend = legend
        column.addLayout(legend)
        self._lines: list[str] = []
        self._wanting = label(tone="muted", wrap=True)
        self._wanting.setContentsMargins(2 * GRID, GRID, 2 * GRID, 0)
        self._wanting.setAlignment(Qt.AlignmentFlag.AlignTop)
        # More lines are shown only where there is room, so they must not ask for it.
        self._wanting.setMinimumHeight(GRID + _FEWEST_LINES * self._wanting.fontMetrics().lineSpacing())
        column.addWidget(self._wanting)
        column.addStretch(0)
        self.show_contacts(())

    def attach(self, desk: Desk) -> None:
        """Take maps from the session and picked channels from the signals; pick the electrodes that are clicked."""
        desk.controller.map_changed.connect(self.show_map)
        desk.channels_changed.connect(self._note_picked)
        self.band_asked.connect(desk.controller.spectra.choose_band)
        self.head.electrode_clicked.connect(desk.electrode_asked)

    def _note_picked(self, picked: Picked) -> None:
        self._selected = frozenset(picked.names[index] for index in picked.chosen)

    def show_session(self, session: Session | None) -> None:
        """Begin with another session."""
        self._window = session.window_seconds if session is not None else 0.0
        self._bad_at = {}
        self.show_map(None)
        self.show_contacts(())

    def show_status(self, live: LiveStatus) -> None:
        """Show the contact of this moment."""
        self.show_contacts(live.contacts, now=live.now, resistances=live.resistances)
        if live.silence:
            self.show_silence(live.silence)

    def height_for(self, width: int, column: int) -> int:
        """Return the height of the largest head in this width, with the legend."""
        return width + 15 * GRID

    def show_contacts(
        self,
        contacts: Sequence[Contact],
        *,
        now: float = float("nan"),
        resistances: Mapping[str, float] | None = None,
    ) -> None:
        """Show the verdicts at `now` (LSL time), and on hover the measured resistances in ohm."""
        measured = {canonical(name): resistance(ohm) for name, ohm in (resistances or {}).items()}
        self.head.show_contacts(contacts, self._selected, measured)
        self._bad_at |= {contact.channel: now for contact in contacts if contact.level is ContactLevel.BAD}
        summary = ContactSummary.of(contacts)
        for level, count in zip(self._SHOWN, self._counts, strict=True):
            count.setText(f"{summary.counts[level]} {WORDS[level]}" if contacts else WORDS[level])
        missing = summary.counts[ContactLevel.MISSING] > 0
        for part in (self._marks[-1], self._counts[-1]):
            part.setVisible(missing)
        self._lines = self._causes(summary, now)
        ohms = [f"{name} {text}" for name, text in measured.items()]
        rows = [" · ".join(ohms[i : i + _A_ROW]) for i in range(0, len(ohms), _A_ROW)]
        self._wanting.setToolTip("\n".join([*self._lines, *rows]))
        if not contacts:
            self._lines = ["Electrodes appear when a session is open."]
        elif summary.counts[ContactLevel.UNKNOWN] == len(contacts):
            self._lines = ["Not judged: there is no signal yet, or no longer."]
        elif not self._lines:
            self._lines = ["Every electrode sits well."]
        self._show_lines()

    def _causes(self, summary: ContactSummary, now: float) -> list[str]:
        """List the electrodes that need attention or did a moment ago, first those that stop predictions."""
        unusable = [contact for contact in summary.wanting if contact.level is not ContactLevel.POOR]
        poor = {contact.channel: contact.cause for contact in summary.wanting if contact.level is ContactLevel.POOR}
        lines = [f"{contact.channel}: {contact.cause or WORDS[contact.level]}" for contact in unusable]
        names = {contact.channel for contact in unusable}
        # What was bad within the model's window still spoils it.
        recent = [name for name, seen in self._bad_at.items() if now - seen < self._window and name not in names]
        lines += [f"{name}: {poor.get(name) or 'settling'}, bad a moment ago" for name in recent]
        lines += [f"{name}: {cause or WORDS[ContactLevel.POOR]}" for name, cause in poor.items() if name not in recent]
        return lines

    def _show_lines(self) -> None:
        """Show as many lines as fit below the smallest head."""
        metrics = self._wanting.fontMetrics()
        taken = self.head.minimumHeight() + self._legend.sizeHint().height() + 2 * GRID
        taken += self._range.sizeHint().height() if self._range.isVisibleTo(self) else 0
        most = min(max((self.height() - taken) // metrics.lineSpacing(), _FEWEST_LINES), self._LISTED)
        lines = self._lines
        if len(lines) > most:
            lines = [*lines[: most - 1], f"and {len(lines) - most + 1} more"]
        if len(lines) > 1:
            room = self.width() - 4 * GRID
            lines = [metrics.elidedText(line, Qt.TextElideMode.ElideRight, room) for line in lines]
        self._wanting.setText("\n".join(lines))

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Show as many lines as fit."""
        super().resizeEvent(event)
        self._show_lines()

    # The map ---------------------------------------------------------------------------------

    def show_map(self, found: BandMap | None) -> None:
        """Show the power of the chosen band, or nothing."""
        self._map = found
        self.head.show_map(None if found is None else found.decibels)
        if found is None:
            self._range.setText("")
            return
        low, high = map(short, found.ends)
        ends = ("dark", "light") if self._theme.name == "dark" else ("light", "dark")
        self._range.setText(f"{found.band} power: {ends[0]} {low}, {ends[1]} {high} µV²")

    def show_silence(self, reason: str) -> None:
        """Map nothing, and say why."""
        self.show_map(None)
        self._range.setText(f"no map: {reason}")

    def choose_map(self, index: int) -> None:
        """Show contact (0) or the power of a band."""
        self.shown.show_choice(index)
        self._range.setVisible(index > 0)
        self.band_asked.emit(BANDS[index - 1] if index else None)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        self.head.show_theme(theme)
        for mark in self._marks:
            mark.show_theme(theme)
        self.show_map(self._map)
