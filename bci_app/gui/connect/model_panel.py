"""Choosing a model by its card: what it predicts, what it was trained on, its scores and their controls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from bci_app.bundle import Bundle
from bci_app.bundle.spec import Attribution
from bci_app.gui.connect.profile_row import ProfileRow
from bci_app.gui.connect.read_from import ReadFrom
from bci_app.gui.connect.rows import Row, RowList
from bci_app.gui.theme import GRID, Theme
from bci_app.gui.widgets import PanelTitle, label
from bci_app.presentation.choices import ModelChoice, read_model
from bci_app.presentation.scores import controls, scores, weaknesses

_TESTED = "tested by"

_Line = tuple[str, str | Attribution, str]
"""Of a card: name, text or what is drawn, tone."""


class ModelPanel(QWidget):
    """`changed` carries a ModelChoice, or None, and `folder_added` a folder that the user opened."""

    changed = pyqtSignal(object)
    folder_added = pyqtSignal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._models: dict[str, ModelChoice] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.browse = QPushButton("Open another …")
        self.browse.setProperty("kind", "quiet")
        self.browse.setToolTip("the folder of a model that is not listed here")
        self.browse.clicked.connect(self._browse)
        column.addWidget(PanelTitle("Model", [self.browse]))
        self.list = RowList(theme, fits=5)
        self.list.chosen.connect(self._show_card)
        column.addWidget(self.list)
        column.addSpacing(GRID)
        self.profile = ProfileRow()
        column.addWidget(self.profile)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.card = QWidget()
        column.addWidget(self._scroll, 1)

    def show_models(self, models: Sequence[ModelChoice]) -> None:
        """List these."""
        self._models = {str(model.folder): model for model in models}
        self.list.show_rows([Row(key, model.title, _line(model)) for key, model in self._models.items()])
        if self.list.current is None and self._models:
            self.list.choose(next(iter(self._models)))

    def add(self, model: ModelChoice) -> None:
        """List one more, and choose it."""
        self.show_models([*self._models.values(), model])
        self.list.choose(str(model.folder))

    def choose(self, folder: str) -> None:
        """Choose a model by its folder, if it is there."""
        if not self.list.choose(folder) and Path(folder).is_dir():
            self.add(read_model(Path(folder)))

    @property
    def models(self) -> list[ModelChoice]:
        """All that are listed."""
        return list(self._models.values())

    @property
    def choice(self) -> ModelChoice | None:
        """What is chosen now."""
        return self._models.get(self.list.current or "")

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        self._theme = theme
        self.list.show_theme(theme)
        for drawn in self.card.findChildren(ReadFrom):
            drawn.show_theme(theme)

    def _show_card(self, key: str) -> None:
        self.card = QWidget()
        grid = QGridLayout(self.card)
        grid.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(GRID)
        grid.setColumnStretch(1, 1)
        model = self._models[key]
        row = 0
        for row, (name, text, tone) in enumerate(_card(model)):
            heading = label(name, tone="muted")
            heading.setAlignment(Qt.AlignmentFlag.AlignTop)
            value: QWidget
            if isinstance(text, Attribution):
                value = ReadFrom(text, self._theme)
            elif name == _TESTED:
                value = _Long(text)
            else:
                value = label(text, wrap=True, tone=tone)
                value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(heading, row, 0)
            grid.addWidget(value, row, 1)
        grid.setRowStretch(row + 1, 1)
        self._scroll.setWidget(self.card)
        self.changed.emit(model)

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open the folder of a model", str(Path.home()))
        if folder:
            self.folder_added.emit(folder)
            self.add(read_model(Path(folder)))


def _line(model: ModelChoice) -> str:
    if model.bundle is None:
        return "cannot be used"
    targets = ", ".join(target.title for target in model.bundle.targets)
    marks = dict.fromkeys(weaknesses(model.bundle).values())
    return " · ".join((targets, _electrodes(model.bundle), *marks))


def _electrodes(bundle: Bundle) -> str:
    """Return how many electrodes a model needs, or that it takes any."""
    if bundle.elastic:
        return f"any {bundle.min_channels} electrodes or more"
    return f"{len(bundle.preprocessing.channels)} electrodes"


class _Long(QWidget):
    """A long text: its first sentence, and the rest when it is asked for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        first, full_stop, rest = text.partition(". ")
        self.text = label(first + full_stop.strip(), wrap=True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self.text)
        if rest:
            more = QPushButton("More …")
            more.setProperty("kind", "link")
            more.setToolTip("the whole text")
            more.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            more.clicked.connect(lambda: self.text.setText(text))
            more.clicked.connect(more.hide)
            row = QHBoxLayout()
            row.addWidget(more)
            row.addStretch()
            column.addLayout(row)


def _card(model: ModelChoice) -> list[_Line]:
    """List the lines of a card."""
    if model.bundle is None:
        return [("problem", str(model.failure), "warning"), ("folder", str(model.folder), "")]
    bundle = model.bundle
    spec, origin = bundle.preprocessing, bundle.provenance
    lines: list[_Line] = []
    if bundle.not_for_people:
        lines.append(("caution", "not for use on people", "warning"))
    for target in bundle.targets:
        described = f". {target.description}" if target.description else ""
        lines.append(("predicts", f"{target.title}: {', '.join(target.classes)}{described}", ""))
    people = f", {len(origin.train_subjects)} people" if origin.train_subjects else ""
    made_up = ", made-up signals" if origin.synthetic else ""
    lines.append(("trained on", f"{origin.dataset}{people}{made_up}", ""))
    lines += _group("score", scores(bundle))
    lines += [("caution", text, "warning") for text in weaknesses(bundle)]
    lines += _group("controls", controls(bundle))
    lines += _group("read from", origin.attributions)
    lines.append((_TESTED, origin.protocol_description or origin.protocol, ""))
    if origin.leaks:
        lines.append(
            ("caution", "This protocol lets test data leak into training; its figures are too high.", "warning")
        )
    lines.append(("window", f"{spec.window_seconds:g} s, every {spec.hop_seconds:g} s", ""))
    if spec.baseline.kind != "none":
        lines.append(("rest", f"{spec.baseline.samples / spec.rate:g} s of rest at the beginning", ""))
    lines += [
        ("use", origin.intended_use, ""),
        ("limits", origin.limitations, ""),
        ("licence", origin.licence, ""),
        ("made", origin.created, ""),
    ]
    return lines


def _group(name: str, texts: Sequence[str | Attribution]) -> list[_Line]:
    """Return lines of which the first one has the name."""
    return [("" if number else name, text, "") for number, text in enumerate(texts)]
