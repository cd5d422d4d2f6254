"""Choosing a person's profile for the chosen model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QStandardItemModel
from PyQt6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QSizePolicy, QWidget

from bci_app.gui.theme import GRID
from bci_app.gui.widgets import label
from bci_app.presentation.opening import ProfileUse
from bci_app.presentation.profiles import ProfileChoice, verdict_sentence

_GENERAL = "none: the general model"


class ProfileRow(QWidget):
    """Hidden where the model has no profile. `changed` comes when another one is chosen.

    A profile that is refused is listed with the reason and cannot be chosen.
    """

    changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self._choices: list[ProfileChoice] = []
        self._wanted: Path | None = None
        grid = QGridLayout(self)
        grid.setContentsMargins(2 * GRID, 0, 2 * GRID, GRID)
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(GRID // 2)
        grid.setColumnStretch(1, 1)
        grid.addWidget(label("profile", tone="muted"), 0, 0)
        self.box = QComboBox()
        self.box.setToolTip("what a person’s own trials add to this model; a study makes one")
        self.box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.box.activated.connect(self._take)
        grid.addWidget(self.box, 0, 1)
        self.verdict = label(tone="muted", wrap=True)
        grid.addWidget(self.verdict, 1, 1)
        self.learning = QCheckBox("learn from each rating")
        self.learning.setToolTip(
            "each self-report or answer first scores the profile and then updates it, in this session only;\n"
            "such a session cannot be verified afterwards"
        )
        grid.addWidget(self.learning, 2, 1)
        self.hide()

    @property
    def choice(self) -> ProfileChoice | None:
        """The profile that is chosen, or None for the general model."""
        return next((c for c in self._choices if c.folder == self._wanted and c.problem is None), None)

    @property
    def use(self) -> ProfileUse | None:
        """The profile that is to be used, or None for the general model."""
        chosen = self.choice
        return ProfileUse(chosen.folder, self.learning.isChecked()) if chosen is not None else None

    def want(self, folder: Path | None) -> None:
        """Choose a profile by its folder, now or once it is listed."""
        self._wanted = folder
        self._show_choice()

    def show_profiles(self, choices: Sequence[ProfileChoice]) -> None:
        """List these. What is chosen stays chosen while it can be used."""
        self._choices = list(choices)
        self.box.clear()
        self.box.addItem(_GENERAL)
        entries = self.box.model()
        assert isinstance(entries, QStandardItemModel)
        for place, choice in enumerate(choices, start=1):
            self.box.addItem(choice.title)
            self.box.setItemData(place, str(choice.problem or choice.folder), Qt.ItemDataRole.ToolTipRole)
            entry = entries.item(place)
            assert entry is not None
            entry.setEnabled(choice.problem is None)
        self.setVisible(bool(choices))
        self._show_choice()

    def _take(self, place: int) -> None:
        self.want(self._choices[place - 1].folder if place else None)
        self.changed.emit()

    def _show_choice(self) -> None:
        chosen = self.choice
        refused = next((c for c in self._choices if c.folder == self._wanted and c.problem is not None), None)
        self.box.setCurrentIndex(1 + self._choices.index(chosen) if chosen is not None else 0)
        if chosen is not None and chosen.profile is not None:
            self.verdict.setText(verdict_sentence(chosen.profile.spec))
        else:
            self.verdict.setText(f"Not used: {refused.problem}" if refused is not None else "")
        self.verdict.setVisible(bool(self.verdict.text()))
        self.learning.setVisible(chosen is not None)
