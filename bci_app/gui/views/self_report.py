"""Self-report on the nine-point scales of the Self-Assessment Manikin (Bradley & Lang 1994)."""

from __future__ import annotations

from math import ceil

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QFontMetricsF, QKeyEvent
from PyQt6.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from bci_app.gui.theme import GRID, font
from bci_app.gui.widgets import label, set_property, set_tone

SCALES = (
    ("valence", "unpleasant", "pleasant"),
    ("arousal", "calm", "excited"),
    ("dominance", "controlled", "in control"),
)
_POINTS = 9


class SelfReport(QWidget):
    """Three scales; digits answer the present one and go on to the next, Enter stores, Escape leaves.

    The present one is written strongly. Backspace takes the last answer back.

    Signals: `answered` with a rating from 1 to 9 for each scale by name, and `left`.
    """

    answered = pyqtSignal(dict)
    left = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, 0, 2 * GRID, GRID // 2)
        column.setSpacing(GRID // 2)
        self.anchors = label(tone="muted")
        column.addWidget(self.anchors)
        grid = QGridLayout()
        grid.setHorizontalSpacing(GRID // 4)
        grid.setVerticalSpacing(GRID // 2)
        self._groups: list[QButtonGroup] = []
        self._titles: list[QLabel] = []
        for row, (name, low, high) in enumerate(SCALES):
            title = label(name)
            title.setContentsMargins(0, 0, GRID // 2, 0)
            # Strong writing is wider; nothing may move by it.
            title.setMinimumWidth(ceil(QFontMetricsF(font(strong=True)).horizontalAdvance(name)) + GRID // 2 + 1)
            self._titles.append(title)
            grid.addWidget(title, row, 0)
            group = QButtonGroup(self)
            for point in range(1, _POINTS + 1):
                button = QToolButton()
                button.setText(str(point))
                button.setCheckable(True)
                button.setProperty("kind", "point")
                button.setToolTip({1: low, _POINTS: high}.get(point, ""))
                button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
                button.setFixedHeight(3 * GRID)
                button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
                group.addButton(button, point)
                grid.addWidget(button, row, point)
            group.idClicked.connect(self._show_ready)
            self._groups.append(group)
        column.addLayout(grid)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        self.store = QPushButton("Store")
        self.store.setProperty("kind", "primary")
        self.store.clicked.connect(self._store)
        self.leave = QPushButton("Cancel")
        self.leave.clicked.connect(self.left)
        buttons.addWidget(self.store)
        buttons.addWidget(self.leave)
        buttons.addStretch()
        column.addSpacing(GRID // 2)
        column.addLayout(buttons)
        column.addStretch()
        self.clear()

    @property
    def ratings(self) -> dict[str, int]:
        """What is chosen so far."""
        return {
            name: group.checkedId()
            for (name, _, _), group in zip(SCALES, self._groups, strict=True)
            if group.checkedId() > 0
        }

    def clear(self) -> None:
        """Start again."""
        for group in self._groups:
            _uncheck(group)
        self._show_ready()

    def _take_back(self) -> None:
        """Forget the last answer."""
        answered = [group for group in self._groups if group.checkedId() > 0]
        if answered:
            _uncheck(answered[-1])
            self._show_ready()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Answer by keyboard."""
        if event is None:
            return
        key = event.key()
        if Qt.Key.Key_1 <= key <= Qt.Key.Key_9:
            button = self._groups[self._present()].button(key - Qt.Key.Key_0)
            assert button is not None
            button.setChecked(True)
            self._show_ready()
        elif key == Qt.Key.Key_Backspace:
            self._take_back()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._store()
        elif key == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def _present(self) -> int:
        """Return the position of the first scale without an answer, or of the last one."""
        open_ones = [index for index, group in enumerate(self._groups) if group.checkedId() < 1]
        return open_ones[0] if open_ones else len(SCALES) - 1

    def _show_ready(self) -> None:
        present = self._present()
        for row, title in enumerate(self._titles):
            set_property(title, "role", "strong" if row == present else "")
            set_tone(title, "" if row == present else "muted")
        name, low, high = SCALES[present]
        self.anchors.setText(f"{name}: 1 {low} – {_POINTS} {high}")
        self.store.setEnabled(len(self.ratings) == len(SCALES))

    def _store(self) -> None:
        ratings = self.ratings
        if len(ratings) == len(SCALES):
            self.clear()
            self.answered.emit(ratings)


def _uncheck(group: QButtonGroup) -> None:
    group.setExclusive(False)
    for button in group.buttons():
        button.setChecked(False)
    group.setExclusive(True)
