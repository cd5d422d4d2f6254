"""A list whose rows have a name and, muted below it, what it is."""

from __future__ import annotations

from typing import NamedTuple

from PyQt6.QtCore import QModelIndex, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QPainter
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from bci_app.gui.theme import GRID, Theme, font
from bci_app.gui.widgets import label

_ROW = 6 * GRID
_NAMES = 12 * GRID
_DETAIL = Qt.ItemDataRole.UserRole
_KEY = Qt.ItemDataRole.UserRole + 1


class Row(NamedTuple):
    """A row: what it stands for (a text that nothing else has), its name, and what it is."""

    key: str
    name: str
    detail: str


class _Delegate(QStyledItemDelegate):
    def __init__(self, parent: QWidget, theme: Theme) -> None:
        super().__init__(parent)
        self.theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: N802
        return QSize(20 * GRID, _ROW)

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        if painter is None:
            return
        theme = self.theme
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(option.rect).adjusted(GRID, 1, -GRID, -1)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            surface = QColor(theme.surface)
            surface.setAlphaF(1.0 if selected else 0.5)
            painter.setBrush(surface)
            painter.drawRoundedRect(box, GRID / 2, GRID / 2)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QColor(theme.faint))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), GRID / 2, GRID / 2)
        inner = box.adjusted(GRID, 5, -GRID, -5)
        painter.setFont(font(strong=selected))
        metrics = painter.fontMetrics()
        width = int(inner.width())
        painter.setPen(QColor(theme.text))
        name = metrics.elidedText(str(index.data()), Qt.TextElideMode.ElideMiddle, width)
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, name)
        painter.setFont(font())
        painter.setPen(QColor(theme.muted))
        detail = metrics.elidedText(str(index.data(_DETAIL)), Qt.TextElideMode.ElideRight, width)
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, detail)
        painter.restore()


class RowList(QListWidget):
    """`chosen` carries the key of the row that the user chose.

    Parameters
    ----------
    theme : Theme
        Colours.
    fits : int
        Rows up to which the list is as high as what it holds; 0 to take the room that there is.
    """

    chosen = pyqtSignal(str)

    def __init__(self, theme: Theme, *, fits: int = 0) -> None:
        super().__init__()
        self._fits = fits
        self._delegate = _Delegate(self, theme)
        self.setItemDelegate(self._delegate)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.currentItemChanged.connect(self._report_choice)

    def _report_choice(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(item.data(_KEY))

    @property
    def keys(self) -> list[str]:
        """Keys of all rows."""
        return [str(item.data(_KEY)) for row in range(self.count()) if (item := self.item(row)) is not None]

    @property
    def current(self) -> str | None:
        """Key of the chosen row."""
        item = self.currentItem()
        return str(item.data(_KEY)) if item is not None else None

    def show_rows(self, rows: list[Row]) -> None:
        """Show these rows; the choice stays where its row is still there."""
        current = self.current
        self.blockSignals(True)
        self.clear()
        for row in rows:
            item = QListWidgetItem(row.name)
            item.setData(_DETAIL, row.detail)
            item.setData(_KEY, row.key)
            item.setToolTip(f"{row.name}\n{row.detail}")
            self.addItem(item)
        if current is not None:
            self.choose(current)
        self.blockSignals(False)
        if self._fits:
            self.setFixedHeight(_ROW * max(1, min(len(rows), self._fits)))

    def choose(self, key: str) -> bool:
        """Choose a row; False if it is not there."""
        if key in self.keys:
            self.setCurrentRow(self.keys.index(key))
            return True
        return False

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._delegate.theme = theme
        viewport = self.viewport()
        if viewport is not None:
            viewport.update()


def field_name(text: str) -> QLabel:
    """Return the label of a field, as wide as those of the other forms of this page."""
    result = label(text, tone="muted")
    result.setMinimumWidth(_NAMES)
    return result
