"""Whom a key belongs to: the control that has the focus, the views, or the whole program."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from PyQt6.QtCore import QObject, Qt
from PyQt6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QWidget,
)

from bci_app.gui.shortcuts import MARKER_KEYS, SECTIONS, VIEW_SECTIONS


class Keyboard(QObject):
    """Binds the keys of a window, and leaves them to the control that has the focus where it needs them.

    Parameters
    ----------
    window : QWidget
        Has the methods that `SECTIONS` names.
    pages : QStackedWidget
        Its pages; the one that is seen has the keyboard while no control of it has.
    views : QWidget
        The page that the keys of `VIEW_SECTIONS` belong to.
    mark : callable
        Takes the position of a marker key.
    """

    def __init__(self, window: QWidget, pages: QStackedWidget, *, views: QWidget, mark: Callable[[int], None]) -> None:
        super().__init__(window)
        self._window, self._pages, self._views = window, pages, views
        self._view_keys: dict[str, QShortcut] = {}
        self._mark_keys: list[QShortcut] = []
        for section, shortcuts in SECTIONS.items():
            for shortcut in shortcuts:
                for keys in shortcut.keys:
                    bound = QShortcut(QKeySequence(keys), window)
                    bound.activated.connect(attrgetter(shortcut.name)(window))
                    if section in VIEW_SECTIONS:
                        self._view_keys[keys] = bound
        for index, keys in enumerate(MARKER_KEYS):
            bound = QShortcut(QKeySequence(keys), window)
            # A moment is marked whatever lies above the window.
            bound.setContext(Qt.ShortcutContext.ApplicationShortcut)
            bound.activated.connect(lambda index=index: mark(index))
            self._mark_keys.append(bound)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._focus_changed)
        # What dies takes the focus with it, the pages before this object.
        window.destroyed.connect(lambda: app.focusChanged.disconnect(self._focus_changed))
        pages.currentChanged.connect(self._share)
        self._share()

    def give_back(self) -> None:
        """Let keys belong to the page that is seen, and not to whatever control comes next."""
        page = self._pages.currentWidget()
        if page is not None:
            page.setFocus()

    def take_back(self) -> None:
        """Take the keyboard from a control that was left, from one in a panel that floats too."""
        self._window.activateWindow()
        self.give_back()

    def _focus_changed(self, old: QWidget | None, new: QWidget | None) -> None:
        # Qt gives the focus of what goes away to the next control, where Space would press it.
        if old is not None and new is not None and not old.isVisible() and new.window() is self._window:
            self.give_back()
        self._share()

    def _share(self) -> None:
        focus = QApplication.focusWidget()
        at_views = self._pages.currentWidget() is self._views
        for keys, shortcut in self._view_keys.items():
            shortcut.setEnabled(at_views and not _keeps(focus, keys))
        typing_elsewhere = isinstance(focus, QLineEdit) and focus.window() is not self._window
        for shortcut in self._mark_keys:
            shortcut.setEnabled(not typing_elsewhere)


def _keeps(focus: QWidget | None, keys: str) -> bool:
    """Tell whether what has the focus needs a key of the views for itself."""
    if isinstance(focus, QLineEdit | QAbstractItemView | QComboBox | QAbstractSpinBox):
        return True
    return isinstance(focus, QAbstractButton) and keys == "Space"


def is_enter(event: QKeyEvent) -> bool:
    """Tell whether a key is one of the two that are called Enter."""
    return event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)


def press_focused(event: QKeyEvent | None) -> bool:
    """Press the button that has the focus with Enter, as Space does; tell whether that was done."""
    focus = QApplication.focusWidget()
    if event is not None and is_enter(event) and isinstance(focus, QPushButton | QToolButton):
        if not event.isAutoRepeat():  # held down it presses once
            focus.click()
        return True
    return False
