"""The first step of a session: source, model, and whether they fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import QSettings, Qt, pyqtSignal
from PyQt6.QtGui import QHideEvent, QKeyEvent, QShowEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QWidget

from bci_app.bundle import shipped_models
from bci_app.gui.choices import (
    ALL_MARKERS,
    ModelChoice,
    SourceChoice,
    describe_source,
    fit,
    list_boards,
    list_models,
)
from bci_app.gui.connect.fit_panel import FitPanel
from bci_app.gui.connect.model_panel import ModelPanel
from bci_app.gui.connect.source_panel import SourcePanel
from bci_app.gui.jobs import Job, StreamWatch
from bci_app.gui.theme import GRID, Theme
from bci_app.stream import StreamInfo

_SAMPLES = Path(__file__).resolve().parents[2] / "sample"


class ConnectPage(QWidget):
    """Looks at sources without starting them; `connect_asked` carries the source and the model's folder or None."""

    connect_asked = pyqtSignal(object, object)
    back_asked = pyqtSignal()

    def __init__(self, theme: Theme, settings: QSettings) -> None:
        super().__init__()
        self.setObjectName("page")
        self._settings = settings
        self._info: StreamInfo | None = None
        shipped = [str(path) for path in sorted(_SAMPLES.glob("*.edf"))]
        recordings = [str(path) for path in settings.value("recent", shipped) or shipped]
        self.source = SourcePanel(theme, recordings)
        self.model = ModelPanel(theme)
        self.fit = FitPanel(theme)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for index, part in enumerate((self.source, self.model, self.fit)):
            if index:
                line = QFrame()
                line.setObjectName("hairline")
                line.setFixedWidth(1)
                row.addWidget(line)
            part.setMinimumWidth(38 * GRID)
            row.addWidget(part, 1)
        self._wanted_source = SourceChoice(str(settings.value("source", "lsl:")))
        self._wanted_model = str(settings.value("model", shipped_models() / "mental-load"))
        self._filled = False
        self._watch = StreamWatch(self)
        self._watch.changed.connect(self.source.show_streams)
        self._watch.failed.connect(lambda error: self.source.show_no_lsl(str(error)))
        self._boards, self._describe, self._models = Job(self), Job(self), Job(self)
        self._boards.finished.connect(self._show_boards)
        self._boards.failed.connect(lambda error: self.source.show_no_boards(str(error)))
        self._describe.finished.connect(self._described)
        self._describe.failed.connect(self._undescribed)
        self._models.finished.connect(self._show_models)
        self.source.changed.connect(self._source_changed)
        self.source.recordings_changed.connect(lambda paths: settings.setValue("recent", paths))
        self.model.changed.connect(lambda _: self._show_fit())
        self.model.folder_added.connect(self._remember_folder)
        self.fit.connect_asked.connect(self._ask)
        self.fit.watch_asked.connect(self._ask_to_watch)
        self.fit.back_asked.connect(self.back_asked)
        self.source.markers.choose(self._remembered_markers())
        self.source.markers.changed.connect(lambda choice: settings.setValue("marker streams", list(choice)))

    def _remembered_markers(self) -> list[str]:
        # An empty list and a list of one come back from the settings as something else.
        kept = self._settings.value("marker streams", [ALL_MARKERS])
        return [str(text) for text in ([kept] if isinstance(kept, str) else kept or [])]

    def prefer(
        self, *, source: SourceChoice | None = None, model: Path | None = None, markers: Sequence[str] = ()
    ) -> None:
        """Choose these instead of what was chosen last; `markers` are received in any case."""
        if markers:
            self.source.markers.choose(self._remembered_markers(), named=markers)
        self._wanted_source = source or self._wanted_source
        self._wanted_model = str(model) if model is not None else self._wanted_model
        if self._filled:
            self.source.choose(self._wanted_source)
            self.model.choose(self._wanted_model)

    def show_session(self, is_open: bool) -> None:
        """Offer the way back to a session, if there is one."""
        self.fit.back.setVisible(is_open)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        for part in (self.source, self.model, self.fit):
            part.show_theme(theme)

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802
        """Look for streams while the page is seen."""
        super().showEvent(event)
        self._watch.start()
        if not self._filled:
            self._filled = True
            self._boards.start(list_boards)
            folders = [Path(folder) for folder in self._settings.value("models", []) or []]
            self._models.start(lambda: list_models(folders))
            self.source.show_recordings()
            self.source.choose(self._wanted_source)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Connect with Enter, go back with Escape."""
        if event is None:
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.fit.button.isEnabled():
            self.fit.button.click()
        elif event.key() == Qt.Key.Key_Escape:
            self.back_asked.emit()
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent | None) -> None:  # noqa: N802
        """Stop looking."""
        super().hideEvent(event)
        self._watch.stop()

    def shut_down(self) -> None:
        """Wait for what runs in threads."""
        self._watch.stop()
        for job in (self._boards, self._describe, self._models):
            job.stop()

    # Filling -----------------------------------------------------------------------------------

    def _show_boards(self, boards: list[tuple[str, tuple[str, ...]]]) -> None:
        self.source.show_boards(boards)
        if self._wanted_source.kind == "brainflow":
            self.source.choose(self._wanted_source)

    def _show_models(self, models: list[ModelChoice]) -> None:
        self.model.show_models(models)
        self.model.choose(self._wanted_model)

    def _remember_folder(self, folder: str) -> None:
        folders = [str(known) for known in self._settings.value("models", []) or []]
        self._settings.setValue("models", [folder, *(known for known in folders if known != folder)][:12])

    # Whether they fit --------------------------------------------------------------------------

    def _source_changed(self, choice: SourceChoice | None) -> None:
        self._info = None
        self.fit.watch.setEnabled(False)
        if choice is None:
            self.source.show_stated(False)
            self._show_fit()
            return
        self.fit.show_waiting("Looking at the source …")
        self._describe.start(lambda: describe_source(choice))

    def _described(self, info: StreamInfo) -> None:
        self._info = info
        self.fit.watch.setEnabled(True)
        choice = self.source.choice
        self.source.show_stated(choice is not None and choice.kind == "brainflow")
        self._show_fit()

    def _undescribed(self, error: object) -> None:
        choice = self.source.choice
        self.source.show_stated(choice is not None and choice.kind == "lsl")
        self.fit.show_problem(error)  # type: ignore[arg-type]

    def _show_fit(self) -> None:
        model = self.model.choice
        if self._info is None:
            if self.source.choice is None:
                chosen = model is not None and model.bundle is not None
                self.fit.show_waiting("Choose a source." if chosen else "Choose a source and a model.")
            return
        if model is None or model.bundle is None:
            self.fit.show_waiting("Choose a model that can be used.")
            return
        self.fit.show_fit(self._info, model.bundle, fit(self._info, model.bundle))

    def _ask(self) -> None:
        choice, model = self.source.choice, self.model.choice
        if choice is None or model is None:
            return
        self._settings.setValue("source", choice.text)
        self._settings.setValue("model", str(model.folder))
        self.connect_asked.emit(choice, model.folder)

    def _ask_to_watch(self) -> None:
        choice = self.source.choice
        if choice is not None:
            self._settings.setValue("source", choice.text)
            self.connect_asked.emit(choice, None)
