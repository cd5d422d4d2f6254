"""Who gets a key: the control that has the focus, the views, or the whole program."""

from __future__ import annotations

from collections.abc import Callable

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

from bci_app.gui.actions import ACTIONS, Reach


class Keyboard(QObject):
    """Binds the keys of `ACTIONS`, and leaves them to the control that has the focus where it needs them.

    Parameters
    ----------
    window : QWidget
        Its keys are bound.
    pages : QStackedWidget
        Its pages. The one that is seen has the keyboard while no control of it has.
    views : QWidget
        The page that the keys of `Reach.VIEWS` belong to.
    run : callable
        Takes the name of an action.
    """

    def __init__(self, window: QWidget, pages: QStackedWidget, *, views: QWidget, run: Callable[[str], None]) -> None:
        super().__init__(window)
        self._window, self._pages, self._views = window, pages, views
        self._view_keys: dict[str, QShortcut] = {}
        self._program_keys: list[QShortcut] = []
        for name, action in ACTIONS.items():
            for keys in action.keys:
                bound = QShortcut(QKeySequence(keys), window)
                bound.activated.connect(lambda name=name: run(name))
                if action.reach is Reach.VIEWS:
                    self._view_keys[keys] = bound
                elif action.reach is Reach.PROGRAM:
                    bound.setContext(Qt.ShortcutContext.ApplicationShortcut)
                    self._program_keys.append(bound)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        following = app.focusChanged.connect(self._focus_changed)
        # When the window goes, its pages go before this object and take the focus with them.
        window.destroyed.connect(lambda: QObject.disconnect(following))
        pages.currentChanged.connect(self._share)
        self._share()

    def give_back(self) -> None:
        """Return the keyboard to the page that is seen, so that no other control gets it."""
        page = self._pages.currentWidget()
        if page is not None:
            page.setFocus()

    def take_back(self) -> None:
        """Take the keyboard from a control that was left, also from one in a floating panel."""
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
        for shortcut in self._program_keys:
            shortcut.setEnabled(not typing_elsewhere)


def _keeps(focus: QWidget | None, keys: str) -> bool:
    """Return whether the control that has the focus needs a key of the views."""
    if isinstance(focus, QLineEdit | QAbstractItemView | QComboBox | QAbstractSpinBox):
        return True
    return isinstance(focus, QAbstractButton) and keys == "Space"


def is_enter(event: QKeyEvent) -> bool:
    """Return whether a key is one of the two that are called Enter."""
    return event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)


def press_focused(event: QKeyEvent | None) -> bool:
    """Press the button that has the focus with Enter, as Space does. Return whether there was one."""
    focus = QApplication.focusWidget()
    if event is not None and is_enter(event) and isinstance(focus, QPushButton | QToolButton):
        if not event.isAutoRepeat():  # held down it presses once
            focus.click()
        return True
    return False
