"""Small widgets that all views share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import isfinite

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QActionGroup, QFontMetricsF, QKeyEvent, QMouseEvent
from PyQt6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from bci_app.gui.theme import GRID


def label(text: str = "", *, tone: str = "", role: str = "", wrap: bool = False) -> QLabel:
    """Make a label; tones and roles are those of `theme.style_sheet`."""
    result = QLabel(text)
    result.setTextFormat(Qt.TextFormat.PlainText)
    if tone:
        result.setProperty("tone", tone)
    if role:
        result.setProperty("role", role)
    result.setWordWrap(wrap)
    return result


def short(power: float) -> str:
    """Write a power in at most four characters."""
    if not isfinite(power):
        return "–"
    if power >= 9999.5:
        return f"{power / 1000:.0f}k"
    return f"{power:.0f}" if power >= 9.95 else f"{power:.1f}"


def resistance(ohm: float) -> str:
    """Write the resistance of a contact."""
    return f"{ohm / 1e6:.1f} MΩ" if ohm >= 999_500 else f"{ohm / 1e3:.0f} kΩ" if ohm >= 950 else f"{ohm / 1e3:.1f} kΩ"


def clock(seconds: float, *, hours: bool = False) -> str:
    """Write a duration as minutes and seconds, with hours where there are any, or always."""
    minutes, rest = divmod(int(seconds), 60)
    if hours:
        return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes:02d}:{rest:02d}"


def set_tone(widget: QWidget, tone: str) -> None:
    """Change the tone of a label."""
    set_property(widget, "tone", tone)


def set_property(widget: QWidget, name: str, value: str) -> None:
    """Change a property that the style sheet selects by."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        style = widget.style()
        if style is not None:
            style.unpolish(widget)
            style.polish(widget)


class PanelTitle(QWidget):
    """The title of a panel, with its controls at the right.

    Parameters
    ----------
    text : str
        The title.
    controls : sequence of QWidget
        From left to right.
    margin : int
        Right of the last control. Buttons have half of the usual margin themselves.
    """

    def __init__(self, text: str, controls: Sequence[QWidget] = (), *, margin: int = GRID) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, GRID, margin, GRID // 2)
        row.setSpacing(0)
        self.label = label(text, role="strong")
        row.addWidget(self.label)
        row.addStretch()
        for control in controls:
            row.addWidget(control)
        self.setFixedHeight(5 * GRID)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the whole height. A dock ignores the fixed one."""
        return QSize(super().sizeHint().width(), 5 * GRID)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the whole height."""
        return QSize(super().minimumSizeHint().width(), 5 * GRID)


class Toggles(QMenu):
    """The menu of a button that stays open while entries are ticked."""

    def __init__(self, button: QToolButton) -> None:
        super().__init__(button)
        # Qt does not notify the button that the mouse has left it meanwhile.
        self.aboutToHide.connect(lambda: button.setAttribute(Qt.WidgetAttribute.WA_UnderMouse, False))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Tick without closing."""
        action = self.actionAt(event.position().toPoint()) if event is not None else None
        if action is not None and action.isEnabled() and not action.isSeparator():
            action.trigger()
        else:
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Tick with Space without closing."""
        action = self.activeAction()
        if event is not None and event.key() == Qt.Key.Key_Space and action is not None:
            action.trigger()
        else:
            super().keyPressEvent(event)


class Ticks(QToolButton):
    """A quiet button with a menu of ticks. `ticked` carries the key of the entry that changes.

    Parameters
    ----------
    tip : str
        What is chosen here.
    """

    ticked = pyqtSignal(int)

    def __init__(self, tip: str) -> None:
        super().__init__()
        self._names: dict[int, str] = {}
        self.setProperty("kind", "quiet")
        self.setToolTip(tip)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMenu(Toggles(self))

    def show_entries(self, names: Mapping[int, str], on: Collection[int]) -> None:
        """Offer these by their keys, with the ones in `on` ticked."""
        menu = self.menu()
        assert menu is not None
        if names != self._names:
            self._names = dict(names)
            menu.clear()
            for key, name in names.items():
                action = menu.addAction(name)
                assert action is not None
                action.setCheckable(True)
                action.triggered.connect(lambda _=False, key=key: self.ticked.emit(key))
        for key, action in zip(names, menu.actions(), strict=True):
            action.setChecked(key in on)


class Field(QLineEdit):
    """A field of the session. `left` says that Enter or Escape gave the keyboard back."""

    left = pyqtSignal()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Leave with Enter, after the text is passed on, or with Escape."""
        super().keyPressEvent(event)
        if event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
            event.accept()
            self.left.emit()


class Choice(QToolButton):
    """A quiet button with a menu of which one entry is chosen. The button shows that entry.

    `chosen` carries the position of an entry. The entry below the others emits `more_asked`.

    Parameters
    ----------
    entries : sequence of str
        The menu.
    tip : str
        What is chosen here.
    more : str
        The entry below the others. No entry if empty.
    """

    chosen = pyqtSignal(int)
    more_asked = pyqtSignal()

    def __init__(self, entries: Sequence[str], tip: str, *, more: str = "") -> None:
        super().__init__()
        self._more = more
        self.setProperty("kind", "quiet")
        self.setToolTip(tip)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMenu(QMenu(self))
        self.show_entries(entries)

    def show_entries(self, entries: Sequence[str]) -> None:
        """Offer these."""
        menu = self.menu()
        assert menu is not None
        menu.clear()
        self.entries = QActionGroup(menu)
        self.entries.triggered.connect(lambda action: self.chosen.emit(action.data()))
        for index, entry in enumerate(entries):
            action = menu.addAction(entry)
            assert action is not None
            action.setCheckable(True)
            action.setData(index)
            self.entries.addAction(action)
        if self._more:
            menu.addSeparator()
            menu.addAction(self._more, self.more_asked.emit)

    def show_choice(self, index: int) -> None:
        """Show that this entry is chosen."""
        action = self.entries.actions()[index]
        action.setChecked(True)
        self.setText(action.text())


def elided_label(text: str = "", *, tone: str = "") -> QElidingLabel:
    """Return a label of one line that ends in dots where there is no room. It needs a large stretch in its layout."""
    result = QElidingLabel()
    result.setTextFormat(Qt.TextFormat.PlainText)
    result.setProperty("tone", tone)
    show_elided(result, text)
    return result


def show_elided(elided: QElidingLabel, text: str) -> None:
    """Change the text of an elided label. It gets no wider than the text."""
    elided.setText(text)
    width = elided.fontMetrics().horizontalAdvance(text) + 4
    elided.setMinimumWidth(min(width, 6 * GRID))
    elided.setMaximumWidth(width)


class EmptyPanel(QWidget):
    """An empty panel: what will be here, and what to do next."""

    def __init__(self, summary: str, advice: str = "") -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        column.setSpacing(GRID)
        column.addStretch()
        self.summary = label(summary, tone="muted", wrap=True)
        self.advice = label(advice, tone="muted", wrap=True)
        for part in (self.summary, self.advice):
            part.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            column.addWidget(part)
        column.addStretch()
        self._advice = advice

    def show_opening(self, opening: bool) -> None:
        """Say that the source is being opened, or what to do."""
        self.advice.setText("The source is being opened." if opening else self._advice)


class Figure(QWidget):
    """A muted name, and a value whose width never changes.

    Parameters
    ----------
    name : str
        What the value is.
    widest : str
        The widest value that is shown. Its space is kept.
    """

    def __init__(self, name: str, widest: str, tip: str = "") -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID - 2)
        if name:
            row.addWidget(label(name, tone="muted"))
        self.value = label("–")
        self._widest = widest
        row.addWidget(self.value)
        self.setToolTip(tip)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Keep space for the widest value."""
        self.value.setMinimumWidth(round(QFontMetricsF(self.value.font()).horizontalAdvance(self._widest)) + 2)
        return super().sizeHint()

    def show_value(self, text: str, *, tone: str = "") -> None:
        """Show a value."""
        self.value.setText(text)
        set_tone(self.value, tone)


def add_close_button(dialog: QDialog, column: QVBoxLayout) -> QPushButton:
    """Put a button that closes a dialog at the right end of its last row."""
    row = QHBoxLayout()
    row.addStretch()
    button = QPushButton("Close")
    button.clicked.connect(dialog.close)
    row.addWidget(button)
    column.addLayout(row)
    return button
