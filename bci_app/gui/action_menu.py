"""The menu of all actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtWidgets import QMenu

from bci_app.gui.actions import ACTIONS, Needs, sections

if TYPE_CHECKING:
    from bci_app.gui.main_window import MainWindow

# In the menu itself, below the headings.
_DIRECT = "Window"


class ActionMenu(QMenu):
    """A submenu for each heading of `ACTIONS`, filled when it opens: texts and what is possible change."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """Show the actions as they are now."""
        self.clear()
        for section, names in sections().items():
            if section == _DIRECT:
                self.addSeparator()
            menu = self if section == _DIRECT else self.addMenu(section)
            assert menu is not None
            for name in names:
                self._add(menu, name)

    def _add(self, menu: QMenu, name: str) -> None:
        action = ACTIONS[name]
        missing = action.missing_in(self._window)
        keys = f"\t{action.keys[0]}" if action.keys else ""
        entry = menu.addAction(
            action.title_in(self._window).replace("&", "&&") + keys, lambda: self._window.run_action(name)
        )
        assert entry is not None
        entry.setEnabled(missing is Needs.NOTHING)
        entry.setToolTip(missing.value or action.title)
